/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which way is taken, and what is left of those that were tried: with files for
 * the BARs, and the steps of a script for the rest. Each step can fail.
 */
#include "config.h"

#include "guest-linux/opening.h"

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "guest-linux/binding.h"
#include "guest-linux/error.h"
#include "guest-linux/match.h"
#include "guest-linux/way.h"

#define ADDRESS "0000:00:05.0"
#define MIB (1024 * 1024)
#define VECTORS 8
#define ID_BY_VFIO 3
#define ID_BY_SYSFS 4

struct _VfioDevice
{
  guint given;
};

struct _PciBinding
{
  guint given;
};

struct _PciRegisters
{
  gboolean by_vfio;
};

typedef struct
{
  char *folder;
  guint vectors;     /* 0: ivshmem-plain */
  const char *fails; /* the step of vfio that does */
  gboolean no_sysfs;
  guint bound, restored, opened, freed, mapped, unmapped;
} Script;

static Script script;

static gboolean
step (const char *name, GError **error)
{
  if (g_strcmp0 (script.fails, name) != 0)
    return TRUE;
  g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_BUSY, "%s failed", name);
  return FALSE;
}

/* --- device.h, match.h, way.h --- */

const char *const pci_way_names[PCI_N_WAYS] = { "vfio", "sysfs", "vfio-noiommu", "iommufd" };

PciDevice *
pci_match_find (const char *sysfs, const char *text, GError **error)
{
  PciDevice *device = g_new0 (PciDevice, 1);

  device->address = g_strdup (ADDRESS);
  device->enabled = TRUE;
  device->vectors = (gint) script.vectors;
  device->bar_bytes[PCI_BAR_MEMORY] = MIB;
  return device;
}

PciDevice *
pci_device_read (const char *sysfs, const char *address, GError **error)
{
  return pci_match_find (sysfs, address, error);
}

void
pci_device_free (PciDevice *device)
{
  g_free (device->address);
  g_free (device);
}

gboolean
pci_device_is_doorbell (const PciDevice *device)
{
  return device->vectors > 0;
}

char *
pci_device_explain_bars (const PciDevice *device)
{
  return NULL;
}

char *
pci_device_path (const char *sysfs, const char *address, const char *name)
{
  return g_build_filename (script.folder, name, NULL);
}

PciMachine *
pci_machine_read (const char *sysfs, const char *dev)
{
  return g_new0 (PciMachine, 1);
}

void
pci_machine_free (PciMachine *machine)
{
  g_free (machine);
}

void
pci_ways_read (PciWay ways[PCI_N_WAYS], const PciMachine *machine, const PciDevice *device, const char *sysfs,
               const char *dev)
{
  memset (ways, 0, PCI_N_WAYS * sizeof *ways);
  ways[PCI_WAY_VFIO].open = TRUE;
  ways[PCI_WAY_SYSFS].open = !script.no_sysfs;
  ways[PCI_WAY_SYSFS].reason = script.no_sysfs ? g_strdup ("the kernel is locked down") : NULL;
}

void
pci_ways_clear (PciWay ways[PCI_N_WAYS])
{
  g_free (ways[PCI_WAY_SYSFS].reason);
}

gboolean
pci_way_may_bind (const PciDevice *device, const char *sysfs)
{
  return TRUE;
}

const PciGroupMember *
pci_way_find_blocker (const PciDevice *device)
{
  return NULL;
}

/* --- binding.h --- */

gboolean
pci_binding_take (const char *sysfs, const PciDevice *device, PciBinding **ret_binding, GError **error)
{
  if (!step ("binding", error))
    return FALSE;
  script.bound++;
  *ret_binding = g_new0 (PciBinding, 1);
  return TRUE;
}

gboolean
pci_binding_restore (PciBinding *take_binding, GError **error)
{
  /* The kernel would wait for what is still open. */
  g_assert_cmpuint (script.opened, ==, script.freed);
  g_assert_cmpuint (script.mapped, ==, script.unmapped);
  script.restored++;
  g_free (take_binding);
  return TRUE;
}

void
pci_binding_free (PciBinding *binding)
{
  g_free (binding);
}

/* --- vfio.h --- */

VfioDevice *
vfio_device_open (const char *dev, const PciDevice *device, GError **error)
{
  if (!step ("vfio", error))
    return NULL;
  script.opened++;
  return g_new0 (VfioDevice, 1);
}

void
vfio_device_free (VfioDevice *self)
{
  script.freed++;
  g_free (self);
}

int
vfio_device_get_fd (VfioDevice *self)
{
  return -1;
}

guint64
vfio_device_get_bar_offset (VfioDevice *self, guint bar)
{
  return (guint64) bar << 40;
}

guint64
vfio_device_get_bar_bytes (VfioDevice *self, guint bar)
{
  return g_strcmp0 (script.fails, "another size") == 0 ? 2 * MIB : MIB;
}

