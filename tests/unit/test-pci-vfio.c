/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A kernel's vfio that a script plays: what guests under QEMU do not show. Every
 * question can be refused, and nothing may be left open after that.
 */
#include "config.h"

#include "guest-linux/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guest-linux/error.h"
#include "lib/ivt-fake-sysfs.h"

#define ADDRESS "0000:00:04.0"
#define GROUP 7
#define MIB (1024 * 1024)
#define CONFIG_AT 64
#define COMMAND_AT (CONFIG_AT + 4)

typedef struct
{
  IvtFakeSysfs *fake;
  guint descriptors; /* before the test */
} Fixture;

typedef struct
{
  unsigned long refuse; /* the request that fails; 0: none does */
  int number;           /* with this errno */
  guint vectors;        /* MSI-X, as the kernel counts them */
  guint room;           /* for so many */
  gboolean says_room;   /* it answers with that, instead of ENOSPC */
  gboolean not_viable, no_requests;
  guint tries, enabled; /* of MSI-X; how many eventfds at the end */
  guint requests;
  guint64 place; /* of the last doorbell */
  guint64 value;
} Kernel;

static Kernel kernel;

/* --- what stands in for the kernel --- */

static int
open_device (void)
{
  g_autofree char *path = g_strdup ("/tmp/ivt-vfio-XXXXXX");
  const int fd = mkstemp (path);
  const guint8 config[CONFIG_AT + 8] = { 0 };

  unlink (path);
  g_assert_cmpint (pwrite (fd, config, sizeof config, 0), ==, sizeof config);
  return fd;
}

static void
tell_region (struct vfio_region_info *info)
{
  info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
  info->offset = info->index == VFIO_PCI_CONFIG_REGION_INDEX ? CONFIG_AT : (guint64) info->index << 40;
  info->size = info->index == 0 ? 256 : info->index == 2 ? 4 * MIB
                                                         : 0;
  if (info->index == 2)
    info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
}

static void
tell_irq (struct vfio_irq_info *info)
{
  info->flags = VFIO_IRQ_INFO_EVENTFD;
  info->count = info->index == VFIO_PCI_MSIX_IRQ_INDEX  ? kernel.vectors
                : info->index == VFIO_PCI_REQ_IRQ_INDEX ? (kernel.no_requests ? 0 : 1)
                                                        : 0;
}

static int
set_irqs (const struct vfio_irq_set *set)
{
  if (set->index == VFIO_PCI_REQ_IRQ_INDEX)
    {
      kernel.requests += set->count;
      return 0;
    }
  g_assert_cmpuint (set->index, ==, VFIO_PCI_MSIX_IRQ_INDEX);
  kernel.tries++;
  for (guint i = 0; i < set->count; i++)
    g_assert_cmpint (fcntl (((const int *) (gconstpointer) set->data)[i], F_GETFD), ==, FD_CLOEXEC);
  if (set->count <= kernel.room)
    {
      kernel.enabled = set->count;
      return 0;
    }
  errno = ENOSPC;
  return kernel.says_room ? (int) kernel.room : -1;
}

static int
take_doorbell (const struct vfio_device_ioeventfd *order)
{
  kernel.place = order->offset;
  kernel.value = order->data;
  return 0;
}

/* The library's own is not reached from this program. */
int
ioctl (int fd, unsigned long request, ...)
{
  va_list arguments;
  void *argument;

  va_start (arguments, request);
  argument = va_arg (arguments, void *);
  va_end (arguments);
  if (request == kernel.refuse)
    {
      errno = kernel.number;
      return -1;
    }
  switch (request)
    {
    case VFIO_GET_API_VERSION:
      return VFIO_API_VERSION;
    case VFIO_CHECK_EXTENSION:
      return 1;
    case VFIO_GROUP_GET_STATUS:
      ((struct vfio_group_status *) argument)->flags = kernel.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
      return 0;
    case VFIO_GROUP_GET_DEVICE_FD:
      g_assert_cmpstr (argument, ==, ADDRESS);
      return open_device ();
    case VFIO_DEVICE_GET_REGION_INFO:
      tell_region (argument);
      return 0;
    case VFIO_DEVICE_GET_IRQ_INFO:
      tell_irq (argument);
      return 0;
    case VFIO_DEVICE_SET_IRQS:
      return set_irqs (argument);
    case VFIO_DEVICE_IOEVENTFD:
      return take_doorbell (argument);
    default:
      return 0;
    }
}

/* --- the tests --- */

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
set_up (Fixture *f, gconstpointer data)
{
  kernel = (Kernel){ .vectors = 4, .room = 2048 };
  f->fake = ivt_fake_sysfs_new ();
  ivt_fake_sysfs_add_device (f->fake, ADDRESS, 4 * MIB, 4);
  ivt_fake_sysfs_set_group (f->fake, ADDRESS, GROUP);
  ivt_fake_sysfs_add_vfio (f->fake);
  ivt_fake_sysfs_put (f->fake, "dev/vfio/7", "", -1);
  f->descriptors = count_descriptors ();
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_cmpuint (count_descriptors (), ==, f->descriptors);
  ivt_fake_sysfs_free (f->fake);
}

