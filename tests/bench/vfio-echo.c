/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * vfio-echo DEVICE GROUP VECTOR PEER: the least that answers each ring of an
 * own vector with one of PEER's same vector in a guest: waits in read() for
 * vfio's eventfd, and stores to BAR0. The peer of the benchmark "guest".
 * Static. The device is vfio-pci's already.
 */

#define REGISTERS_BYTES 256
#define DOORBELL 12
#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY_AND_MASTER 6

static int
must (int result, const char *what)
{
  if (result >= 0)
    return result;
  perror (what);
  exit (EXIT_FAILURE);
}

static int
open_device (const char *address, const char *group_number)
{
  char path[64];
  int container, group;

  snprintf (path, sizeof path, "/dev/vfio/%s", group_number);
  container = must (open ("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), "/dev/vfio/vfio");
  group = must (open (path, O_RDWR | O_CLOEXEC), path);
  must (ioctl (group, VFIO_GROUP_SET_CONTAINER, &container), "VFIO_GROUP_SET_CONTAINER");
  must (ioctl (container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
  return must (ioctl (group, VFIO_GROUP_GET_DEVICE_FD, address), "VFIO_GROUP_GET_DEVICE_FD");
}

static off_t
region_offset (int device, uint32_t index)
{
  struct vfio_region_info info = { .argsz = sizeof info, .index = index };

  must (ioctl (device, VFIO_DEVICE_GET_REGION_INFO, &info), "VFIO_DEVICE_GET_REGION_INFO");
  return (off_t) info.offset;
}

/* Without bus mastering its messages are dropped. */
static void
enable (int device)
{
  off_t place = region_offset (device, VFIO_PCI_CONFIG_REGION_INDEX) + PCI_COMMAND;
  uint16_t command;

  must ((int) pread (device, &command, sizeof command, place), "reading the command register");
  command |= PCI_COMMAND_MEMORY_AND_MASTER;
  must ((int) pwrite (device, &command, sizeof command, place), "writing the command register");
}

static int
receive (int device, uint32_t vector)
{
  union
  {
    struct vfio_irq_set set;
    uint8_t bytes[sizeof (struct vfio_irq_set) + sizeof (int32_t)];
  } order = { .set = {
                  .argsz = sizeof order.bytes,
                  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                  .index = VFIO_PCI_MSIX_IRQ_INDEX,
                  .start = vector,
                  .count = 1,
              } };
  int32_t fd = must (eventfd (0, EFD_CLOEXEC), "eventfd");

  memcpy (order.bytes + sizeof order.set, &fd, sizeof fd);
  must (ioctl (device, VFIO_DEVICE_SET_IRQS, &order), "VFIO_DEVICE_SET_IRQS");
  return fd;
}

int
main (int argc, char **argv)
{
  volatile uint8_t *registers;
  uint32_t vector, peer;
  eventfd_t count;
  int device, heard;

  if (argc != 5)
    return 2;
  vector = (uint32_t) strtoul (argv[3], NULL, 0);
  peer = (uint32_t) strtoul (argv[4], NULL, 0);
  device = open_device (argv[1], argv[2]);
  enable (device);
  heard = receive (device, vector);
  registers = mmap (NULL, REGISTERS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, device,
                    region_offset (device, VFIO_PCI_BAR0_REGION_INDEX));
  must (registers == MAP_FAILED ? -1 : 0, "mapping BAR0");
  setvbuf (stdout, NULL, _IOLBF, 0);
  puts ("ready");
  while (eventfd_read (heard, &count) == 0)
    *(volatile uint32_t *) (registers + DOORBELL) = peer << 16 | vector;
  must (-1, "read");
}
