/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Whose a device is, as regions of one daemon and of two tell each other. */
#include "config.h"

#include "guest-linux/claim.h"

#include <string.h>
#include <unistd.h>

#include "guest-linux/error.h"
#include "lib/ivt-fake-sysfs.h"

#define ADDRESS "0000:00:04.0"
#define CLAIMED "sys/bus/pci/devices/" ADDRESS "/resource0"
#define MIB (1024 * 1024)

static void
set_up (IvtFakeSysfs **fake, gconstpointer data)
{
  *fake = ivt_fake_sysfs_new ();
  ivt_fake_sysfs_add_device (*fake, ADDRESS, 4 * MIB, 4);
  ivt_fake_sysfs_put (*fake, CLAIMED, "", -1);
}

static void
tear_down (IvtFakeSysfs **fake, gconstpointer data)
{
  ivt_fake_sysfs_free (*fake);
}

static int
take (IvtFakeSysfs *fake, gboolean alone)
{
  g_autoptr (GError) error = NULL;
  int claim = -1;

  g_assert_true (pci_claim_take (ivt_fake_sysfs_get_sys (fake), ADDRESS, alone, &claim, &error));
  g_assert_no_error (error);
  g_assert_cmpint (claim, >=, 0);
  return claim;
}

static void
assert_taken (IvtFakeSysfs *fake, gboolean alone)
{
  g_autoptr (GError) error = NULL;
  int claim = -1;

  g_assert_false (pci_claim_take (ivt_fake_sysfs_get_sys (fake), ADDRESS, alone, &claim, &error));
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_BUSY);
  g_assert_nonnull (strstr (error->message, ADDRESS));
}

static void
test_alone (IvtFakeSysfs **fake, gconstpointer data)
{
  pci_autofd int claim = take (*fake, TRUE);

  assert_taken (*fake, TRUE);
  assert_taken (*fake, FALSE);
  pci_close (&claim);
  claim = take (*fake, TRUE);
}

static void
test_shared (IvtFakeSysfs **fake, gconstpointer data)
{
  pci_autofd int claim = take (*fake, FALSE), other = take (*fake, FALSE);

  assert_taken (*fake, TRUE);
  pci_close (&claim);
  pci_close (&other);
  claim = take (*fake, TRUE);
}

static void *
let_go_soon (void *data)
{
  int *claim = data;

  g_usleep (100 * G_TIME_SPAN_MILLISECOND);
  pci_close (claim);
  return NULL;
}

/* Who is about to give it back is waited for. */
static void
test_given_back (IvtFakeSysfs **fake, gconstpointer data)
{
  int claim = take (*fake, TRUE);
  g_autoptr (GThread) thread = g_thread_ref (g_thread_new ("other", let_go_soon, &claim));
  pci_autofd int mine = take (*fake, TRUE);

  g_thread_join (thread);
}

/* Another one may be at its address by then. */
static void
test_removed (IvtFakeSysfs **fake, gconstpointer data)
{
  const char *sys = ivt_fake_sysfs_get_sys (*fake);
  g_autofree char *path = pci_device_path (sys, ADDRESS, "resource0");
  pci_autofd int claim = take (*fake, TRUE);
  pci_autofd int other = -1;

  g_assert_cmpint (unlink (path), ==, 0);
  ivt_fake_sysfs_put (*fake, CLAIMED, "", -1);
  g_assert_cmpint (claim, >=, 0);
  other = take (*fake, TRUE);
}

/* It is no right to the device that is asked for. */
static void
test_not_ours (IvtFakeSysfs **fake, gconstpointer data)
{
  const char *sys = ivt_fake_sysfs_get_sys (*fake);
  g_autofree char *path = pci_device_path (sys, ADDRESS, "resource0");
  g_autoptr (GError) error = NULL;
  int claim = 0;

  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_true (pci_claim_take (sys, ADDRESS, TRUE, &claim, &error));
  g_assert_no_error (error);
  g_assert_cmpint (claim, ==, -1);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/pci-claim/alone", IvtFakeSysfs *, NULL, set_up, test_alone, tear_down);
  g_test_add ("/pci-claim/shared", IvtFakeSysfs *, NULL, set_up, test_shared, tear_down);
  g_test_add ("/pci-claim/given-back", IvtFakeSysfs *, NULL, set_up, test_given_back, tear_down);
  g_test_add ("/pci-claim/removed", IvtFakeSysfs *, NULL, set_up, test_removed, tear_down);
  g_test_add ("/pci-claim/not-ours", IvtFakeSysfs *, NULL, set_up, test_not_ours, tear_down);
  return g_test_run ();
}
