/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "access/ivd-token.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-secret.h"

#define FILE_NAME "tokens"
#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OTHER_HEX "0000000000000000000000000000000000000000000000000000000000000001"
#define OTHER_USER 41003
#define ROOT 0

/* --- secrets and what they hash to --- */

static void
test_secret (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 100; i++)
    {
      char *secret = ivd_secret_generate (IVD_TOKEN_PREFIX, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (strlen (secret), ==, strlen (IVD_TOKEN_PREFIX) + 43);
      g_assert_true (ivd_secret_has_form (secret, IVD_TOKEN_PREFIX));
      g_assert_false (ivd_secret_has_form (secret, "ivx_"));
      g_assert_true (g_hash_table_add (seen, secret));
    }
}

static void
test_secret_form (void)
{
  g_autofree char *body = g_strnfill (43, 'x');
  g_autofree char *good = g_strconcat (IVD_TOKEN_PREFIX, body, NULL);
  g_autofree char *longer = g_strconcat (good, "x", NULL);
  g_autofree char *shorter = g_strndup (good, strlen (good) - 1);
  g_autofree char *odd = g_strconcat (shorter, "+", NULL);
  g_autofree char *blank = g_strconcat (shorter, " ", NULL);

  g_assert_true (ivd_secret_has_form (good, IVD_TOKEN_PREFIX));
  g_assert_false (ivd_secret_has_form (longer, IVD_TOKEN_PREFIX));
  g_assert_false (ivd_secret_has_form (shorter, IVD_TOKEN_PREFIX));
  g_assert_false (ivd_secret_has_form (odd, IVD_TOKEN_PREFIX));
  g_assert_false (ivd_secret_has_form (blank, IVD_TOKEN_PREFIX));
  g_assert_false (ivd_secret_has_form (body, IVD_TOKEN_PREFIX));
  g_assert_false (ivd_secret_has_form ("", IVD_TOKEN_PREFIX));
}

static void
test_digest (void)
{
  g_autofree char *hex = NULL;
  IvdDigest digest, again, other;

  ivd_digest_of ("abc", &digest); /* the example of FIPS 180 */
  hex = ivd_digest_to_hex (&digest);
  g_assert_cmpstr (hex, ==, HEX);
  g_assert_true (ivd_digest_from_hex (HEX, &again));
  g_assert_true (ivd_digest_equal (&digest, &again));
  for (guint i = 0; i < IVD_DIGEST_BYTES; i++)
    {
      other = digest;
      other.bytes[i] ^= 0x80;
      g_assert_false (ivd_digest_equal (&digest, &other));
    }
  g_assert_false (ivd_digest_from_hex ("", &again));
  g_assert_false (ivd_digest_from_hex (HEX "0", &again));
  g_assert_false (ivd_digest_from_hex (&HEX[1], &again));
  hex[0] = 'B';
  g_assert_false (ivd_digest_from_hex (hex, &again));
  hex[0] = 'g';
  g_assert_false (ivd_digest_from_hex (hex, &again));
}

/* --- one line --- */

static void
test_line (void)
{
  const struct
  {
    const char *text, *name, *pattern, *again;
    IvdRole role;
  } cases[] = {
    { "ci sha256:" HEX " viewer", "ci", "*", "ci sha256:" HEX " viewer", IVD_ROLE_VIEWER },
    { "\tci  sha256:" HEX "\treader   ", "ci", "*", "ci sha256:" HEX " reader", IVD_ROLE_READER },
    { "a.b-c_1 sha256:" HEX " operator *", "a.b-c_1", "*", "a.b-c_1 sha256:" HEX " operator", IVD_ROLE_OPERATOR },
    { "ci sha256:" HEX " manager web-*", "ci", "web-*", "ci sha256:" HEX " manager web-*", IVD_ROLE_MANAGER },
    { "ci sha256:" HEX " admin ?", "ci", "?", "ci sha256:" HEX " admin ?", IVD_ROLE_ADMIN },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (IvdTokenLine) line = ivd_token_line_parse (cases[i].text, &error);
      g_autofree char *again = NULL;

      g_assert_no_error (error);
      again = ivd_token_line_format (line);
      g_assert_cmpstr (line->name, ==, cases[i].name);
      g_assert_cmpstr (line->pattern, ==, cases[i].pattern);
      g_assert_cmpint (line->role, ==, cases[i].role);
      g_assert_cmpstr (again, ==, cases[i].again);
    }
}

