/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-memory.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-error.h"

#include "ctl-region.h"
#include "ctl-size.h"

/* Below this the calls cost no time to speak of, and the daemon counts them. */
#define HANDOVER_BYTES (16 * 1024 * 1024)

struct _CtlMemory
{
  CtlCommand *command; /* borrowed */
  char *region;
  guint64 offset, length;
  guint64 done;
  int fd; /* -1: by calls */
  guint64 fd_offset;
};

gboolean
ctl_memory_check_range (const char *region, guint64 size, guint64 offset, guint64 length, GError **error)
{
  if (offset <= size && length <= size - offset)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE,
               "%" G_GUINT64_FORMAT " byte%s at offset %" G_GUINT64_FORMAT
               " do not fit into region '%s', which has %" G_GUINT64_FORMAT " bytes",
               length, ctl_plural (length), offset, region, size);
  return FALSE;
}

/* Not being allowed to is no error: the calls remain. */
static void
try_handover (CtlMemory *memory, GVariant *properties, CtlMemoryAccess access)
{
  g_auto (GVariantDict) options;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) parameters = NULL;
  CtlCall call = { .region = memory->region,
                   .method = "OpenMemory",
                   .answer = G_VARIANT_TYPE ("(htt)"),
                   .timeout_ms = CTL_TIMEOUT_DEFAULT };
  guint64 size;

  g_variant_dict_init (&options, NULL);
  if (memory->length < HANDOVER_BYTES || !ctl_region_can (properties, "memory-fd"))
    return;
  g_variant_dict_insert (&options, "read-only", "b", access == CTL_MEMORY_READ);
  parameters = g_variant_ref_sink (g_variant_new ("(@a{sv})", g_variant_dict_end (&options)));
  call.parameters = parameters;
  answer = ctl_transport_call (memory->command->transport, &call, &memory->fd, NULL);
  if (answer == NULL)
    return;
  g_variant_get (answer, "(htt)", NULL, &memory->fd_offset, &size);
  if (size < memory->offset || size - memory->offset < memory->length)
    {
      close (memory->fd);
      memory->fd = -1;
    }
}

CtlRange
ctl_memory_range (CtlArguments *arguments)
{
  return (CtlRange){
    .offset = ctl_arguments_number (arguments, "offset", 0),
    .length = ctl_arguments_number (arguments, "length", 0),
    .to_end = !ctl_arguments_has (arguments, "length"),
  };
}

CtlMemory *
ctl_memory_open (CtlCommand *command,
                 const char *region,
                 CtlRange range,
                 CtlMemoryAccess access,
                 GError **error)
{
  g_autoptr (GVariant) properties = ctl_command_region (command, region, error);
  g_autoptr (CtlMemory) memory = NULL;
  guint64 size;

  if (properties == NULL)
    return NULL;
  size = ctl_region_number (properties, "Size", 0);
  if (range.to_end)
    range.length = range.offset <= size ? size - range.offset : 0;
  if (!ctl_memory_check_range (region, size, range.offset, range.length, error))
    return NULL;

  memory = g_new0 (CtlMemory, 1);
  memory->command = command;
  memory->region = g_strdup (region);
  memory->offset = range.offset;
  memory->length = range.length;
  memory->fd = -1;
  try_handover (memory, properties, access);
  return g_steal_pointer (&memory);
}

void
ctl_memory_free (CtlMemory *memory)
{
  if (memory == NULL)
    return;
  if (memory->fd >= 0)
    close (memory->fd);
  g_free (memory->region);
  g_free (memory);
}

guint64
ctl_memory_get_offset (CtlMemory *memory)
{
  return memory->offset;
}

guint64
ctl_memory_get_length (CtlMemory *memory)
{
  return memory->length;
}

static gboolean
fail_transfer (CtlMemory *memory, gssize n, GError **error)
{
  if (n < 0)
    ctl_error_set_errno (error, errno, "reach the memory of region", memory->region);
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST,
                 "the file behind region '%s' has become shorter than the region", memory->region);
  return FALSE;
}

