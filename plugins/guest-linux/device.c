/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/device.h"

#include <string.h>
#include <unistd.h>

#include "guest-linux/error.h"
#include "guest-linux/sysfs.h"

#define VENDOR_ID 0x1af4
#define DEVICE_ID 0x1110

#define PATH_DEVICES "bus/pci/devices"
/* How vfio calls a group that it makes where there is no IOMMU. */
#define GROUP_PRETENDED "vfio-noiommu"
/* An override that is not set. */
#define NO_OVERRIDE "(null)"

/* Base class and subclass of what has a bridge's header: PCI and CardBus. */
#define CLASS_SHIFT 8
#define CLASS_BRIDGE_PCI 0x0604
#define CLASS_BRIDGE_CARDBUS 0x0607

static void
member_free (gpointer data)
{
  PciGroupMember *member = data;

  g_free (member->address);
  g_free (member->driver);
  g_free (member);
}

char *
pci_device_path (const char *sysfs, const char *address, const char *name)
{
  return g_build_filename (sysfs, PATH_DEVICES, address, name, NULL);
}

static gboolean
read_number (const char *directory, const char *name, guint64 *ret_number)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  return pci_sysfs_read_number (path, ret_number);
}

static char *
read_link (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  return pci_sysfs_read_link (path);
}

static char *
read_line (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  return pci_sysfs_read_line (path);
}

static gboolean
is_ivshmem (const char *directory)
{
  guint64 vendor, device;

  return read_number (directory, "vendor", &vendor) && vendor == VENDOR_ID
         && read_number (directory, "device", &device) && device == DEVICE_ID;
}

static void
read_config (PciDevice *device, const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "config", NULL);
  gsize length = 0;
  g_autofree char *bytes = pci_sysfs_read (path, PCI_LIMIT_TEXT_BYTES, &length);
  PciConfig config;
  guint64 number;

  device->vectors = PCI_VECTORS_UNKNOWN;
  device->revision = PCI_REVISION_UNKNOWN;
  if (bytes != NULL && pci_parse_config ((const guint8 *) bytes, length, &config))
    {
      device->vectors = config.vectors;
      device->revision = config.revision;
      device->enabled = config.memory_enabled;
      device->unassigned = config.unassigned;
    }
  else if (read_number (directory, "enable", &number))
    device->enabled = number > 0;
  if (read_number (directory, "revision", &number) && number <= G_MAXUINT8)
    device->revision = (guint) number;
}

static void
read_bars (PciDevice *device, const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "resource", NULL);
  gsize length = 0;
  g_autofree char *text = pci_sysfs_read (path, PCI_LIMIT_TEXT_BYTES, &length);
  PciBars bars = { 0 };

  if (text != NULL)
    pci_parse_resource (text, length, &bars);
  memcpy (device->bar_address, bars.address, sizeof device->bar_address);
  memcpy (device->bar_bytes, bars.bytes, sizeof device->bar_bytes);
  device->unassigned |= bars.unassigned;
  /* What has bytes here has an address: a sleeping device forgets its own. */
  for (guint bar = 0; bar < PCI_N_BARS; bar++)
    if (device->bar_bytes[bar] > 0)
      device->unassigned &= ~(1u << bar);
}

static PciGroupMember *
read_member (const char *devices, const char *name)
{
  g_autofree char *directory = g_build_filename (devices, name, NULL);
  PciGroupMember *member = g_new0 (PciGroupMember, 1);
  guint64 class = 0;

  member->address = pci_sysfs_clean (name);
  member->driver = read_link (directory, "driver");
  member->is_bridge
      = read_number (directory, "class", &class)
        && (class >> CLASS_SHIFT == CLASS_BRIDGE_PCI || class >> CLASS_SHIFT == CLASS_BRIDGE_CARDBUS);
  return member;
}

static void
read_group (PciDevice *device, const char *directory)
{
  g_autofree char *link = read_link (directory, "iommu_group");
  g_autofree char *group = g_build_filename (directory, "iommu_group", NULL);
  g_autofree char *devices = g_build_filename (group, "devices", NULL);
  g_autofree char *kind = read_line (group, "name");
  g_autoptr (GPtrArray) names = NULL;
  guint64 number;

  device->iommu_group = -1;
  if (link == NULL || !pci_parse_number (link, strlen (link), &number) || number > G_MAXINT)
    return;
  device->iommu_group = (gint) number;
  device->group_is_pretended = g_strcmp0 (kind, GROUP_PRETENDED) == 0;
  names = pci_sysfs_list (devices, PCI_LIMIT_GROUP_MEMBERS + 1);
  for (guint i = 0; i < names->len && device->group_members->len < PCI_LIMIT_GROUP_MEMBERS; i++)
    {
      const char *name = g_ptr_array_index (names, i);

      if (!g_str_equal (name, device->address))
        g_ptr_array_add (device->group_members, read_member (devices, name));
    }
}

/* NULL: there is no such device, or it is another one. take_address: as the
 * kernel writes it. */
static PciDevice *
read_device (const char *sysfs, char *take_address)
{
  g_autoptr (PciDevice) device = g_new0 (PciDevice, 1);
  g_autofree char *directory = pci_device_path (sysfs, take_address, NULL);
  g_autofree char *combined = g_build_filename (directory, "resource2_wc", NULL);

  device->address = take_address;
  device->group_members = g_ptr_array_new_with_free_func (member_free);
  if (!is_ivshmem (directory))
    return NULL;
  read_config (device, directory);
  read_bars (device, directory);
  read_group (device, directory);
  device->driver = read_link (directory, "driver");
  device->driver_override = read_line (directory, "driver_override");
  if (g_strcmp0 (device->driver_override, NO_OVERRIDE) == 0 || g_strcmp0 (device->driver_override, "") == 0)
    g_clear_pointer (&device->driver_override, g_free);
  device->has_write_combined = pci_sysfs_check_access (combined, F_OK) == 0;
  /* What was read of a device that has gone meanwhile is half of it. */
  return is_ivshmem (directory) ? g_steal_pointer (&device) : NULL;
}

