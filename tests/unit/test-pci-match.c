/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/match.h"

#include <string.h>

#include "guest-linux/error.h"
#include "lib/ivt-fake-sysfs.h"

#define MIB (1024 * 1024)

static IvtFakeSysfs *
make_three (void)
{
  IvtFakeSysfs *fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, "0000:00:04.0", 4 * MIB, 2);
  ivt_fake_sysfs_add_device (fake, "0000:00:0a.0", 16 * MIB, 0);
  ivt_fake_sysfs_add_device (fake, "0001:00:04.0", 4 * MIB, 2);
  return fake;
}

static void
assert_found (IvtFakeSysfs *fake, const char *text, const char *address)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PciDevice) device = pci_match_find (ivt_fake_sysfs_get_sys (fake), text, &error);

  g_test_message ("%s", text != NULL ? text : "(nothing)");
  g_assert_no_error (error);
  g_assert_cmpstr (device->address, ==, address);
}

static void
assert_refused (IvtFakeSysfs *fake, const char *text, gint code, const char *says)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PciDevice) device = pci_match_find (ivt_fake_sysfs_get_sys (fake), text, &error);

  g_assert_error (error, PCI_ERROR, code);
  g_assert_null (device);
  g_test_message ("%s", error->message);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_nonnull (strstr (error->message, says));
}

static void
test_found (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_three ();

  assert_found (fake, "0000:00:04.0", "0000:00:04.0");
  assert_found (fake, "00:04.0", "0000:00:04.0");
  assert_found (fake, "00:0A.0", "0000:00:0a.0");
  assert_found (fake, "0001:00:04.0", "0001:00:04.0");
  assert_found (fake, "size:16M", "0000:00:0a.0");
  assert_found (fake, "size:16m", "0000:00:0a.0");
  assert_found (fake, "size:16384K", "0000:00:0a.0");
  assert_found (fake, "size:16777216", "0000:00:0a.0");
  assert_found (fake, "index:0", "0000:00:04.0");
  assert_found (fake, "index:1", "0000:00:0a.0");
  assert_found (fake, "index:2", "0001:00:04.0");
}

static void
test_only (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  assert_refused (fake, NULL, IVSHMEM_PLUGIN_NOT_FOUND, "has no ivshmem device");
  assert_refused (fake, "index:0", IVSHMEM_PLUGIN_NOT_FOUND, "has no ivshmem device");
  ivt_fake_sysfs_add_device (fake, "0000:00:04.0", 4 * MIB, 2);
  assert_found (fake, NULL, "0000:00:04.0");
}

static void
test_missing (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_three ();
  const char *all = "there are 0000:00:04.0 (ivshmem-doorbell, 4M), 0000:00:0a.0 (ivshmem-plain, 16M), "
                    "0001:00:04.0 (ivshmem-doorbell, 4M)";

  assert_refused (fake, "00:05.0", IVSHMEM_PLUGIN_NOT_FOUND, all);
  assert_refused (fake, "size:8M", IVSHMEM_PLUGIN_NOT_FOUND, all);
  assert_refused (fake, "index:3", IVSHMEM_PLUGIN_NOT_FOUND, all);
  assert_refused (fake, "eth0", IVSHMEM_PLUGIN_INVALID_ARGUMENT, all);
}

static void
test_ambiguous (void)
{
  g_autoptr (IvtFakeSysfs) fake = make_three ();

  assert_refused (fake, NULL, IVSHMEM_PLUGIN_BUSY, "3 devices fit");
  assert_refused (
      fake, "size:4M", IVSHMEM_PLUGIN_BUSY,
      "2 devices fit device=size:4M: there are 0000:00:04.0 (ivshmem-doorbell, 4M), 0001:00:04.0");
}

static void
test_odd (void)
{
  static const char *const texts[] = { "",
                                       " ",
                                       "size:",
                                       "size:0",
                                       "size:M",
                                       "size:-1",
                                       "size:4MiB",
                                       "size:4P",
                                       "size:0x1000",
                                       "size: 4M",
                                       "size:18446744073709551616",
                                       "size:18014398509481984K", /* 2^64 */
                                       "size:16777216T",
                                       "index:",
                                       "index:-1",
                                       "index:1a",
                                       "index:18446744073709551616",
                                       "INDEX:0",
                                       "\xff\xff\xff",
                                       "0000:00:04.0\n" };
  g_autoptr (IvtFakeSysfs) fake = make_three ();
  g_autofree char *overlong = g_strnfill (100000, '0');
  g_autofree char *edge = g_strdup_printf ("index:%d", PCI_LIMIT_DEVICES - 1);
  g_autofree char *beyond = g_strdup_printf ("index:%d", PCI_LIMIT_DEVICES);

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_refused (fake, texts[i], IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is neither a PCI address");
  assert_refused (fake, overlong, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is neither a PCI address");
  assert_refused (fake, "size:18014398509481983K", IVSHMEM_PLUGIN_NOT_FOUND, "there are");
  assert_refused (fake, edge, IVSHMEM_PLUGIN_NOT_FOUND, "there are");
  assert_refused (fake, beyond, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is neither");
}

static void
test_many (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *address = g_strdup_printf ("0000:01:%02x.0", i);

      ivt_fake_sysfs_add_device (fake, address, MIB, 1);
    }
  assert_refused (fake, NULL, IVSHMEM_PLUGIN_BUSY, "and 12 more");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guest-linux/match/found", test_found);
  g_test_add_func ("/guest-linux/match/only", test_only);
  g_test_add_func ("/guest-linux/match/missing", test_missing);
  g_test_add_func ("/guest-linux/match/ambiguous", test_ambiguous);
  g_test_add_func ("/guest-linux/match/odd", test_odd);
  g_test_add_func ("/guest-linux/match/many", test_many);
  return g_test_run ();
}
