/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-mapping.h"

#include <unistd.h>

#include "base/ivd-error.h"
#include "platform/ivd-guard.h"
#include "platform/ivd-pages.h"

/* Only ever grows, so closing wins over losing. */
typedef enum
{
  STATE_OPEN,
  STATE_LOST,
  STATE_CLOSED,
} State;

typedef struct
{
  IvdMappingEndFunc func;
  gpointer data;
} EndFunc;

struct _IvdMapping
{
  gatomicrefcount references;
  guint8 *address;
  guint64 size;
  IvdMappingFlags flags;
  IvdPages *pages; /* NULL: somebody else's memory */
  GDestroyNotify free_func;
  gpointer free_data;

  gint state; /* atomic; written under lock */

  GMutex lock;        /* over all below but the lost function */
  char *lost_message; /* set once, before the state says so */
  GQueue end_funcs;   /* of EndFunc */

  GRecMutex lost_lock; /* held while the lost function runs */
  IvdMappingLostFunc lost_func;
  gpointer lost_data;
};

static IvdMapping *
mapping_new (gpointer address, guint64 size, IvdMappingFlags flags)
{
  IvdMapping *mapping = g_new0 (IvdMapping, 1);

  ivd_guard_install ();

  g_atomic_ref_count_init (&mapping->references);
  g_mutex_init (&mapping->lock);
  g_rec_mutex_init (&mapping->lost_lock);
  g_queue_init (&mapping->end_funcs);
  mapping->address = address;
  mapping->size = size;
  mapping->flags = flags;
  mapping->state = STATE_OPEN;
  return mapping;
}

IvdMapping *
ivd_mapping_new (int fd, guint64 offset, guint64 size, IvdMappingFlags flags, GError **error)
{
  IvdPages *pages = ivd_pages_new (fd, offset, size, (flags & IVD_MAPPING_READ_ONLY) == 0, error);
  IvdMapping *mapping;

  if (pages == NULL)
    return NULL;
  mapping = mapping_new (ivd_pages_get_address (pages), size, flags);
  mapping->pages = pages;
  return mapping;
}

IvdMapping *
ivd_mapping_new_for_address (void *address, guint64 size, IvdMappingFlags flags)
{
  return mapping_new (address, size, flags);
}

void
ivd_mapping_set_free_func (IvdMapping *mapping, GDestroyNotify free_func, gpointer data)
{
  mapping->free_func = free_func;
  mapping->free_data = data;
}

IvdMapping *
ivd_mapping_ref (IvdMapping *mapping)
{
  g_atomic_ref_count_inc (&mapping->references);
  return mapping;
}

void
ivd_mapping_unref (IvdMapping *mapping)
{
  if (!g_atomic_ref_count_dec (&mapping->references))
    return;

  /* Who has asked to be told of the end holds a reference. */
  g_warn_if_fail (g_queue_is_empty (&mapping->end_funcs));
  ivd_pages_free (mapping->pages);
  if (mapping->free_func != NULL)
    mapping->free_func (mapping->free_data);
  g_free (mapping->lost_message);
  g_rec_mutex_clear (&mapping->lost_lock);
  g_mutex_clear (&mapping->lock);
  g_free (mapping);
}

void
ivd_mapping_set_lost_func (IvdMapping *mapping, IvdMappingLostFunc func, gpointer data)
{
  g_rec_mutex_lock (&mapping->lost_lock);
  mapping->lost_func = func;
  mapping->lost_data = data;
  g_rec_mutex_unlock (&mapping->lost_lock);
}

guint64
ivd_mapping_get_size (IvdMapping *mapping)
{
  return mapping->size;
}

IvdMappingFlags
ivd_mapping_get_flags (IvdMapping *mapping)
{
  return mapping->flags;
}

/* A device's memory, not a file's. */
static gboolean
is_device (const IvdMapping *mapping)
{
  return (mapping->flags & (IVD_MAPPING_WRITE_COMBINED | IVD_MAPPING_UNCACHED)) != 0;
}

int
ivd_mapping_open (IvdMapping *mapping, gboolean read_only, guint64 *ret_offset, GError **error)
{
  int fd;

  if (!ivd_mapping_check (mapping, error))
    return -1;
  if (mapping->pages == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                           "this region's memory has no descriptor that could be handed over");
      return -1;
    }
  if (!read_only && (mapping->flags & IVD_MAPPING_READ_ONLY) != 0)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                           "this region is read-only; ask for its memory with read-only=true");
      return -1;
    }

  fd = ivd_pages_open (mapping->pages, read_only, error);
  if (fd < 0)
    return -1;
  /* Of a device that another thread has lost meanwhile this is no memory. */
  if (is_device (mapping) && !ivd_mapping_check (mapping, error))
    {
      close (fd);
      return -1;
    }
  *ret_offset = ivd_pages_get_offset (mapping->pages);
  return fd;
}

/* FALSE when it had come that far already. The end functions run under the
 * lock, so that removing one waits for it. */
