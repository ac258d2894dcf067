/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-names.h"

#include "ctl-output.h"
#include "ctl-size.h"
#include "ctl-verbs.h"

/* Single words and doorbells: atomic, wait, ring. */

static const char *const width_choices[] = { "1", "2", "4", "8", "16", NULL };
static const char *const wait_width_choices[] = { "1", "2", "4", "8", NULL };
static const char *const atomic_choices[]
    = { "add", "and", "or", "xor", "exchange", "compare-and-set", NULL };
static const char *const wait_choices[] = { "equals", "differs", "at-least", NULL };

static guint
get_width (CtlCommand *command)
{
  return (guint) g_ascii_strtoull (ctl_arguments_text (command->arguments, "width", "8"), NULL, 10);
}

/* "0x..." of an option; NULL when it is not given. */
static gboolean
get_word (CtlCommand *command, const char *option, guint width, char **ret_word, GError **error)
{
  const char *text = ctl_arguments_text (command->arguments, option, NULL);

  *ret_word = NULL;
  if (text == NULL || ctl_word_parse (text, width, ret_word, error))
    return TRUE;
  g_prefix_error (error, "--%s: ", option);
  return FALSE;
}

static gboolean
run_atomic (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  const char *op = ctl_command_word (command, 1);
  guint width = get_width (command);
  g_autofree char *value = NULL;
  g_autofree char *expected = NULL;
  g_autoptr (GVariant) answer = NULL;
  const char *old;
  gboolean done;

  if (g_str_equal (op, "compare-and-set") != ctl_arguments_has (command->arguments, "expected"))
    {
      g_set_error_literal (error, CTL_ERROR, CTL_ERROR_USAGE,
                           "compare-and-set needs --expected, and nothing else takes it");
      return FALSE;
    }
  if (!get_word (command, "value", width, &value, error)
      || !get_word (command, "expected", width, &expected, error))
    return FALSE;
  answer = ctl_command_call (command, region, "Atomic",
                             g_variant_new ("(stuss)", op,
                                            ctl_arguments_number (command->arguments, "offset", 0), width,
                                            value, expected != NULL ? expected : "0x0"),
                             "(sb)", error);
  if (answer == NULL)
    return FALSE;

  g_variant_get (answer, "(&sb)", &old, &done);
  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "old", old);
      ctl_json_boolean (json, "done", done);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else
    ctl_output_printf ("%s\n", old);
  if (!done)
    {
      command->exit = CTL_EXIT_FAILED;
      ctl_command_note (command, "not done: the value is %s and not %s", old, expected);
    }
  return TRUE;
}

static const CtlParameter atomic_parameters[] = {
  { "NAME", CTL_PARAMETER_REGION },
  { "OP", CTL_PARAMETER_CHOICE, .choices = atomic_choices },
  { NULL },
};

static const CtlOption atomic_options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where the word is", .required = TRUE },
  { "width", CTL_VALUE_CHOICE, "W", "its bytes: 1, 2, 4, 8 or 16", width_choices, .required = TRUE },
  { "value", CTL_VALUE_TEXT, "V", "the operand, decimal or 0x...", .required = TRUE },
  { "expected", CTL_VALUE_TEXT, "V", "what must be there, for compare-and-set" },
  { NULL },
};

const CtlVerb ctl_verb_atomic = {
  .name = "atomic",
  .summary = "change one word of a region atomically",
  .parameters = atomic_parameters,
  .options = atomic_options,
  .text = "Does OP (add, and, or, xor, exchange or compare-and-set) on a little-endian word and prints what\n"
          "was there before. A compare-and-set that finds another value than --expected changes nothing and\n"
          "exits with 1.\n",
  .example = "ivshmemctl atomic demo add --offset 64 --width 8 --value 1\n"
             "ivshmemctl atomic demo compare-and-set --offset 0 --width 4 --expected 0 --value 0x2a\n",
  .run = run_atomic,
};

/* ------------------------------------------------------------------------ */

