/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * How guest-linux hears of devices that come and go: its monitor, and the
 * removal of one device, against the events of a machine that umockdev plays.
 */
#include "config.h"

#include <string.h>
#include <umockdev.h>

#include <glib-unix.h>

#include "guest-linux/error.h"
#include "guest-linux/monitor.h"
#include "guest-linux/removal.h"
#include "guest-linux/uevents.h"

#define ADDRESS "0000:00:05.0"
#define OTHER "0000:00:06.0"
#define WAIT_USEC (20 * G_USEC_PER_SEC)

typedef struct
{
  UMockdevTestbed *bed;
  char *sysfs;
  IvshmemPluginHost host;
  guint gone; /* calls of on_gone() */
  PciRemoval *freed_by_call;
} Fixture;

/* The watch of the host that there is; the one of a test has room for one. */
static struct
{
  guint source;
  int handle;
  IvshmemPluginReadyFunc func;
  void *data;
  gboolean refuse;
  guint logged;
} watched;

static gboolean
on_readable (gint fd, GIOCondition condition, gpointer data)
{
  watched.func (watched.data, IVSHMEM_PLUGIN_READABLE);
  return G_SOURCE_CONTINUE;
}

static IvshmemPluginStatus
host_watch (IvshmemPluginRegion *region, IvshmemPluginHandle handle, uint32_t conditions,
            IvshmemPluginReadyFunc func, void *data, uint64_t *id)
{
  if (watched.refuse)
    return IVSHMEM_PLUGIN_LIMIT;
  g_assert_cmpuint (watched.source, ==, 0);
  g_assert_cmpuint (conditions, ==, IVSHMEM_PLUGIN_READABLE);
  watched.func = func;
  watched.data = data;
  watched.source = g_unix_fd_add ((gint) handle, G_IO_IN, on_readable, NULL);
  *id = watched.source;
  return IVSHMEM_PLUGIN_OK;
}

static void
host_unwatch (IvshmemPluginRegion *region, uint64_t id)
{
  g_assert_cmpuint (watched.source, ==, id);
  g_source_remove (watched.source);
  watched.source = 0;
}

static void
host_log (IvshmemPluginRegion *region, int32_t level, const char *message)
{
  g_assert_null (region);
  watched.logged++;
}

static char *
add_device (Fixture *f, const char *address, const char *id)
{
  const char *attributes[] = { "vendor", "0x1af4\n", NULL };
  const char *properties[] = { "PCI_ID", id, "PCI_SLOT_NAME", address, NULL };

  return umockdev_testbed_add_devicev (f->bed, "pci", address, NULL, (gchar **) attributes, (gchar **) properties);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->bed = umockdev_testbed_new ();
  f->sysfs = umockdev_testbed_get_sys_dir (f->bed);
  f->host = (IvshmemPluginHost){
    .struct_size = sizeof f->host,
    .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
    .log = host_log,
    .watch = host_watch,
    .unwatch = host_unwatch,
  };
  watched.refuse = FALSE;
  watched.logged = 0;
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_cmpuint (watched.source, ==, 0);
  g_object_unref (f->bed);
  g_free (f->sysfs);
}

static gboolean
on_late (gpointer data)
{
  g_error ("nothing came");
  return G_SOURCE_REMOVE;
}

static void
wait_for (const guint *counter, guint value)
{
  guint late = g_timeout_add (WAIT_USEC / 1000, on_late, NULL);

  while (*counter < value)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (late);
  g_assert_cmpuint (*counter, ==, value);
}

