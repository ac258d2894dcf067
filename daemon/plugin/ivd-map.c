/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Where a plugin says that the memory is, checked, and mapped. */
#include "config.h"

#include "plugin/ivd-backend-private.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-error.h"

#define MEMORY_FLAGS                                                                                       \
  (IVSHMEM_PLUGIN_MEMORY_READ_ONLY | IVSHMEM_PLUGIN_MEMORY_WRITE_COMBINED | IVSHMEM_PLUGIN_MEMORY_UNCACHED \
   | IVSHMEM_PLUGIN_MEMORY_NO_HANDOVER)

static IvdMappingFlags
to_mapping (guint flags)
{
  IvdMappingFlags mapping = 0;

  if (flags & IVSHMEM_PLUGIN_MEMORY_READ_ONLY)
    mapping |= IVD_MAPPING_READ_ONLY;
  if (flags & IVSHMEM_PLUGIN_MEMORY_WRITE_COMBINED)
    mapping |= IVD_MAPPING_WRITE_COMBINED;
  if (flags & IVSHMEM_PLUGIN_MEMORY_UNCACHED)
    mapping |= IVD_MAPPING_UNCACHED;
  return mapping;
}

static gboolean
check_memory (IvdBackend *self, const IvshmemPluginMemory *said)
{
  guint64 page = (guint64) sysconf (_SC_PAGESIZE);
  guint64 end;

  if (said->size == 0)
    ivd_backend_condemn (self, "reported memory of no size");
  else if (!g_uint64_checked_add (&end, said->offset, said->size) || end > G_MAXINT64)
    ivd_backend_condemn (self,
                         "reported memory that cannot be: %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT,
                         said->size, said->offset);
  else if (said->address == NULL && said->offset % page != 0)
    ivd_backend_condemn (self,
                         "reported memory at offset %" G_GUINT64_FORMAT ", which is no multiple of a page",
                         said->offset);
  else if (said->address == NULL
           && (said->handle < 0 || said->handle > G_MAXINT || fcntl ((int) said->handle, F_GETFD) < 0))
    ivd_backend_condemn (self, "reported memory with a handle that is not open");
  return ivd_backend_is_trusted (self);
}

/* Files can be cut at any time by anybody, so this is no lie. */
static gboolean
check_file (IvdBackend *self, const IvshmemPluginMemory *said, GError **error)
{
  struct stat st;

  if (fstat ((int) said->handle, &st) < 0 || !S_ISREG (st.st_mode)
      || said->offset + said->size <= (guint64) st.st_size)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST,
               "plugin '%s' reported %" G_GUINT64_FORMAT " bytes of memory at offset %" G_GUINT64_FORMAT
               ", but the file has %" G_GUINT64_FORMAT,
               ivd_plugin_get_name (self->plugin), said->size, said->offset, (guint64) st.st_size);
  return FALSE;
}

static void
release_backend (gpointer data)
{
  ivd_backend_unref (data);
}

IvdMapping *
ivd_backend_map (IvdBackend *self, guint *ret_flags, GError **error)
{
  IvshmemPluginMemory said = { .struct_size = sizeof said, .handle = IVSHMEM_PLUGIN_NO_HANDLE };
  IvdMapping *mapping = NULL;
  IvshmemPluginStatus status;
  IvdCall call;

  ivd_call_begin (&call, self, "memory()");
  status = self->ops->memory (self->instance, &said);
  ivd_call_end (&call);
  if (!ivd_call_check (self, "memory()", status, error))
    return NULL;
  if (!check_memory (self, &said))
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INTERNAL, self->sentence);
      return NULL;
    }
  *ret_flags = said.flags & MEMORY_FLAGS;
  if (said.address == NULL)
    {
      if (check_file (self, &said, error))
        mapping = ivd_mapping_new ((int) said.handle, said.offset, said.size, to_mapping (said.flags), error);
    }
  else
    {
      /* There is nothing that could be handed over. */
      *ret_flags |= IVSHMEM_PLUGIN_MEMORY_NO_HANDOVER;
      mapping = ivd_mapping_new_for_address (said.address, said.size, to_mapping (said.flags));
    }
  /* The plugin is destroyed only when nobody uses its memory any more: a device
   * cannot be given back before. */
  if (mapping != NULL)
    ivd_mapping_set_free_func (mapping, release_backend, ivd_backend_ref (self));
  return mapping;
}
