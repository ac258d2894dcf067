/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-options.h"

#include <string.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "plugin/ivd-plugin-table.h"

enum
{
  O_TEXT,
  O_PATH,
  O_SIZE,
  O_NUMBER,
  O_FLAG,
  O_MODE,
  O_USER,
  O_GROUP,
  O_TIME,
  O_LIST,
  N_OPTIONS,
};

/* A row of a plugin that is newer than we are: longer. */
typedef struct
{
  IvshmemPluginOption base;
  guint64 unknown;
} LongOption;

#define ROW(index, kind, text, ...)                         \
  [index] = { .base = { .struct_size = sizeof (LongOption), \
                        .type = kind,                       \
                        .name = text,                       \
                        .description = "for tests",         \
                        __VA_ARGS__ },                      \
              .unknown = 0x5555 }

static const LongOption rows[N_OPTIONS] = {
  ROW (O_TEXT, IVSHMEM_PLUGIN_TEXT, "text", .default_text = "as it is"),
  ROW (O_PATH, IVSHMEM_PLUGIN_PATH, "path", .default_text = "/forbidden/by/default"),
  ROW (O_SIZE, IVSHMEM_PLUGIN_SIZE, "size", .default_text = "4M", .minimum = 4096, .maximum = G_MAXUINT64),
  ROW (O_NUMBER, IVSHMEM_PLUGIN_NUMBER, "number", .minimum = 1, .maximum = 2048),
  ROW (O_FLAG, IVSHMEM_PLUGIN_BOOLEAN, "flag", .default_text = "false"),
  ROW (O_MODE, IVSHMEM_PLUGIN_MODE, "mode", .default_text = "0660"),
  ROW (O_USER, IVSHMEM_PLUGIN_USER, "user"),
  ROW (O_GROUP, IVSHMEM_PLUGIN_GROUP, "group"),
  ROW (O_TIME, IVSHMEM_PLUGIN_DURATION, "time", .default_text = "off", .minimum = 1000,
       .maximum = 3600000000),
  ROW (O_LIST, IVSHMEM_PLUGIN_LIST, "list"),
};

static const IvshmemPlugin table = {
  .struct_size = sizeof (IvshmemPlugin),
  .name = "tested",
  .options = &rows[0].base,
  .n_options = N_OPTIONS,
  .option_size = sizeof (LongOption),
};

static gboolean
allow_below_ok (const char *path, gpointer data, GError **error)
{
  if (g_str_has_prefix (path, "/ok/"))
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED, "'%s' is not below /ok", path);
  return FALSE;
}

static IvdOptions *
parse (const char *dictionary, GError **error)
{
  g_autoptr (GVariant) given = g_variant_parse (G_VARIANT_TYPE_VARDICT, dictionary, NULL, NULL, NULL);

  g_assert_nonnull (given);
  return ivd_options_new (&table, given, allow_below_ok, NULL, error);
}

static IvshmemPluginValue
value_of (IvdOptions *options, guint i)
{
  guint n;
  const IvshmemPluginValue *values = ivd_options_get_values (options, &n);

  g_assert_cmpuint (n, ==, N_OPTIONS);
  g_assert_cmpuint (values[i].struct_size, ==, sizeof (IvshmemPluginValue));
  return values[i];
}

static void
assert_number (const char *dictionary, guint i, guint64 expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdOptions) options = parse (dictionary, &error);

  g_assert_no_error (error);
  g_assert_true (value_of (options, i).present);
  g_assert_true (value_of (options, i).given);
  g_assert_nonnull (value_of (options, i).text);
  g_assert_cmpuint (value_of (options, i).number, ==, expected);
}

static void
assert_refused (const char *dictionary, gint code, const char *first, const char *second)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdOptions) options = parse (dictionary, &error);

  g_assert_null (options);
  g_assert_error (error, IVD_ERROR, code);
  if (strstr (error->message, first) == NULL || strstr (error->message, second) == NULL)
    g_error ("%s: \"%s\" says nothing of \"%s\" and \"%s\"", dictionary, error->message, first, second);
}

#define assert_invalid(dictionary, first, second) \
  assert_refused (dictionary, IVD_ERROR_INVALID_ARGUMENT, first, second)

