/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/opening.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-linux/binding.h"
#include "guest-linux/claim.h"
#include "guest-linux/error.h"
#include "guest-linux/match.h"
#include "guest-linux/way.h"
#include "ivshmem/wire.h"

/* One opening under way. */
typedef struct
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  PciMemory memory;
  PciWay ways[PCI_N_WAYS];
  PciOpening *result;
} Attempt;

gboolean
pci_access_parse (const char *text, PciAccess *ret_access)
{
  static const char *const names[] = { "auto", "vfio", "sysfs" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (text, names[i]))
      {
        *ret_access = (PciAccess) i;
        return TRUE;
      }
  return FALSE;
}

gboolean
pci_memory_parse (const char *text, PciMemory *ret_memory)
{
  static const char *const names[] = { "auto", "wc", "uc" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (text, names[i]))
      {
        *ret_memory = (PciMemory) i;
        return TRUE;
      }
  return FALSE;
}

/* --- memory through sysfs --- */

/* Opened, and seen to be mappable: a lockdown, or somebody who has it by vfio,
 * shows only there. */
static int
open_resource (const PciDevice *device, const char *name, GError **error)
{
  g_autofree char *path = pci_device_path (PCI_SYSFS, device->address, name);
  pci_autofd int fd = open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  const gsize page = (gsize) sysconf (_SC_PAGESIZE);
  void *trial;

  if (fd < 0)
    {
      pci_error_set_errno (error, errno, "cannot open %s%s", path,
                           errno == EROFS
                               ? " (the unit makes /sys read-only; the drop-in guest-sysfs.conf opens it)"
                           : errno == EACCES
                               ? " (the udev rule 60-ivshmemd.rules gives it to the daemon's group)"
                               : "");
      return -1;
    }
  trial = mmap (NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (trial == MAP_FAILED)
    {
      pci_error_set_errno (error, errno, "cannot map %s%s", path,
                           errno == EPERM ? " (the kernel is locked down: only vfio may)"
                           : errno == EINVAL
                               ? " (another program has mapped it in another way, by vfio for instance)"
                               : "");
      return -1;
    }
  munmap (trial, page);
  return pci_steal_fd (&fd);
}

/* Where there is a choice: uncached reads are as slow, and its writes are much
 * slower. FALSE: it was asked for by name and cannot be had; else memory_fd says
 * whether it was. */
static gboolean
open_write_combined (Attempt *attempt, GError **error)
{
  PciOpening *result = attempt->result;
  g_autoptr (GError) reason = NULL;

  if (attempt->memory == PCI_MEMORY_UC)
    return TRUE;
  result->memory_fd = open_resource (result->device, "resource2_wc", &reason);
  result->write_combined = result->memory_fd >= 0;
  if (result->write_combined || attempt->memory == PCI_MEMORY_AUTO)
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&reason), "memory=wc: ");
  return FALSE;
}

static gboolean
open_sysfs_memory (Attempt *attempt, GError **error)
{
  PciOpening *result = attempt->result;

  if (!open_write_combined (attempt, error))
    return FALSE;
  if (result->memory_fd < 0)
    result->memory_fd = open_resource (result->device, "resource2", error);
  return result->memory_fd >= 0;
}

/* Accesses are decoded only when somebody has said so; firmware has, mostly. */
static gboolean
enable_by_sysfs (const PciDevice *device, GError **error)
{
  g_autofree char *path = pci_device_path (PCI_SYSFS, device->address, "enable");
  pci_autofd int fd = -1;

  if (device->enabled)
    return TRUE;
  fd = open (path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0 && write (fd, "1", 1) == 1)
    return TRUE;
  pci_error_set_errno (error, errno,
                       "%s does not answer, since it is not enabled: write 1 to %s as root (the udev rule "
                       "60-ivshmemd.rules does)",
                       device->address, path);
  return FALSE;
}

/* --- registers --- */

/* Its server gives 0..65535; anything else is no id. */
static gboolean
take_own_id (Attempt *attempt, GError **error)
{
  PciOpening *result = attempt->result;
  guint32 id;

  if (!pci_registers_get_own_id (result->registers, &id))
    {
      g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_REGION_LOST, "%s went away while it was being opened",
                   result->device->address);
      return FALSE;
    }
  result->own_id = id <= IVSHMEM_WIRE_ID_MAX ? (gint) id : -1;
  return TRUE;
}

static gboolean
open_sysfs_registers (Attempt *attempt, GError **error)
{
  PciOpening *result = attempt->result;
  const guint page = (guint) sysconf (_SC_PAGESIZE);

  if (!pci_device_is_doorbell (result->device))
    return TRUE;
  result->registers_fd = open_resource (result->device, "resource0", error);
  if (result->registers_fd < 0)
    return FALSE;
  result->registers = pci_registers_map (attempt->host, attempt->region, result->registers_fd, 0,
                                         (guint) (result->device->bar_address[PCI_BAR_REGISTERS] % page), error);
  return result->registers != NULL && take_own_id (attempt, error);
}

