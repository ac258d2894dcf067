/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/way.h"

#include <string.h>
#include <unistd.h>

#include "lib/ivt-fake-sysfs.h"

#define ADDRESS "0000:00:04.0"
#define OTHER "0000:00:05.0"
#define DEVICE "sys/bus/pci/devices/" ADDRESS
#define MIB (1024 * 1024)
#define OPEN NULL

typedef struct
{
  IvtFakeSysfs *fake;
  PciWayKind kind;
  const char *reason, *remedy; /* parts of them; reason: OPEN; remedy: NULL: there is none */
  gint best;
} Case;

/* In a child, perhaps: it must not leave anything behind. */
static void
check_way (gpointer data)
{
  const Case *expected = data;
  const char *sys = ivt_fake_sysfs_get_sys (expected->fake);
  const char *dev = ivt_fake_sysfs_get_dev (expected->fake);
  g_autoptr (GError) error = NULL;
  g_autoptr (PciDevice) device = pci_device_read (sys, ADDRESS, &error);
  g_autoptr (PciMachine) machine = pci_machine_read (sys, dev);
  PciWay ways[PCI_N_WAYS];
  const PciWay *way = &ways[expected->kind];

  g_assert_no_error (error);
  pci_ways_read (ways, machine, device, sys, dev);
  g_test_message ("%s: %s; %s", pci_way_names[expected->kind], way->open ? "open" : way->reason, way->remedy);
  for (guint i = 0; i < PCI_N_WAYS; i++)
    {
      g_assert_cmpint (ways[i].reason == NULL, ==, ways[i].open);
      g_assert_true (!ways[i].open || ways[i].remedy == NULL);
    }
  g_assert_cmpint (way->open, ==, expected->reason == OPEN);
  if (!way->open)
    {
      g_assert_nonnull (strstr (way->reason, expected->reason));
      g_assert_cmpint (way->remedy == NULL, ==, expected->remedy == NULL);
      g_assert_true (way->remedy == NULL || strstr (way->remedy, expected->remedy) != NULL);
    }
  g_assert_cmpint (pci_ways_best (ways), ==, expected->best);
  pci_ways_clear (ways);
}

static void
assert_way (IvtFakeSysfs *fake, PciWayKind kind, const char *reason, const char *remedy, gint best)
{
  Case expected = { fake, kind, reason, remedy, best };

  check_way (&expected);
}

static void
assert_way_of_nobody (IvtFakeSysfs *fake, PciWayKind kind, const char *reason, const char *remedy, gint best)
{
  Case expected = { fake, kind, reason, remedy, best };

  ivt_run_unprivileged (check_way, &expected);
}

/* Everything there for vfio, and the device bound. */
static IvtFakeSysfs *
make_vfio (void)
{
  IvtFakeSysfs *fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, ADDRESS, 4 * MIB, 2);
  ivt_fake_sysfs_set_group (fake, ADDRESS, 7);
  ivt_fake_sysfs_set_driver (fake, ADDRESS, "vfio-pci");
  ivt_fake_sysfs_add_vfio (fake);
  ivt_fake_sysfs_put (fake, "dev/vfio/7", "", -1);
  ivt_fake_sysfs_chmod (fake, "dev/vfio/7", 0666);
  return fake;
}

static void
test_open (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  assert_way (fake, PCI_WAY_SYSFS, OPEN, NULL, PCI_WAY_VFIO);
  assert_way_of_nobody (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
}

static void
test_no_iommu (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, ADDRESS, 4 * MIB, 2);
  assert_way (fake, PCI_WAY_VFIO, "has no IOMMU", "-device intel-iommu,intremap=on", PCI_WAY_SYSFS);
  ivt_fake_sysfs_put (fake, "sys/firmware/acpi/tables/DMAR", "", -1);
  assert_way (fake, PCI_WAY_VFIO, "its kernel does not use it", "intel_iommu=on", PCI_WAY_SYSFS);
  /* Others have one. */
  ivt_fake_sysfs_put (fake, "sys/kernel/iommu_groups/0/type", "DMA\n", -1);
  assert_way (fake, PCI_WAY_VFIO, "does not cover the device", "before the other devices", PCI_WAY_SYSFS);
}

