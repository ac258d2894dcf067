/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <sys/stat.h>

#include "ivt-plugin-host.h"

/*
 * The plugin "host-plain" under a test host, with a directory on tmpfs of its
 * own and one region at most. What is left open or lying about when a test
 * ends fails it.
 */

#define IVT_KIB ((gsize) 1024)
#define IVT_MIB (1024 * IVT_KIB)

typedef struct
{
  char *dir;  /* on tmpfs */
  char *path; /* of the file that most tests are about */
  guint fds_before;
  IvtPluginHost *host;
  IvtRegion *region;
  GError *error;
} IvtPlain;

void ivt_plain_set_up (IvtPlain *plain, gconstpointer data);
void ivt_plain_tear_down (IvtPlain *plain, gconstpointer data);

/* Regular, of that size, 0600. */
void ivt_plain_make_file (const char *path, gsize size);
struct stat ivt_plain_look_at (const char *path);
/* There is nothing in that directory. */
void ivt_plain_expect_empty (const char *path);

/* With options beside path; the second sets region or error. */
void ivt_plain_attach (IvtPlain *plain, const char *more);
void ivt_plain_attach_path (IvtPlain *plain, const char *path, const char *more);
/* Detaches what is there, and forgets the error. */
void ivt_plain_let_go (IvtPlain *plain);
void ivt_plain_expect_refusal (IvtPlain *plain, const char *path, const char *more, gint code, const char *part);

/* Conditions take the IvtPlain. */
void ivt_plain_wait_for (IvtPlain *plain, GSourceFunc condition);
gboolean ivt_plain_is_lost (gpointer data);
gboolean ivt_plain_is_ready_again (gpointer data);
/* No job, no timer, nothing to read. */
gboolean ivt_plain_is_at_rest (gpointer data);
void ivt_plain_expect_lost (IvtPlain *plain, const char *part);
