/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/device.h"

#include <string.h>
#include <sys/stat.h>

#include "guest-linux/error.h"
#include "guest-linux/sysfs.h"
#include "lib/ivt-fake-sysfs.h"

#define FIRST "0000:00:04.0"
#define SECOND "0000:00:05.0"
#define MIB (1024 * 1024)

static PciDevice *
read_device (IvtFakeSysfs *fake, const char *address)
{
  g_autoptr (GError) error = NULL;
  PciDevice *device = pci_device_read (ivt_fake_sysfs_get_sys (fake), address, &error);

  g_assert_no_error (error);
  g_assert_nonnull (device);
  return device;
}

static void
test_doorbell (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (PciDevice) device = NULL;
  g_autofree char *fault = NULL;
  g_autofree char *text = NULL;

  ivt_fake_sysfs_add_device (fake, FIRST, 4 * MIB, 32);
  device = read_device (fake, FIRST);
  g_assert_cmpstr (device->address, ==, FIRST);
  g_assert_cmpuint (device->revision, ==, 1);
  g_assert_cmpuint (device->bar_bytes[PCI_BAR_REGISTERS], ==, 256);
  g_assert_cmpuint (device->bar_bytes[PCI_BAR_MSIX], ==, 4096);
  g_assert_cmpuint (device->bar_bytes[PCI_BAR_MEMORY], ==, 4 * MIB);
  g_assert_cmpint (device->vectors, ==, 32);
  g_assert_true (device->enabled);
  g_assert_true (device->has_write_combined);
  g_assert_null (device->driver);
  g_assert_null (device->driver_override);
  g_assert_cmpint (device->iommu_group, ==, -1);
  g_assert_cmpuint (device->group_members->len, ==, 0);
  g_assert_true (pci_device_is_doorbell (device));
  fault = pci_device_explain_bars (device);
  g_assert_null (fault);
  text = pci_device_describe (device);
  g_assert_cmpstr (text, ==, FIRST " (ivshmem-doorbell, 4M)");
}

static void
test_plain (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (PciDevice) device = NULL;
  g_autofree char *fault = NULL;

  ivt_fake_sysfs_add_device (fake, FIRST, 4096, 0);
  ivt_fake_sysfs_set (fake, FIRST, "resource2_wc", NULL);
  device = read_device (fake, "00:04.0");
  g_assert_cmpint (device->vectors, ==, 0);
  g_assert_false (pci_device_is_doorbell (device));
  g_assert_false (device->has_write_combined);
  fault = pci_device_explain_bars (device);
  g_assert_null (fault);
}

/* Without CAP_SYS_ADMIN one reads 64 bytes of the configuration space, and of
 * some systems not even those. */
static void
test_without_rights (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autofree char *path
      = g_build_filename (ivt_fake_sysfs_get_sys (fake), "bus/pci/devices", FIRST, "config", NULL);
  g_autoptr (PciDevice) device = NULL;
  g_autofree char *bytes = NULL;

  ivt_fake_sysfs_add_device (fake, FIRST, 4 * MIB, 2);
  g_assert_true (g_file_get_contents (path, &bytes, NULL, NULL));
  ivt_fake_sysfs_put (fake, "sys/bus/pci/devices/" FIRST "/config", bytes, 64);
  device = read_device (fake, FIRST);
  g_assert_cmpint (device->vectors, ==, PCI_VECTORS_UNKNOWN);
  g_assert_true (pci_device_is_doorbell (device));

  ivt_fake_sysfs_set (fake, FIRST, "config", NULL);
  ivt_fake_sysfs_set (fake, FIRST, "revision", NULL);
  ivt_fake_sysfs_set (fake, FIRST, "enable", "0\n");
  g_clear_pointer (&device, pci_device_free);
  device = read_device (fake, FIRST);
  g_assert_cmpint (device->vectors, ==, PCI_VECTORS_UNKNOWN);
  g_assert_cmpuint (device->revision, ==, PCI_REVISION_UNKNOWN);
  g_assert_false (device->enabled);
}