static gboolean
open_vfio_registers (Attempt *attempt, GError **error)
{
  PciOpening *result = attempt->result;
  const int fd = vfio_device_get_fd (result->vfio);
  const guint64 offset = vfio_device_get_bar_offset (result->vfio, PCI_BAR_REGISTERS);

  if (vfio_device_get_vectors (result->vfio) == 0)
    return TRUE;
  result->registers = vfio_device_can_map_bar (result->vfio, PCI_BAR_REGISTERS)
                          ? pci_registers_map (attempt->host, attempt->region, fd, offset, 0, error)
                          : pci_registers_new (attempt->host, attempt->region, fd, offset);
  return result->registers != NULL && take_own_id (attempt, error);
}

/* --- the ways --- */

static gboolean
check_memory_bar (const PciOpening *result, GError **error)
{
  const guint64 bytes = vfio_device_get_bar_bytes (result->vfio, PCI_BAR_MEMORY);

  if (bytes == result->device->bar_bytes[PCI_BAR_MEMORY]
      && vfio_device_can_map_bar (result->vfio, PCI_BAR_MEMORY))
    return TRUE;
  g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED,
               "vfio lets nobody map the memory of %s (%" G_GUINT64_FORMAT " bytes): use access=sysfs",
               result->device->address, bytes);
  return FALSE;
}

static gboolean
enable_vectors (Attempt *attempt, GError **error)
{
  PciOpening *result = attempt->result;
  const guint wanted = vfio_device_get_vectors (result->vfio);

  if (wanted == 0)
    return TRUE;
  if (!vfio_device_enable_vectors (result->vfio, &result->n_vectors, error))
    return FALSE;
  if (result->n_vectors < wanted)
    result->limitation
        = g_strdup_printf ("only the vectors 0 to %u of %u can be received: the kernel has no room for more "
                           "interrupts; a guest with more processors has",
                           result->n_vectors - 1, wanted);
  return TRUE;
}

static gboolean
open_by_vfio (Attempt *attempt, GError **error)
{
  PciOpening *result = attempt->result;

  if (!pci_binding_take (PCI_SYSFS, result->device, &result->binding, error))
    return FALSE;
  /* From sysfs where that gives write-combining: mapped before vfio could touch
   * the BAR, which it never does then (facts, B9). */
  if (!open_write_combined (attempt, error))
    return FALSE;
  result->vfio = vfio_device_open (PCI_DEV, result->device, error);
  return result->vfio != NULL && (result->memory_fd >= 0 || check_memory_bar (result, error))
         && enable_vectors (attempt, error) && open_vfio_registers (attempt, error);
}

static gboolean
open_by_sysfs (Attempt *attempt, GError **error)
{
  return enable_by_sysfs (attempt->result->device, error) && open_sysfs_memory (attempt, error)
         && open_sysfs_registers (attempt, error);
}

/* --- choosing --- */

/* What was read of the device before it was ours may have changed since. */
static gboolean
claim (Attempt *attempt, gboolean alone, GError **error)
{
  PciOpening *result = attempt->result;
  PciDevice *now;

  if (!pci_claim_take (PCI_SYSFS, result->device->address, alone, &result->claim, error))
    return FALSE;
  now = pci_device_read (PCI_SYSFS, result->device->address, error);
  if (now == NULL)
    return FALSE;
  pci_device_free (result->device);
  result->device = now;
  return TRUE;
}

/* What one way has begun is undone before the next is tried. */
static void
undo (Attempt *attempt)
{
  PciOpening *result = attempt->result;
  g_autoptr (GError) error = NULL;

  if (!pci_opening_close (result, &error))
    attempt->host->log (attempt->region, IVSHMEM_PLUGIN_LOG_WARNING, error->message);
  g_clear_pointer (&result->limitation, g_free);
  result->n_vectors = 0;
  result->own_id = -1;
  result->write_combined = FALSE;
}

static void
set_closed (GError **error, const char *name, const PciWay *way)
{
  g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED, "access=%s is not possible: %s%s%s", name,
               way->reason, way->remedy != NULL ? "; " : "", way->remedy != NULL ? way->remedy : "");
}

/* A driver that somebody has given it is taken away only when vfio is asked for
 * by name. */
static gboolean
may_take_over (Attempt *attempt, PciAccess access)
{
  const PciDevice *device = attempt->result->device;

  return access == PCI_ACCESS_VFIO && device->driver != NULL && device->iommu_group >= 0
         && !device->group_is_pretended && pci_way_find_blocker (device) == NULL
         && pci_way_may_bind (device, PCI_SYSFS);
}

static gboolean
try_vfio (Attempt *attempt, PciAccess access, GError **error)
{
  if (!attempt->ways[PCI_WAY_VFIO].open && !may_take_over (attempt, access))
    {
      set_closed (error, "vfio", &attempt->ways[PCI_WAY_VFIO]);
      return FALSE;
    }
  if (claim (attempt, TRUE, error) && open_by_vfio (attempt, error))
    return TRUE;
  undo (attempt);
  return FALSE;
}

