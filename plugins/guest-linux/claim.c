/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/claim.h"

#include <fcntl.h>
#include <sys/file.h>

#include "guest-linux/error.h"

#define CLAIMED_FILE "resource0"
/* Whoever had the device before may be about to give it back. */
#define BUSY_TRIES 10
#define BUSY_PAUSE_USEC (50 * G_TIME_SPAN_MILLISECOND)

static gboolean
lock (int fd, gboolean alone)
{
  for (guint i = 0; i < BUSY_TRIES; i++)
    {
      if (i > 0)
        g_usleep (BUSY_PAUSE_USEC);
      if (flock (fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
        return TRUE;
    }
  return FALSE;
}

gboolean
pci_claim_take (const char *sysfs, const char *address, gboolean alone, int *ret_claim, GError **error)
{
  g_autofree char *path = pci_device_path (sysfs, address, CLAIMED_FILE);
  pci_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd >= 0 && !lock (fd, alone))
    {
      g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_BUSY,
                   "another region, here or of another daemon, has the device %s: detach that one, also when it is "
                   "lost",
                   address);
      return FALSE;
    }
  *ret_claim = pci_steal_fd (&fd);
  return TRUE;
}