static const PciGroupMember *
member (const PciDevice *device, guint index)
{
  g_assert_cmpuint (index, <, device->group_members->len);
  return g_ptr_array_index (device->group_members, index);
}

static void
test_group (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (PciDevice) device = NULL;

  ivt_fake_sysfs_add_device (fake, FIRST, 4 * MIB, 2);
  ivt_fake_sysfs_set_driver (fake, FIRST, "vfio-pci");
  ivt_fake_sysfs_set (fake, FIRST, "driver_override", "vfio-pci\n");
  ivt_fake_sysfs_set_group (fake, FIRST, 7);
  ivt_fake_sysfs_set (fake, "0000:00:03.0", "class", "0x060400\n");
  ivt_fake_sysfs_set_driver (fake, "0000:00:03.0", "pcieport");
  ivt_fake_sysfs_set_group (fake, "0000:00:03.0", 7);
  ivt_fake_sysfs_set (fake, "0000:01:01.0", "class", "0x020000\n");
  ivt_fake_sysfs_set_driver (fake, "0000:01:01.0", "e1000");
  ivt_fake_sysfs_set_group (fake, "0000:01:01.0", 7);
  ivt_fake_sysfs_set (fake, "0000:01:02.0", "class", "0x060100\n");
  ivt_fake_sysfs_set_group (fake, "0000:01:02.0", 7);

  device = read_device (fake, FIRST);
  g_assert_cmpstr (device->driver, ==, "vfio-pci");
  g_assert_cmpstr (device->driver_override, ==, "vfio-pci");
  g_assert_cmpint (device->iommu_group, ==, 7);
  g_assert_false (device->group_is_pretended);
  g_assert_cmpuint (device->group_members->len, ==, 3);
  g_assert_cmpstr (member (device, 0)->address, ==, "0000:00:03.0");
  g_assert_cmpstr (member (device, 0)->driver, ==, "pcieport");
  g_assert_true (member (device, 0)->is_bridge);
  g_assert_cmpstr (member (device, 1)->driver, ==, "e1000");
  g_assert_false (member (device, 1)->is_bridge);
  g_assert_null (member (device, 2)->driver);
  g_assert_false (member (device, 2)->is_bridge);

  ivt_fake_sysfs_put (fake, "sys/kernel/iommu_groups/7/name", "vfio-noiommu\n", -1);
  g_clear_pointer (&device, pci_device_free);
  device = read_device (fake, FIRST);
  g_assert_true (device->group_is_pretended);
}

static void
add_members (IvtFakeSysfs *fake, guint from, guint to)
{
  for (guint i = from; i < to; i++)
    {
      g_autofree char *path = g_strdup_printf ("sys/kernel/iommu_groups/7/devices/member%04u", i);

      ivt_fake_sysfs_link (fake, path, "nowhere");
    }
}

static void
test_group_limit (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (PciDevice) device = NULL;

  ivt_fake_sysfs_add_device (fake, FIRST, 4 * MIB, 2);
  ivt_fake_sysfs_set_group (fake, FIRST, 7);
  add_members (fake, 0, PCI_LIMIT_GROUP_MEMBERS);
  device = read_device (fake, FIRST);
  g_assert_cmpuint (device->group_members->len, ==, PCI_LIMIT_GROUP_MEMBERS);
  g_clear_pointer (&device, pci_device_free);
  add_members (fake, PCI_LIMIT_GROUP_MEMBERS, PCI_LIMIT_GROUP_MEMBERS + 1);
  device = read_device (fake, FIRST);
  g_assert_cmpuint (device->group_members->len, ==, PCI_LIMIT_GROUP_MEMBERS);
}

