/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-complaints.h"

#include "base/ivd-limits.h"

struct _IvdComplaints
{
  GHashTable *messages; /* a set */
};

IvdComplaints *
ivd_complaints_new (void)
{
  IvdComplaints *self = g_new0 (IvdComplaints, 1);

  self->messages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
ivd_complaints_free (IvdComplaints *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->messages);
  g_free (self);
}

gboolean
ivd_complaints_note (IvdComplaints *self, const char *message)
{
  if (g_hash_table_size (self->messages) >= IVD_LIMIT_COMPLAINTS)
    return FALSE;
  return g_hash_table_add (self->messages, g_strdup (message));
}

void
ivd_complaints_forget (IvdComplaints *self)
{
  g_hash_table_remove_all (self->messages);
}
