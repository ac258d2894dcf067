/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "ctl-arguments.h"
#include "ctl-error.h"
#include "ctl-help.h"
#include "ctl-verbs.h"

static const char *const color_choices[] = { "red", "blue", NULL };

static const CtlOption options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where", .required = TRUE },
  { "value", CTL_VALUE_NUMBER, "BYTE", "what", .maximum = 255 },
  { "color", CTL_VALUE_CHOICE, "red|blue", "how", color_choices },
  { "timeout", CTL_VALUE_DURATION, "T", "when" },
  { "force", CTL_VALUE_NONE, NULL, "really" },
  { "exec", CTL_VALUE_COMMAND, "COMMAND", "run" },
  { NULL },
};

static const CtlOption globals[] = {
  { "json", CTL_VALUE_NONE, NULL, "JSON" },
  { "help", CTL_VALUE_NONE, NULL, "help" },
  { NULL },
};

static const CtlParameter parameters[] = {
  { "NAME", CTL_PARAMETER_REGION },
  { "COLOR", CTL_PARAMETER_CHOICE, .optional = TRUE, .choices = color_choices },
  { NULL },
};

static const CtlParameter many[] = {
  { "PLUGIN", CTL_PARAMETER_PLUGIN },
  { "NAME", CTL_PARAMETER_TEXT },
  { "key=value", CTL_PARAMETER_SETTING, .optional = TRUE, .repeated = TRUE },
  { NULL },
};

static gboolean
read_line (CtlArguments *arguments, const char *line, gboolean stop, char ***ret_words, GError **error)
{
  const char *const *rest;

  *ret_words = g_strsplit (line, " ", -1);
  return ctl_arguments_read (arguments, options, globals, stop, (const char *const *) *ret_words, &rest,
                             error);
}

static void
test_read (void)
{
  g_autoptr (CtlArguments) arguments = ctl_arguments_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;

  g_assert_true (read_line (arguments,
                            "demo --offset 4K --value=0xff -h --color blue --timeout 2ms --json red", FALSE,
                            &words, &error));
  g_assert_no_error (error);
  g_assert_true (ctl_arguments_check (arguments, options, parameters, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (ctl_arguments_n_words (arguments), ==, 2);
  g_assert_cmpstr (ctl_arguments_word (arguments, 0), ==, "demo");
  g_assert_cmpstr (ctl_arguments_word (arguments, 1), ==, "red");
  g_assert_null (ctl_arguments_word (arguments, 2));
  g_assert_cmpuint (ctl_arguments_number (arguments, "offset", 0), ==, 4096);
  g_assert_cmpuint (ctl_arguments_number (arguments, "value", 0), ==, 255);
  g_assert_cmpuint (ctl_arguments_number (arguments, "timeout", 0), ==, 2000);
  g_assert_cmpstr (ctl_arguments_text (arguments, "color", "red"), ==, "blue");
  g_assert_true (ctl_arguments_has (arguments, "help"));
  g_assert_true (ctl_arguments_has (arguments, "json"));
  g_assert_false (ctl_arguments_has (arguments, "force"));
  g_assert_null (ctl_arguments_command (arguments, "exec"));
}

static void
test_fallbacks (void)
{
  g_autoptr (CtlArguments) arguments = ctl_arguments_new ();

  g_assert_cmpuint (ctl_arguments_number (arguments, "offset", 7), ==, 7);
  g_assert_cmpstr (ctl_arguments_text (arguments, "color", "red"), ==, "red");
}

static void
test_command (void)
{
  g_autoptr (CtlArguments) arguments = ctl_arguments_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;
  const char *const *command;

  g_assert_true (read_line (arguments, "demo --offset 0 --exec prog --json -- x", FALSE, &words, &error));
  command = ctl_arguments_command (arguments, "exec");
  g_assert_nonnull (command);
  g_assert_cmpstr (command[0], ==, "prog");
  g_assert_cmpstr (command[1], ==, "--json");
  g_assert_cmpstr (command[3], ==, "x");
  g_assert_false (ctl_arguments_has (arguments, "json"));
  g_assert_cmpuint (ctl_arguments_n_words (arguments), ==, 1);
}

static void
test_dashes (void)
{
  g_autoptr (CtlArguments) arguments = ctl_arguments_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;

  g_assert_true (read_line (arguments, "- -- --offset", FALSE, &words, &error));
  g_assert_cmpuint (ctl_arguments_n_words (arguments), ==, 2);
  g_assert_cmpstr (ctl_arguments_word (arguments, 0), ==, "-");
  g_assert_cmpstr (ctl_arguments_word (arguments, 1), ==, "--offset");
}

static void
test_stop_at_word (void)
{
  const char *const argv[] = { "--json", "read", "--offset", "1", NULL };
  g_autoptr (CtlArguments) arguments = ctl_arguments_new ();
  const char *const *rest = NULL;

  g_assert_true (ctl_arguments_read (arguments, globals, NULL, TRUE, argv, &rest, NULL));
  g_assert_true (rest == argv + 1);
  g_assert_cmpuint (ctl_arguments_n_words (arguments), ==, 0);
}

static void
test_bad_lines (void)
{
  static const char *const rows[] = {
    "--unknown",
    "-x",
    "-1",
    "--offset",
    "--offset Q",
    "--offset=",
    "--offset -1",
    "--offset 1 --offset 2",
    "--value 256",
    "--color green",
    "--timeout soon",
    "--force=1",
    "--json=1",
    "--exec",
    "--exec=x",
    "--off 1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (CtlArguments) arguments = ctl_arguments_new ();
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) words = NULL;

      g_assert_false (read_line (arguments, rows[i], FALSE, &words, &error));
      g_assert_error (error, CTL_ERROR, CTL_ERROR_USAGE);
    }
}

static void
assert_check (const CtlParameter *which, const char *line, const char *complaint)
{
  g_autoptr (CtlArguments) arguments = ctl_arguments_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;

  g_assert_true (read_line (arguments, line, FALSE, &words, NULL));
  if (complaint == NULL)
    {
      g_assert_true (ctl_arguments_check (arguments, options, which, &error));
      g_assert_no_error (error);
      return;
    }
  g_assert_false (ctl_arguments_check (arguments, options, which, &error));
  g_assert_error (error, CTL_ERROR, CTL_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, complaint));
}

