/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Built in place of ivd-listen-fds.c where there is no libsystemd. */
#include "config.h"

#include "platform/ivd-listen-fds.h"

struct _IvdListenFds
{
  char unused;
};

IvdListenFds *
ivd_listen_fds_new (void)
{
  return g_new0 (IvdListenFds, 1);
}

void
ivd_listen_fds_free (IvdListenFds *self)
{
  g_free (self);
}

int
ivd_listen_fds_take (IvdListenFds *self, const char *name)
{
  return -1;
}

const char *
ivd_listen_fds_peek_left (const IvdListenFds *self)
{
  return NULL;
}
