/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * The ivshmem device as a program in a guest sees it, without any driver:
 * through sysfs (registers, memory, the MSI-X pending bits), and through vfio,
 * which is the only way to receive interrupts on a stock kernel. Static, so
 * that a guest needs no libraries. A test program: it ends at the first error.
 */

#define PCI_DEVICES "/sys/bus/pci/devices"
#define DEVICE_ID "0x1af41110"
#define REGISTER_OWN_ID 8
#define REGISTER_DOORBELL 12
#define REGISTERS_BYTES 256
#define MSIX_ENABLE_AND_MASK 0xc000
#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY 2
#define PCI_COMMAND_MEMORY_AND_MASTER 6
#define PCI_CAPABILITIES 0x34
#define PCI_CAPABILITY_MSIX 0x11
#define MAX_VECTORS 2048
#define PAUSE_NSEC (200 * 1000)

typedef struct
{
  uint8_t *bytes;
  size_t size;
} Bar;

static void fail (const char *format, ...) __attribute__ ((format (printf, 1, 2), noreturn));

static void
fail (const char *format, ...)
{
  int saved = errno;
  va_list arguments;

  va_start (arguments, format);
  fputs ("ivtool: ", stderr);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fprintf (stderr, " (errno %d: %s)\n", saved, strerror (saved));
  exit (1);
}

static uint64_t
number (const char *text)
{
  char *end;
  uint64_t value;

  errno = 0;
  value = strtoull (text, &end, 0);
  if (errno != 0 || *text == '\0' || *end != '\0')
    fail ("'%s' is no number", text);
  return value;
}

static int64_t
now_nsec (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (int64_t) time.tv_sec * 1000000000 + time.tv_nsec;
}

static void
short_pause (void)
{
  nanosleep (&(struct timespec){ .tv_nsec = PAUSE_NSEC }, NULL);
}

/* The text of a sysfs attribute, without its line's end. */
static bool
attribute (const char *device, const char *name, char *text, size_t size)
{
  char path[PATH_MAX];
  FILE *file;
  bool there;

  snprintf (path, sizeof path, PCI_DEVICES "/%s/%s", device, name);
  file = fopen (path, "re");
  if (file == NULL)
    return false;
  there = fgets (text, (int) size, file) != NULL;
  fclose (file);
  if (there)
    text[strcspn (text, "\n")] = '\0';
  return there;
}

static bool
is_ivshmem (const char *device)
{
  char vendor[16], id[16], both[40];

  if (!attribute (device, "vendor", vendor, sizeof vendor) || !attribute (device, "device", id, sizeof id))
    return false;
  snprintf (both, sizeof both, "%s%s", vendor, id + 2);
  return strcmp (both, DEVICE_ID) == 0;
}

/* The device: IVTOOL_DEVICE, or the first one. */
static const char *
find_device (void)
{
  static char name[sizeof ((struct dirent *) NULL)->d_name];
  const char *given = getenv ("IVTOOL_DEVICE");
  struct dirent **entries;
  int count;

  if (given != NULL)
    return given;
  count = scandir (PCI_DEVICES, &entries, NULL, alphasort);
  for (int i = 0; i < count && name[0] == '\0'; i++)
    if (is_ivshmem (entries[i]->d_name))
      snprintf (name, sizeof name, "%s", entries[i]->d_name);
  if (name[0] == '\0')
    {
      errno = ENODEV;
      fail ("no ivshmem device");
    }
  return name;
}

static int
open_attribute (const char *name, int flags)
{
  char path[PATH_MAX];
  int fd;

  snprintf (path, sizeof path, PCI_DEVICES "/%s/%s", find_device (), name);
  fd = open (path, flags | O_CLOEXEC);
  if (fd < 0)
    fail ("%s", path);
  return fd;
}

static uint64_t
config_read (int fd, uint64_t offset, size_t size)
{
  uint64_t value = 0;

  if (pread (fd, &value, size, (off_t) offset) != (ssize_t) size)
    fail ("reading config space at %#llx", (unsigned long long) offset);
  return value;
}

static void
config_write16 (int fd, uint64_t offset, uint16_t value)
{
  if (pwrite (fd, &value, sizeof value, (off_t) offset) != sizeof value)
    fail ("writing config space at %#llx", (unsigned long long) offset);
}

