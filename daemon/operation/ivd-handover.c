/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-handover.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "operation/ivd-arguments.h"
#include "operation/ivd-region-operations.h"
#include "platform/ivd-eventfd.h"

/* One vector in the hands of one caller. */
typedef struct
{
  IvdHandover *owner;
  IvdRegion *region;
  IvdCaller *caller;
  gulong gone_id;
  guint vector;
  int eventfd; /* the daemon's end of a fed copy; -1: exclusive */
} Holding;

struct _IvdHandover
{
  IvdRegistry *registry;
  GHashTable *holdings; /* IvdRegion → GPtrArray of Holding */
};

static void
holding_free (gpointer data)
{
  Holding *holding = data;

  g_signal_handler_disconnect (holding->caller, holding->gone_id);
  ivd_caller_release (holding->caller, IVD_CHARGE_FEEDS);
  if (holding->eventfd < 0)
    ivd_region_pause_vector (holding->region, holding->vector, FALSE);
  else
    close (holding->eventfd);
  g_object_unref (holding->caller);
  g_object_unref (holding->region);
  g_free (holding);
}

static void
on_caller_gone (IvdCaller *caller, gpointer data)
{
  Holding *holding = data;
  IvdHandover *self = holding->owner;
  IvdRegion *region = holding->region;
  GPtrArray *list = g_hash_table_lookup (self->holdings, region);

  g_ptr_array_remove_fast (list, holding);
  if (list->len == 0)
    g_hash_table_remove (self->holdings, region);
}

static gboolean
is_exclusive (IvdHandover *self, IvdRegion *region, guint vector)
{
  GPtrArray *list = g_hash_table_lookup (self->holdings, region);

  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const Holding *holding = g_ptr_array_index (list, i);

      if (holding->vector == vector && holding->eventfd < 0)
        return TRUE;
    }
  return FALSE;
}

/* Remembers what a caller holds; eventfd -1: exclusive. The caller has been
 * charged. */
static void
hold (IvdHandover *self, IvdRegion *region, IvdCaller *caller, guint vector, int take_eventfd)
{
  GPtrArray *list = g_hash_table_lookup (self->holdings, region);
  Holding *holding = g_new0 (Holding, 1);

  if (list == NULL)
    {
      list = g_ptr_array_new_with_free_func (holding_free);
      g_hash_table_insert (self->holdings, region, list);
    }
  holding->owner = self;
  holding->region = g_object_ref (region);
  holding->caller = g_object_ref (caller);
  holding->vector = vector;
  holding->eventfd = take_eventfd;
  holding->gone_id = g_signal_connect (caller, "gone", G_CALLBACK (on_caller_gone), holding);
  g_ptr_array_add (list, holding);
}

static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  IvdHandover *self = data;
  GPtrArray *list;

  if (event->type != IVD_EVENT_INTERRUPT)
    return;
  list = g_hash_table_lookup (self->holdings, region);
  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const Holding *holding = g_ptr_array_index (list, i);

      /* A holder that never reads has a full counter: its loss, nobody else's. */
      if (holding->vector == event->vector && holding->eventfd >= 0)
        (void) ivd_eventfd_add (holding->eventfd, event->count, NULL);
    }
}

static void
on_region_changed (IvdRegistry *registry, IvdRegion *region, guint changes, gpointer data)
{
  IvdHandover *self = data;

  if (ivd_region_get_state (region) == IVD_REGION_LOST)
    g_hash_table_remove (self->holdings, region);
}

static void
on_region_removed (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  IvdHandover *self = data;

  g_hash_table_remove (self->holdings, region);
}

IvdHandover *
ivd_handover_new (IvdRegistry *registry)
{
  IvdHandover *self = g_new0 (IvdHandover, 1);

  self->registry = g_object_ref (registry);
  self->holdings = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  g_signal_connect (registry, "event", G_CALLBACK (on_event), self);
  g_signal_connect (registry, "region-changed", G_CALLBACK (on_region_changed), self);
  g_signal_connect (registry, "region-removed", G_CALLBACK (on_region_removed), self);
  return self;
}

void
ivd_handover_free (IvdHandover *handover)
{
  if (handover == NULL)
    return;
  g_signal_handlers_disconnect_by_data (handover->registry, handover);
  g_hash_table_unref (handover->holdings);
  g_object_unref (handover->registry);
  g_free (handover);
}

/* --- the operations --- */

static gboolean
take_flag (GVariant *options, const char *key, gboolean *ret_flag, GError **error)
{
  g_autoptr (IvdArguments) arguments = ivd_arguments_new (options, error);

  return arguments != NULL
         && ivd_arguments_take_boolean (arguments, key, ret_flag, error)
         && ivd_arguments_end (arguments, error);
}