static void
test_pretended_group (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_put (fake, "sys/kernel/iommu_groups/7/name", "vfio-noiommu\n", -1);
  ivt_fake_sysfs_put (fake, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n", -1);
  assert_way (fake, PCI_WAY_VFIO, "has no IOMMU", "intel-iommu", PCI_WAY_SYSFS);
  assert_way (fake, PCI_WAY_NO_IOMMU, "not built this way yet", "with an IOMMU", PCI_WAY_SYSFS);
}

static void
test_modules (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_set_driver (fake, ADDRESS, NULL);
  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  ivt_fake_sysfs_remove (fake, "sys/module/vfio_iommu_type1");
  assert_way (fake, PCI_WAY_VFIO, "vfio_iommu_type1 is not loaded", "modprobe vfio_iommu_type1",
              PCI_WAY_SYSFS);
  ivt_fake_sysfs_remove (fake, "sys/bus/pci/drivers/vfio-pci");
  assert_way (fake, PCI_WAY_VFIO, "vfio-pci is not loaded", "modprobe vfio-pci", PCI_WAY_SYSFS);
  ivt_fake_sysfs_add_vfio (fake);
  ivt_fake_sysfs_remove (fake, "dev/vfio/vfio");
  assert_way (fake, PCI_WAY_VFIO, "vfio-pci is not loaded", "modprobe vfio-pci", PCI_WAY_SYSFS);
}

static void
test_binding (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_set_driver (fake, ADDRESS, NULL);
  ivt_fake_sysfs_remove (fake, "dev/vfio/7");
  /* Files of root's. */
  assert_way_of_nobody (fake, PCI_WAY_VFIO, "may not bind it to vfio-pci", "ivshmemd's udev rules", -1);
  /* The node comes with the binding. */
  ivt_fake_sysfs_chmod (fake, DEVICE "/driver_override", 0666);
  ivt_fake_sysfs_chmod (fake, "sys/bus/pci/drivers_probe", 0666);
  assert_way_of_nobody (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  ivt_fake_sysfs_chmod (fake, "sys/bus/pci/drivers_probe", 0444);
  assert_way_of_nobody (fake, PCI_WAY_VFIO, "may not bind it to vfio-pci", "drivers_probe", -1);

  ivt_fake_sysfs_set (fake, ADDRESS, "driver_override", "pci-stub\n");
  assert_way (fake, PCI_WAY_VFIO, "for the driver pci-stub", "driver_override", PCI_WAY_SYSFS);
}

static void
test_other_driver (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();
  g_autoptr (PciDevice) device = NULL;
  g_autoptr (GError) error = NULL;

  ivt_fake_sysfs_set_driver (fake, ADDRESS, "uio_pci_generic");
  assert_way (fake, PCI_WAY_VFIO, "belongs to the driver uio_pci_generic", "uio_pci_generic/unbind",
              PCI_WAY_SYSFS);
  device = pci_device_read (ivt_fake_sysfs_get_sys (fake), ADDRESS, &error);
  g_assert_no_error (error);
  g_assert_true (pci_way_may_bind (device, ivt_fake_sysfs_get_sys (fake)));
  ivt_fake_sysfs_remove (fake, "sys/bus/pci/drivers/uio_pci_generic/unbind");
  g_assert_false (pci_way_may_bind (device, ivt_fake_sysfs_get_sys (fake)));
}

static void
test_node (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_chmod (fake, "dev/vfio/7", 0400);
  assert_way_of_nobody (fake, PCI_WAY_VFIO, "may not open", "udev rules", -1);
  assert_way_of_nobody (fake, PCI_WAY_VFIO, "mode 0400", "udev rules", -1);
  ivt_fake_sysfs_set (fake, OTHER, "class", "0x020000\n");
  ivt_fake_sysfs_set_group (fake, OTHER, 7);
  assert_way_of_nobody (fake, PCI_WAY_VFIO, "mode 0400", "give no group away that holds others", -1);
  ivt_fake_sysfs_remove (fake, "dev/vfio/7");
  assert_way (fake, PCI_WAY_VFIO, "dev/vfio/7 is not there", "container", PCI_WAY_SYSFS);
  ivt_fake_sysfs_chmod (fake, "dev/vfio/vfio", 0400);
  assert_way_of_nobody (fake, PCI_WAY_VFIO, "dev/vfio/vfio, which belongs to", "udev rules", -1);
}

static void
test_group_not_viable (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_set (fake, OTHER, "class", "0x020000\n");
  ivt_fake_sysfs_set_group (fake, OTHER, 7);
  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  ivt_fake_sysfs_set_driver (fake, OTHER, "virtio-pci");
  assert_way (fake, PCI_WAY_VFIO, OTHER " of the same IOMMU group 7 has the driver virtio-pci", "pcie.0",
              PCI_WAY_SYSFS);
  ivt_fake_sysfs_set_driver (fake, OTHER, "vfio-pci");
  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  ivt_fake_sysfs_set_driver (fake, OTHER, "pcieport");
  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  /* The kernel does not count a bridge's driver. */
  ivt_fake_sysfs_set_driver (fake, OTHER, "shpchp");
  ivt_fake_sysfs_set (fake, OTHER, "class", "0x060400\n");
  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  /* A host bridge or an ISA bridge has no bridge's header. */
  ivt_fake_sysfs_set (fake, OTHER, "class", "0x060100\n");
  assert_way (fake, PCI_WAY_VFIO, "shpchp", "pcie.0", PCI_WAY_SYSFS);
}

static void
test_lockdown (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_put (fake, "sys/kernel/security/lockdown", "[none] integrity confidentiality\n", -1);
  assert_way (fake, PCI_WAY_SYSFS, OPEN, NULL, PCI_WAY_VFIO);
  ivt_fake_sysfs_put (fake, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n", -1);
  assert_way (fake, PCI_WAY_SYSFS, "locked down (integrity)", "use vfio", PCI_WAY_VFIO);
  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
  ivt_fake_sysfs_remove (fake, DEVICE "/iommu_group");
  assert_way (fake, PCI_WAY_SYSFS, "locked down (integrity)", "give the guest an IOMMU", -1);
}

static void
test_resource_rights (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, ADDRESS, 4 * MIB, 2);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource0", 0600);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource2", 0600);
  if (geteuid () == 0)
    assert_way_of_nobody (fake, PCI_WAY_SYSFS, "resource2, which belongs to user 0 and group 0, mode 0600",
                          "udev rules", -1);
  /* To read is not enough. */
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource2", 0444);
  assert_way_of_nobody (fake, PCI_WAY_SYSFS, "resource2", "udev rules", -1);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource2", 0666);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource0", 0444);
  assert_way_of_nobody (fake, PCI_WAY_SYSFS, "resource0", "udev rules", -1);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource0", 0666);
  assert_way_of_nobody (fake, PCI_WAY_SYSFS, OPEN, NULL, PCI_WAY_SYSFS);
  ivt_fake_sysfs_set (fake, ADDRESS, "resource2", NULL);
  assert_way (fake, PCI_WAY_SYSFS, "gives no file", NULL, -1);
}

