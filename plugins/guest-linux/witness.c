/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-linux/error.h"

/* Any file that every device has, and that anybody may read. */
#define WITNESS "vendor"
#define DEVICES "bus/pci/devices"

int
pci_witness_open (const char *sysfs, const char *address, GError **error)
{
  g_autofree char *path = g_build_filename (sysfs, DEVICES, address, WITNESS, NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    pci_error_set_errno (error, errno, "device %s cannot be watched, since %s cannot be opened", address, path);
  return fd;
}

gboolean
pci_witness_is_gone (int witness)
{
  struct stat st;
  char byte;

  /* The second is for file systems that stand in for sysfs. */
  return (pread (witness, &byte, 1, 0) < 0 && errno != EINTR) || (fstat (witness, &st) == 0 && st.st_nlink == 0);
}