static void
test_bad_lines (void)
{
  const struct
  {
    const char *text, *expected;
  } bad[] = {
    { "ci", "1 words are no token" },
    { "ci sha256:" HEX, "2 words are no token" },
    { "ci sha256:" HEX " viewer * more", "5 words are no token" },
    { "-ci sha256:" HEX " viewer", "no token name" },
    { "c/i sha256:" HEX " viewer", "no token name" },
    { "ci " HEX " viewer", "the second word" },
    { "ci sha1:" HEX " viewer", "the second word" },
    { "ci sha256:" HEX "0 viewer", "the second word" },
    { "ci sha256: viewer", "the second word" },
    { "ci sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD viewer", "the second word" },
    { "ci sha256:" HEX " root", "'root' is no role: known are viewer, reader, operator, manager, admin" },
    { "ci sha256:" HEX " Admin", "'Admin' is no role" },
    { "ci sha256:" HEX " viewer web/*", "no pattern" },
    { "ci sha256:" HEX " viewer\r", "is no role" },
    { "ci sha256:" HEX " viewer *\r", "no pattern" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i].text);
      g_assert_null (ivd_token_line_parse (bad[i].text, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, bad[i].expected));
    }
}

/* Who puts the secret where its hash belongs does not find it in the log. */
static void
test_secret_is_not_shown (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *secret = ivd_secret_generate (IVD_TOKEN_PREFIX, &error);
  const char *formats[] = { "%s", "ci %s viewer", "ci sha256:%s viewer", "ci %s" };

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_auto (GStrv) around = g_strsplit (formats[i], "%s", 2);
      g_autofree char *text = g_strconcat (around[0], secret, around[1], NULL);

      g_clear_error (&error);
      g_assert_null (ivd_token_line_parse (text, &error));
      g_assert_null (strstr (error->message, secret));
    }
}

/* --- files --- */

static IvdTokens *
read_text (const char *text, gssize length, GError **error)
{
  g_autoptr (IvdTokens) tokens = ivd_tokens_new ();

  if (!ivd_tokens_read_text (tokens, FILE_NAME, text, length < 0 ? strlen (text) : (gsize) length, error))
    return NULL;
  return g_steal_pointer (&tokens);
}

static void
assert_bad (const char *text, gssize length, const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (read_text (text, length, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, expected));
}

static void
test_text (void)
{
  const char nul[] = "# a\n\0\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdTokens) none = read_text ("\n  \n# a comment\n\t# another", -1, &error);
  g_autoptr (IvdTokens) two = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (ivd_tokens_count (none), ==, 0);
  two = read_text ("# two\nci sha256:" HEX " viewer\n\nweb sha256:" OTHER_HEX " admin db", -1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ivd_tokens_count (two), ==, 2);
  assert_bad ("\nci sha256:" HEX " viewer\nci sha256:" OTHER_HEX " viewer\n", -1,
              "tokens:3: there is a token 'ci' already");
  assert_bad ("a sha256:" HEX " viewer\nb sha256:" HEX " admin\n", -1, "tokens:2: token 'b' has the same secret as 'a'");
  assert_bad ("#\n#\nci viewer", -1, "tokens:3: 2 words");
  assert_bad (nul, sizeof nul - 1, "tokens:2: there is a NUL byte");
}

static void
test_line_limit (void)
{
  g_autofree char *longest = g_strnfill (IVD_LIMIT_TOKEN_LINE_BYTES, '#');
  g_autofree char *too_long = g_strnfill (IVD_LIMIT_TOKEN_LINE_BYTES + 1, '#');
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdTokens) tokens = read_text (longest, -1, &error);

  g_assert_no_error (error);
  assert_bad (too_long, -1, "tokens:1: the line has 513 bytes: at most 512");
}

static void
test_count_limit (void)
{
  g_autoptr (IvdTokens) tokens = ivd_tokens_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i <= IVD_LIMIT_TOKENS; i++)
    {
      g_autofree char *text = g_strdup_printf ("t%u sha256:%064x viewer", i, i);
      gboolean done = ivd_tokens_read_text (tokens, FILE_NAME, text, strlen (text), &error);

      g_assert_cmpint (done, ==, i < IVD_LIMIT_TOKENS);
    }
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (ivd_tokens_count (tokens), ==, IVD_LIMIT_TOKENS);
}

static gboolean
read_as (const char *path, mode_t mode, uid_t owner, GError **error)
{
  g_autoptr (IvdTokens) tokens = ivd_tokens_new ();

  g_assert_no_errno (chmod (path, mode));
  if (geteuid () == ROOT)
    g_assert_no_errno (chown (path, owner, (gid_t) -1));
  return ivd_tokens_read (tokens, path, error);
}

static void
assert_refused (const char *path, mode_t mode, uid_t owner, const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (read_as (path, mode, owner, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_DENIED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, expected));
}