static VfioDevice *
open_it (Fixture *f, GError **error)
{
  g_autoptr (PciDevice) device = pci_device_read (ivt_fake_sysfs_get_sys (f->fake), ADDRESS, NULL);

  g_assert_nonnull (device);
  return vfio_device_open (ivt_fake_sysfs_get_dev (f->fake), device, error);
}

static void
assert_refused (Fixture *f, gint status, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_it (f, &error));
  g_assert_error (error, PCI_ERROR, status);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" says nothing of \"%s\"", error->message, says);
  g_assert_cmpuint (count_descriptors (), ==, f->descriptors);
}

static void
test_opened (Fixture *f, gconstpointer data)
{
  g_autoptr (VfioDevice) device = open_it (f, NULL);
  guint16 command = 0;

  g_assert_nonnull (device);
  g_assert_cmpuint (vfio_device_get_vectors (device), ==, 4);
  g_assert_cmpuint (vfio_device_get_bar_bytes (device, PCI_BAR_MEMORY), ==, 4 * MIB);
  g_assert_cmpuint (vfio_device_get_bar_offset (device, PCI_BAR_MEMORY), ==, G_GUINT64_CONSTANT (2) << 40);
  g_assert_true (vfio_device_can_map_bar (device, PCI_BAR_MEMORY));
  g_assert_false (vfio_device_can_map_bar (device, PCI_BAR_REGISTERS));
  g_assert_cmpint (vfio_device_get_request_fd (device), >=, 0);
  g_assert_cmpuint (kernel.requests, ==, 1);
  /* Memory and bus master. */
  g_assert_cmpint (pread (vfio_device_get_fd (device), &command, sizeof command, COMMAND_AT), ==, sizeof command);
  g_assert_cmpuint (GUINT16_FROM_LE (command), ==, 0x0006);
  g_assert_cmpint (fcntl (vfio_device_get_fd (device), F_GETFD), ==, FD_CLOEXEC);
}

static void
test_refusals (Fixture *f, gconstpointer data)
{
  static const struct
  {
    unsigned long request;
    int number;
    gint status;
    const char *says;
  } refusals[] = {
    { VFIO_GET_API_VERSION, ENOTTY, IVSHMEM_PLUGIN_NOT_SUPPORTED, "vfio_iommu_type1" },
    { VFIO_CHECK_EXTENSION, EINVAL, IVSHMEM_PLUGIN_NOT_SUPPORTED, "vfio_iommu_type1" },
    { VFIO_GROUP_GET_STATUS, EIO, IVSHMEM_PLUGIN_IO, "IOMMU group 7" },
    { VFIO_GROUP_SET_CONTAINER, EBUSY, IVSHMEM_PLUGIN_BUSY, "container" },
    { VFIO_SET_IOMMU, EPERM, IVSHMEM_PLUGIN_DENIED, "allow_unsafe_interrupts" },
    { VFIO_SET_IOMMU, ENODEV, IVSHMEM_PLUGIN_NOT_FOUND, "IOMMU" },
    { VFIO_GROUP_GET_DEVICE_FD, ENODEV, IVSHMEM_PLUGIN_NOT_FOUND, "does not give the device " ADDRESS },
    { VFIO_DEVICE_GET_REGION_INFO, EINVAL, IVSHMEM_PLUGIN_IO, "region 0" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      kernel.refuse = refusals[i].request;
      kernel.number = refusals[i].number;
      assert_refused (f, refusals[i].status, refusals[i].says);
    }
}

static void
test_not_viable (Fixture *f, gconstpointer data)
{
  kernel.not_viable = TRUE;
  assert_refused (f, IVSHMEM_PLUGIN_BUSY, "with another device");
  ivt_fake_sysfs_put (f->fake, "sys/bus/pci/devices/0000:00:05.0/class", "0x020000\n", -1);
  ivt_fake_sysfs_set_driver (f->fake, "0000:00:05.0", "virtio-pci");
  ivt_fake_sysfs_set_group (f->fake, "0000:00:05.0", GROUP);
  assert_refused (f, IVSHMEM_PLUGIN_BUSY, "0000:00:05.0 (virtio-pci)");
}

/* vectors that the device has, room, what comes of it, in how many tries */
static void
check_vectors (Fixture *f, guint vectors, guint room, guint expected, guint tries)
{
  g_autoptr (VfioDevice) device = NULL;
  guint n = 0;

  kernel.vectors = vectors;
  kernel.room = room;
  kernel.tries = 0;
  device = open_it (f, NULL);
  g_assert_nonnull (device);
  g_assert_true (vfio_device_enable_vectors (device, &n, NULL));
  g_assert_cmpuint (n, ==, expected);
  g_assert_cmpuint (kernel.enabled, ==, expected);
  g_assert_cmpuint (kernel.tries, ==, tries);
  g_assert_cmpint (vfio_device_get_vector_fd (device, expected - 1), >=, 0);
  g_assert_cmpint (vfio_device_get_vector_fd (device, expected), ==, -1);
  /* What is not used is not kept: container, group, device, requests. */
  g_assert_cmpuint (count_descriptors (), ==, f->descriptors + 4 + expected);
}

static void
test_vectors (Fixture *f, gconstpointer data)
{
  check_vectors (f, 1, 2048, 1, 1);
  check_vectors (f, 256, 200, 128, 2);
  check_vectors (f, 300, 80, 75, 3);
  check_vectors (f, 3, 1, 1, 2);
  check_vectors (f, 2048, 2048, 2048, 1);
  /* QEMU gives no more; what says it has is not believed. */
  check_vectors (f, G_MAXUINT, G_MAXUINT, 2048, 1);
  kernel.says_room = TRUE;
  check_vectors (f, 256, 200, 200, 2);
  /* The free ends the interrupts. */
  g_assert_cmpuint (kernel.enabled, ==, 0);
}

static void
test_no_vectors (Fixture *f, gconstpointer data)
{
  g_autoptr (VfioDevice) device = NULL;
  g_autoptr (GError) error = NULL;
  guint n = 99;

  kernel.room = 0;
  device = open_it (f, NULL);
  g_assert_false (vfio_device_enable_vectors (device, &n, &error));
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NO_SPACE);
  g_assert_cmpuint (kernel.tries, ==, 3);
  g_assert_cmpuint (n, ==, 99);
  g_assert_cmpuint (count_descriptors (), ==, f->descriptors + 4);
  g_assert_cmpint (vfio_device_get_vector_fd (device, 0), ==, -1);
}

