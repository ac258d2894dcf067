/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-arguments.h"

#include <string.h>

#include "base/ivd-name.h"

#include "ctl-error.h"
#include "ctl-size.h"

typedef struct
{
  const CtlOption *option;
  const char *text;
  guint64 number;
  const char *const *command;
} Given;

struct _CtlArguments
{
  GPtrArray *words;  /* borrowed */
  GHashTable *given; /* name (borrowed) -> Given */
};

CtlArguments *
ctl_arguments_new (void)
{
  CtlArguments *arguments = g_new0 (CtlArguments, 1);

  arguments->words = g_ptr_array_new ();
  arguments->given = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  return arguments;
}

void
ctl_arguments_free (CtlArguments *arguments)
{
  if (arguments == NULL)
    return;
  g_ptr_array_unref (arguments->words);
  g_hash_table_unref (arguments->given);
  g_free (arguments);
}

const CtlOption *
ctl_option_find (const CtlOption *options, const char *name)
{
  for (const CtlOption *option = options; option != NULL && option->name != NULL; option++)
    {
      if (g_str_equal (option->name, name))
        return option;
    }
  return NULL;
}

static gboolean G_GNUC_PRINTF (2, 3)
    usage (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_clear_error (error);
  if (error != NULL)
    *error = g_error_new_valist (CTL_ERROR, CTL_ERROR_USAGE, format, args);
  va_end (args);
  return FALSE;
}

static gboolean
check_choice (const char *const *choices, const char *what, const char *text, GError **error)
{
  g_autofree char *safe = NULL;
  g_autofree char *known = NULL;

  if (g_strv_contains (choices, text))
    return TRUE;
  safe = ivd_text_safe (text);
  known = g_strjoinv (", ", (char **) choices);
  return usage (error, "%s: '%s' is none of %s", what, safe, known);
}

static gboolean
read_value (Given *given, GError **error)
{
  const CtlOption *option = given->option;
  g_autofree char *what = g_strconcat ("--", option->name, NULL);
  gboolean good = TRUE;

  switch (option->kind)
    {
    case CTL_VALUE_SIZE:
      good = ctl_size_parse (given->text, &given->number, error);
      break;
    case CTL_VALUE_NUMBER:
      good = ctl_number_parse (given->text, option->maximum != 0 ? option->maximum : G_MAXUINT64,
                               &given->number, error);
      break;
    case CTL_VALUE_DURATION:
      good = ctl_duration_parse (given->text, &given->number, error);
      break;
    case CTL_VALUE_CHOICE:
      return check_choice (option->choices, what, given->text, error);
    case CTL_VALUE_NONE:
    case CTL_VALUE_TEXT:
    case CTL_VALUE_FILE:
    case CTL_VALUE_COMMAND:
    default:
      break;
    }
  if (!good)
    g_prefix_error (error, "%s: ", what);
  return good;
}

static const char *
spell_out (const char *word)
{
  if (g_str_equal (word, "-h"))
    return "--help";
  if (g_str_equal (word, "-q"))
    return "--quiet";
  return word;
}

/* argv[0] is an option; ret_used: how many words belong to it. */
static gboolean
read_option (CtlArguments *arguments,
             const CtlOption *first,
             const CtlOption *second,
             const char *const *argv,
             guint *ret_used,
             GError **error)
{
  const char *text = spell_out (argv[0]);
  const char *equals = strchr (text, '=');
  g_autofree char *name = NULL;
  g_autofree char *safe = ivd_text_safe (argv[0]);
  g_autofree Given *given = g_new0 (Given, 1);
  const CtlOption *option = NULL;

  if (g_str_has_prefix (text, "--"))
    {
      name = equals != NULL ? g_strndup (text + 2, (gsize) (equals - text - 2)) : g_strdup (text + 2);
      option = ctl_option_find (first, name);
      if (option == NULL)
        option = ctl_option_find (second, name);
    }
  if (option == NULL)
    return usage (error, "unknown option '%s'", safe);

  given->option = option;
  *ret_used = 1;
  if (option->kind == CTL_VALUE_NONE && equals != NULL)
    return usage (error, "--%s takes no value", option->name);
  if (option->kind == CTL_VALUE_COMMAND)
    {
      if (equals != NULL || argv[1] == NULL)
        return usage (error, "--%s needs a command after it", option->name);
      given->command = argv + 1;
      *ret_used = g_strv_length ((char **) argv);
    }
  else if (option->kind != CTL_VALUE_NONE)
    {
      given->text = equals != NULL ? equals + 1 : argv[1];
      *ret_used = equals != NULL ? 1 : 2;
      if (given->text == NULL)
        return usage (error, "--%s needs %s after it", option->name, option->metavar);
      if (g_hash_table_contains (arguments->given, option->name))
        return usage (error, "--%s is given twice", option->name);
      if (!read_value (given, error))
        return FALSE;
    }
  g_hash_table_replace (arguments->given, (gpointer) option->name, g_steal_pointer (&given));
  return TRUE;
}

