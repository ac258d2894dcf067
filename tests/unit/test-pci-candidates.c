/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/candidates.h"

#include <string.h>

#include <glib.h>

#include "guest-linux/device.h"
#include "lib/ivt-fake-sysfs.h"

#define ADDRESS "0000:00:04.0"
#define MIB (1024 * 1024)
/* What the host takes of one candidate. */
#define FIELDS_MAX 32

struct IvshmemPluginProbe
{
  GPtrArray *candidates; /* of GHashTable: name -> text of the value */
};

static guint n_warnings;

static char *
show (const IvshmemPluginField *field)
{
  switch (field->type)
    {
    case IVSHMEM_PLUGIN_FIELD_TEXT:
      g_assert_cmpuint (strlen (field->text), <=, PCI_LIMIT_FIELD_BYTES);
      g_assert_true (g_utf8_validate (field->text, -1, NULL));
      return g_strdup (field->text);
    case IVSHMEM_PLUGIN_FIELD_NUMBER:
      return g_strdup_printf ("%" G_GUINT64_FORMAT, field->number);
    case IVSHMEM_PLUGIN_FIELD_BOOLEAN:
      return g_strdup (field->number != 0 ? "yes" : "no");
    default:
      g_assert_not_reached ();
    }
}

static void
take_candidate (IvshmemPluginProbe *probe, const IvshmemPluginField *fields, uint32_t n_fields)
{
  GHashTable *candidate = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  g_assert_cmpuint (n_fields, <=, FIELDS_MAX);
  g_assert_cmpstr (fields[0].name, ==, "name");
  g_assert_cmpint (fields[0].type, ==, IVSHMEM_PLUGIN_FIELD_TEXT);
  for (guint i = 0; i < n_fields; i++)
    {
      g_assert_cmpuint (fields[i].struct_size, ==, sizeof *fields);
      /* Nothing twice */
      g_assert_true (g_hash_table_insert (candidate, g_strdup (fields[i].name), show (&fields[i])));
    }
  g_ptr_array_add (probe->candidates, candidate);
}

static void
take_log (IvshmemPluginRegion *region, int32_t level, const char *message)
{
  g_assert_null (region);
  g_assert_cmpint (level, ==, IVSHMEM_PLUGIN_LOG_WARNING);
  n_warnings++;
}

static GPtrArray *
list (IvtFakeSysfs *fake)
{
  const IvshmemPluginHost host = { .struct_size = sizeof host, .log = take_log, .candidate = take_candidate };
  IvshmemPluginProbe probe
      = { .candidates = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref) };

  n_warnings = 0;
  g_assert_cmpint (
      pci_candidates_list (&host, &probe, ivt_fake_sysfs_get_sys (fake), ivt_fake_sysfs_get_dev (fake)), ==,
      IVSHMEM_PLUGIN_OK);
  return probe.candidates;
}

/* value: NULL: it is left out. */
static void
assert_field (GPtrArray *candidates, const char *name, const char *value)
{
  GHashTable *candidate;

  g_assert_cmpuint (candidates->len, >, 0);
  candidate = g_ptr_array_index (candidates, 0);
  g_test_message ("%s", name);
  g_assert_cmpstr (g_hash_table_lookup (candidate, name), ==, value);
}

static void
assert_field_says (GPtrArray *candidates, const char *name, const char *part)
{
  const char *text = g_hash_table_lookup (g_ptr_array_index (candidates, 0), name);

  g_assert_nonnull (text);
  g_test_message ("%s: %s", name, text);
  g_assert_nonnull (strstr (text, part));
}

static void
test_doorbell (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) candidates = NULL;

  ivt_fake_sysfs_add_device (fake, ADDRESS, 16 * MIB, 4);
  ivt_fake_sysfs_set_group (fake, ADDRESS, 3);
  ivt_fake_sysfs_set_driver (fake, ADDRESS, "vfio-pci");
  ivt_fake_sysfs_set (fake, "0000:00:05.0", "class", "0x020000\n");
  ivt_fake_sysfs_set_group (fake, "0000:00:05.0", 3);
  ivt_fake_sysfs_set (fake, "0000:00:06.0", "class", "0x060400\n");
  ivt_fake_sysfs_set_group (fake, "0000:00:06.0", 3);
  ivt_fake_sysfs_set_driver (fake, "0000:00:06.0", "pcieport");
  ivt_fake_sysfs_add_vfio (fake);
  ivt_fake_sysfs_put (fake, "dev/vfio/3", "", -1);
  ivt_fake_sysfs_put (fake, "sys/kernel/security/lockdown", "[none] integrity confidentiality\n", -1);
  candidates = list (fake);
  g_assert_cmpuint (candidates->len, ==, 1);
  assert_field (candidates, "name", ADDRESS);
  assert_field (candidates, "size", "16777216");
  assert_field (candidates, "revision", "1");
  assert_field (candidates, "type", "doorbell");
  assert_field (candidates, "vectors", "4");
  assert_field (candidates, "bar0-bytes", "256");
  assert_field (candidates, "bar1-bytes", "4096");
  assert_field (candidates, "bar2-bytes", "16777216");
  assert_field (candidates, "address", ADDRESS);
  assert_field (candidates, "driver", "vfio-pci");
  assert_field (candidates, "iommu-group", "3");
  assert_field (candidates, "group-members", "0000:00:05.0 (no driver), 0000:00:06.0 (pcieport)");
  assert_field (candidates, "lockdown", "none");
  assert_field (candidates, "enabled", "yes");
  assert_field (candidates, "write-combined", "yes");
  assert_field (candidates, "best-way", "vfio");
  assert_field (candidates, "interrupts", "yes");
  assert_field (candidates, "vfio", "open");
  assert_field (candidates, "sysfs", "open");
  assert_field (candidates, "fault", NULL);
  assert_field_says (candidates, "vfio-noiommu", "CONFIG_VFIO_NOIOMMU is not set); use vfio");
  assert_field_says (candidates, "iommufd", "; ");
}