static gboolean
advance (IvdMapping *mapping, State state, const char *message)
{
  State before;

  g_mutex_lock (&mapping->lock);
  before = (State) g_atomic_int_get (&mapping->state);
  if (before < state)
    {
      if (state == STATE_LOST)
        mapping->lost_message = g_strdup (message);
      g_atomic_int_set (&mapping->state, (gint) state);
    }
  for (GList *l = mapping->end_funcs.head; l != NULL && before == STATE_OPEN; l = l->next)
    {
      EndFunc *end = l->data;

      end->func (end->data);
    }
  g_mutex_unlock (&mapping->lock);
  return before < state;
}

/* FALSE when it had come that far already. */
static gboolean
end (IvdMapping *mapping, State state, const char *message)
{
  if (!advance (mapping, state, message))
    return FALSE;
  /* The kernel takes no device back that is still mapped, and a stalled
   * download may keep its reference for minutes. */
  if (is_device (mapping) && mapping->pages != NULL)
    ivd_pages_revoke (mapping->pages);
  return TRUE;
}

void
ivd_mapping_close (IvdMapping *mapping)
{
  (void) end (mapping, STATE_CLOSED, NULL);
}

void
ivd_mapping_lose (IvdMapping *mapping, const char *message)
{
  (void) end (mapping, STATE_LOST, message != NULL ? message : "its backend lost it");
}

static gboolean
set_ended_error (IvdMapping *mapping, State state, GError **error)
{
  if (state == STATE_CLOSED)
    g_set_error_literal (error, IVD_ERROR, IVD_ERROR_CLOSED, "the region is closed");
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST, "the region is lost: %s", mapping->lost_message);
  return FALSE;
}

gboolean
ivd_mapping_check (IvdMapping *mapping, GError **error)
{
  State state = (State) g_atomic_int_get (&mapping->state);

  return state == STATE_OPEN || set_ended_error (mapping, state, error);
}

gpointer
ivd_mapping_add_end_func (IvdMapping *mapping, IvdMappingEndFunc func, gpointer data)
{
  GList *handle = NULL;

  g_mutex_lock (&mapping->lock);
  if (g_atomic_int_get (&mapping->state) == STATE_OPEN)
    {
      EndFunc *end = g_new (EndFunc, 1);

      end->func = func;
      end->data = data;
      g_queue_push_tail (&mapping->end_funcs, end);
      handle = mapping->end_funcs.tail;
    }
  g_mutex_unlock (&mapping->lock);
  return handle;
}

void
ivd_mapping_remove_end_func (IvdMapping *mapping, gpointer handle)
{
  GList *link = handle;

  if (link == NULL)
    return;
  g_mutex_lock (&mapping->lock);
  g_free (link->data);
  g_queue_delete_link (&mapping->end_funcs, link);
  g_mutex_unlock (&mapping->lock);
}

guintptr
ivd_mapping_place (IvdMapping *mapping, guint64 offset)
{
  return (guintptr) (mapping->address + offset);
}

/* An access was cut off at position: full file system, broken memory, or cut
 * file. Only the last is the end of the mapping. */
static gboolean
explain_fault (IvdMapping *mapping, guint64 position, gboolean hardware, GError **error)
{
  g_autofree char *message = NULL;
  const char *cause;

  if (hardware)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO,
                   "the memory at offset %" G_GUINT64_FORMAT " is broken (hardware error)", position);
      return FALSE;
    }
  if (mapping->pages != NULL && !is_device (mapping) && ivd_pages_reaches (mapping->pages, position))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_NO_SPACE,
                   "no room in the file system for the memory at offset %" G_GUINT64_FORMAT, position);
      return FALSE;
    }

  cause = mapping->pages != NULL && !is_device (mapping) ? "the file was truncated" : "the device does not answer";
  message = g_strdup_printf ("its memory has gone at offset %" G_GUINT64_FORMAT
                             " of %" G_GUINT64_FORMAT ": %s; attach it again",
                             position, mapping->size, cause);
  if (end (mapping, STATE_LOST, message))
    {
      g_rec_mutex_lock (&mapping->lost_lock);
      if (mapping->lost_func != NULL)
        mapping->lost_func (mapping, message, mapping->lost_data);
      g_rec_mutex_unlock (&mapping->lost_lock);
    }
  return set_ended_error (mapping, (State) g_atomic_int_get (&mapping->state), error);
}

typedef struct
{
  guint8 *address;
  IvdMappingTouchFunc func;
  gpointer data;
} Touch;

static void
touch_guarded (gpointer data)
{
  Touch *touch = data;

  touch->func (touch->address, touch->data);
}

gboolean
ivd_mapping_touch (IvdMapping *mapping,
                   guint64 offset,
                   gsize length,
                   IvdMappingTouchFunc func,
                   gpointer data,
                   GError **error)
{
  Touch touch = { mapping->address + offset, func, data };
  IvdGuardFault fault;
  guint64 position;

  if (!ivd_mapping_check (mapping, error))
    return FALSE;
  /* Of a device that has ended meanwhile nobody knows whose bytes these were. */
  if (ivd_guard_run (touch.address, length, touch_guarded, &touch, &fault))
    return !is_device (mapping) || ivd_mapping_check (mapping, error);

  /* A fault that is told by its page only may lie before the range. */
  position = offset;
  if (fault.address > (guintptr) touch.address)
    position += fault.address - (guintptr) touch.address;
  return explain_fault (mapping, position, fault.hardware, error);
}