/* An ivshmem-plain needs no registers, and is not taken to vfio without need. */
static void
test_plain (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_add_device (fake, ADDRESS, 4 * MIB, 0);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource0", 0444);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource2", 0666);
  assert_way_of_nobody (fake, PCI_WAY_SYSFS, OPEN, NULL, PCI_WAY_SYSFS);
  ivt_fake_sysfs_put (fake, "sys/kernel/security/lockdown", "none integrity [confidentiality]\n", -1);
  assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
}

static void
test_not_enabled (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, ADDRESS, 4 * MIB, 2);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource0", 0666);
  ivt_fake_sysfs_chmod (fake, DEVICE "/resource2", 0666);
  /* What the device itself says counts more than how often it was enabled. */
  ivt_fake_sysfs_set (fake, ADDRESS, "enable", "0\n");
  assert_way_of_nobody (fake, PCI_WAY_SYSFS, OPEN, NULL, PCI_WAY_SYSFS);
  ivt_fake_sysfs_set (fake, ADDRESS, "config", NULL);
  assert_way_of_nobody (fake, PCI_WAY_SYSFS, "enabling it takes CAP_SYS_ADMIN", "echo 1", -1);
  /* The right to the file is not enough. */
  ivt_fake_sysfs_chmod (fake, DEVICE "/enable", 0666);
  assert_way_of_nobody (fake, PCI_WAY_SYSFS, "enabling it takes CAP_SYS_ADMIN", "echo 1", -1);
  ivt_fake_sysfs_set_driver (fake, ADDRESS, "uio_pci_generic");
  assert_way (fake, PCI_WAY_SYSFS, "only its driver uio_pci_generic can", "vfio", -1);
}

static void
test_faulty_device (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  ivt_fake_sysfs_set (fake, ADDRESS, "resource",
                      "0x1000 0x107f 0x200\n0x2000 0x2fff 0x200\n0x100000 0x1fffff 0x200\n");
  assert_way (fake, PCI_WAY_VFIO, "(BAR0) have 128 bytes", "QEMU 2.6", -1);
  assert_way (fake, PCI_WAY_SYSFS, "(BAR0) have 128 bytes", "QEMU 2.6", -1);
  ivt_fake_sysfs_set (fake, ADDRESS, "resource", "0x1000 0x10ff 0x200\n0x2000 0x2fff 0x200\n0x0 0x0 0x0\n");
  assert_way (fake, PCI_WAY_VFIO, "(BAR2) was given no address", "pci-hole64-size", -1);
  assert_way (fake, PCI_WAY_SYSFS, "(BAR2) was given no address", "pci-hole64-size", -1);
}

