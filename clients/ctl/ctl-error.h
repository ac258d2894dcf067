/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What can go wrong in ivshmemctl, and what the shell sees of it. Errors of
 * the daemon keep their code (the domain IVD_ERROR); those that only a client
 * can have are in CTL_ERROR.
 */

#define CTL_ERROR (ctl_error_quark ())

typedef enum
{
  CTL_ERROR_USAGE,
  CTL_ERROR_NO_DAEMON,
} CtlErrorCode;

typedef enum
{
  CTL_EXIT_DONE = 0,
  CTL_EXIT_FAILED = 1,
  CTL_EXIT_USAGE = 2,
  CTL_EXIT_NO_DAEMON = 3,
  CTL_EXIT_DENIED = 4,
} CtlExit;

GQuark ctl_error_quark (void);

CtlExit ctl_error_exit (const GError *error);

/* "out-of-range", "usage", "no-daemon", ... */
const char *ctl_error_name (const GError *error);

/* The error that a D-Bus error of this name stands for. */
GError *ctl_error_new_for_dbus (const char *name, const char *message);

/* What a person can do about it, or NULL when the message says it all. */
const char *ctl_error_hint (const GError *error);

/* A line for people, or {"error":{"code","detail"}}. Ends in a newline. (transfer full) */
char *ctl_error_format (const GError *error, gboolean json);

/* An error of a local file or descriptor: "cannot WHAT 'PATH': reason". path
 * may be NULL. */
void ctl_error_set_errno (GError **error, int saved_errno, const char *what, const char *path);
