/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-arguments.h"
#include "ctl-error.h"
#include "ctl-transport.h"

/*
 * One command while it runs: what was asked for, the way to the daemon, and
 * where its answer goes. A verb returns FALSE with an error, or TRUE; then
 * exit says how it went when that is not "done" (a wait that was not met is no
 * error, but no success).
 */

typedef struct _CtlCommand CtlCommand;

typedef struct
{
  const char *name;
  const char *summary;            /* one line */
  const CtlParameter *parameters; /* NULL: none */
  const CtlOption *options;       /* NULL: none but the global ones */
  const char *text;               /* what it does, some lines; each ends in a newline */
  const char *example;            /* lines, each ends in a newline */
  gboolean hidden;                /* for the shell's completion, not for people */
  gboolean (*run) (CtlCommand *command, GError **error);
} CtlVerb;

struct _CtlCommand
{
  const CtlVerb *verb;
  CtlArguments *arguments;
  gboolean json, quiet;
  CtlTransport *transport; /* NULL until it is needed */
  CtlExit exit;
};

/* The options that every verb has. */
extern const CtlOption ctl_global_options[];

/* The daemon, found by the global options. Borrowed. Errors: no-daemon. */
CtlTransport *ctl_command_connect (CtlCommand *command, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Calls a method of a region (NULL: the manager). parameters may be floating;
 * answer NULL: the method has none. */
GVariant *ctl_command_call (CtlCommand *command,
                            const char *region,
                            const char *method,
                            GVariant *parameters,
                            const char *answer,
                            GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same for one that may take any time. */
GVariant *ctl_command_call_patiently (CtlCommand *command,
                                      const char *region,
                                      const char *method,
                                      GVariant *parameters,
                                      const char *answer,
                                      GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The properties of a region, a{sv}. */
GVariant *ctl_command_region (CtlCommand *command,
                              const char *region,
                              GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A word of the command line: that of the verb's parameter at this place. */
const char *ctl_command_word (CtlCommand *command, guint index);

/* A remark for people, on standard error; nothing with --quiet or --json. */
void ctl_command_note (CtlCommand *command, const char *format, ...) G_GNUC_PRINTF (2, 3);