static void
assert_fault (IvtFakeSysfs *fake, const char *resource, const char *says)
{
  g_autoptr (PciDevice) device = NULL;
  g_autofree char *fault = NULL;

  ivt_fake_sysfs_set (fake, FIRST, "resource", resource);
  device = read_device (fake, FIRST);
  fault = pci_device_explain_bars (device);
  g_test_message ("%s", fault != NULL ? fault : "no fault");
  if (says == NULL)
    g_assert_null (fault);
  else
    {
      g_assert_nonnull (fault);
      g_assert_nonnull (strstr (fault, says));
    }
}

#define BAR0 "0x1000 0x10ff 0x200\n"
#define BAR1 "0x2000 0x2fff 0x200\n"
#define NO_BAR "0x0 0x0 0x0\n"

static void
test_faulty_bars (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, FIRST, 4 * MIB, 2);
  ivt_fake_sysfs_set (fake, FIRST, "config", NULL);
  assert_fault (fake, BAR0 BAR1 "0x100000 0x1fffff 0x200\n", NULL);
  assert_fault (fake, "0x1000 0x10fe 0x200\n" BAR1 "0x100000 0x1fffff 0x200\n", "(BAR0) have 255 bytes");
  assert_fault (fake, NO_BAR BAR1 "0x100000 0x1fffff 0x200\n", "BAR0) is not there");
  assert_fault (fake, BAR0 BAR1 NO_BAR, "BAR2) is not there");
  assert_fault (fake, BAR0 BAR1 "0x0 0xfffff 0x20000200\n", "BAR2) was given no address");
  assert_fault (fake, BAR0 "0x0 0xfff 0x20000200\n0x100000 0x1fffff 0x200\n", "BAR1) was given no address");
  assert_fault (fake, "", "BAR2) is not there");
  assert_fault (fake, NULL, "BAR2) is not there");
  /* What no ivshmem device has. */
  assert_fault (fake, BAR0 BAR1 "0x1000 0x1fff 0x200\n", NULL);
  assert_fault (fake, BAR0 BAR1 "0x1000 0x17ff 0x200\n", "2048 bytes");
  assert_fault (fake, BAR0 BAR1 "0x1000 0x3fff 0x200\n", "power of two");
  assert_fault (fake, BAR0 BAR1 "0x1 0xffffffffffffffff 0x200\n", "power of two");
  if (sizeof (gpointer) == 8)
    {
      assert_fault (fake, BAR0 BAR1 "0x1000 0x400000000fff 0x200\n", NULL);
      assert_fault (fake, BAR0 BAR1 "0x1000 0x800000000fff 0x200\n", "can map");
    }
}

/* The type of a 64-bit BAR tells that it is there. */
static void
test_bar_without_address (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, FIRST, 4 * MIB, 2);
  assert_fault (fake, BAR0 BAR1 NO_BAR, "BAR2) was given no address");
  assert_fault (fake, BAR0 BAR1 "0x100000 0x1fffff 0x200\n", NULL);
}

static void
assert_missing (IvtFakeSysfs *fake, const char *address, gint code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PciDevice) device = pci_device_read (ivt_fake_sysfs_get_sys (fake), address, &error);

  g_assert_error (error, PCI_ERROR, code);
  g_assert_null (device);
}

static void
test_missing (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) devices = NULL;

  assert_missing (fake, FIRST, IVSHMEM_PLUGIN_NOT_FOUND);
  assert_missing (fake, "../../..", IVSHMEM_PLUGIN_INVALID_ARGUMENT);
  assert_missing (fake, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT);
  assert_missing (fake, "\xff\xff", IVSHMEM_PLUGIN_INVALID_ARGUMENT);

  /* Others, halves, and what was being removed while we looked. */
  ivt_fake_sysfs_set (fake, "0000:00:01.0", "vendor", "0x1af4\n");
  ivt_fake_sysfs_set (fake, "0000:00:01.0", "device", "0x1041\n");
  ivt_fake_sysfs_set (fake, "0000:00:02.0", "vendor", "0x1af4\n");
  ivt_fake_sysfs_link (fake, "sys/bus/pci/devices/" SECOND, "../../../devices/pci0000:00/" SECOND);
  assert_missing (fake, "0000:00:01.0", IVSHMEM_PLUGIN_NOT_FOUND);
  assert_missing (fake, "0000:00:02.0", IVSHMEM_PLUGIN_NOT_FOUND);
  assert_missing (fake, SECOND, IVSHMEM_PLUGIN_NOT_FOUND);
  devices = pci_device_list (ivt_fake_sysfs_get_sys (fake));
  g_assert_cmpuint (devices->len, ==, 0);
}