/* Writing behind the end of a file would make it longer. */
static gboolean
check_file_size (CtlMemory *memory, gsize length, GError **error)
{
  guint64 end = memory->fd_offset + memory->offset + memory->done + length;
  struct stat info;

  if (fstat (memory->fd, &info) == 0 && S_ISREG (info.st_mode) && (guint64) info.st_size < end)
    return fail_transfer (memory, 0, error);
  return TRUE;
}

/* Device memory, and hugetlbfs for writing, refuse to be used like a file. */
static gboolean
give_up_descriptor (CtlMemory *memory)
{
  if (errno != EINVAL && errno != EIO && errno != ESPIPE && errno != EBADF && errno != EPERM)
    return FALSE;
  close (memory->fd);
  memory->fd = -1;
  return TRUE;
}

/* ret_done FALSE: the descriptor is no good, and nothing was copied by it. */
static gboolean
read_descriptor (CtlMemory *memory, guint8 *buffer, gsize length, gboolean *ret_done, GError **error)
{
  gsize filled = 0;

  *ret_done = FALSE;
  while (filled < length)
    {
      goffset at = (goffset) (memory->fd_offset + memory->offset + memory->done + filled);
      gssize n = pread (memory->fd, buffer + filled, length - filled, at);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && give_up_descriptor (memory))
        return TRUE;
      if (n <= 0)
        return fail_transfer (memory, n, error);
      filled += (gsize) n;
    }
  *ret_done = TRUE;
  return TRUE;
}

GBytes *
ctl_memory_read (CtlMemory *memory, GError **error)
{
  gsize length = (gsize) MIN (memory->length - memory->done, CTL_MEMORY_PIECE_BYTES);
  g_autofree guint8 *buffer = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) bytes = NULL;
  gboolean done = FALSE;

  if (memory->fd >= 0)
    {
      buffer = g_malloc (length);
      if (!read_descriptor (memory, buffer, length, &done, error))
        return NULL;
    }
  if (done)
    {
      memory->done += length;
      return g_bytes_new_take (g_steal_pointer (&buffer), length);
    }

  answer = ctl_command_call (memory->command, memory->region, "Read",
                             g_variant_new ("(tt)", memory->offset + memory->done, (guint64) length),
                             "(ay)", error);
  if (answer == NULL)
    return NULL;
  bytes = g_variant_get_child_value (answer, 0);
  if (g_variant_n_children (bytes) != length)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INTERNAL,
                   "the daemon answered with %" G_GSIZE_FORMAT " bytes instead of %" G_GSIZE_FORMAT,
                   g_variant_n_children (bytes), length);
      return NULL;
    }
  memory->done += length;
  return g_variant_get_data_as_bytes (bytes);
}

static gboolean
write_descriptor (CtlMemory *memory, const guint8 *bytes, gsize length, gboolean *ret_done, GError **error)
{
  gsize written = 0;

  *ret_done = FALSE;
  if (!check_file_size (memory, length, error))
    return FALSE;
  while (written < length)
    {
      goffset at = (goffset) (memory->fd_offset + memory->offset + memory->done + written);
      gssize n = pwrite (memory->fd, bytes + written, length - written, at);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && give_up_descriptor (memory))
        return TRUE;
      if (n <= 0)
        return fail_transfer (memory, n, error);
      written += (gsize) n;
    }
  *ret_done = TRUE;
  return TRUE;
}

gboolean
ctl_memory_write (CtlMemory *memory, const void *bytes, gsize length, GError **error)
{
  g_autoptr (GVariant) answer = NULL;
  GVariant *array;
  gboolean done = FALSE;

  g_return_val_if_fail (length <= CTL_MEMORY_PIECE_BYTES && length <= memory->length - memory->done, FALSE);

  if (memory->fd >= 0 && !write_descriptor (memory, bytes, length, &done, error))
    return FALSE;
  if (!done)
    {
      array = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, length, 1);
      answer = ctl_command_call (memory->command, memory->region, "Write",
                                 g_variant_new ("(t@ay)", memory->offset + memory->done, array), NULL, error);
      if (answer == NULL)
        return FALSE;
    }
  memory->done += length;
  return TRUE;
}