/* Memory access and bus mastering; without the latter MSI-X messages are dropped. base: 0 in sysfs, the
 * region's offset in vfio. */
static void
enable_device (int config, uint64_t base)
{
  uint16_t command = (uint16_t) config_read (config, base + PCI_COMMAND, 2);

  config_write16 (config, base + PCI_COMMAND, command | PCI_COMMAND_MEMORY_AND_MASTER);
}

static Bar
map_bar (int index)
{
  char name[32];
  struct stat status;
  Bar bar;
  int config = open_attribute ("config", O_RDONLY);
  bool enabled = (config_read (config, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) != 0;
  int fd;

  close (config);
  if (!enabled)
    {
      config = open_attribute ("config", O_RDWR);
      enable_device (config, 0);
      close (config);
    }
  snprintf (name, sizeof name, "resource%d", index);
  fd = open_attribute (name, O_RDWR);
  if (fstat (fd, &status) < 0)
    fail ("size of %s", name);
  bar.size = (size_t) status.st_size;
  bar.bytes = mmap (NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (bar.bytes == MAP_FAILED)
    fail ("mapping %s", name);
  close (fd);
  return bar;
}

static uint32_t
register_read (const Bar *registers, size_t offset)
{
  return *(volatile uint32_t *) (registers->bytes + offset);
}

static void
ring (const Bar *registers, uint64_t peer, uint64_t vector)
{
  *(volatile uint32_t *) (registers->bytes + REGISTER_DOORBELL) = (uint32_t) (peer << 16 | vector);
}

/* ---- memory ---- */

static volatile uint8_t *
memory_at (const Bar *memory, uint64_t offset, uint64_t length)
{
  errno = ERANGE;
  if (offset > memory->size || length > memory->size - offset)
    fail ("%llu bytes at %llu are outside of %zu bytes", (unsigned long long) length,
          (unsigned long long) offset, memory->size);
  return memory->bytes + offset;
}

static size_t
parse_hex (const char *text, uint8_t **ret_bytes)
{
  size_t length = strlen (text) / 2;
  uint8_t *bytes = calloc (length + 1, 1);

  if (bytes == NULL)
    fail ("memory");
  for (size_t i = 0; i < length; i++)
    {
      char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };
      char *end;

      bytes[i] = (uint8_t) strtoul (digits, &end, 16);
      if (*end != '\0' || strlen (text) % 2 != 0)
        fail ("'%s' is no hex", text);
    }
  *ret_bytes = bytes;
  return length;
}

static bool
same (volatile const uint8_t *memory, const uint8_t *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (memory[i] != bytes[i])
      return false;
  return true;
}

static int
command_read (char **words)
{
  Bar memory = map_bar (2);
  uint64_t offset = number (words[0]), length = number (words[1]);
  volatile const uint8_t *bytes = memory_at (&memory, offset, length);

  for (uint64_t i = 0; i < length; i++)
    printf ("%02x", bytes[i]);
  putchar ('\n');
  return 0;
}

static int
command_write (char **words)
{
  Bar memory = map_bar (2);
  uint8_t *bytes;
  size_t length = parse_hex (words[1], &bytes);
  volatile uint8_t *target = memory_at (&memory, number (words[0]), length);

  for (size_t i = 0; i < length; i++)
    target[i] = bytes[i];
  free (bytes);
  return 0;
}

static int
command_await (char **words)
{
  Bar memory = map_bar (2);
  uint8_t *bytes;
  size_t length = parse_hex (words[1], &bytes);
  volatile const uint8_t *target = memory_at (&memory, number (words[0]), length);
  int64_t end = now_nsec () + (int64_t) number (words[2]) * 1000000000;
  bool met;

  while (!(met = same (target, bytes, length)) && now_nsec () < end)
    short_pause ();
  free (bytes);
  if (!met)
    puts ("time over");
  return met ? 0 : 1;
}

static int
command_size (char **words)
{
  printf ("%zu\n", map_bar (2).size);
  return 0;
}

/* ---- registers ---- */

static int
command_id (char **words)
{
  Bar registers = map_bar (0);

  printf ("%u\n", register_read (&registers, REGISTER_OWN_ID));
  return 0;
}

static int
command_ring (char **words)
{
  Bar registers = map_bar (0);

  ring (&registers, number (words[0]), number (words[1]));
  return 0;
}

/* ---- pending bits: interrupts without a driver ---- */

static uint64_t
find_msix (int config)
{
  uint64_t at = config_read (config, PCI_CAPABILITIES, 1);

  for (int i = 0; i < 48 && at != 0; i++)
    {
      if (config_read (config, at, 1) == PCI_CAPABILITY_MSIX)
        return at;
      at = config_read (config, at + 1, 1);
    }
  errno = ENOENT;
  fail ("the device has no MSI-X");
}

/* With every vector masked an interrupt stays in its pending bit. */
static int
command_arm (char **words)
{
  int config = open_attribute ("config", O_RDWR);
  uint64_t msix = find_msix (config);

  enable_device (config, 0);
  config_write16 (config, msix + 2, (uint16_t) config_read (config, msix + 2, 2) | MSIX_ENABLE_AND_MASK);
  close (config);
  return 0;
}

static volatile const uint8_t *
map_pending (unsigned *ret_vectors)
{
  int config = open_attribute ("config", O_RDONLY);
  uint64_t msix = find_msix (config);
  uint64_t pending = config_read (config, msix + 8, 4);
  Bar bar = map_bar ((int) (pending & 7));

  *ret_vectors = (unsigned) (config_read (config, msix + 2, 2) & 0x7ff) + 1;
  close (config);
  return bar.bytes + (pending & ~UINT64_C (7));
}

static bool
is_pending (volatile const uint8_t *pending, unsigned vector)
{
  /* The device answers to whole words only. */
  return *(volatile const uint32_t *) (pending + vector / 32 * 4) >> vector % 32 & 1;
}

static int
command_pending (char **words)
{
  unsigned vectors;
  volatile const uint8_t *pending = map_pending (&vectors);

  for (unsigned i = 0; i < vectors; i++)
    if (is_pending (pending, i))
      printf ("%u\n", i);
  return 0;
}

static int
command_await_pending (char **words)
{
  unsigned vectors;
  volatile const uint8_t *pending = map_pending (&vectors);
  uint64_t vector = number (words[0]);
  int64_t end = now_nsec () + (int64_t) number (words[1]) * 1000000000;

  errno = ERANGE;
  if (vector >= vectors)
    fail ("vector %llu of %u", (unsigned long long) vector, vectors);
  while (!is_pending (pending, (unsigned) vector))
    {
      if (now_nsec () > end)
        {
          puts ("time over");
          return 1;
        }
      short_pause ();
    }
  return 0;
}

/* ---- vfio ---- */

static void
write_text (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || write (fd, text, strlen (text)) != (ssize_t) strlen (text))
    fail ("writing '%s' to %s", text, path);
  close (fd);
}

