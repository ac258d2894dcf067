/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-guest-config.h"

#include <string.h>

#include "base/ivd-error.h"

#include "ctl-region.h"
#include "ctl-size.h"

#define LIBVIRT_DIRECTORY "/dev/shm/"
#define LIBVIRT_SIZE_MIN (1024 * 1024)
#define KIB 1024

typedef enum
{
  KIND_DOORBELL, /* a server's socket */
  KIND_PLAIN,    /* a file */
} Kind;

typedef struct
{
  Kind kind;
  char *id;
  char *path;
  guint64 size, vectors;
} Device;

static void
device_clear (Device *device)
{
  g_free (device->id);
  g_free (device->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Device, device_clear)

static gboolean
is_power_of_two (guint64 size)
{
  return size != 0 && (size & (size - 1)) == 0;
}

/* QEMU takes any other size for the end of the world (it aborts). */
static gboolean
check_size (const Device *device, const char *name, GError **error)
{
  if (is_power_of_two (device->size))
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "region '%s' has %" G_GUINT64_FORMAT " bytes: QEMU takes only powers of two", name,
               device->size);
  return FALSE;
}

/* A server may have vectors for others and none for the daemon. */
static guint64
read_vectors (GVariant *properties)
{
  g_autofree char *option = ctl_region_option (properties, "vectors");
  guint64 vectors;

  if (option != NULL && ctl_number_parse (option, G_MAXUINT32, &vectors, NULL))
    return vectors;
  return ctl_region_number (properties, "Vectors", 0);
}

static gboolean
read_device (GVariant *properties, Device *ret_device, GError **error)
{
  g_auto (Device) device = { 0 };
  const char *name = ctl_region_text (properties, "Name");
  const char *plugin = ctl_region_text (properties, "Plugin");
  const char *option = NULL;

  if (g_str_equal (plugin, "doorbell-server") || g_str_equal (plugin, "doorbell"))
    {
      device.kind = KIND_DOORBELL;
      option = "socket";
    }
  else if (g_str_equal (plugin, "host-plain"))
    {
      device.kind = KIND_PLAIN;
      option = "path";
    }
  else
    {
      g_set_error (
          error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
          "region '%s' is one of the plugin %s: there is nothing on this host that a virtual machine could "
          "be given",
          name, plugin);
      return FALSE;
    }

  device.path = ctl_region_option (properties, option);
  device.size = ctl_region_number (properties, "Size", 0);
  device.vectors = read_vectors (properties);
  device.id = g_strconcat ("ivshmem-", name, NULL);
  if (device.path == NULL || *device.path != '/')
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                   "the daemon does not say the %s of region '%s'", option, name);
      return FALSE;
    }
  if (device.kind == KIND_DOORBELL && device.vectors == 0)
    {
      g_set_error (
          error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
          "region '%s' has no vectors (its state is %s): QEMU's doorbell device needs at least one", name,
          ctl_region_text (properties, "State"));
      return FALSE;
    }
  if (!check_size (&device, name, error))
    return FALSE;
  *ret_device = device;
  memset (&device, 0, sizeof device);
  return TRUE;
}

/* A comma within a value is written twice. */
static char *
quote_commas (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);

  return g_strjoinv (",,", parts);
}

static GStrv
qemu_words (const Device *device)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  g_autofree char *path = quote_commas (device->path);
  g_autofree char *source = NULL;
  g_autofree char *front = NULL;

  if (device->kind == KIND_DOORBELL)
    {
      source = g_strdup_printf ("socket,path=%s,id=%s", path, device->id);
      front = g_strdup_printf ("ivshmem-doorbell,vectors=%" G_GUINT64_FORMAT ",chardev=%s", device->vectors,
                               device->id);
      g_strv_builder_add (words, "-chardev");
    }
  else
    {
      source = g_strdup_printf ("memory-backend-file,id=%s,share=on,mem-path=%s,size=%" G_GUINT64_FORMAT,
                                device->id, path, device->size);
      front = g_strdup_printf ("ivshmem-plain,memdev=%s", device->id);
      g_strv_builder_add (words, "-object");
    }
  g_strv_builder_add (words, source);
  g_strv_builder_add (words, "-device");
  g_strv_builder_add (words, front);
  return g_strv_builder_end (words);
}

GStrv
ctl_guest_config_qemu (GVariant *properties, GError **error)
{
  g_auto (Device) device = { 0 };

  return read_device (properties, &device, error) ? qemu_words (&device) : NULL;
}

static char *
doorbell_xml (GVariant *properties, const Device *device)
{
  return g_markup_printf_escaped ("<shmem name='%s'>\n"
                                  "  <model type='ivshmem-doorbell'/>\n"
                                  "  <server path='%s'/>\n"
                                  "  <msi vectors='%" G_GUINT64_FORMAT "' ioeventfd='on'/>\n"
                                  "</shmem>\n",
                                  ctl_region_text (properties, "Name"), device->path, device->vectors);
}

/* libvirt knows files of /dev/shm by their names, and no others. */
static const char *
libvirt_name (const Device *device)
{
  const char *name;

  if (!g_str_has_prefix (device->path, LIBVIRT_DIRECTORY) || device->size < LIBVIRT_SIZE_MIN)
    return NULL;
  name = device->path + strlen (LIBVIRT_DIRECTORY);
  if (*name == '\0' || strchr (name, '/') != NULL || g_str_equal (name, ".") || g_str_equal (name, ".."))
    return NULL;
  return name;
}

static char *
plain_xml (const char *name, const Device *device)
{
  return g_markup_printf_escaped ("<shmem name='%s'>\n"
                                  "  <model type='ivshmem-plain'/>\n"
                                  "  <size unit='KiB'>%" G_GUINT64_FORMAT "</size>\n"
                                  "</shmem>\n",
                                  name, device->size / KIB);
}

static char *
command_line_xml (const Device *device)
{
  g_auto (GStrv) words = qemu_words (device);
  g_autoptr (GString) out = g_string_new ("<qemu:commandline>\n");

  for (char **word = words; *word != NULL; word++)
    {
      g_autofree char *line = g_markup_printf_escaped ("  <qemu:arg value='%s'/>\n", *word);

      g_string_append (out, line);
    }
  g_string_append (out, "</qemu:commandline>\n");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
ctl_guest_config_libvirt (GVariant *properties, char **ret_note, GError **error)
{
  g_auto (Device) device = { 0 };
  const char *name;

  if (!read_device (properties, &device, error))
    return NULL;
  *ret_note = NULL;
  if (device.kind == KIND_DOORBELL)
    return doorbell_xml (properties, &device);

  name = libvirt_name (&device);
  if (name != NULL)
    return plain_xml (name, &device);
  *ret_note = g_strdup (
      "libvirt's <shmem> knows only files of 1 MiB and more directly in /dev/shm: this goes to the "
      "end of <domain>, which needs xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'");
  return command_line_xml (&device);
}
