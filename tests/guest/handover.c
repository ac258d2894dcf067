/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

/*
 * What takes descriptors from a daemon on the system bus, in a guest, where no
 * test's Python is:
 *   memory REGION OFFSET HEX       maps OpenMemory's; prints the bytes there, and writes those given
 *   vector REGION VECTOR fed|exclusive COUNT SECONDS
 *                                  says `ready`, then `rung N` for each of COUNT looks at OpenVector's
 * A test program: it ends at the first error, with its name on standard output.
 */

#define BUS_NAME "org.ivshmem.Daemon1"
#define REGION_PATH "/org/ivshmem/Daemon1/region/"
#define REGION_INTERFACE "org.ivshmem.Daemon1.Region"
#define CALL_MSEC 30000
#define MSEC_PER_SEC 1000

static void fail (const char *what, const char *why) __attribute__ ((noreturn));

static void
fail (const char *what, const char *why)
{
  printf ("%s: %s\n", what, why);
  exit (1);
}

/* The first descriptor of the answer; answer is the caller's. */
static int
take_handle (GDBusConnection *bus, const char *region, const char *method, GVariant *parameters, GVariant **ret_answer)
{
  g_autofree char *path = g_strconcat (REGION_PATH, region, NULL);
  g_autoptr (GUnixFDList) handles = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  *ret_answer = g_dbus_connection_call_with_unix_fd_list_sync (bus, BUS_NAME, path, REGION_INTERFACE, method,
                                                               parameters, NULL, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC,
                                                               NULL, &handles, NULL, &error);
  if (*ret_answer == NULL)
    fail (g_dbus_error_get_remote_error (error), error->message);
  fd = g_unix_fd_list_get (handles, 0, &error);
  if (fd < 0)
    fail (method, error->message);
  return fd;
}

static GVariant *
make_options (const char *name)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (name != NULL)
    g_variant_builder_add (&builder, "{sv}", name, g_variant_new_boolean (TRUE));
  return g_variant_builder_end (&builder);
}

static int
do_memory (GDBusConnection *bus, char **words)
{
  g_autoptr (GVariant) answer = NULL;
  GVariant *parameters = make_options (NULL);
  int fd = take_handle (bus, words[0], "OpenMemory", g_variant_new_tuple (&parameters, 1), &answer);
  guint64 at = g_ascii_strtoull (words[1], NULL, 0), offset, size;
  gsize length = strlen (words[2]) / 2;
  volatile guint8 *bytes;

  g_variant_get (answer, "(htt)", NULL, &offset, &size);
  bytes = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t) offset);
  if (bytes == MAP_FAILED)
    fail ("mmap", g_strerror (errno));
  if (at > size || length > size - at)
    fail ("offset", words[1]);
  for (gsize i = 0; i < length; i++)
    printf ("%02x", bytes[at + i]);
  putchar ('\n');
  for (gsize i = 0; i < length; i++)
    bytes[at + i] = (guint8) (g_ascii_xdigit_value (words[2][2 * i]) << 4 | g_ascii_xdigit_value (words[2][2 * i + 1]));
  munmap ((void *) bytes, size);
  close (fd);
  return 0;
}

static int
do_vector (GDBusConnection *bus, char **words)
{
  g_autoptr (GVariant) answer = NULL;
  gboolean exclusive = g_str_equal (words[2], "exclusive");
  guint32 vector = (guint32) g_ascii_strtoull (words[1], NULL, 0);
  GVariant *parameters[] = { g_variant_new_uint32 (vector), make_options (exclusive ? "exclusive" : NULL) };
  guint64 wanted = g_ascii_strtoull (words[3], NULL, 0);
  int limit = (int) g_ascii_strtoull (words[4], NULL, 0) * MSEC_PER_SEC;
  int fd = take_handle (bus, words[0], "OpenVector", g_variant_new_tuple (parameters, 2), &answer);

  puts ("ready");
  for (guint64 i = 0; i < wanted; i++)
    {
      struct pollfd event = { .fd = fd, .events = POLLIN };
      guint64 count;

      if (poll (&event, 1, limit) <= 0)
        fail ("vector", "time over");
      if (read (fd, &count, sizeof count) == sizeof count)
        printf ("rung %" G_GUINT64_FORMAT "\n", count);
    }
  close (fd);
  return 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (GDBusConnection) bus = NULL;
  g_autoptr (GError) error = NULL;

  setvbuf (stdout, NULL, _IOLBF, 0);
  bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, &error);
  if (bus == NULL)
    fail ("bus", error->message);
  if (argc == 5 && g_str_equal (argv[1], "memory"))
    return do_memory (bus, argv + 2);
  if (argc == 7 && g_str_equal (argv[1], "vector"))
    return do_vector (bus, argv + 2);
  fail ("usage", "memory REGION OFFSET HEX, or vector REGION VECTOR fed|exclusive COUNT SECONDS");
}