static void
test_plain (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) candidates = NULL;

  ivt_fake_sysfs_add_device (fake, ADDRESS, MIB, 0);
  candidates = list (fake);
  assert_field (candidates, "type", "plain");
  assert_field (candidates, "vectors", "0");
  assert_field (candidates, "driver", NULL);
  assert_field (candidates, "iommu-group", NULL);
  assert_field (candidates, "group-members", NULL);
  assert_field (candidates, "lockdown", NULL);
  assert_field (candidates, "best-way", "sysfs");
  assert_field (candidates, "interrupts", "no");
  assert_field_says (candidates, "vfio", "this machine has no IOMMU; start QEMU with");
}

/* Listed all the same, with what is wrong. */
static void
test_faulty (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) candidates = NULL;

  ivt_fake_sysfs_add_device (fake, ADDRESS, MIB, 1);
  ivt_fake_sysfs_set (fake, ADDRESS, "resource", NULL);
  ivt_fake_sysfs_set (fake, ADDRESS, "config", NULL);
  ivt_fake_sysfs_set (fake, ADDRESS, "revision", NULL);
  candidates = list (fake);
  assert_field (candidates, "size", "0");
  assert_field (candidates, "vectors", NULL);
  assert_field (candidates, "revision", NULL);
  assert_field_says (candidates, "fault", "BAR2");
  assert_field (candidates, "best-way", "none");
}

static void
test_long_texts (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) candidates = NULL;
  const char *members;

  ivt_fake_sysfs_add_device (fake, ADDRESS, MIB, 1);
  ivt_fake_sysfs_set_group (fake, ADDRESS, 3);
  for (guint i = 0; i < PCI_LIMIT_GROUP_MEMBERS; i++)
    {
      g_autofree char *path = g_strdup_printf ("sys/kernel/iommu_groups/3/devices/\303\244\303\266%u", i);

      ivt_fake_sysfs_link (fake, path, "nowhere");
    }
  candidates = list (fake);
  members = g_hash_table_lookup (g_ptr_array_index (candidates, 0), "group-members");
  g_assert_nonnull (members);
  g_assert_cmpuint (strlen (members), >, PCI_LIMIT_FIELD_BYTES - 16);
  g_assert_true (g_str_has_suffix (members, "..."));
}

static void
add_small_device (IvtFakeSysfs *fake, guint index)
{
  g_autofree char *address
      = g_strdup_printf ("0000:%02x:%02x.%x", index >> 8, (index >> 3) & 0x1f, index & 7);

  ivt_fake_sysfs_set (fake, address, "vendor", "0x1af4\n");
  ivt_fake_sysfs_set (fake, address, "device", "0x1110\n");
}

static void
test_limit (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();
  g_autoptr (GPtrArray) fitting = NULL;
  g_autoptr (GPtrArray) cut = NULL;

  for (guint i = 0; i < PCI_LIMIT_DEVICES - 1; i++)
    add_small_device (fake, i);
  fitting = list (fake);
  g_assert_cmpuint (fitting->len, ==, PCI_LIMIT_DEVICES - 1);
  g_assert_cmpuint (n_warnings, ==, 0);
  add_small_device (fake, PCI_LIMIT_DEVICES - 1);
  add_small_device (fake, PCI_LIMIT_DEVICES);
  cut = list (fake);
  g_assert_cmpuint (cut->len, ==, PCI_LIMIT_DEVICES);
  g_assert_cmpuint (n_warnings, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guest-linux/candidates/doorbell", test_doorbell);
  g_test_add_func ("/guest-linux/candidates/plain", test_plain);
  g_test_add_func ("/guest-linux/candidates/faulty", test_faulty);
  g_test_add_func ("/guest-linux/candidates/long-texts", test_long_texts);
  g_test_add_func ("/guest-linux/candidates/limit", test_limit);
  return g_test_run ();
}
