/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvbWeb: a web server and what it can do: wrk asks it for one address as
 * often as it can. Every failure ends the program with what went wrong.
 */

typedef struct _IvbWeb IvbWeb;

/* nginx with one worker that serves the files of directory by sendfile. */
IvbWeb *ivb_web_new_nginx (const char *directory);
/* ivb-soup, from IVB_SOUP. */
IvbWeb *ivb_web_new_soup (const char *file);
/* Somebody else's process. */
IvbWeb *ivb_web_new_for_process (gint64 pid, guint16 port);
void ivb_web_free (IvbWeb *web);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvbWeb, ivb_web_free)

/* A port that nobody listens on now. */
guint16 ivb_free_port (void);

/* For a second, each request with this header. rate: answers a second; cost: microseconds of the server's
 * processor time for each. */
void ivb_web_measure (IvbWeb *web, const char *path, const char *header, guint connections, gdouble *ret_rate, gdouble *ret_cost);