/* Files of which sysfs has none, and no more is known of the device than its
 * place. */
static void
test_odd_files (void)
{
  static const char *const names[] = { "config", "resource", "revision", "enable",
                                       "driver", "driver_override", "iommu_group", "resource2_wc" };
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autofree char *overlong = g_strnfill (PCI_LIMIT_TEXT_BYTES + 1, '1');
  g_autofree char *name = g_strnfill (200, 'x');

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename ("sys/bus/pci/devices", FIRST, names[i], NULL);
      g_autofree char *full = g_build_filename (ivt_fake_sysfs_get_sys (fake), path + strlen ("sys/"), NULL);
      const char *const texts[] = { "", "\n", "-1\n", "\xff\xfe\xfd", "99999999999999999999999", overlong };
      const char *const targets[]
          = { "nowhere", name, "/", "..", "\xff\xfe", "18446744073709551616", "4294967295" };

      ivt_fake_sysfs_add_device (fake, FIRST, 4 * MIB, 2);
      for (gsize j = 0; j < G_N_ELEMENTS (texts); j++)
        {
          ivt_fake_sysfs_put (fake, path, texts[j], -1);
          pci_device_free (read_device (fake, FIRST));
        }
      for (gsize j = 0; j < G_N_ELEMENTS (targets); j++)
        {
          ivt_fake_sysfs_link (fake, path, targets[j]);
          pci_device_free (read_device (fake, FIRST));
        }
      ivt_fake_sysfs_remove (fake, path);
      g_assert_cmpint (mkfifo (full, 0600), ==, 0);
      pci_device_free (read_device (fake, FIRST));
      ivt_fake_sysfs_remove (fake, path);
      g_assert_cmpint (g_mkdir_with_parents (full, 0755), ==, 0);
      pci_device_free (read_device (fake, FIRST));
      ivt_fake_sysfs_remove (fake, path);
    }
}

static void
test_names_are_cut (void)
{
  g_autofree char *fits = g_strnfill (PCI_LIMIT_NAME_BYTES, 'x');
  g_autofree char *longer = g_strconcat (fits, "y", NULL);
  g_autofree char *same = pci_sysfs_clean (fits);
  g_autofree char *cut = pci_sysfs_clean (longer);
  g_autofree char *odd = pci_sysfs_clean ("a\033[31m\xff\n");

  g_assert_cmpstr (same, ==, fits);
  g_assert_cmpstr (cut, ==, fits);
  g_assert_true (g_utf8_validate (odd, -1, NULL));
  g_assert_cmpstr (odd, ==, "a?[31m\xef\xbf\xbd?");
}

static void
test_file_limit (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autofree char *path = g_build_filename (ivt_fake_sysfs_get_dev (fake), "file", NULL);
  g_autofree char *bytes = g_strnfill (PCI_LIMIT_TEXT_BYTES + 1, 'x');
  g_autofree char *text = NULL;
  gsize length = 0;

  ivt_fake_sysfs_put (fake, "dev/file", bytes, PCI_LIMIT_TEXT_BYTES);
  text = pci_sysfs_read (path, PCI_LIMIT_TEXT_BYTES, &length);
  g_assert_nonnull (text);
  g_assert_cmpuint (length, ==, PCI_LIMIT_TEXT_BYTES);
  ivt_fake_sysfs_put (fake, "dev/file", bytes, PCI_LIMIT_TEXT_BYTES + 1);
  g_assert_null (pci_sysfs_read (path, PCI_LIMIT_TEXT_BYTES, &length));
}

