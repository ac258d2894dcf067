/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/farewell.h"

#include <sys/socket.h>

#include "doorbell-server/error.h"
#include "doorbell-server/wire.h"

#define GUESTS_MAX 64

typedef struct
{
  DbsFarewell *farewell;
  GList link;
  int fd;
  guint64 watch;
} Guest;

void
dbs_farewell_init (DbsFarewell *farewell, const IvshmemPluginHost *host, IvshmemPluginRegion *region)
{
  farewell->host = host;
  farewell->region = region;
  g_queue_init (&farewell->guests);
}

static void
hang_up (Guest *guest)
{
  DbsFarewell *farewell = guest->farewell;

  g_queue_unlink (&farewell->guests, &guest->link);
  farewell->host->unwatch (farewell->region, guest->watch);
  dbs_close (&guest->fd);
  g_free (guest);
}

static void
on_guest_gone (void *data, uint32_t conditions)
{
  hang_up (data);
}

void
dbs_farewell_refuse (DbsFarewell *farewell, int take_fd)
{
  dbs_autofd int fd = take_fd;
  Guest *guest;
  guint64 watch;

  dbs_wire_refuse (fd);
  shutdown (fd, SHUT_WR);

  guest = g_new0 (Guest, 1);
  if (farewell->host->watch (farewell->region, fd, IVSHMEM_PLUGIN_READABLE, on_guest_gone, guest, &watch) < 0)
    {
      g_free (guest);
      return;
    }
  guest->farewell = farewell;
  guest->link.data = guest;
  guest->fd = dbs_steal_fd (&fd);
  guest->watch = watch;
  g_queue_push_tail_link (&farewell->guests, &guest->link);
  if (farewell->guests.length > GUESTS_MAX)
    hang_up (farewell->guests.head->data);
}

void
dbs_farewell_clear (DbsFarewell *farewell)
{
  while (farewell->guests.head != NULL)
    hang_up (farewell->guests.head->data);
}
