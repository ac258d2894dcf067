/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * A command line, read by tables. The same tables make the help and answer
 * the shell's completion, so that the three cannot differ. Every value is
 * checked while it is read: a verb sees only what is well formed.
 */

typedef enum
{
  CTL_VALUE_NONE, /* a flag */
  CTL_VALUE_TEXT,
  CTL_VALUE_FILE,
  CTL_VALUE_SIZE,
  CTL_VALUE_NUMBER,
  CTL_VALUE_DURATION,
  CTL_VALUE_CHOICE,
  CTL_VALUE_COMMAND, /* this and everything after it */
} CtlValueKind;

typedef struct
{
  const char *name; /* without its dashes; NULL ends a table */
  CtlValueKind kind;
  const char *metavar;
  const char *help;
  const char *const *choices;
  guint64 maximum; /* of a number; 0: none */
  gboolean required;
} CtlOption;

typedef enum
{
  CTL_PARAMETER_TEXT,
  CTL_PARAMETER_REGION,
  CTL_PARAMETER_PLUGIN,
  CTL_PARAMETER_SETTING, /* key=value */
  CTL_PARAMETER_FILE,
  CTL_PARAMETER_CHOICE,
} CtlParameterKind;

typedef struct
{
  const char *name; /* as in the help; NULL ends a table */
  CtlParameterKind kind;
  gboolean optional;
  gboolean repeated; /* the last one only */
  const char *const *choices;
} CtlParameter;

typedef struct _CtlArguments CtlArguments;

CtlArguments *ctl_arguments_new (void);
void ctl_arguments_free (CtlArguments *arguments);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlArguments, ctl_arguments_free)

/* Reads argv, where the options of both tables may stand (either may be
 * NULL). stop_at_word: ends before the first word that is no option. ret_rest:
 * what was not read. argv must outlive arguments. */
gboolean ctl_arguments_read (CtlArguments *arguments,
                             const CtlOption *first,
                             const CtlOption *second,
                             gboolean stop_at_word,
                             const char *const *argv,
                             const char *const **ret_rest,
                             GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* That nothing is missing and nothing too much. */
gboolean ctl_arguments_check (CtlArguments *arguments,
                              const CtlOption *options,
                              const CtlParameter *parameters,
                              GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

guint ctl_arguments_n_words (CtlArguments *arguments);
/* NULL past the last. */
const char *ctl_arguments_word (CtlArguments *arguments, guint index);

gboolean ctl_arguments_has (CtlArguments *arguments, const char *option);
/* As given, or fallback. */
const char *ctl_arguments_text (CtlArguments *arguments, const char *option, const char *fallback);
/* Of a size, number or duration (in microseconds), or fallback. */
guint64 ctl_arguments_number (CtlArguments *arguments, const char *option, guint64 fallback);
/* What followed a CTL_VALUE_COMMAND, or NULL. */
const char *const *ctl_arguments_command (CtlArguments *arguments, const char *option);

const CtlOption *ctl_option_find (const CtlOption *options, const char *name);