PciDevice *
pci_device_read (const char *sysfs, const char *address, GError **error)
{
  PciAddress parsed;
  PciDevice *device;

  if (!pci_address_parse (address, &parsed))
    {
      g_autofree char *shown = pci_sysfs_clean (address);

      g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                   "'%s' is no PCI address such as 0000:00:05.0", shown);
      return NULL;
    }
  device = read_device (sysfs, pci_address_format (&parsed));
  if (device == NULL)
    {
      g_autofree char *shown = pci_address_format (&parsed);

      g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_FOUND,
                   "there is no ivshmem device (PCI 1af4:1110) at %s", shown);
    }
  return device;
}

void
pci_device_free (PciDevice *device)
{
  if (device == NULL)
    return;
  g_free (device->address);
  g_free (device->driver);
  g_free (device->driver_override);
  g_clear_pointer (&device->group_members, g_ptr_array_unref);
  g_free (device);
}

static gint
compare_addresses (gconstpointer a, gconstpointer b)
{
  return pci_address_compare (a, b);
}

GPtrArray *
pci_device_list (const char *sysfs)
{
  g_autofree char *path = g_build_filename (sysfs, PATH_DEVICES, NULL);
  g_autoptr (GPtrArray) names = pci_sysfs_list (path, PCI_LIMIT_ENTRIES);
  g_autoptr (GArray) addresses = g_array_new (FALSE, FALSE, sizeof (PciAddress));
  GPtrArray *devices = g_ptr_array_new_with_free_func ((GDestroyNotify) pci_device_free);

  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      PciAddress address;
      g_autofree char *proper = pci_address_parse (name, &address) ? pci_address_format (&address) : NULL;

      if (g_strcmp0 (proper, name) == 0)
        g_array_append_val (addresses, address);
    }
  /* By number: a domain of five digits comes after one of four. */
  g_array_sort (addresses, compare_addresses);
  for (guint i = 0; i < addresses->len && devices->len < PCI_LIMIT_DEVICES; i++)
    {
      PciDevice *device = read_device (sysfs, pci_address_format (&g_array_index (addresses, PciAddress, i)));

      if (device != NULL)
        g_ptr_array_add (devices, device);
    }
  return devices;
}

gboolean
pci_device_is_doorbell (const PciDevice *device)
{
  if (device->vectors != PCI_VECTORS_UNKNOWN)
    return device->vectors > 0;
  return device->bar_bytes[PCI_BAR_MSIX] > 0 || (device->unassigned & (1u << PCI_BAR_MSIX)) != 0;
}

/* NULL: it has one. what: what is in it. */
static char *
explain_missing (const PciDevice *device, guint bar, const char *what)
{
  if (device->bar_bytes[bar] > 0)
    return NULL;
  if ((device->unassigned & (1u << bar)) != 0)
    return g_strdup_printf ("%s (BAR%u) was given no address, as the guest's window for PCI memory is too "
                            "small for it",
                            what, bar);
  return g_strdup_printf ("%s (BAR%u) is not there, or was given no address", what, bar);
}

char *
pci_device_explain_bars (const PciDevice *device)
{
  guint64 registers = device->bar_bytes[PCI_BAR_REGISTERS];
  guint64 memory = device->bar_bytes[PCI_BAR_MEMORY];
  char *missing = explain_missing (device, PCI_BAR_MEMORY, "its memory");

  if (missing == NULL)
    missing = explain_missing (device, PCI_BAR_REGISTERS, "its register page");
  if (missing == NULL && pci_device_is_doorbell (device))
    missing = explain_missing (device, PCI_BAR_MSIX, "its MSI-X table");
  if (missing != NULL)
    return missing;
  if (registers < PCI_REGISTERS_BYTES)
    return g_strdup_printf ("its registers (BAR0) have %" G_GUINT64_FORMAT
                            " bytes, and an ivshmem device has %d",
                            registers, PCI_REGISTERS_BYTES);
  if (memory < PCI_MEMORY_BYTES_MIN || (memory & (memory - 1)) != 0)
    return g_strdup_printf ("its memory (BAR2) has %" G_GUINT64_FORMAT " bytes, and an ivshmem device has a "
                            "power of two from %d on",
                            memory, PCI_MEMORY_BYTES_MIN);
  if (memory > PCI_LIMIT_MEMORY_BYTES)
    return g_strdup_printf ("its memory (BAR2) has %" G_GUINT64_FORMAT
                            " bytes, more than the %" G_GUINT64_FORMAT " that a program can map",
                            memory, PCI_LIMIT_MEMORY_BYTES);
  return NULL;
}

/* 4096 -> "4K"; what is no whole number of K stays as it is. */
static char *
format_bytes (guint64 bytes)
{
  static const char suffixes[] = "KMGTPE";
  guint i;

  if (bytes == 0 || bytes % 1024 != 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, bytes);
  for (i = 0, bytes /= 1024; bytes % 1024 == 0; i++)
    bytes /= 1024;
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%c", bytes, suffixes[i]);
}

char *
pci_device_describe (const PciDevice *device)
{
  g_autofree char *size = format_bytes (device->bar_bytes[PCI_BAR_MEMORY]);

  return g_strdup_printf ("%s (%s, %s)", device->address,
                          pci_device_is_doorbell (device) ? "ivshmem-doorbell" : "ivshmem-plain", size);
}
