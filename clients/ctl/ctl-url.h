/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Where an ivshmemd serves HTTP: http://HOST:PORT, https://HOST:PORT, either
 * with a path that goes before all others; or unix:/PATH, http+unix:/PATH. */
typedef struct
{
  char *base;        /* what the daemon's paths are put behind */
  char *socket_path; /* of a unix socket; NULL: TCP */
  char *text;        /* for people: as it was given */
} CtlUrl;

/* Errors: usage. */
CtlUrl *ctl_url_parse (const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ctl_url_free (CtlUrl *url);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlUrl, ctl_url_free)