static void
test_list (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) devices = NULL;
  static const char *const sorted[] = { FIRST, SECOND, "ffff:00:01.0", "10000:00:01.0" };

  devices = pci_device_list ("/nonexistent");
  g_assert_cmpuint (devices->len, ==, 0);
  g_clear_pointer (&devices, g_ptr_array_unref);

  for (gsize i = 0; i < G_N_ELEMENTS (sorted); i++)
    ivt_fake_sysfs_add_device (fake, sorted[G_N_ELEMENTS (sorted) - 1 - i], MIB, 1);
  ivt_fake_sysfs_add_device (fake, "FFFF:00:02.0", MIB, 1);
  ivt_fake_sysfs_add_device (fake, "00:02.0", MIB, 1);
  ivt_fake_sysfs_add_device (fake, "no address", MIB, 1);
  devices = pci_device_list (ivt_fake_sysfs_get_sys (fake));
  g_assert_cmpuint (devices->len, ==, G_N_ELEMENTS (sorted));
  for (guint i = 0; i < devices->len; i++)
    g_assert_cmpstr (((PciDevice *) g_ptr_array_index (devices, i))->address, ==, sorted[i]);
}

static void
add_small_device (IvtFakeSysfs *fake, guint index, const char *kind)
{
  g_autofree char *address = g_strdup_printf ("%04x:%02x:%02x.%x", index >> 16, (index >> 8) & 0xff,
                                              (index >> 3) & 0x1f, index & 7);

  ivt_fake_sysfs_set (fake, address, "vendor", "0x1af4\n");
  ivt_fake_sysfs_set (fake, address, "device", kind);
}

static void
test_thousands (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) devices = NULL;

  for (guint i = 0; i < 3000; i++)
    add_small_device (fake, i, "0x1041\n");
  for (guint i = 3000; i < 3000 + PCI_LIMIT_DEVICES; i++)
    add_small_device (fake, i, "0x1110\n");
  devices = pci_device_list (ivt_fake_sysfs_get_sys (fake));
  g_assert_cmpuint (devices->len, ==, PCI_LIMIT_DEVICES);
  g_clear_pointer (&devices, g_ptr_array_unref);

  /* One too many: the last by its address is left out. */
  add_small_device (fake, 0, "0x1110\n");
  devices = pci_device_list (ivt_fake_sysfs_get_sys (fake));
  g_assert_cmpuint (devices->len, ==, PCI_LIMIT_DEVICES);
  g_assert_cmpstr (((PciDevice *) g_ptr_array_index (devices, 0))->address, ==, "0000:00:00.0");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guest-linux/device/doorbell", test_doorbell);
  g_test_add_func ("/guest-linux/device/plain", test_plain);
  g_test_add_func ("/guest-linux/device/without-rights", test_without_rights);
  g_test_add_func ("/guest-linux/device/group", test_group);
  g_test_add_func ("/guest-linux/device/group-limit", test_group_limit);
  g_test_add_func ("/guest-linux/device/faulty-bars", test_faulty_bars);
  g_test_add_func ("/guest-linux/device/bar-without-address", test_bar_without_address);
  g_test_add_func ("/guest-linux/device/missing", test_missing);
  g_test_add_func ("/guest-linux/device/odd-files", test_odd_files);
  g_test_add_func ("/guest-linux/device/names-are-cut", test_names_are_cut);
  g_test_add_func ("/guest-linux/device/file-limit", test_file_limit);
  g_test_add_func ("/guest-linux/device/list", test_list);
  g_test_add_func ("/guest-linux/device/thousands", test_thousands);
  return g_test_run ();
}