static int
checked_ioctl (int fd, unsigned long request, void *argument, const char *what)
{
  int result = ioctl (fd, request, argument);

  if (result < 0)
    fail ("%s", what);
  return result;
}

static int
open_vfio_group (const char *device)
{
  char path[PATH_MAX], link[PATH_MAX];
  ssize_t length;

  snprintf (path, sizeof path, PCI_DEVICES "/%s/driver", device);
  if (access (path, F_OK) != 0)
    {
      snprintf (path, sizeof path, PCI_DEVICES "/%s/driver_override", device);
      write_text (path, "vfio-pci");
      write_text ("/sys/bus/pci/drivers_probe", device);
    }
  snprintf (path, sizeof path, PCI_DEVICES "/%s/iommu_group", device);
  length = readlink (path, link, sizeof link - 1);
  if (length < 0)
    fail ("%s: the device is behind no IOMMU", path);
  link[length] = '\0';
  snprintf (path, sizeof path, "/dev/vfio/%s", strrchr (link, '/') + 1);
  return open (path, O_RDWR | O_CLOEXEC);
}

static int
open_vfio (void)
{
  const char *device = find_device ();
  struct vfio_group_status status = { .argsz = sizeof status };
  int group = open_vfio_group (device);
  int container = open ("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

  if (group < 0 || container < 0)
    fail ("opening vfio");
  checked_ioctl (group, VFIO_GROUP_GET_STATUS, &status, "group's status");
  if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
    fail ("the group is not viable");
  checked_ioctl (group, VFIO_GROUP_SET_CONTAINER, &container, "setting the container");
  checked_ioctl (container, VFIO_SET_IOMMU, (void *) (uintptr_t) VFIO_TYPE1v2_IOMMU, "setting the IOMMU");
  return checked_ioctl (group, VFIO_GROUP_GET_DEVICE_FD, (void *) (uintptr_t) device, "device's descriptor");
}

static uint64_t
vfio_region (int device, uint32_t index)
{
  struct vfio_region_info info = { .argsz = sizeof info, .index = index };

  checked_ioctl (device, VFIO_DEVICE_GET_REGION_INFO, &info, "region");
  return info.offset;
}

static unsigned
vfio_receive (int device, struct pollfd *events)
{
  struct vfio_irq_info info = { .argsz = sizeof info, .index = VFIO_PCI_MSIX_IRQ_INDEX };
  size_t size;
  struct vfio_irq_set *set;

  checked_ioctl (device, VFIO_DEVICE_GET_IRQ_INFO, &info, "interrupts");
  if (info.count == 0 || info.count > MAX_VECTORS)
    fail ("%u vectors", info.count);
  size = sizeof *set + info.count * sizeof (int32_t);
  set = calloc (1, size);
  if (set == NULL)
    fail ("memory");
  *set = (struct vfio_irq_set){ .argsz = (uint32_t) size,
                                .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                                .index = VFIO_PCI_MSIX_IRQ_INDEX,
                                .count = info.count };
  for (unsigned i = 0; i < info.count; i++)
    {
      events[i] = (struct pollfd){ .fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK), .events = POLLIN };
      memcpy (set->data + i * sizeof (int32_t), &events[i].fd, sizeof (int32_t));
    }
  checked_ioctl (device, VFIO_DEVICE_SET_IRQS, set, "setting the eventfds");
  free (set);
  return info.count;
}

