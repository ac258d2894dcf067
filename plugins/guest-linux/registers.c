/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/registers.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-linux/device.h"
#include "guest-linux/error.h"

struct _PciRegisters
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  void *page; /* NULL: through the descriptor */
  gsize page_bytes;
  volatile guint32 *words; /* in the page */
  int fd;
  guint64 offset;
};

/* One access, for guarded(). */
typedef struct
{
  volatile guint32 *word;
  guint32 value; /* as the device has it: little-endian */
} Access;

PciRegisters *
pci_registers_map (const IvshmemPluginHost *host, IvshmemPluginRegion *region, int fd, guint64 offset,
                   guint in_page, GError **error)
{
  gsize page_bytes = (gsize) sysconf (_SC_PAGESIZE);
  PciRegisters *self;
  void *page;

  if (in_page % sizeof (guint32) != 0 || in_page + PCI_REGISTERS_BYTES > page_bytes)
    {
      g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_IO,
                   "the registers begin at byte %u of a page, where no device can put them", in_page);
      return NULL;
    }
  page = mmap (NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t) offset);
  if (page == MAP_FAILED)
    {
      pci_error_set_errno (error, errno, "the registers (BAR0) cannot be mapped");
      return NULL;
    }
  self = pci_registers_new (host, region, fd, offset);
  self->page = page;
  self->page_bytes = page_bytes;
  self->words = (volatile guint32 *) ((char *) page + in_page);
  return self;
}

PciRegisters *
pci_registers_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, int fd, guint64 offset)
{
  PciRegisters *self = g_new0 (PciRegisters, 1);

  self->host = host;
  self->region = region;
  self->fd = fd;
  self->offset = offset;
  return self;
}

void
pci_registers_free (PciRegisters *self)
{
  if (self == NULL)
    return;
  if (self->page != NULL)
    munmap (self->page, self->page_bytes);
  g_free (self);
}

static void
load (void *data)
{
  Access *access = data;

  access->value = *access->word;
}

static void
store (void *data)
{
  Access *access = data;

  *access->word = access->value;
}

static gboolean
guarded (PciRegisters *self, IvshmemPluginFunc func, Access *access)
{
  return self->host->guarded (self->region, access->word, sizeof *access->word, func, access) >= 0;
}

gboolean
pci_registers_get_own_id (PciRegisters *self, guint32 *ret_id)
{
  Access access = { 0 };

  if (self->page != NULL)
    {
      access.word = self->words + PCI_OWN_ID / sizeof (guint32);
      if (!guarded (self, load, &access))
        return FALSE;
    }
  else if (pread (self->fd, &access.value, sizeof access.value, (off_t) self->offset + PCI_OWN_ID)
           != (ssize_t) sizeof access.value)
    return FALSE;
  *ret_id = GUINT32_FROM_LE (access.value);
  return TRUE;
}

gboolean
pci_registers_ring (PciRegisters *self, guint peer, guint vector)
{
  Access access = { .value = GUINT32_TO_LE (pci_doorbell_value (peer, vector)) };

  /* What was written to the region is to be there before the ring is heard:
   * write-combining buffers are emptied by a full fence. */
  __sync_synchronize ();
  if (self->page == NULL)
    return pwrite (self->fd, &access.value, sizeof access.value, (off_t) self->offset + PCI_DOORBELL)
           == (ssize_t) sizeof access.value;
  access.word = self->words + PCI_DOORBELL / sizeof (guint32);
  return guarded (self, store, &access);
}