gboolean
vfio_device_can_map_bar (VfioDevice *self, guint bar)
{
  return bar != PCI_BAR_REGISTERS || g_strcmp0 (script.fails, "shared page") != 0;
}

guint
vfio_device_get_vectors (VfioDevice *self)
{
  return script.vectors;
}

gboolean
vfio_device_enable_vectors (VfioDevice *self, guint *ret_n, GError **error)
{
  if (!step ("vectors", error))
    return FALSE;
  *ret_n = script.vectors / 2;
  return TRUE;
}

/* --- registers.h --- */

PciRegisters *
pci_registers_map (const IvshmemPluginHost *host, IvshmemPluginRegion *region, int fd, guint64 offset, guint in_page,
                   GError **error)
{
  PciRegisters *self;

  if (fd < 0 && !step ("registers", error))
    return NULL;
  script.mapped++;
  self = g_new0 (PciRegisters, 1);
  self->by_vfio = fd < 0;
  return self;
}

PciRegisters *
pci_registers_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, int fd, guint64 offset)
{
  return pci_registers_map (host, region, fd, offset, 0, NULL);
}

void
pci_registers_free (PciRegisters *self)
{
  script.unmapped++;
  g_free (self);
}

gboolean
pci_registers_get_own_id (PciRegisters *self, guint32 *ret_id)
{
  *ret_id = self->by_vfio ? ID_BY_VFIO : ID_BY_SYSFS;
  return !self->by_vfio || step ("own id", NULL);
}

/* --- the tests --- */

static void
host_log (IvshmemPluginRegion *region, int32_t level, const char *message)
{
  g_error ("%s", message);
}

static const IvshmemPluginHost host = {
  .struct_size = sizeof host,
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .log = host_log,
};

static guint
count_descriptors (void)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (directory) != NULL)
    n++;
  return n;
}

static void
put (const char *name)
{
  g_autofree char *path = g_build_filename (script.folder, name, NULL);
  g_autofree char *bytes = g_malloc0 (65536);

  g_assert_true (g_file_set_contents (path, bytes, 65536, NULL));
}

static void
drop (const char *name)
{
  g_autofree char *path = g_build_filename (script.folder, name, NULL);

  (void) g_unlink (path);
}

static void
set_up (guint *descriptors, gconstpointer data)
{
  script = (Script){ .folder = g_dir_make_tmp ("ivt-opening-XXXXXX", NULL), .vectors = VECTORS };
  g_assert_nonnull (script.folder);
  put ("resource0");
  put ("resource2");
  put ("resource2_wc");
  *descriptors = count_descriptors ();
}

/* Whatever was tried, nothing of it is left. */
static void
tear_down (guint *descriptors, gconstpointer data)
{
  g_assert_cmpuint (count_descriptors (), ==, *descriptors);
  g_assert_cmpuint (script.bound, ==, script.restored);
  g_assert_cmpuint (script.opened, ==, script.freed);
  g_assert_cmpuint (script.mapped, ==, script.unmapped);
  drop ("resource0");
  drop ("resource2");
  drop ("resource2_wc");
  g_assert_cmpint (g_rmdir (script.folder), ==, 0);
  g_free (script.folder);
}

static PciOpening *
open_it (PciAccess access, PciMemory memory)
{
  g_autoptr (GError) error = NULL;
  PciOpening *opening = pci_opening_new (&host, NULL, NULL, access, memory, &error);

  g_assert_no_error (error);
  return opening;
}

static void
close_it (PciOpening *opening)
{
  g_assert_true (pci_opening_close (opening, NULL));
  pci_opening_free (opening);
}

static void
assert_refused (PciAccess access, PciMemory memory, gint status, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (pci_opening_new (&host, NULL, NULL, access, memory, &error));
  g_assert_error (error, PCI_ERROR, status);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" says nothing of \"%s\"", error->message, says);
}

static const char *const steps[] = { "binding", "vfio", "another size", "vectors", "registers", "own id" };

/* vfio fails on the way: sysfs it is, with nothing of what vfio had had. */
static void
test_second_way (guint *descriptors, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      PciOpening *opening;

      script.fails = steps[i];
      if (g_str_equal (steps[i], "another size"))
        drop ("resource2_wc");
      opening = open_it (PCI_ACCESS_AUTO, PCI_MEMORY_AUTO);
      g_assert_null (opening->vfio);
      g_assert_null (opening->binding);
      g_assert_cmpuint (opening->n_vectors, ==, 0);
      g_assert_cmpint (opening->own_id, ==, ID_BY_SYSFS);
      g_assert_cmpint (opening->memory_fd, >=, 0);
      g_assert_cmpint (opening->write_combined, ==, !g_str_equal (steps[i], "another size"));
      g_assert_true (g_str_has_prefix (opening->limitation, "interrupts cannot be received: "));
      close_it (opening);
      put ("resource2_wc");
    }
}

