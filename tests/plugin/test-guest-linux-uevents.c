/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What guest-linux makes of device events that a script plays: bursts that are
 * longer than one look, and events that were lost.
 */
#include "config.h"

#include <string.h>

#include <glib/gstdio.h>

#include "guest-linux/error.h"
#include "guest-linux/monitor.h"
#include "guest-linux/removal.h"
#include "guest-linux/uevents.h"

#define ADDRESS "0000:00:05.0"

/* Stands in for uevents.c: so many events of others, then what is said. */
struct _PciUevents
{
  guint others, missed, ours;
  PciUevent event;
  guint calls;
  gboolean fails;
};

static PciUevents script;

PciUevents *
pci_uevents_new (PciUeventSource source, GError **error)
{
  if (!script.fails)
    return &script;
  g_set_error_literal (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED, "there are none here");
  return NULL;
}

void
pci_uevents_free (PciUevents *self)
{
}

int
pci_uevents_get_fd (PciUevents *self)
{
  return 0;
}

PciUeventsResult
pci_uevents_take (PciUevents *self, PciUevent *ret_event)
{
  self->calls++;
  if (self->others > 0)
    {
      self->others--;
      *ret_event = (PciUevent){ .address = "0000:00:01.0" };
      return PCI_UEVENTS_ONE;
    }
  if (self->missed > 0)
    {
      self->missed--;
      return PCI_UEVENTS_MISSED;
    }
  if (self->ours == 0)
    return PCI_UEVENTS_NONE;
  self->ours--;
  *ret_event = self->event;
  return PCI_UEVENTS_ONE;
}

static guint logged;

static void
host_log (IvshmemPluginRegion *region, int32_t level, const char *message)
{
  logged++;
}

static IvshmemPluginReadyFunc watch_func;
static void *watch_data;

static IvshmemPluginStatus
host_watch (IvshmemPluginRegion *region, IvshmemPluginHandle handle, uint32_t conditions,
            IvshmemPluginReadyFunc func, void *data, uint64_t *id)
{
  watch_func = func;
  watch_data = data;
  *id = 1;
  return IVSHMEM_PLUGIN_OK;
}

static void
host_unwatch (IvshmemPluginRegion *region, uint64_t id)
{
  g_assert_cmpuint (id, ==, 1);
  g_assert_nonnull (watch_func);
  watch_func = NULL;
}

static const IvshmemPluginHost host = {
  .struct_size = sizeof host,
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .log = host_log,
  .watch = host_watch,
  .unwatch = host_unwatch,
};

static IvshmemPluginMonitor *
open_monitor (void)
{
  IvshmemPluginMonitor *monitor = NULL;
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;

  script = (PciUevents){ 0 };
  g_assert_cmpint (pci_monitor_open (&host, &monitor, &handle), ==, IVSHMEM_PLUGIN_OK);
  g_assert_cmpint (handle, ==, 0);
  return monitor;
}

static void
test_bursts (void)
{
  IvshmemPluginMonitor *monitor = open_monitor ();

  /* The last one that a look takes, and the one that it leaves. */
  script.others = PCI_UEVENTS_AT_ONCE - 1;
  script.ours = 1;
  script.event.is_ivshmem = TRUE;
  g_assert_cmpuint (pci_monitor_take (monitor), ==, 1);
  script.others = PCI_UEVENTS_AT_ONCE;
  script.ours = 1;
  script.calls = 0;
  g_assert_cmpuint (pci_monitor_take (monitor), ==, 0);
  g_assert_cmpuint (script.calls, ==, PCI_UEVENTS_AT_ONCE);
  g_assert_cmpuint (pci_monitor_take (monitor), ==, 1);
  g_assert_cmpuint (pci_monitor_take (monitor), ==, 0);
  pci_monitor_close (monitor);
}

