/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest-linux/error.h"
#include "guest-linux/way.h"
#include "ivshmem/wire.h"

/* Whoever had the group before may be about to close it. */
#define BUSY_TRIES 10
#define BUSY_PAUSE_USEC (50 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  guint64 offset;
  guint64 bytes;
  gboolean can_map;
} Bar;

struct _VfioDevice
{
  char *address;
  int container, group, device;
  Bar bars[PCI_N_BARS];
  guint64 config_offset;
  guint n_vectors;       /* that the device has */
  GArray *eventfds;      /* of int, one for each enabled vector */
  GHashTable *doorbells; /* (offset << 32 | value) → eventfd */
  int request;           /* -1: the kernel does not say */
};

/* --- container and group --- */

static int
open_container (const char *dev, GError **error)
{
  g_autofree char *path = g_build_filename (dev, "vfio", "vfio", NULL);
  pci_autofd int fd = open (path, O_RDWR | O_CLOEXEC);

  if (fd < 0)
    {
      pci_error_set_errno (error, errno, "cannot open %s%s", path,
                           errno == ENOENT ? " (load the module vfio-pci: modprobe vfio-pci)" : "");
      return -1;
    }
  if (ioctl (fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION
      || ioctl (fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
    {
      g_set_error_literal (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED,
                           "this kernel's vfio has no type 1 IOMMU: load the module vfio_iommu_type1");
      return -1;
    }
  return pci_steal_fd (&fd);
}

static int
open_group (const char *dev, const PciDevice *device, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/vfio/%d", dev, device->iommu_group);
  int fd = -1;

  for (guint i = 0; i < BUSY_TRIES; i++)
    {
      fd = open (path, O_RDWR | O_CLOEXEC);
      if (fd >= 0 || errno != EBUSY)
        break;
      g_usleep (BUSY_PAUSE_USEC);
    }
  if (fd >= 0)
    return fd;
  if (errno == EBUSY)
    pci_error_set_errno (error, errno,
                         "another process has %s open, the IOMMU group of %s, which one at a time can have: "
                         "end that process, or use access=sysfs",
                         path, device->address);
  else if (errno == EACCES || errno == EPERM)
    pci_error_set_errno (error, errno,
                         "cannot open %s: let the daemon's group have it (the udev rule 60-ivshmemd.rules "
                         "does)",
                         path);
  else
    pci_error_set_errno (error, errno, "cannot open %s", path);
  return -1;
}

/* "0000:00:03.0 (virtio-pci), …" of those that are in the way. */
static char *
describe_obstacles (const PciDevice *device)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; device->group_members != NULL && i < device->group_members->len; i++)
    {
      const PciGroupMember *member = g_ptr_array_index (device->group_members, i);

      if (pci_way_is_blocker (member))
        g_string_append_printf (text, "%s%s (%s)", text->len > 0 ? ", " : "", member->address, member->driver);
    }
  if (text->len == 0)
    g_string_append (text, "another device");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
check_viable (int group, const PciDevice *device, GError **error)
{
  struct vfio_group_status status = { .argsz = sizeof status };
  g_autofree char *obstacles = NULL;

  if (ioctl (group, VFIO_GROUP_GET_STATUS, &status) < 0)
    {
      pci_error_set_errno (error, errno, "the state of IOMMU group %d cannot be asked", device->iommu_group);
      return FALSE;
    }
  if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
    return TRUE;
  obstacles = describe_obstacles (device);
  g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_BUSY,
               "IOMMU group %d is not viable: %s shares it with %s, which its driver must let go of; better "
               "put the ivshmem device alone on pcie.0",
               device->iommu_group, device->address, obstacles);
  return FALSE;
}

static gboolean
set_iommu (VfioDevice *self, const PciDevice *device, GError **error)
{
  if (ioctl (self->group, VFIO_GROUP_SET_CONTAINER, &self->container) < 0)
    {
      pci_error_set_errno (error, errno, "IOMMU group %d cannot be put into a container", device->iommu_group);
      return FALSE;
    }
  if (ioctl (self->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0)
    return TRUE;
  if (errno == EPERM)
    g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_DENIED,
                 "the kernel refuses vfio for %s, since its IOMMU does not remap interrupts: start QEMU with "
                 "-device intel-iommu,intremap=on, or write Y to "
                 "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
                 device->address);
  else
    pci_error_set_errno (error, errno, "the IOMMU of %s cannot be set up", device->address);
  return FALSE;
}

static gboolean
get_device (VfioDevice *self, GError **error)
{
  self->device = ioctl (self->group, VFIO_GROUP_GET_DEVICE_FD, self->address);
  if (self->device < 0)
    {
      pci_error_set_errno (error, errno, "vfio does not give the device %s", self->address);
      return FALSE;
    }
  fcntl (self->device, F_SETFD, FD_CLOEXEC);
  return TRUE;
}

/* --- the device --- */

static gboolean
ask_region (VfioDevice *self, guint index, Bar *bar, GError **error)
{
  struct vfio_region_info info = { .argsz = sizeof info, .index = index };

  if (ioctl (self->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
    {
      pci_error_set_errno (error, errno, "vfio does not tell of region %u of %s", index, self->address);
      return FALSE;
    }
  *bar = (Bar){ info.offset, info.size, (info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0 };
  return TRUE;
}

static gboolean
ask_regions (VfioDevice *self, GError **error)
{
  Bar config;

  for (guint i = 0; i < PCI_N_BARS; i++)
    if (!ask_region (self, VFIO_PCI_BAR0_REGION_INDEX + i, &self->bars[i], error))
      return FALSE;
  if (!ask_region (self, VFIO_PCI_CONFIG_REGION_INDEX, &config, error))
    return FALSE;
  self->config_offset = config.offset;
  return TRUE;
}

/* How many interrupts of that kind there are; 0 also when it does not say. */
static guint
count_irqs (VfioDevice *self, guint index)
{
  struct vfio_irq_info info = { .argsz = sizeof info, .index = index };

  if (ioctl (self->device, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 || (info.flags & VFIO_IRQ_INFO_EVENTFD) == 0)
    return 0;
  return info.count;
}

/* MSI-X messages are dropped in silence unless it is bus master (facts, B1);
 * vfio leaves that to us. */
static gboolean
enable_device (VfioDevice *self, GError **error)
{
  const off_t place = (off_t) (self->config_offset + PCI_COMMAND);
  guint16 command;

  if (pread (self->device, &command, sizeof command, place) == (ssize_t) sizeof command)
    {
      command |= GUINT16_TO_LE (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
      if (pwrite (self->device, &command, sizeof command, place) == (ssize_t) sizeof command)
        return TRUE;
    }
  pci_error_set_errno (error, errno, "bus mastering of %s cannot be switched on", self->address);
  return FALSE;
}

/* eventfds: n of them; 0 ends the interrupts. What the kernel answers: 0, -1
 * with errno, or how many it could have given. */
static int
set_irqs (VfioDevice *self, guint index, const int *eventfds, guint n)
{
  const gsize bytes = sizeof (struct vfio_irq_set) + n * sizeof *eventfds;
  g_autofree struct vfio_irq_set *set = g_malloc0 (bytes);

  set->argsz = (guint32) bytes;
  set->index = index;
  set->count = n;
  set->flags = VFIO_IRQ_SET_ACTION_TRIGGER | (n > 0 ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
  if (n > 0)
    memcpy (set->data, eventfds, n * sizeof *eventfds);
  return ioctl (self->device, VFIO_DEVICE_SET_IRQS, set);
}

/* Without it a removal waits until somebody detaches. */
static void
watch_requests (VfioDevice *self)
{
  pci_autofd int fd = -1;

  if (count_irqs (self, VFIO_PCI_REQ_IRQ_INDEX) == 0)
    return;
  fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd >= 0 && set_irqs (self, VFIO_PCI_REQ_IRQ_INDEX, &fd, 1) == 0)
    self->request = pci_steal_fd (&fd);
}

static gboolean
set_up (VfioDevice *self, const char *dev, const PciDevice *device, GError **error)
{
  self->container = open_container (dev, error);
  if (self->container < 0)
    return FALSE;
  self->group = open_group (dev, device, error);
  if (self->group < 0 || !check_viable (self->group, device, error) || !set_iommu (self, device, error)
      || !get_device (self, error) || !ask_regions (self, error) || !enable_device (self, error))
    return FALSE;
  /* A device that says more is not asked for more. */
  self->n_vectors = MIN (count_irqs (self, VFIO_PCI_MSIX_IRQ_INDEX), IVSHMEM_WIRE_VECTORS_MAX);
  watch_requests (self);
  return TRUE;
}

static void
close_doorbell (gpointer fd)
{
  close (GPOINTER_TO_INT (fd));
}

VfioDevice *
vfio_device_open (const char *dev, const PciDevice *device, GError **error)
{
  g_autoptr (VfioDevice) self = g_new0 (VfioDevice, 1);

  self->address = g_strdup (device->address);
  self->container = self->group = self->device = self->request = -1;
  self->eventfds = g_array_new (FALSE, FALSE, sizeof (int));
  self->doorbells = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, close_doorbell);
  return set_up (self, dev, device, error) ? g_steal_pointer (&self) : NULL;
}

static void
close_vectors (VfioDevice *self)
{
  for (guint i = 0; i < self->eventfds->len; i++)
    close (g_array_index (self->eventfds, int, i));
  g_array_set_size (self->eventfds, 0);
}

void
vfio_device_free (VfioDevice *self)
{
  if (self == NULL)
    return;
  if (self->eventfds->len > 0)
    (void) set_irqs (self, VFIO_PCI_MSIX_IRQ_INDEX, NULL, 0);
  close_vectors (self);
  g_array_unref (self->eventfds);
  pci_close (&self->request);
  pci_close (&self->device);
  g_hash_table_unref (self->doorbells);
  pci_close (&self->group);
  pci_close (&self->container);
  g_free (self->address);
  g_free (self);
}

int
vfio_device_get_fd (VfioDevice *self)
{
  return self->device;
}

guint64
vfio_device_get_bar_offset (VfioDevice *self, guint bar)
{
  return self->bars[bar].offset;
}

guint64
vfio_device_get_bar_bytes (VfioDevice *self, guint bar)
{
  return self->bars[bar].bytes;
}

gboolean
vfio_device_can_map_bar (VfioDevice *self, guint bar)
{
  return self->bars[bar].can_map;
}

/* --- interrupts --- */

guint
vfio_device_get_vectors (VfioDevice *self)
{
  return self->n_vectors;
}

static gboolean
open_vectors (VfioDevice *self, GError **error)
{
  for (guint i = 0; i < self->n_vectors; i++)
    {
      int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);

      if (fd < 0)
        {
          pci_error_set_errno (error, errno,
                               "no descriptor is left for vector %u of %u: raise LimitNOFILE of the daemon", i,
                               self->n_vectors);
          close_vectors (self);
          return FALSE;
        }
      g_array_append_val (self->eventfds, fd);
    }
  return TRUE;
}

/* How many to try next; 0: no more tries. */
static guint
fewer_vectors (guint n, int answer)
{
  if (answer > 0 && (guint) answer < n)
    return (guint) answer;
  return answer < 0 && errno != ENOSPC ? 0 : n / 2;
}

gboolean
vfio_device_enable_vectors (VfioDevice *self, guint *ret_n, GError **error)
{
  guint n = self->n_vectors;

  if (!open_vectors (self, error))
    return FALSE;
  while (n > 0)
    {
      int answer = set_irqs (self, VFIO_PCI_MSIX_IRQ_INDEX, (const int *) (gpointer) self->eventfds->data, n);
      guint next;

      if (answer == 0)
        break;
      next = fewer_vectors (n, answer);
      if (next == 0)
        {
          pci_error_set_errno (error, errno, "the kernel gives no interrupts for %s", self->address);
          close_vectors (self);
          return FALSE;
        }
      n = next;
    }
  for (guint i = n; i < self->eventfds->len; i++)
    close (g_array_index (self->eventfds, int, i));
  g_array_set_size (self->eventfds, n);
  *ret_n = n;
  return TRUE;
}

int
vfio_device_get_vector_fd (VfioDevice *self, guint vector)
{
  return vector < self->eventfds->len ? g_array_index (self->eventfds, int, vector) : -1;
}

/* --- doorbells in other hands --- */

static int
new_doorbell (VfioDevice *self, guint64 place, guint32 value, GError **error)
{
  pci_autofd int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct vfio_device_ioeventfd order = {
    .argsz = sizeof order,
    .flags = VFIO_DEVICE_IOEVENTFD_32,
    .offset = place,
    .data = value,
    .fd = fd,
  };

  if (fd < 0)
    {
      pci_error_set_errno (error, errno, "no descriptor is left for a doorbell: raise LimitNOFILE of the daemon");
      return -1;
    }
  if (ioctl (self->device, VFIO_DEVICE_IOEVENTFD, &order) == 0)
    return pci_steal_fd (&fd);
  if (errno == ENOTTY || errno == EINVAL)
    g_set_error_literal (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED,
                         "this kernel's vfio does not ring for an eventfd: use Ring");
  else
    pci_error_set_errno (error, errno, "the kernel does not ring for an eventfd");
  return -1;
}

int
vfio_device_open_doorbell (VfioDevice *self, guint bar, guint64 offset, guint32 value, GError **error)
{
  const guint64 place = self->bars[bar].offset + offset;
  const gint64 key = (gint64) (offset << 32 | value);
  gpointer known;
  int fd;

  if (g_hash_table_lookup_extended (self->doorbells, &key, NULL, &known))
    return GPOINTER_TO_INT (known);
  if (g_hash_table_size (self->doorbells) >= VFIO_LIMIT_DOORBELLS)
    {
      g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_LIMIT,
                   "%d doorbells of %s are in other hands already, which is as many as the kernel takes: use Ring",
                   VFIO_LIMIT_DOORBELLS, self->address);
      return -1;
    }
  fd = new_doorbell (self, place, value, error);
  if (fd >= 0)
    g_hash_table_insert (self->doorbells, g_memdup2 (&key, sizeof key), GINT_TO_POINTER (fd));
  return fd;
}

int
vfio_device_get_request_fd (VfioDevice *self)
{
  return self->request;
}
