/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* What goes wrong on the way to vfio. What goes well needs a kernel: tests/guest. */
#include "config.h"

#include "guest-linux/binding.h"

#include <string.h>
#include <unistd.h>

#include "guest-linux/error.h"
#include "guest-linux/vfio.h"
#include "lib/ivt-fake-sysfs.h"

#define ADDRESS "0000:00:04.0"
#define GROUP 7
#define MIB (1024 * 1024)

typedef struct
{
  IvtFakeSysfs *fake;
  gboolean by_vfio; /* vfio_device_open(), else pci_binding_take() */
  gint status;
  const char *says;
} Refusal;

static void
set_up (IvtFakeSysfs **fake, gconstpointer data)
{
  *fake = ivt_fake_sysfs_new ();
  ivt_fake_sysfs_add_device (*fake, ADDRESS, 4 * MIB, 4);
  ivt_fake_sysfs_set_group (*fake, ADDRESS, GROUP);
  ivt_fake_sysfs_put (*fake, "sys/bus/pci/drivers_probe", "", -1);
}

static void
tear_down (IvtFakeSysfs **fake, gconstpointer data)
{
  ivt_fake_sysfs_free (*fake);
}

static char *
read_file (IvtFakeSysfs *fake, const char *name)
{
  g_autofree char *path = pci_device_path (ivt_fake_sysfs_get_sys (fake), ADDRESS, name);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

/* In a child, perhaps. */
static void
check_refusal (gpointer data)
{
  const Refusal *expected = data;
  const char *sys = ivt_fake_sysfs_get_sys (expected->fake);
  g_autoptr (PciDevice) device = pci_device_read (sys, ADDRESS, NULL);
  g_autoptr (PciBinding) binding = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (device);
  if (expected->by_vfio)
    g_assert_null (vfio_device_open (ivt_fake_sysfs_get_dev (expected->fake), device, &error));
  else
    g_assert_false (pci_binding_take (sys, device, &binding, &error));
  g_assert_error (error, PCI_ERROR, expected->status);
  if (strstr (error->message, expected->says) == NULL)
    g_error ("\"%s\" says nothing of \"%s\"", error->message, expected->says);
}

static void
assert_refused (IvtFakeSysfs *fake, gboolean by_vfio, gint status, const char *says)
{
  Refusal expected = { fake, by_vfio, status, says };

  check_refusal (&expected);
}

static void
assert_refused_to_anybody (IvtFakeSysfs *fake, gboolean by_vfio, gint status, const char *says)
{
  Refusal expected = { fake, by_vfio, status, says };

  ivt_run_unprivileged (check_refusal, &expected);
}

static void
test_no_driver (IvtFakeSysfs **fake, gconstpointer data)
{
  assert_refused (*fake, FALSE, IVSHMEM_PLUGIN_NOT_SUPPORTED, "modprobe vfio-pci");
}

/* A driver that does not take the device: what was begun is undone. */
static void
test_not_taken (IvtFakeSysfs **fake, gconstpointer data)
{
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  ivt_fake_sysfs_add_vfio (*fake);
  assert_refused (*fake, FALSE, IVSHMEM_PLUGIN_BUSY, "did not take " ADDRESS " (it has no driver now)");
  before = read_file (*fake, "driver_override");
  /* An ordinary file keeps what a shorter write does not cover. */
  g_assert_cmpint (before[0], ==, '\n');
  ivt_fake_sysfs_set (*fake, ADDRESS, "driver_override", "uio_ivshmem\n");
  assert_refused (*fake, FALSE, IVSHMEM_PLUGIN_BUSY, "did not take");
  after = read_file (*fake, "driver_override");
  g_assert_true (g_str_has_prefix (after, "uio_ivshmem\n"));
}

static void
test_no_rights (IvtFakeSysfs **fake, gconstpointer data)
{
  ivt_fake_sysfs_add_vfio (*fake);
  assert_refused_to_anybody (*fake, FALSE, IVSHMEM_PLUGIN_DENIED, "udev rule");
}

static void
test_bound_already (IvtFakeSysfs **fake, gconstpointer data)
{
  g_autoptr (PciDevice) device = NULL;
  PciBinding *binding = NULL;

  ivt_fake_sysfs_add_vfio (*fake);
  ivt_fake_sysfs_set_driver (*fake, ADDRESS, "vfio-pci");
  device = pci_device_read (ivt_fake_sysfs_get_sys (*fake), ADDRESS, NULL);
  g_assert_true (pci_binding_take (ivt_fake_sysfs_get_sys (*fake), device, &binding, NULL));
  g_assert_null (binding);
}

/* The kernel of this test has bound it when it is asked to. */
static PciBinding *
take (IvtFakeSysfs *fake)
{
  g_autoptr (PciDevice) device = pci_device_read (ivt_fake_sysfs_get_sys (fake), ADDRESS, NULL);
  g_autoptr (GError) error = NULL;
  PciBinding *binding = NULL;

  ivt_fake_sysfs_set_driver (fake, ADDRESS, "vfio-pci");
  g_assert_true (pci_binding_take (ivt_fake_sysfs_get_sys (fake), device, &binding, &error));
  g_assert_no_error (error);
  g_assert_nonnull (binding);
  return binding;
}

static char *
read_unbind (IvtFakeSysfs *fake)
{
  g_autofree char *path = g_build_filename (ivt_fake_sysfs_get_sys (fake), "bus/pci/drivers/vfio-pci/unbind", NULL);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
test_given_back (IvtFakeSysfs **fake, gconstpointer data)
{
  g_autofree char *override = NULL;
  g_autofree char *unbound = NULL;

  ivt_fake_sysfs_add_vfio (*fake);
  g_assert_true (pci_binding_restore (take (*fake), NULL));
  override = read_file (*fake, "driver_override");
  g_assert_cmpint (override[0], ==, '\n');
  unbound = read_unbind (*fake);
  g_assert_cmpstr (unbound, ==, ADDRESS);
}

/* Pulled out, and another one put in, which somebody has by vfio. */
static void
test_another_device (IvtFakeSysfs **fake, gconstpointer data)
{
  g_autofree char *override = NULL;
  g_autofree char *unbound = NULL;
  PciBinding *binding;

  ivt_fake_sysfs_add_vfio (*fake);
  binding = take (*fake);
  ivt_fake_sysfs_remove (*fake, "sys/bus/pci/devices/" ADDRESS);
  ivt_fake_sysfs_add_device (*fake, ADDRESS, MIB, 4);
  ivt_fake_sysfs_set_driver (*fake, ADDRESS, "vfio-pci");
  ivt_fake_sysfs_set (*fake, ADDRESS, "driver_override", "vfio-pci\n");
  g_assert_true (pci_binding_restore (binding, NULL));
  override = read_file (*fake, "driver_override");
  g_assert_cmpstr (override, ==, "vfio-pci\n");
  unbound = read_unbind (*fake);
  g_assert_cmpstr (unbound, ==, "");
}

static void
test_vfio_refuses (IvtFakeSysfs **fake, gconstpointer data)
{
  assert_refused (*fake, TRUE, IVSHMEM_PLUGIN_NOT_FOUND, "modprobe vfio-pci");
  ivt_fake_sysfs_put (*fake, "dev/vfio/vfio", "", -1);
  assert_refused_to_anybody (*fake, TRUE, IVSHMEM_PLUGIN_DENIED, "vfio/vfio");
  assert_refused (*fake, TRUE, IVSHMEM_PLUGIN_NOT_SUPPORTED, "vfio_iommu_type1");
}

#define ADD(name, func) g_test_add ("/pci/binding/" name, IvtFakeSysfs *, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("no-driver", test_no_driver);
  ADD ("not-taken", test_not_taken);
  ADD ("no-rights", test_no_rights);
  ADD ("bound-already", test_bound_already);
  ADD ("given-back", test_given_back);
  ADD ("another-device", test_another_device);
  ADD ("vfio-refuses", test_vfio_refuses);
  return g_test_run ();
}