static void
test_concern (void)
{
  IvshmemPluginMonitor *monitor = open_monitor ();
  const struct
  {
    PciUevent event;
    guint concerns;
  } rows[] = {
    { { .address = ADDRESS, .is_ivshmem = TRUE }, 1 },
    { { .address = ADDRESS, .is_ivshmem = TRUE, .is_removal = TRUE }, 1 },
    { { .address = ADDRESS }, 0 },
    { { .address = ADDRESS, .is_removal = TRUE }, 0 },
    { { .address = ADDRESS, .is_binding = TRUE }, 1 },
    { { .address = "" }, 1 }, /* a vfio group */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      script.ours = 1;
      script.event = rows[i].event;
      g_assert_cmpuint (pci_monitor_take (monitor), ==, rows[i].concerns);
    }
  /* Of what was lost anything may have been ours. */
  script.missed = 1;
  g_assert_cmpuint (pci_monitor_take (monitor), ==, 1);
  script.missed = G_MAXUINT;
  script.calls = 0;
  g_assert_cmpuint (pci_monitor_take (monitor), ==, 1);
  g_assert_cmpuint (script.calls, ==, PCI_UEVENTS_AT_ONCE);
  pci_monitor_close (monitor);
}

static void
test_no_monitor (void)
{
  IvshmemPluginMonitor *monitor = NULL;
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;

  script = (PciUevents){ .fails = TRUE };
  logged = 0;
  g_assert_cmpint (pci_monitor_open (&host, &monitor, &handle), ==, IVSHMEM_PLUGIN_NOT_SUPPORTED);
  g_assert_null (monitor);
  g_assert_cmpuint (logged, ==, 1);
}

/* --- removal --- */

typedef struct
{
  char *sysfs, *folder, *file;
  guint gone;
} Device;

static void
on_gone (void *data)
{
  ((Device *) data)->gone++;
}

static void
make_device (Device *device)
{
  device->sysfs = g_dir_make_tmp ("ivt-sysfs-XXXXXX", NULL);
  device->folder = g_build_filename (device->sysfs, "bus/pci/devices", ADDRESS, NULL);
  device->file = g_build_filename (device->folder, "vendor", NULL);
  g_assert_cmpint (g_mkdir_with_parents (device->folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (device->file, "0x1af4\n", -1, NULL));
}

static void
remove_tree (Device *device)
{
  g_autofree char *path = g_strdup (device->folder);

  g_unlink (device->file);
  while (strlen (path) >= strlen (device->sysfs))
    {
      g_assert_cmpint (g_rmdir (path), ==, 0);
      *strrchr (path, '/') = '\0';
    }
  g_free (device->sysfs);
  g_free (device->folder);
  g_free (device->file);
}

/* Its event was lost: the folder says it. */
static void
test_lost_removal (void)
{
  Device device = { NULL };
  g_autoptr (PciRemoval) removal = NULL;
  g_autoptr (GError) error = NULL;

  script = (PciUevents){ 0 };
  make_device (&device);
  removal = pci_removal_new (&host, NULL, device.sysfs, ADDRESS, on_gone, &device, &error);
  g_assert_no_error (error);
  script.missed = 1;
  watch_func (watch_data, IVSHMEM_PLUGIN_HANGUP);
  g_assert_cmpuint (device.gone, ==, 0);
  g_assert_cmpint (g_unlink (device.file), ==, 0);
  script.others = 1;
  watch_func (watch_data, IVSHMEM_PLUGIN_READABLE);
  g_assert_cmpuint (device.gone, ==, 0);
  script.missed = 1;
  watch_func (watch_data, IVSHMEM_PLUGIN_HANGUP);
  g_assert_cmpuint (device.gone, ==, 1);
  g_assert_null (watch_func);
  remove_tree (&device);
}

static void
test_no_removal (void)
{
  Device device = { NULL };
  g_autoptr (GError) error = NULL;

  script = (PciUevents){ .fails = TRUE };
  make_device (&device);
  g_assert_null (pci_removal_new (&host, NULL, device.sysfs, ADDRESS, on_gone, &device, &error));
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED);
  remove_tree (&device);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guest-linux/uevents/bursts", test_bursts);
  g_test_add_func ("/guest-linux/uevents/concern", test_concern);
  g_test_add_func ("/guest-linux/uevents/no-monitor", test_no_monitor);
  g_test_add_func ("/guest-linux/uevents/lost-removal", test_lost_removal);
  g_test_add_func ("/guest-linux/uevents/no-removal", test_no_removal);
  return g_test_run ();
}