static void
test_defaults (void)
{
  g_autoptr (IvdOptions) options = parse ("{}", NULL);

  g_assert_cmpstr (value_of (options, O_TEXT).text, ==, "as it is");
  g_assert_false (value_of (options, O_TEXT).given);
  g_assert_true (value_of (options, O_PATH).present);
  g_assert_cmpuint (value_of (options, O_SIZE).number, ==, 4 << 20);
  g_assert_false (value_of (options, O_NUMBER).present);
  g_assert_null (value_of (options, O_NUMBER).text);
  g_assert_cmpuint (value_of (options, O_MODE).number, ==, 0660);
}

static void
test_sizes (void)
{
  assert_number ("{'size': <'4096'>}", O_SIZE, 4096);
  assert_number ("{'size': <'4K'>}", O_SIZE, 4096);
  assert_number ("{'size': <'16m'>}", O_SIZE, 16 << 20);
  assert_number ("{'size': <'1G'>}", O_SIZE, 1 << 30);
  assert_number ("{'size': <'2T'>}", O_SIZE, G_GUINT64_CONSTANT (2) << 40);
  assert_number ("{'size': <'18446744073709551615'>}", O_SIZE, G_MAXUINT64);
  assert_number ("{'size': <'16777215T'>}", O_SIZE, G_GUINT64_CONSTANT (16777215) << 40);
  assert_number ("{'size': <uint64 4096>}", O_SIZE, 4096);
  assert_number ("{'size': <int32 4096>}", O_SIZE, 4096);
  assert_number ("{'size': <int16 4096>}", O_SIZE, 4096);
  assert_invalid ("{'size': <'16777216T'>}", "size", "too large");
  assert_invalid ("{'size': <'18446744073709551616'>}", "18446744073709551616", "too large");
  assert_invalid ("{'size': <'4Q'>}", "'4Q'", "K, M, G or T");
  assert_invalid ("{'size': <'4 K'>}", "'4 K'", "K, M, G or T");
  assert_invalid ("{'size': <' 4K'>}", "size", "K, M, G or T");
  assert_invalid ("{'size': <'0x1000'>}", "0x1000", "K, M, G or T");
  assert_invalid ("{'size': <'+4096'>}", "+4096", "not understood");
  assert_invalid ("{'size': <'1.5G'>}", "1.5G", "not understood");
  assert_invalid ("{'size': <''>}", "size", "not understood");
  assert_invalid ("{'size': <'K'>}", "'K'", "not understood");
  assert_invalid ("{'size': <'-4096'>}", "-4096", "negative");
  assert_invalid ("{'size': <int64 -4096>}", "-4096", "negative");
  assert_invalid ("{'size': <4096.0>}", "size", "type 'd'");
  assert_invalid ("{'size': <true>}", "size", "type 'b'");
  assert_invalid ("{'size': <[uint64 4096]>}", "size", "type 'at'");
  assert_invalid ("{'size': <'4095'>}", "4095", "4096 to 18446744073709551615");
}

static void
test_numbers (void)
{
  assert_number ("{'number': <'1'>}", O_NUMBER, 1);
  assert_number ("{'number': <'2048'>}", O_NUMBER, 2048);
  assert_number ("{'number': <byte 0x20>}", O_NUMBER, 32);
  assert_number ("{'number': <uint16 64>}", O_NUMBER, 64);
  assert_number ("{'number': <uint32 64>}", O_NUMBER, 64);
  assert_invalid ("{'number': <'0'>}", "'0'", "1 to 2048");
  assert_invalid ("{'number': <'2049'>}", "2049", "1 to 2048");
  assert_invalid ("{'number': <'1K'>}", "1K", "whole number");
  assert_invalid ("{'number': <int32 -1>}", "-1", "negative");
}

static void
test_booleans (void)
{
  assert_number ("{'flag': <true>}", O_FLAG, 1);
  assert_number ("{'flag': <false>}", O_FLAG, 0);
  assert_number ("{'flag': <'true'>}", O_FLAG, 1);
  assert_number ("{'flag': <'yes'>}", O_FLAG, 1);
  assert_number ("{'flag': <'off'>}", O_FLAG, 0);
  assert_number ("{'flag': <'0'>}", O_FLAG, 0);
  assert_invalid ("{'flag': <'True!'>}", "True!", "true or false");
  assert_invalid ("{'flag': <1>}", "flag", "type 'i'");
}