gboolean
ctl_arguments_read (CtlArguments *arguments,
                    const CtlOption *first,
                    const CtlOption *second,
                    gboolean stop_at_word,
                    const char *const *argv,
                    const char *const **ret_rest,
                    GError **error)
{
  gboolean words_only = FALSE;

  while (*argv != NULL)
    {
      guint used = 1;
      /* "-" alone is a word: standard input. */
      gboolean is_option = !words_only && (*argv)[0] == '-' && (*argv)[1] != '\0';

      if (is_option && g_str_equal (*argv, "--"))
        words_only = TRUE;
      else if (is_option)
        {
          if (!read_option (arguments, first, second, argv, &used, error))
            return FALSE;
        }
      else if (stop_at_word)
        break;
      else
        g_ptr_array_add (arguments->words, (gpointer) *argv);
      argv += used;
    }
  *ret_rest = argv;
  return TRUE;
}

gboolean
ctl_arguments_check (CtlArguments *arguments,
                     const CtlOption *options,
                     const CtlParameter *parameters,
                     GError **error)
{
  const CtlParameter *parameter = parameters;

  for (guint i = 0; i < arguments->words->len; i++)
    {
      const char *word = g_ptr_array_index (arguments->words, i);

      if (parameter == NULL || parameter->name == NULL)
        {
          g_autofree char *safe = ivd_text_safe (word);

          return usage (error, "'%s' is one word too many", safe);
        }
      if (parameter->kind == CTL_PARAMETER_CHOICE
          && !check_choice (parameter->choices, parameter->name, word, error))
        return FALSE;
      /* What goes to the daemon as text must be text. */
      if (parameter->kind != CTL_PARAMETER_FILE && !g_utf8_validate (word, -1, NULL))
        return usage (error, "%s: this is not UTF-8", parameter->name);
      if (!parameter->repeated)
        parameter++;
    }
  if (parameter != NULL && parameter->name != NULL && !parameter->optional)
    {
      gboolean have_one
          = parameter->repeated && arguments->words->len >= (guint) (parameter - parameters) + 1;

      if (!have_one)
        return usage (error, "%s is missing", parameter->name);
    }

  for (const CtlOption *option = options; option != NULL && option->name != NULL; option++)
    {
      if (option->required && !ctl_arguments_has (arguments, option->name))
        return usage (error, "--%s %s is missing", option->name, option->metavar);
    }
  return TRUE;
}

guint
ctl_arguments_n_words (CtlArguments *arguments)
{
  return arguments->words->len;
}

const char *
ctl_arguments_word (CtlArguments *arguments, guint index)
{
  return index < arguments->words->len ? g_ptr_array_index (arguments->words, index) : NULL;
}

gboolean
ctl_arguments_has (CtlArguments *arguments, const char *option)
{
  return g_hash_table_contains (arguments->given, option);
}

const char *
ctl_arguments_text (CtlArguments *arguments, const char *option, const char *fallback)
{
  const Given *given = g_hash_table_lookup (arguments->given, option);

  return given != NULL ? given->text : fallback;
}

guint64
ctl_arguments_number (CtlArguments *arguments, const char *option, guint64 fallback)
{
  const Given *given = g_hash_table_lookup (arguments->given, option);

  return given != NULL ? given->number : fallback;
}

const char *const *
ctl_arguments_command (CtlArguments *arguments, const char *option)
{
  const Given *given = g_hash_table_lookup (arguments->given, option);

  return given != NULL ? given->command : NULL;
}
