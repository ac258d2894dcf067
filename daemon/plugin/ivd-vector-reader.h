/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "platform/ivd-poller.h"

/*
 * IvdVectorReader: the eventfds of a region's own vectors, and who reads them.
 * A vector is read at most IVD_LIMIT_VECTOR_READS_PER_SECOND times a second
 * after a burst of IVD_LIMIT_VECTOR_BURST; meanwhile the count adds up in the
 * kernel, so nothing is lost. Main thread.
 */

typedef struct _IvdVectorReader IvdVectorReader;

/* Vector was rung count times. May change or free the reader. */
typedef void (*IvdVectorFunc) (guint vector, guint64 count, gpointer data);

IvdVectorReader *ivd_vector_reader_new (GMainContext *context, IvdPoller *poller, IvdVectorFunc func,
                                        gpointer data);
void ivd_vector_reader_free (IvdVectorReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdVectorReader, ivd_vector_reader_free)

/* Begins to read a vector that has no handle yet. fd is copied; it must be an
 * eventfd. Errors: invalid-argument, limit, io. */
gboolean ivd_vector_reader_add (IvdVectorReader *reader, guint vector, int fd,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ivd_vector_reader_has (IvdVectorReader *reader, guint vector);
/* Forgets vectors n and above; 0: all. */
void ivd_vector_reader_truncate (IvdVectorReader *reader, guint n);

/* While paused the vector is left to somebody else. Unknown ones are ignored. */
void ivd_vector_reader_pause (IvdVectorReader *reader, guint vector, gboolean paused);
/* A copy of the vector's eventfd, the caller's; -1 and not-supported, limit or io. */
int ivd_vector_reader_dup (IvdVectorReader *reader, guint vector, GError **error) G_GNUC_WARN_UNUSED_RESULT;
