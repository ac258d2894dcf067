/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-token-line.h"
#include "platform/ivd-secret.h"

#include "ctl-output.h"
#include "ctl-verbs.h"

/* The ways to the daemon's HTTP: web, token. */

static gboolean
is_for_browsers (const char *address)
{
  return g_str_has_prefix (address, "http://") || g_str_has_prefix (address, "https://");
}

/* The address that has brought us here, if it is one for browsers: it is known
 * to work. NULL: it is none. */
static char *
dup_own_address (CtlTransport *transport)
{
  g_autoptr (GVariant) description = ctl_transport_describe (transport);
  const char *address;
  char *own;

  if (!g_variant_lookup (description, "address", "&s", &address) || !is_for_browsers (address))
    return NULL;
  own = g_strdup (address);
  if (g_str_has_suffix (own, "/"))
    own[strlen (own) - 1] = '\0';
  return own;
}

/* The first address that a browser can open. */
static char *
find_address (CtlCommand *command, GError **error)
{
  CtlTransport *transport = ctl_command_connect (command, error);
  g_autofree char *own = transport != NULL ? dup_own_address (transport) : NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autofree const char **addresses = NULL;

  if (own != NULL)
    return g_steal_pointer (&own);
  properties = transport != NULL ? ctl_transport_properties (transport, NULL, error) : NULL;
  if (properties == NULL)
    return NULL;
  (void) g_variant_lookup (properties, "HttpAddresses", "^a&s", &addresses);
  for (guint i = 0; addresses != NULL && addresses[i] != NULL; i++)
    if (is_for_browsers (addresses[i]))
      return g_strdup (addresses[i]);
  g_set_error_literal (error, IVD_ERROR, IVD_ERROR_PRECONDITION,
                       "the daemon serves no address that a browser can open: start it with --http 127.0.0.1:8086, or "
                       "say [http] listen=127.0.0.1:8086 in its config");
  return NULL;
}

static gboolean
run_web (CtlCommand *command, GError **error)
{
  g_autofree char *address = g_strdup (ctl_arguments_text (command->arguments, "address", NULL));
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *link = NULL;
  const char *token;
  guint64 lifetime;

  if (address == NULL)
    address = find_address (command, error);
  if (address == NULL)
    return FALSE;
  answer = ctl_command_call (command, NULL, "CreateLogin", NULL, "(st)", error);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(&st)", &token, &lifetime);
  link = g_strdup_printf ("%s/#login=%s", address, token);
  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "url", link);
      ctl_json_uint (json, "lifetime_usec", lifetime);
      ctl_json_end_object (json);
      ctl_output_json (json);
      return TRUE;
    }
  ctl_output_printf ("%s\n", link);
  ctl_command_note (command, "the link logs one browser in, once, within %" G_GUINT64_FORMAT " minutes",
                    lifetime / (60 * G_USEC_PER_SEC));
  return TRUE;
}

static const CtlOption web_options[] = {
  { "address", CTL_VALUE_TEXT, "URL", "where the browser reaches the daemon (default: as the daemon says)" },
  { NULL },
};

const CtlVerb ctl_verb_web = {
  .name = "web",
  .summary = "print a link that logs a browser in",
  .options = web_options,
  .text = "Prints a link to the daemon's web page. It carries a login that counts once, for ten minutes, and\n"
          "gives the browser the rights of whoever asked for it.\n",
  .example = "xdg-open \"$(ivshmemctl web)\"\n"
             "ivshmemctl web --address https://lab.example:8443\n",
  .run = run_web,
};

static gboolean
check_name (const char *name, GError **error)
{
  if (*name != '\0' && strpbrk (name, " \t#") == NULL && g_str_is_ascii (name))
    return TRUE;
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "NAME '%s': one word, for the logs", name);
  return FALSE;
}

static void
print_token (CtlCommand *command, const char *secret, const char *line)
{
  g_autoptr (CtlJson) json = NULL;

  if (!command->json)
    {
      ctl_output_printf ("%s\n%s\n", secret, line);
      ctl_command_note (command, "the first line is the secret, shown this once: keep it where only its user can read "
                                 "it. The second goes into a file that [http] tokens= names; restart the daemon then.");
      return;
    }
  json = ctl_json_new ();
  ctl_json_begin_object (json, NULL);
  ctl_json_string (json, "secret", secret);
  ctl_json_string (json, "line", line);
  ctl_json_end_object (json);
  ctl_output_json (json);
}

static gboolean
run_token (CtlCommand *command, GError **error)
{
  const char *pattern = ctl_command_word (command, 3);
  g_autofree char *secret = NULL;
  g_autofree char *text = NULL;
  g_autoptr (IvdTokenLine) line = NULL;
  IvdTokenLine wanted = { .name = (char *) ctl_command_word (command, 1) };

  wanted.pattern = (char *) (pattern != NULL ? pattern : IVD_PATTERN_ALL);
  if (!check_name (wanted.name, error) || !ivd_role_parse (ctl_command_word (command, 2), &wanted.role, error))
    return FALSE;
  secret = ivd_secret_generate (IVD_TOKEN_PREFIX, error);
  if (secret == NULL)
    return FALSE;
  ivd_digest_of (secret, &wanted.digest);
  text = ivd_token_line_format (&wanted);
  /* As the daemon will read it. */
  line = ivd_token_line_parse (text, error);
  if (line == NULL)
    return FALSE;
  print_token (command, secret, text);
  return TRUE;
}

static const char *const token_actions[] = { "new", NULL };
static const char *const token_roles[] = { "viewer", "reader", "operator", "manager", "admin", NULL };

static const CtlParameter token_parameters[] = {
  { "new", CTL_PARAMETER_CHOICE, .choices = token_actions },
  { "NAME", CTL_PARAMETER_TEXT },
  { "ROLE", CTL_PARAMETER_CHOICE, .choices = token_roles },
  { "PATTERN", CTL_PARAMETER_TEXT, .optional = TRUE },
  { NULL },
};

const CtlVerb ctl_verb_token = {
  .name = "token",
  .summary = "make a token for programs that use HTTP",
  .parameters = token_parameters,
  .text = "Prints a new secret and the line that makes the daemon take it. Needs no daemon. A role is one of\n"
          "  viewer    sees regions, peers, events and metrics\n"
          "  reader    and reads\n"
          "  operator  and writes and rings\n"
          "  manager   and attaches, detaches and bridges\n"
          "  admin     everything\n"
          "PATTERN says for which regions, with * and ?; without it for all.\n",
  .example = "ivshmemctl token new prometheus viewer\n"
             "ivshmemctl token new bench operator 'bench-*'\n",
  .run = run_token,
};