static void
drain (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

/* --- the monitor --------------------------------------------------------- */

typedef struct
{
  IvshmemPluginMonitor *monitor;
  int handle;
} Opened;

static Opened
open_monitor (Fixture *f)
{
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
  Opened opened = { NULL, -1 };

  g_assert_cmpint (pci_monitor_open (&f->host, &opened.monitor, &handle), ==, IVSHMEM_PLUGIN_OK);
  g_assert_nonnull (opened.monitor);
  opened.handle = (int) handle;
  return opened;
}

static gboolean
is_ready (const Opened *opened, gint timeout_msec)
{
  GPollFD poll = { .fd = opened->handle, .events = G_IO_IN };

  return g_poll (&poll, 1, timeout_msec) == 1;
}

/* All that there is, as the daemon takes it. */
static gboolean
take (const Opened *opened)
{
  gboolean concerned = FALSE;

  while (is_ready (opened, 0))
    concerned |= pci_monitor_take (opened->monitor) != 0;
  return concerned;
}

static void
test_monitor (Fixture *f, gconstpointer data)
{
  Opened opened = open_monitor (f);
  g_autofree char *device = NULL;
  g_autofree char *other = NULL;

  g_assert_false (is_ready (&opened, 0));
  g_assert_cmpuint (pci_monitor_take (opened.monitor), ==, 0);
  device = add_device (f, ADDRESS, "1AF4:1110");
  g_assert_true (is_ready (&opened, 20000));
  g_assert_true (take (&opened));
  g_assert_cmpuint (pci_monitor_take (opened.monitor), ==, 0);

  /* A network card is none of ours, but its driver may share our group. */
  other = add_device (f, OTHER, "8086:100E");
  umockdev_testbed_uevent (f->bed, other, "change");
  g_assert_false (take (&opened));
  umockdev_testbed_uevent (f->bed, other, "unbind");
  g_assert_true (take (&opened));
  umockdev_testbed_uevent (f->bed, device, "remove");
  g_assert_true (take (&opened));
  pci_monitor_close (opened.monitor);
}

static void
test_monitor_groups (Fixture *f, gconstpointer data)
{
  Opened opened = open_monitor (f);
  g_autofree char *group = umockdev_testbed_add_devicev (f->bed, "vfio", "7", NULL, NULL, NULL);
  g_autofree char *disk = umockdev_testbed_add_devicev (f->bed, "block", "sda", NULL, NULL, NULL);

  g_assert_true (take (&opened));
  umockdev_testbed_uevent (f->bed, disk, "change");
  g_assert_false (take (&opened));
  umockdev_testbed_uevent (f->bed, group, "remove");
  g_assert_true (take (&opened));
  pci_monitor_close (opened.monitor);
}

/* --- the removal of one device -------------------------------------------- */

static void
on_gone (void *data)
{
  Fixture *f = data;

  f->gone++;
  g_clear_pointer (&f->freed_by_call, pci_removal_free);
}

static PciRemoval *
watch_device (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  PciRemoval *removal = pci_removal_new (&f->host, NULL, f->sysfs, ADDRESS, on_gone, f, &error);

  g_assert_no_error (error);
  g_assert_nonnull (removal);
  return removal;
}

/* The event first, as umockdev can tell nothing of what is not there. */
static void
remove_device (Fixture *f, const char *device)
{
  umockdev_testbed_uevent (f->bed, device, "remove");
  umockdev_testbed_remove_device (f->bed, device);
}

static void
test_removed (Fixture *f, gconstpointer data)
{
  g_autofree char *device = add_device (f, ADDRESS, "1AF4:1110");
  g_autofree char *other = add_device (f, OTHER, "1AF4:1110");
  PciRemoval *removal = watch_device (f);

  remove_device (f, other);
  umockdev_testbed_uevent (f->bed, device, "unbind");
  drain ();
  g_assert_cmpuint (f->gone, ==, 0);
  remove_device (f, device);
  wait_for (&f->gone, 1);
  /* It is told once, whatever comes after. */
  g_assert_cmpuint (watched.source, ==, 0);
  pci_removal_free (removal);
}

/* A message of the device that was there before. */
static void
test_stale_event (Fixture *f, gconstpointer data)
{
  g_autofree char *device = add_device (f, ADDRESS, "1AF4:1110");
  PciRemoval *removal = watch_device (f);

  umockdev_testbed_uevent (f->bed, device, "remove");
  drain ();
  g_assert_cmpuint (f->gone, ==, 0);
  remove_device (f, device);
  wait_for (&f->gone, 1);
  pci_removal_free (removal);
}

/* Another one is at its address at once. */
static void
test_replaced (Fixture *f, gconstpointer data)
{
  g_autofree char *device = add_device (f, ADDRESS, "1AF4:1110");
  g_autofree char *again = NULL;

  f->freed_by_call = watch_device (f);
  remove_device (f, device);
  again = add_device (f, ADDRESS, "1AF4:1110");
  wait_for (&f->gone, 1);
  g_assert_null (f->freed_by_call);
}

static void
test_not_there (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *device = NULL;

  g_assert_null (pci_removal_new (&f->host, NULL, f->sysfs, ADDRESS, on_gone, f, &error));
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, ADDRESS));
  g_clear_error (&error);
  device = add_device (f, ADDRESS, "1AF4:1110");
  watched.refuse = TRUE;
  g_assert_null (pci_removal_new (&f->host, NULL, f->sysfs, ADDRESS, on_gone, f, &error));
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_LIMIT);
}

#define ADD(name, func) g_test_add ("/guest-linux/removal/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("monitor", test_monitor);
  ADD ("monitor-groups", test_monitor_groups);
  ADD ("removed", test_removed);
  ADD ("stale-event", test_stale_event);
  ADD ("replaced", test_replaced);
  ADD ("not-there", test_not_there);
  return g_test_run ();
}
