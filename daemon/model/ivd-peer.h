/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Who a participant is, as far as the kernel told; -1 and NULL: not known. */
typedef struct
{
  gint64 pid, uid, gid;
  const char *executable;
} IvdCredentials;

#define IVD_CREDENTIALS_UNKNOWN ((IvdCredentials){ -1, -1, -1, NULL })

/* A participant of a region with interrupts. Immutable; owned by its region. */
typedef struct
{
  guint id;
  guint vectors;
  IvdCredentials credentials;
} IvdPeer;