static void
test_not_built (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  assert_way (fake, PCI_WAY_NO_IOMMU, "CONFIG_VFIO_NOIOMMU is not set", "use vfio", PCI_WAY_VFIO);
  ivt_fake_sysfs_put (fake, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n", -1);
  assert_way (fake, PCI_WAY_NO_IOMMU, "enable_unsafe_noiommu_mode is off", "use vfio", PCI_WAY_VFIO);
  ivt_fake_sysfs_remove (fake, "sys/module/vfio");
  assert_way (fake, PCI_WAY_NO_IOMMU, "vfio is not loaded", "use vfio", PCI_WAY_VFIO);
  assert_way (fake, PCI_WAY_IOMMUFD, "no /dev/iommu", "use vfio", PCI_WAY_VFIO);
  ivt_fake_sysfs_put (fake, "dev/iommu", "", -1);
  assert_way (fake, PCI_WAY_IOMMUFD, "not built this way yet", "use vfio", PCI_WAY_VFIO);
}

static void
assert_interrupts (IvtFakeSysfs *fake, const char *says)
{
  const char *sys = ivt_fake_sysfs_get_sys (fake);
  const char *dev = ivt_fake_sysfs_get_dev (fake);
  g_autoptr (GError) error = NULL;
  g_autoptr (PciDevice) device = pci_device_read (sys, ADDRESS, &error);
  g_autoptr (PciMachine) machine = pci_machine_read (sys, dev);
  g_autofree char *text = NULL;
  PciWay ways[PCI_N_WAYS];

  g_assert_no_error (error);
  pci_ways_read (ways, machine, device, sys, dev);
  text = pci_ways_explain_interrupts (ways, device);
  pci_ways_clear (ways);
  if (says == NULL)
    g_assert_null (text);
  else
    {
      g_assert_nonnull (text);
      g_assert_nonnull (strstr (text, says));
    }
}

static void
test_interrupts (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  assert_interrupts (fake, NULL);
  ivt_fake_sysfs_remove (fake, DEVICE "/iommu_group");
  ivt_fake_sysfs_remove (fake, "sys/kernel/iommu_groups");
  assert_interrupts (fake, "this machine has no IOMMU; start QEMU with");
  ivt_fake_sysfs_add_device (fake, ADDRESS, 4 * MIB, 0);
  assert_interrupts (fake, "ivshmem-plain");
}

static void
test_odd_machine (void)
{
  static const char *const paths[]
      = { "sys/kernel/security/lockdown", "sys/kernel/iommu_groups/0/name",
          "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "sys/kernel/iommu_groups/7/name" };
  static const char *const texts[] = { "", "\n", "[", "\xff\xff", "[\xff]", "[none", "12345" };
  g_autoptr (IvtFakeSysfs) fake = make_vfio ();

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (texts); j++)
      {
        ivt_fake_sysfs_put (fake, paths[i], texts[j], -1);
        assert_way (fake, PCI_WAY_VFIO, OPEN, NULL, PCI_WAY_VFIO);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guest-linux/way/open", test_open);
  g_test_add_func ("/guest-linux/way/no-iommu", test_no_iommu);
  g_test_add_func ("/guest-linux/way/pretended-group", test_pretended_group);
  g_test_add_func ("/guest-linux/way/modules", test_modules);
  g_test_add_func ("/guest-linux/way/binding", test_binding);
  g_test_add_func ("/guest-linux/way/other-driver", test_other_driver);
  g_test_add_func ("/guest-linux/way/node", test_node);
  g_test_add_func ("/guest-linux/way/group-not-viable", test_group_not_viable);
  g_test_add_func ("/guest-linux/way/lockdown", test_lockdown);
  g_test_add_func ("/guest-linux/way/resource-rights", test_resource_rights);
  g_test_add_func ("/guest-linux/way/plain", test_plain);
  g_test_add_func ("/guest-linux/way/not-enabled", test_not_enabled);
  g_test_add_func ("/guest-linux/way/faulty-device", test_faulty_device);
  g_test_add_func ("/guest-linux/way/not-built", test_not_built);
  g_test_add_func ("/guest-linux/way/interrupts", test_interrupts);
  g_test_add_func ("/guest-linux/way/odd-machine", test_odd_machine);
  return g_test_run ();
}