static void
test_no_descriptors (Fixture *f, gconstpointer data)
{
  g_autoptr (VfioDevice) device = NULL;
  g_autoptr (GError) error = NULL;
  struct rlimit before, limit;
  guint n;

  kernel.vectors = 2048;
  device = open_it (f, NULL);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 256;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_false (vfio_device_enable_vectors (device, &n, &error));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_LIMIT);
  g_assert_nonnull (strstr (error->message, "LimitNOFILE"));
  g_assert_cmpuint (kernel.tries, ==, 0);
  g_assert_cmpuint (count_descriptors (), ==, f->descriptors + 4);
}

static void
test_no_requests (Fixture *f, gconstpointer data)
{
  g_autoptr (VfioDevice) device = NULL;

  kernel.no_requests = TRUE;
  device = open_it (f, NULL);
  g_assert_cmpint (vfio_device_get_request_fd (device), ==, -1);
}

static void
test_doorbells (Fixture *f, gconstpointer data)
{
  g_autoptr (VfioDevice) device = open_it (f, NULL);
  g_autoptr (GError) error = NULL;
  int first = vfio_device_open_doorbell (device, PCI_BAR_REGISTERS, 12, 0xffff00ff, NULL);

  g_assert_cmpint (first, >=, 0);
  g_assert_cmpuint (kernel.place, ==, 12);
  g_assert_cmpuint (kernel.value, ==, 0xffff00ff);
  g_assert_cmpint (vfio_device_open_doorbell (device, PCI_BAR_REGISTERS, 12, 0xffff00ff, NULL), ==, first);
  for (guint i = 1; i < VFIO_LIMIT_DOORBELLS; i++)
    g_assert_cmpint (vfio_device_open_doorbell (device, PCI_BAR_REGISTERS, 12, i, NULL), >=, 0);
  g_assert_cmpint (vfio_device_open_doorbell (device, PCI_BAR_REGISTERS, 12, 0, &error), ==, -1);
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_LIMIT);
  g_clear_error (&error);
  g_assert_cmpint (vfio_device_open_doorbell (device, PCI_BAR_REGISTERS, 12, 5, NULL), >=, 0);
}

static void
test_no_doorbells (Fixture *f, gconstpointer data)
{
  g_autoptr (VfioDevice) device = open_it (f, NULL);
  g_autoptr (GError) error = NULL;

  kernel.refuse = VFIO_DEVICE_IOEVENTFD;
  kernel.number = ENOTTY;
  g_assert_cmpint (vfio_device_open_doorbell (device, PCI_BAR_REGISTERS, 12, 1, &error), ==, -1);
  g_assert_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED);
  g_assert_cmpuint (count_descriptors (), ==, f->descriptors + 4);
}

#define ADD(name, func) g_test_add ("/guest-linux/vfio/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  struct rlimit limit;

  g_test_init (&argc, &argv, NULL);
  /* As the daemon does for itself. */
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  ADD ("opened", test_opened);
  ADD ("refusals", test_refusals);
  ADD ("not-viable", test_not_viable);
  ADD ("vectors", test_vectors);
  ADD ("no-vectors", test_no_vectors);
  ADD ("no-descriptors", test_no_descriptors);
  ADD ("no-requests", test_no_requests);
  ADD ("doorbells", test_doorbells);
  ADD ("no-doorbells", test_no_doorbells);
  return g_test_run ();
}