static gboolean
check_permission (IvdRequest *request, IvdPermission permission, GError **error)
{
  return ivd_access_check (ivd_request_context (request)->access, ivd_request_caller (request), permission,
                           ivd_region_get_name (ivd_request_region (request)), error);
}

/* Memory in somebody's hands can be read without us, and written unless it is
 * read-only: so handover alone is not enough. */
static gboolean
check_memory_rights (IvdRequest *request, gboolean read_only, GError **error)
{
  if (!check_permission (request, IVD_PERMISSION_READ, error))
    return FALSE;
  if (read_only)
    return TRUE;
  return check_permission (request, IVD_PERMISSION_WRITE, error)
         && ivd_region_check_capability (ivd_request_region (request), IVD_CAP_WRITE, error);
}

void
ivd_operation_open_memory (IvdRequest *request)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (ivd_request_parameters (request), 0);
  g_autoptr (IvdMapping) mapping = NULL;
  gboolean read_only = FALSE;
  GError *error = NULL;
  guint64 offset = 0;
  int fd = -1;

  if (take_flag (options, "read-only", &read_only, &error)
      && check_memory_rights (request, read_only, &error)
      && (mapping = ivd_region_ref_mapping (ivd_request_region (request), &error)) != NULL)
    fd = ivd_mapping_open (mapping, read_only, &offset, &error);
  if (fd < 0)
    ivd_request_fail (request, error);
  else
    ivd_request_return_fd (request, g_variant_new ("(htt)", 0, offset, ivd_mapping_get_size (mapping)), fd);
}

/* The real eventfd, which from now on the daemon does not read. */
static int
open_exclusive (IvdRequest *request, guint vector, GError **error)
{
  IvdHandover *self = ivd_request_context (request)->handover;
  IvdRegion *region = ivd_request_region (request);
  int fd;

  if (is_exclusive (self, region, vector))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_BUSY,
                   "vector %u of region '%s' is held exclusively already: until its holder leaves", vector,
                   ivd_region_get_name (region));
      return -1;
    }
  fd = ivd_region_open_vector (region, vector, error);
  if (fd < 0)
    return -1;
  ivd_region_pause_vector (region, vector, TRUE);
  hold (self, region, ivd_request_caller (request), vector, -1);
  return fd;
}

/* An eventfd of the caller's own, that the daemon feeds. */
static int
open_fed (IvdRequest *request, guint vector, GError **error)
{
  IvdHandover *self = ivd_request_context (request)->handover;
  int fd = ivd_eventfd_new (error);
  int copy;

  if (fd < 0)
    return -1;
  copy = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0)
    {
      close (fd);
      g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "out of file descriptors: raise LimitNOFILE");
      return -1;
    }
  hold (self, ivd_request_region (request), ivd_request_caller (request), vector, fd);
  return copy;
}

static gboolean
check_vector (IvdRegion *region, guint vector, GError **error)
{
  guint vectors = ivd_region_get_vectors (region);

  if (vector < vectors)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE, "vector %u: region '%s' has %u vectors of its own", vector,
               ivd_region_get_name (region), vectors);
  return FALSE;
}

void
ivd_operation_open_vector (IvdRequest *request)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (ivd_request_parameters (request), 1);
  IvdRegion *region = ivd_request_region (request);
  g_autoptr (IvdMapping) alive = NULL;
  gboolean exclusive = FALSE;
  GError *error = NULL;
  guint vector;
  int fd;

  g_variant_get_child (ivd_request_parameters (request), 0, "u", &vector);
  if (!take_flag (options, "exclusive", &exclusive, &error)
      || (alive = ivd_region_ref_mapping (region, &error)) == NULL
      || !check_vector (region, vector, &error)
      || !ivd_caller_charge (ivd_request_caller (request), IVD_CHARGE_FEEDS, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  fd = exclusive ? open_exclusive (request, vector, &error) : open_fed (request, vector, &error);
  if (fd >= 0)
    {
      ivd_request_return_fd (request, g_variant_new ("(h)", 0), fd);
      return;
    }
  ivd_caller_release (ivd_request_caller (request), IVD_CHARGE_FEEDS);
  ivd_request_fail (request, error);
}

void
ivd_operation_open_doorbell (IvdRequest *request)
{
  IvdRegion *region = ivd_request_region (request);
  GError *error = NULL;
  guint peer, vector;
  int fd = -1;

  g_variant_get (ivd_request_parameters (request), "(uu)", &peer, &vector);
  if (ivd_access_check (ivd_request_context (request)->access, ivd_request_caller (request), IVD_PERMISSION_RING,
                        ivd_region_get_name (region), &error))
    fd = ivd_region_open_doorbell (region, peer, vector, &error);
  if (fd >= 0)
    ivd_request_return_fd (request, g_variant_new ("(h)", 0), fd);
  else
    ivd_request_fail (request, error);
}