/* interrupts COUNT SECONDS [PEER]: says `ready`, then `vector N` for each
 * interrupt, which it answers by ringing the same vector of PEER. */
static int
command_interrupts (char **words)
{
  struct pollfd *events = calloc (MAX_VECTORS, sizeof *events);
  uint64_t wanted = number (words[0]), seen = 0;
  int64_t end = now_nsec () + (int64_t) number (words[1]) * 1000000000;
  int device = open_vfio ();
  unsigned vectors;
  Bar registers = { NULL, REGISTERS_BYTES };

  if (events == NULL)
    fail ("memory");
  enable_device (device, vfio_region (device, VFIO_PCI_CONFIG_REGION_INDEX));
  registers.bytes = mmap (NULL, registers.size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
                          (off_t) vfio_region (device, VFIO_PCI_BAR0_REGION_INDEX));
  if (registers.bytes == MAP_FAILED)
    fail ("mapping the registers");
  vectors = vfio_receive (device, events);
  puts ("ready");
  while (seen < wanted && now_nsec () < end)
    {
      if (poll (events, vectors, 100) < 0)
        fail ("poll");
      for (unsigned i = 0; i < vectors; i++)
        {
          uint64_t count;

          if ((events[i].revents & POLLIN) == 0 || read (events[i].fd, &count, sizeof count) != sizeof count)
            continue;
          seen++;
          printf ("vector %u\n", i);
          if (words[2] != NULL)
            ring (&registers, number (words[2]), i);
        }
    }
  free (events);
  return seen >= wanted ? 0 : 1;
}

static const struct
{
  const char *name;
  int (*run) (char **words);
  int minimum, maximum;
  const char *usage;
} commands[] = {
  { "size", command_size, 0, 0, "" },
  { "id", command_id, 0, 0, "" },
  { "read", command_read, 2, 2, "OFFSET LENGTH" },
  { "write", command_write, 2, 2, "OFFSET HEX" },
  { "await", command_await, 3, 3, "OFFSET HEX SECONDS" },
  { "ring", command_ring, 2, 2, "PEER VECTOR" },
  { "arm", command_arm, 0, 0, "" },
  { "pending", command_pending, 0, 0, "" },
  { "await-pending", command_await_pending, 2, 2, "VECTOR SECONDS" },
  { "interrupts", command_interrupts, 2, 3, "COUNT SECONDS [PEER]" },
};

int
main (int argc, char **argv)
{
  setvbuf (stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp (argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].minimum
        && argc - 2 <= commands[i].maximum)
      return commands[i].run (argv + 2);
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    fprintf (stderr, "ivtool %s %s\n", commands[i].name, commands[i].usage);
  return 2;
}
