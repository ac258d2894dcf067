/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-arguments.h"
#include "ctl-command.h"

/*
 * What could stand at the cursor of a command line. Pure: from the tables that
 * also read the line and make the help, so that it knows no verb and no option
 * that is not there.
 */

typedef enum
{
  CTL_COMPLETION_NOTHING,
  CTL_COMPLETION_VERBS,
  CTL_COMPLETION_OPTIONS, /* of verb, if there is one, and the global ones */
  CTL_COMPLETION_CHOICES,
  CTL_COMPLETION_FILES,
  CTL_COMPLETION_COMMAND,
  CTL_COMPLETION_REGIONS,
  CTL_COMPLETION_PLUGINS,
  CTL_COMPLETION_SETTINGS, /* of plugin */
} CtlCompletionKind;

typedef struct
{
  CtlCompletionKind kind;
  const CtlVerb *verb;
  const char *const *choices;
  const char *plugin;
} CtlCompletion;

/* words: the line behind the program's name; the last one is the one at the
 * cursor, perhaps empty. arguments gets the global options before it, so that
 * the right daemon is asked. What is returned borrows from words. */
CtlCompletion ctl_completion_find (const char *const *words, CtlArguments *arguments);