static void
print_wait (CtlCommand *command, gboolean met, const char *value)
{
  g_autoptr (CtlJson) json = NULL;
  g_autofree char *time = NULL;

  if (command->json)
    {
      json = ctl_json_new ();
      ctl_json_begin_object (json, NULL);
      ctl_json_boolean (json, "met", met);
      ctl_json_string (json, "value", value);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else
    ctl_output_printf ("%s\n", value);
  if (!met)
    {
      time = ctl_duration_format (ctl_arguments_number (command->arguments, "timeout", 0));
      ctl_command_note (command, "not met within %s: the value is %s", time, value);
    }
}

static gboolean
run_wait (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  guint width = get_width (command);
  g_autofree char *value = NULL;
  g_autofree char *set = NULL;
  g_autoptr (GVariant) answer = NULL;
  const char *found;
  gboolean met;
  g_auto (GVariantDict) options;

  g_variant_dict_init (&options, NULL);
  if (!get_word (command, "value", width, &value, error) || !get_word (command, "set", width, &set, error))
    return FALSE;
  if (set != NULL)
    g_variant_dict_insert (&options, "set", "s", set);
  answer = ctl_command_call_patiently (
      command, region, "Wait",
      g_variant_new ("(tusst@a{sv})", ctl_arguments_number (command->arguments, "offset", 0), width,
                     ctl_arguments_text (command->arguments, "op", "equals"), value,
                     ctl_arguments_number (command->arguments, "timeout", G_MAXUINT64),
                     g_variant_dict_end (&options)),
      "(bs)", error);
  if (answer == NULL)
    return FALSE;

  g_variant_get (answer, "(b&s)", &met, &found);
  print_wait (command, met, found);
  if (!met)
    command->exit = CTL_EXIT_FAILED;
  return TRUE;
}

static const CtlParameter region_parameter[] = { { "NAME", CTL_PARAMETER_REGION }, { NULL } };

static const CtlOption wait_options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where the word is", .required = TRUE },
  { "width", CTL_VALUE_CHOICE, "W", "its bytes: 1, 2, 4 or 8", wait_width_choices, .required = TRUE },
  { "op", CTL_VALUE_CHOICE, "OP", "equals, differs or at-least (unsigned)", wait_choices, .required = TRUE },
  { "value", CTL_VALUE_TEXT, "V", "what it is compared with, decimal or 0x...", .required = TRUE },
  { "timeout", CTL_VALUE_DURATION, "T", "how long at most: 2s, 1.5s, 20ms (for ever)" },
  { "set", CTL_VALUE_TEXT, "V", "what to put there, atomically, once it is met" },
  { NULL },
};

const CtlVerb ctl_verb_wait = {
  .name = "wait",
  .summary = "wait until a word of a region has a value",
  .parameters = region_parameter,
  .options = wait_options,
  .text
  = "Waits until a little-endian word equals, differs from or reaches a value, and prints what it was.\n"
    "Exits with 0 when that was met and with 1 when the time was over.\n",
  .example = "ivshmemctl wait demo --offset 0 --width 4 --op equals --value 1 --timeout 5s --set 2\n",
  .run = run_wait,
};

/* ------------------------------------------------------------------------ */

static gboolean
get_target (const char *what, const char *text, guint32 *ret_target, GError **error)
{
  guint64 number;

  if (g_str_equal (text, "all"))
    {
      *ret_target = IVD_ALL;
      return TRUE;
    }
  if (!ctl_number_parse (text, IVD_ALL - 1, &number, error))
    {
      g_prefix_error (error, "%s (or 'all'): ", what);
      return FALSE;
    }
  *ret_target = (guint32) number;
  return TRUE;
}

static gboolean
run_ring (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  g_autoptr (GVariant) answer = NULL;
  guint32 peer, vector, sent;

  if (!get_target ("PEER", ctl_command_word (command, 1), &peer, error)
      || !get_target ("VECTOR", ctl_command_word (command, 2), &vector, error))
    return FALSE;
  answer = ctl_command_call (command, region, "Ring", g_variant_new ("(uu)", peer, vector), "(u)", error);
  if (answer == NULL)
    return FALSE;

  g_variant_get (answer, "(u)", &sent);
  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_uint (json, "sent", sent);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else if (!command->quiet)
    ctl_output_printf ("%s: %u sent\n", region, sent);
  return TRUE;
}

static const CtlParameter ring_parameters[] = {
  { "NAME", CTL_PARAMETER_REGION },
  { "PEER", CTL_PARAMETER_TEXT },
  { "VECTOR", CTL_PARAMETER_TEXT },
  { NULL },
};

const CtlVerb ctl_verb_ring = {
  .name = "ring",
  .summary = "ring the doorbell of a peer",
  .parameters = ring_parameters,
  .text = "Rings VECTOR (a number, or `all`) of PEER (an id as `peers` shows it, or `all` but oneself) and\n"
          "prints how many interrupts were sent.\n",
  .example = "ivshmemctl ring demo 0 1\nivshmemctl ring demo all 0\n",
  .run = run_ring,
};