static void
test_modes (void)
{
  assert_number ("{'mode': <'660'>}", O_MODE, 0660);
  assert_number ("{'mode': <'0600'>}", O_MODE, 0600);
  assert_number ("{'mode': <'0'>}", O_MODE, 0);
  assert_number ("{'mode': <'777'>}", O_MODE, 0777);
  assert_number ("{'mode': <uint32 432>}", O_MODE, 0660);
  assert_invalid ("{'mode': <'1777'>}", "1777", "octal");
  assert_invalid ("{'mode': <'668'>}", "668", "octal");
  assert_invalid ("{'mode': <'rw'>}", "rw", "octal");
  assert_invalid ("{'mode': <int32 -1>}", "-1", "octal");
  assert_invalid ("{'mode': <uint64 18446744073709551615>}", "mode", "too large");
}

static void
test_accounts (void)
{
  assert_number ("{'user': <'root'>}", O_USER, 0);
  assert_number ("{'user': <'4711'>}", O_USER, 4711);
  assert_number ("{'group': <'root'>}", O_GROUP, 0);
  assert_number ("{'group': <uint32 12>}", O_GROUP, 12);
  assert_invalid ("{'user': <'nobody-of-that-name'>}", "user", "nobody-of-that-name");
  assert_invalid ("{'user': <'4294967295'>}", "user", "4294967295");
  assert_invalid ("{'group': <'-1'>}", "group", "-1");
}

static void
test_durations (void)
{
  assert_number ("{'time': <'5s'>}", O_TIME, 5 * G_USEC_PER_SEC);
  assert_number ("{'time': <'20ms'>}", O_TIME, 20000);
  assert_number ("{'time': <'1500us'>}", O_TIME, 1500);
  assert_number ("{'time': <'2min'>}", O_TIME, 120 * G_USEC_PER_SEC);
  assert_number ("{'time': <'1h'>}", O_TIME, 3600 * G_GUINT64_CONSTANT (1000000));
  assert_number ("{'time': <'7'>}", O_TIME, 7 * G_USEC_PER_SEC);
  assert_number ("{'time': <uint64 7>}", O_TIME, 7 * G_USEC_PER_SEC);
  assert_number ("{'time': <'off'>}", O_TIME, 0);
  assert_number ("{'time': <'0'>}", O_TIME, 0);
  assert_invalid ("{'time': <'999us'>}", "999us", "1000 us to 3600000000 us");
  assert_invalid ("{'time': <'61min'>}", "61min", "out of range");
  assert_invalid ("{'time': <'99999999999999999999s'>}", "time", "too large");
  assert_invalid ("{'time': <'5123999999999999h'>}", "time", "too large");
  assert_invalid ("{'time': <'5 s'>}", "5 s", "ms, s, min");
  assert_invalid ("{'time': <'never'>}", "never", "or off");
}