/* Who can write the file can give themselves everything. */
static void
test_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autofree char *big = g_strnfill (IVD_LIMIT_TOKEN_FILE_BYTES + 1, '\n');
  g_autoptr (IvdTokens) tokens = ivd_tokens_new ();
  int fd = g_file_open_tmp ("ivd-tokens-XXXXXX", &path, &error);

  g_assert_no_error (error);
  close (fd);
  g_assert_true (g_file_set_contents_full (path, "ci sha256:" HEX " viewer\n", -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error));
  g_assert_true (read_as (path, 0600, geteuid (), &error));
  g_assert_true (read_as (path, 0444, geteuid (), &error));
  assert_refused (path, 0620, geteuid (), "others than its owner can write");
  assert_refused (path, 0602, geteuid (), "chmod go-w");
  if (geteuid () == ROOT)
    assert_refused (path, 0600, OTHER_USER, "belongs to user 41003");

  g_assert_true (g_file_set_contents_full (path, big, IVD_LIMIT_TOKEN_FILE_BYTES, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error));
  g_assert_true (read_as (path, 0600, geteuid (), &error));
  g_assert_true (g_file_set_contents_full (path, big, IVD_LIMIT_TOKEN_FILE_BYTES + 1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error));
  g_assert_false (read_as (path, 0600, geteuid (), &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE);
  g_clear_error (&error);

  g_assert_no_errno (g_unlink (path));
  g_assert_false (ivd_tokens_read (tokens, path, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
}

/* --- asking for one --- */

#define N_TOKENS 20

static void
test_find (void)
{
  g_autoptr (IvdTokens) tokens = ivd_tokens_new ();
  g_autoptr (GPtrArray) secrets = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *foreign = ivd_secret_generate (IVD_TOKEN_PREFIX, &error);

  for (guint i = 0; i < N_TOKENS; i++)
    {
      char *secret = ivd_secret_generate (IVD_TOKEN_PREFIX, &error);
      g_autofree char *name = g_strdup_printf ("t%u", i);
      IvdTokenLine line = { .name = name, .role = IVD_ROLE_READER, .pattern = (char *) "web*" };
      g_autofree char *text = NULL;

      g_ptr_array_add (secrets, secret);
      ivd_digest_of (secret, &line.digest);
      text = ivd_token_line_format (&line);
      g_assert_true (ivd_tokens_read_text (tokens, FILE_NAME, text, strlen (text), &error));
    }
  for (guint i = 0; i < N_TOKENS; i++)
    {
      const IvdTokenLine *line = ivd_tokens_find (tokens, g_ptr_array_index (secrets, i));
      g_autofree char *name = g_strdup_printf ("t%u", i);

      g_assert_nonnull (line);
      g_assert_cmpstr (line->name, ==, name);
    }
  g_assert_null (ivd_tokens_find (tokens, foreign));
  g_assert_null (ivd_tokens_find (tokens, ""));
  g_assert_null (ivd_tokens_find (tokens, IVD_TOKEN_PREFIX));
}

/* "abc" hashes to a line of the file, but no token looks like that. */
static void
test_find_form (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdTokens) tokens = read_text ("ci sha256:" HEX " viewer", -1, &error);

  g_assert_null (ivd_tokens_find (tokens, "abc"));
}

static void
test_caller (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdTokenLine) line = ivd_token_line_parse ("ci sha256:" HEX " reader web-*", &error);
  g_autoptr (IvdCaller) caller = ivd_token_make_caller (line);
  const IvdGrant *grant = ivd_caller_get_grant (caller);

  g_assert_cmpstr (ivd_caller_get_label (caller), ==, "token ci");
  g_assert_nonnull (grant);
  g_assert_cmpuint (grant->permissions, ==,
                    IVD_PERMISSION_BIT (IVD_PERMISSION_SEE) | IVD_PERMISSION_BIT (IVD_PERMISSION_READ));
  g_assert_cmpstr (grant->pattern, ==, "web-*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/token/secret", test_secret);
  g_test_add_func ("/ivd/token/secret-form", test_secret_form);
  g_test_add_func ("/ivd/token/digest", test_digest);
  g_test_add_func ("/ivd/token/line", test_line);
  g_test_add_func ("/ivd/token/bad-lines", test_bad_lines);
  g_test_add_func ("/ivd/token/secret-is-not-shown", test_secret_is_not_shown);
  g_test_add_func ("/ivd/token/text", test_text);
  g_test_add_func ("/ivd/token/line-limit", test_line_limit);
  g_test_add_func ("/ivd/token/count-limit", test_count_limit);
  g_test_add_func ("/ivd/token/file", test_file);
  g_test_add_func ("/ivd/token/find", test_find);
  g_test_add_func ("/ivd/token/find-form", test_find_form);
  g_test_add_func ("/ivd/token/caller", test_caller);
  return g_test_run ();
}