static void
test_check (void)
{
  assert_check (parameters, "demo --offset 0", NULL);
  assert_check (parameters, "demo red --offset 0", NULL);
  assert_check (parameters, "--offset 0", "NAME is missing");
  assert_check (parameters, "demo", "--offset N is missing");
  assert_check (parameters, "demo green --offset 0", "green");
  assert_check (parameters, "demo red blue --offset 0", "'blue' is one word too many");
  assert_check (parameters, "\xff --offset 0", "UTF-8");
  assert_check (NULL, "x --offset 0", "'x' is one word too many");
  assert_check (many, "plugin name --offset 0", NULL);
  assert_check (many, "plugin name a=1 b=2 c=3 --offset 0", NULL);
  assert_check (many, "plugin --offset 0", "NAME is missing");
}

/* Each verb of the table is whole, so that its help and completion are. */
static void
test_verbs (void)
{
  guint n = 0;

  for (const CtlVerb *const *verb = ctl_verbs; *verb != NULL; verb++, n++)
    {
      g_autofree char *help = ctl_help_verb (*verb);

      g_assert_true (ctl_verb_find ((*verb)->name) == *verb);
      g_assert_nonnull ((*verb)->summary);
      g_assert_true (g_str_has_suffix ((*verb)->text, "\n"));
      g_assert_true (g_str_has_suffix ((*verb)->example, "\n"));
      g_assert_nonnull (strstr ((*verb)->example, (*verb)->name));
      g_assert_nonnull ((*verb)->run);
      g_assert_true (g_str_has_prefix (help, "Usage: ivshmemctl "));
      for (const CtlOption *option = (*verb)->options; option != NULL && option->name != NULL; option++)
        {
          g_assert_null (ctl_option_find (ctl_global_options, option->name));
          g_assert_true ((option->kind == CTL_VALUE_NONE) == (option->metavar == NULL));
          g_assert_true ((option->kind == CTL_VALUE_CHOICE) == (option->choices != NULL));
        }
    }
  g_assert_cmpuint (n, >, 20);
  g_assert_null (ctl_verb_find ("bridge"));
}

static void
test_guess (void)
{
  g_assert_cmpstr (ctl_verb_guess ("lst")->name, ==, "list");
  g_assert_cmpstr (ctl_verb_guess ("atach")->name, ==, "attach");
  g_assert_cmpstr (ctl_verb_guess ("libvirtxml")->name, ==, "libvirt-xml");
  g_assert_null (ctl_verb_guess ("bridge"));
  g_assert_null (ctl_verb_guess (""));
  g_assert_null (ctl_verb_guess ("a-word-that-is-far-too-long-to-be-a-slip-of-the-finger"));
}

static void
test_synopsis (void)
{
  g_autofree char *text = ctl_help_synopsis (&ctl_verb_write);

  g_assert_cmpstr (text, ==, "write NAME --offset N [FILE]");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/arguments/read", test_read);
  g_test_add_func ("/ctl/arguments/fallbacks", test_fallbacks);
  g_test_add_func ("/ctl/arguments/command", test_command);
  g_test_add_func ("/ctl/arguments/dashes", test_dashes);
  g_test_add_func ("/ctl/arguments/stop-at-word", test_stop_at_word);
  g_test_add_func ("/ctl/arguments/bad-lines", test_bad_lines);
  g_test_add_func ("/ctl/arguments/check", test_check);
  g_test_add_func ("/ctl/arguments/verbs", test_verbs);
  g_test_add_func ("/ctl/arguments/guess", test_guess);
  g_test_add_func ("/ctl/arguments/synopsis", test_synopsis);
  return g_test_run ();
}
