/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-completion.h"

#include <string.h>

#include "ctl-verbs.h"

typedef struct
{
  const CtlVerb *verb;
  gboolean lost;       /* there is a word that makes no sense */
  gboolean words_only; /* behind "--" */
  guint n_words;       /* behind the verb */
  const char *first;   /* the first of them */
} Scan;

static const CtlOption *
find_option (const CtlVerb *verb, const char *word)
{
  g_autofree char *name = g_strndup (word + 2, strcspn (word + 2, "="));
  const CtlOption *option = verb != NULL ? ctl_option_find (verb->options, name) : NULL;

  return option != NULL ? option : ctl_option_find (ctl_global_options, name);
}

static gboolean
is_option (const Scan *scan, const char *word)
{
  return !scan->words_only && word[0] == '-' && word[1] != '\0';
}

/* A word before the cursor that is no option. */
static void
take_word (Scan *scan, const char *word)
{
  if (scan->verb == NULL)
    {
      scan->verb = ctl_verb_find (word);
      scan->lost = scan->lost || scan->verb == NULL;
      return;
    }
  if (scan->n_words == 0)
    scan->first = word;
  scan->n_words++;
}

static CtlCompletion
complete_value (const CtlOption *option)
{
  CtlCompletion found = { 0 };

  if (option->kind == CTL_VALUE_CHOICE)
    {
      found.kind = CTL_COMPLETION_CHOICES;
      found.choices = option->choices;
    }
  else if (option->kind == CTL_VALUE_FILE)
    found.kind = CTL_COMPLETION_FILES;
  else if (option->kind == CTL_VALUE_COMMAND)
    found.kind = CTL_COMPLETION_COMMAND;
  return found;
}

static const CtlParameter *
parameter_at (const CtlVerb *verb, guint index)
{
  const CtlParameter *parameter = verb->parameters;

  for (; parameter != NULL && parameter->name != NULL; parameter++)
    {
      if (index == 0 || parameter->repeated)
        return parameter;
      index--;
    }
  return NULL;
}

static CtlCompletion
complete_parameter (const Scan *scan)
{
  static const CtlCompletionKind kinds[] = {
    [CTL_PARAMETER_TEXT] = CTL_COMPLETION_NOTHING,
    [CTL_PARAMETER_REGION] = CTL_COMPLETION_REGIONS,
    [CTL_PARAMETER_PLUGIN] = CTL_COMPLETION_PLUGINS,
    [CTL_PARAMETER_SETTING] = CTL_COMPLETION_SETTINGS,
    [CTL_PARAMETER_FILE] = CTL_COMPLETION_FILES,
    [CTL_PARAMETER_CHOICE] = CTL_COMPLETION_CHOICES,
  };
  const CtlParameter *parameter = parameter_at (scan->verb, scan->n_words);
  CtlCompletion found = { .verb = scan->verb, .plugin = scan->first };

  if (parameter == NULL)
    return found;
  found.kind = kinds[parameter->kind];
  found.choices = parameter->choices;
  return found;
}

static CtlCompletion
complete_word (const Scan *scan, const char *word)
{
  CtlCompletion found = { .verb = scan->verb };

  if (scan->lost)
    return found;
  if (is_option (scan, word))
    found.kind = CTL_COMPLETION_OPTIONS;
  else if (scan->verb == NULL)
    found.kind = CTL_COMPLETION_VERBS;
  else
    return complete_parameter (scan);
  return found;
}

/* Where the daemon is said to be. */
static void
keep_global (CtlArguments *arguments, const CtlOption *option, const char *const *words)
{
  const char *const argv[] = { words[0], option->kind != CTL_VALUE_NONE ? words[1] : NULL, NULL };
  const char *const *rest;

  if (ctl_option_find (ctl_global_options, option->name) == option && strchr (words[0], '=') == NULL)
    (void) !ctl_arguments_read (arguments, ctl_global_options, NULL, FALSE, argv, &rest, NULL);
}

CtlCompletion
ctl_completion_find (const char *const *words, CtlArguments *arguments)
{
  Scan scan = { 0 };

  if (*words == NULL)
    return (CtlCompletion){ 0 };
  for (; words[1] != NULL; words++)
    {
      const CtlOption *option;

      if (!is_option (&scan, *words))
        take_word (&scan, *words);
      else if (g_str_equal (*words, "--"))
        scan.words_only = TRUE;
      else if (g_str_has_prefix (*words, "--") && (option = find_option (scan.verb, *words)) != NULL)
        {
          if (option->kind == CTL_VALUE_COMMAND)
            return complete_value (option);
          keep_global (arguments, option, words);
          if (option->kind == CTL_VALUE_NONE || strchr (*words, '=') != NULL)
            continue;
          words++;
          if (words[1] == NULL)
            return complete_value (option);
        }
    }
  return complete_word (&scan, *words);
}