static void
test_only_vfio (guint *descriptors, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (GError) error = NULL;

      script.fails = steps[i];
      g_assert_null (pci_opening_new (&host, NULL, NULL, PCI_ACCESS_VFIO, PCI_MEMORY_UC, &error));
      g_assert_nonnull (error);
    }
  script.fails = "vfio";
  script.no_sysfs = TRUE;
  assert_refused (PCI_ACCESS_AUTO, PCI_MEMORY_AUTO, IVSHMEM_PLUGIN_BUSY, "locked down");
  assert_refused (PCI_ACCESS_SYSFS, PCI_MEMORY_AUTO, IVSHMEM_PLUGIN_NOT_SUPPORTED, "locked down");
}

static void
test_memory (guint *descriptors, gconstpointer data)
{
  PciOpening *opening = open_it (PCI_ACCESS_VFIO, PCI_MEMORY_AUTO);

  g_assert_true (opening->write_combined);
  g_assert_cmpint (opening->memory_fd, >=, 0);
  g_assert_cmpuint (opening->n_vectors, ==, VECTORS / 2);
  g_assert_cmpint (opening->own_id, ==, ID_BY_VFIO);
  g_assert_nonnull (strstr (opening->limitation, "0 to 3 of 8"));
  close_it (opening);
  opening = open_it (PCI_ACCESS_VFIO, PCI_MEMORY_UC);
  g_assert_false (opening->write_combined);
  g_assert_cmpint (opening->memory_fd, ==, -1);
  close_it (opening);

  drop ("resource2_wc");
  opening = open_it (PCI_ACCESS_VFIO, PCI_MEMORY_AUTO);
  g_assert_false (opening->write_combined);
  g_assert_cmpint (opening->memory_fd, ==, -1);
  close_it (opening);
  opening = open_it (PCI_ACCESS_SYSFS, PCI_MEMORY_AUTO);
  g_assert_false (opening->write_combined);
  g_assert_cmpint (opening->memory_fd, >=, 0);
  g_assert_nonnull (strstr (opening->limitation, "access=vfio can"));
  close_it (opening);
  assert_refused (PCI_ACCESS_VFIO, PCI_MEMORY_WC, IVSHMEM_PLUGIN_NOT_FOUND, "memory=wc: ");
  assert_refused (PCI_ACCESS_SYSFS, PCI_MEMORY_WC, IVSHMEM_PLUGIN_NOT_FOUND, "memory=wc: ");
  drop ("resource2");
  assert_refused (PCI_ACCESS_SYSFS, PCI_MEMORY_UC, IVSHMEM_PLUGIN_NOT_FOUND, "resource2");
}

/* Registers that share their page with others' are reached without a mapping. */
static void
test_shared_page (guint *descriptors, gconstpointer data)
{
  PciOpening *opening;

  script.fails = "shared page";
  opening = open_it (PCI_ACCESS_VFIO, PCI_MEMORY_AUTO);
  g_assert_nonnull (opening->registers);
  close_it (opening);
}

static void
test_plain (guint *descriptors, gconstpointer data)
{
  PciOpening *opening;

  script.vectors = 0;
  opening = open_it (PCI_ACCESS_AUTO, PCI_MEMORY_AUTO);
  g_assert_cmpuint (script.bound, ==, 0);
  g_assert_null (opening->limitation);
  g_assert_null (opening->registers);
  g_assert_cmpint (opening->own_id, ==, -1);
  close_it (opening);

  script.no_sysfs = TRUE;
  drop ("resource2_wc");
  opening = open_it (PCI_ACCESS_AUTO, PCI_MEMORY_AUTO);
  g_assert_nonnull (opening->vfio);
  g_assert_null (opening->registers);
  g_assert_cmpint (opening->own_id, ==, -1);
  g_assert_cmpuint (opening->n_vectors, ==, 0);
  close_it (opening);
}

/* The device goes first; what is left of it is given back at the detach. */
static void
test_let_go (guint *descriptors, gconstpointer data)
{
  PciOpening *opening = open_it (PCI_ACCESS_VFIO, PCI_MEMORY_AUTO);

  pci_opening_let_go (opening);
  g_assert_cmpuint (script.opened, ==, script.freed);
  g_assert_cmpuint (script.restored, ==, 0);
  close_it (opening);
}

#define ADD(name, func) g_test_add ("/guest-linux/opening/" name, guint, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("second-way", test_second_way);
  ADD ("only-vfio", test_only_vfio);
  ADD ("memory", test_memory);
  ADD ("shared-page", test_shared_page);
  ADD ("plain", test_plain);
  ADD ("let-go", test_let_go);
  return g_test_run ();
}