static gboolean
try_sysfs (Attempt *attempt, GError **error)
{
  if (!attempt->ways[PCI_WAY_SYSFS].open)
    {
      set_closed (error, "sysfs", &attempt->ways[PCI_WAY_SYSFS]);
      return FALSE;
    }
  if (claim (attempt, FALSE, error) && open_by_sysfs (attempt, error))
    return TRUE;
  undo (attempt);
  return FALSE;
}

/* Without interrupts a doorbell device is half of itself: why is worth a
 * sentence. */
static void
explain_missing_interrupts (Attempt *attempt, PciAccess access, const GError *vfio_error)
{
  PciOpening *result = attempt->result;

  if (!pci_device_is_doorbell (result->device))
    return;
  if (access == PCI_ACCESS_SYSFS)
    result->limitation = g_strdup ("interrupts cannot be received by access=sysfs: access=vfio can");
  else
    result->limitation
        = g_strdup_printf ("interrupts cannot be received: %s", vfio_error->message);
}

static gboolean
try_all (Attempt *attempt, GError **error)
{
  /* A device without interrupts gains nothing from vfio but trouble. */
  const gboolean vfio_first = pci_device_is_doorbell (attempt->result->device);
  g_autoptr (GError) by_vfio = NULL;
  g_autoptr (GError) by_sysfs = NULL;

  if (vfio_first && try_vfio (attempt, PCI_ACCESS_AUTO, &by_vfio))
    return TRUE;
  if (try_sysfs (attempt, &by_sysfs))
    {
      explain_missing_interrupts (attempt, PCI_ACCESS_AUTO, by_vfio);
      return TRUE;
    }
  if (!vfio_first && try_vfio (attempt, PCI_ACCESS_AUTO, &by_vfio))
    return TRUE;
  /* Of another region that has it both say the same. */
  if (g_str_equal (by_vfio->message, by_sysfs->message))
    {
      g_propagate_error (error, g_steal_pointer (&by_vfio));
      return FALSE;
    }
  g_set_error (error, PCI_ERROR, pci_error_status (by_vfio), "%s: neither way is open. %s. %s",
               attempt->result->device->address, by_vfio->message, by_sysfs->message);
  return FALSE;
}

static gboolean
open_by (Attempt *attempt, PciAccess access, GError **error)
{
  switch (access)
    {
    case PCI_ACCESS_VFIO:
      return try_vfio (attempt, access, error);
    case PCI_ACCESS_SYSFS:
      if (!try_sysfs (attempt, error))
        return FALSE;
      explain_missing_interrupts (attempt, access, NULL);
      return TRUE;
    case PCI_ACCESS_AUTO:
    default:
      return try_all (attempt, error);
    }
}

/* Its BARs: what is wrong with them closes every way, with the same remedy. */
static gboolean
check_device (Attempt *attempt, GError **error)
{
  g_autofree char *wrong = pci_device_explain_bars (attempt->result->device);
  const char *remedy = attempt->ways[PCI_WAY_SYSFS].remedy;

  if (wrong == NULL)
    return TRUE;
  g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED, "%s%s%s", wrong, remedy != NULL ? "; " : "",
               remedy != NULL ? remedy : "");
  return FALSE;
}

PciOpening *
pci_opening_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *match, PciAccess access,
                 PciMemory memory, GError **error)
{
  PciDevice *device = pci_match_find (PCI_SYSFS, match, error);
  g_autoptr (PciMachine) machine = NULL;
  Attempt attempt = { .host = host, .region = region, .memory = memory };
  gboolean good;

  if (device == NULL)
    return NULL;
  machine = pci_machine_read (PCI_SYSFS, PCI_DEV);
  attempt.result = g_new0 (PciOpening, 1);
  attempt.result->device = device;
  attempt.result->own_id = attempt.result->memory_fd = attempt.result->registers_fd = attempt.result->claim
      = -1;
  pci_ways_read (attempt.ways, machine, device, PCI_SYSFS, PCI_DEV);
  good = check_device (&attempt, error) && open_by (&attempt, access, error);
  pci_ways_clear (attempt.ways);
  if (good)
    return attempt.result;
  pci_opening_free (attempt.result);
  return NULL;
}

void
pci_opening_let_go (PciOpening *self)
{
  g_clear_pointer (&self->registers, pci_registers_free);
  g_clear_pointer (&self->vfio, vfio_device_free);
  pci_close (&self->registers_fd);
  pci_close (&self->memory_fd);
}

gboolean
pci_opening_close (PciOpening *self, GError **error)
{
  g_autoptr (PciBinding) binding = g_steal_pointer (&self->binding);
  gboolean good = TRUE;

  pci_opening_let_go (self);
  if (binding != NULL)
    good = pci_binding_restore (g_steal_pointer (&binding), error);
  pci_close (&self->claim);
  return good;
}

void
pci_opening_free (PciOpening *self)
{
  if (self == NULL)
    return;
  pci_opening_let_go (self);
  pci_close (&self->claim);
  pci_binding_free (self->binding);
  pci_device_free (self->device);
  g_free (self->limitation);
  g_free (self);
}
