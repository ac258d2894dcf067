/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-listen-fds.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

/* One that was taken. */
#define NO_FD (-1)

typedef struct
{
  char *name;
  int fd;
} Passed;

struct _IvdListenFds
{
  GArray *passed; /* of Passed */
};

static void
passed_clear (gpointer data)
{
  Passed *passed = data;

  if (passed->fd != NO_FD)
    close (passed->fd);
  g_free (passed->name);
}

IvdListenFds *
ivd_listen_fds_new (void)
{
  IvdListenFds *self = g_new0 (IvdListenFds, 1);
  char **names = NULL;
  int n = sd_listen_fds_with_names (1, &names);

  self->passed = g_array_new (FALSE, FALSE, sizeof (Passed));
  g_array_set_clear_func (self->passed, passed_clear);
  for (int i = 0; i < n; i++)
    {
      Passed passed = { .name = g_strdup (names[i]), .fd = SD_LISTEN_FDS_START + i };

      g_array_append_val (self->passed, passed);
      free (names[i]);
    }
  free (names);
  return self;
}

void
ivd_listen_fds_free (IvdListenFds *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->passed);
  g_free (self);
}

int
ivd_listen_fds_take (IvdListenFds *self, const char *name)
{
  for (guint i = 0; i < self->passed->len; i++)
    {
      Passed *passed = &g_array_index (self->passed, Passed, i);
      int fd = passed->fd;

      if (fd == NO_FD || strcmp (passed->name, name) != 0)
        continue;
      passed->fd = NO_FD;
      return fd;
    }
  return -1;
}

const char *
ivd_listen_fds_peek_left (const IvdListenFds *self)
{
  for (guint i = 0; i < self->passed->len; i++)
    {
      const Passed *passed = &g_array_index (self->passed, Passed, i);

      if (passed->fd != NO_FD)
        return passed->name;
    }
  return NULL;
}
