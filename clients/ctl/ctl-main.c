/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/ivd-name.h"

#include "ctl-help.h"
#include "ctl-output.h"
#include "ctl-verbs.h"

/* Known before the command line is understood, since the errors in it are to
 * be in JSON too. */
static gboolean
wants_json (const char *const *argv)
{
  for (; *argv != NULL && !g_str_equal (*argv, "--") && !g_str_equal (*argv, "--exec"); argv++)
    {
      if (g_str_equal (*argv, "--json"))
        return TRUE;
    }
  return FALSE;
}

static gboolean
find_verb (const char *word, const CtlVerb **ret_verb, GError **error)
{
  g_autofree char *safe = ivd_text_safe (word);
  const CtlVerb *guess;

  *ret_verb = ctl_verb_find (word);
  if (*ret_verb != NULL)
    return TRUE;
  guess = ctl_verb_guess (word);
  if (guess != NULL)
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "unknown verb '%s'; was '%s' meant?", safe, guess->name);
  else
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "unknown verb '%s'; `ivshmemctl --help` shows them all",
                 safe);
  return FALSE;
}

/* Usage errors of a verb say where its usage is. */
static void
point_to_help (const CtlVerb *verb, GError **error)
{
  g_autoptr (GError) plain = NULL;

  if (error == NULL || !g_error_matches (*error, CTL_ERROR, CTL_ERROR_USAGE))
    return;
  plain = g_steal_pointer (error);
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "%s: %s; see `ivshmemctl %s --help`", verb->name,
               plain->message, verb->name);
}

static gboolean
print_version (void)
{
  ctl_output_printf ("ivshmemctl %s\n", IVD_VERSION);
  return TRUE;
}

static gboolean
run_verb (CtlCommand *command, const char *const *argv, GError **error)
{
  const CtlVerb *verb = command->verb;
  const char *const *rest;
  g_autofree char *help = NULL;

  if (!ctl_arguments_read (command->arguments, verb->options, ctl_global_options, FALSE, argv, &rest, error))
    return FALSE;
  if (ctl_arguments_has (command->arguments, "version"))
    return print_version ();
  command->json = ctl_arguments_has (command->arguments, "json");
  command->quiet = ctl_arguments_has (command->arguments, "quiet");
  if (ctl_arguments_has (command->arguments, "help"))
    {
      help = ctl_help_verb (verb);
      ctl_output_text (help);
      return TRUE;
    }
  if (!ctl_arguments_check (command->arguments, verb->options, verb->parameters, error))
    return FALSE;
  return verb->run (command, error);
}

static gboolean
run (CtlCommand *command, const char *const *argv, GError **error)
{
  const char *const *rest;
  g_autofree char *help = NULL;

  if (!ctl_arguments_read (command->arguments, ctl_global_options, NULL, TRUE, argv, &rest, error))
    return FALSE;
  if (ctl_arguments_has (command->arguments, "version"))
    return print_version ();
  if (*rest == NULL && ctl_arguments_has (command->arguments, "help"))
    {
      help = ctl_help_general ();
      ctl_output_text (help);
      return TRUE;
    }
  if (*rest == NULL)
    {
      g_set_error_literal (error, CTL_ERROR, CTL_ERROR_USAGE,
                           "a verb is missing; `ivshmemctl --help` shows them all");
      return FALSE;
    }
  if (!find_verb (*rest, &command->verb, error))
    return FALSE;
  if (run_verb (command, rest + 1, error))
    return TRUE;
  point_to_help (command->verb, error);
  return FALSE;
}

int
main (int argc, char **argv)
{
  g_autoptr (CtlArguments) arguments = ctl_arguments_new ();
  CtlCommand command = { .arguments = arguments };
  const char *const *words;
  g_autoptr (GError) error = NULL;
  gboolean done;

  if (argc < 1)
    return CTL_EXIT_USAGE;
  words = (const char *const *) argv + 1;
  setlocale (LC_ALL, "");
  g_set_prgname ("ivshmemctl");

  done = run (&command, words, &error);
  ctl_transport_free (command.transport);
  if (done)
    done = ctl_output_flush (&error);
  else
    fflush (stdout);
  if (!done)
    {
      g_autofree char *text = ctl_error_format (error, wants_json (words));

      fputs (text, stderr);
      return (int) ctl_error_exit (error);
    }
  return (int) command.exit;
}