static void
test_texts (void)
{
  g_autofree char *longest = g_strnfill (IVD_LIMIT_OPTION_TEXT_BYTES, 'x');
  g_autofree char *good = g_strdup_printf ("{'text': <'%s'>}", longest);
  g_autofree char *bad = g_strdup_printf ("{'text': <'%sx'>}", longest);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdOptions) options = parse ("{'text': <'a=b, \303\244'>, 'list': <['a', 'b']>}", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (value_of (options, O_TEXT).text, ==, "a=b, \303\244");
  g_assert_cmpstr (value_of (options, O_LIST).text, ==, "a,b");
  g_clear_pointer (&options, ivd_options_unref);
  options = parse (good, &error);
  g_assert_no_error (error);
  assert_invalid (bad, "text", "too long");
  assert_invalid ("{'text': <'a\\nb'>}", "text", "control characters");
  assert_invalid ("{'text': <true>}", "text", "type 'b'");
  assert_invalid ("{'text': <[5]>}", "text", "type 'ai'");
  assert_invalid ("{'list': <['a', 'b,c']>}", "list", "type 'as'");
  assert_invalid ("{'list': <[true]>}", "list", "type 'ab'");
  /* A number is a text, and numbers are a list: own-id, allow-uids. */
  g_clear_pointer (&options, ivd_options_unref);
  options = parse ("{'text': <uint64 5>, 'list': <[0, 1000]>}", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (value_of (options, O_TEXT).text, ==, "5");
  g_assert_cmpstr (value_of (options, O_LIST).text, ==, "0,1000");
}

static void
test_paths (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdOptions) options = parse ("{'path': <'/ok/file'>}", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (value_of (options, O_PATH).text, ==, "/ok/file");
  assert_refused ("{'path': <'/elsewhere/file'>}", IVD_ERROR_DENIED, "'path'", "/elsewhere/file");
  assert_invalid ("{'path': <'ok/file'>}", "'path'", "absolute");
  assert_invalid ("{'path': <''>}", "'path'", "absolute");
  assert_invalid ("{'path': <'/ok//file'>}", "'path'", "'//'");
  assert_invalid ("{'path': <'/ok/../etc/passwd'>}", "'path'", "'..'");
  assert_invalid ("{'path': <'/ok/./file'>}", "'path'", "normal");
  assert_invalid ("{'path': <'/ok/file/'>}", "'path'", "normal");
  assert_invalid ("{'path': <'/ok/fi\\nle'>}", "'path'", "control characters");
  assert_invalid ("{'path': <objectpath '/ok/file'>}", "'path'", "type 'o'");
}

static void
test_keys (void)
{
  assert_invalid ("{'colour': <'blue'>}", "'colour'",
                  "knows text, path, size, number, flag, mode, user, group, time, list");
  assert_invalid ("{'': <'blue'>}", "''", "tested");
  assert_invalid ("{'SIZE': <'4K'>}", "'SIZE'", "knows");
  assert_invalid ("{'size': <'4K'>, 'size': <'8K'>}", "'size'", "twice");
}

static void
test_no_dictionary (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) texts = g_variant_ref_sink (g_variant_new_parsed ("{'size': '4K'}"));

  g_assert_null (ivd_options_new (&table, texts, NULL, NULL, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
}

static void
test_required (void)
{
  static const IvshmemPluginOption options[] = {
    { .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_PATH,
      .name = "socket",
      .flags = IVSHMEM_PLUGIN_OPTION_REQUIRED,
      .description = "where the server listens" },
  };
  const IvshmemPlugin needy
      = { .name = "needy", .options = options, .n_options = 1, .option_size = sizeof options[0] };
  const IvshmemPlugin bare = { .name = "bare" };
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new_parsed ("@a{sv} {}"));
  g_autoptr (GVariant) some = g_variant_ref_sink (g_variant_new_parsed ("{'a': <1>}"));
  g_autoptr (IvdOptions) empty = ivd_options_new (&bare, none, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (empty);
  g_assert_null (ivd_options_new (&needy, none, NULL, NULL, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==,
                   "option 'socket' is missing (where the server listens): plugin 'needy' needs it");
  g_clear_error (&error);
  g_assert_null (ivd_options_new (&bare, some, NULL, NULL, &error));
  g_assert_cmpstr (error->message, ==, "there is no option 'a': plugin 'bare' has no options");
}

/* What the property Options shows can be given to Attach again. */
static void
test_round_trip (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdOptions) first
      = parse ("{'text': <'t'>, 'path': <'/ok/x'>, 'size': <'1G'>, 'number': <'7'>,"
               " 'flag': <'yes'>, 'mode': <'0600'>, 'user': <'root'>, 'group': <'5'>,"
               " 'time': <'1500us'>, 'list': <'a,b'>}",
               &error);
  g_autoptr (IvdOptions) second = NULL;
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  second = ivd_options_new (&table, ivd_options_get_variant (first), allow_below_ok, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_equal (ivd_options_get_variant (first), ivd_options_get_variant (second)));
  text = g_variant_print (ivd_options_get_variant (first), TRUE);
  g_assert_cmpstr (text, ==,
                   "{'text': <'t'>, 'path': <'/ok/x'>, 'size': <uint64 1073741824>, 'number': <uint64 7>, "
                   "'flag': <true>, 'mode': <'0600'>, 'user': <uint32 0>, 'group': <uint32 5>, "
                   "'time': <'1500us'>, 'list': <'a,b'>}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/options/defaults", test_defaults);
  g_test_add_func ("/ivd/options/sizes", test_sizes);
  g_test_add_func ("/ivd/options/numbers", test_numbers);
  g_test_add_func ("/ivd/options/booleans", test_booleans);
  g_test_add_func ("/ivd/options/modes", test_modes);
  g_test_add_func ("/ivd/options/accounts", test_accounts);
  g_test_add_func ("/ivd/options/durations", test_durations);
  g_test_add_func ("/ivd/options/texts", test_texts);
  g_test_add_func ("/ivd/options/paths", test_paths);
  g_test_add_func ("/ivd/options/keys", test_keys);
  g_test_add_func ("/ivd/options/no-dictionary", test_no_dictionary);
  g_test_add_func ("/ivd/options/required", test_required);
  g_test_add_func ("/ivd/options/round-trip", test_round_trip);
  return g_test_run ();
}
