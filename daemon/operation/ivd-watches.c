/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-watches.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "memory/ivd-memory.h"
#include "operation/ivd-region-operations.h"

typedef struct
{
  IvdWatches *owner;
  guint id;
  IvdRegion *region;
  IvdCaller *caller;
  gulong gone_id;
  guint64 offset, length, min_interval_usec;
  IvdRequest *request; /* that is answered once the watch has begun, or NULL */
  IvdWatch *watch;     /* NULL while the region is lost, or too small for it */
} WatchEntry;

struct _IvdWatches
{
  IvdRegistry *registry;
  IvdCopyPool *pool;
  GHashTable *entries; /* id → WatchEntry */
  IvdWatchBudget *budget;
  guint last_id;
};

static void
entry_free (gpointer data)
{
  WatchEntry *entry = data;

  if (entry->request != NULL)
    ivd_request_fail (entry->request, g_error_new (IVD_ERROR, IVD_ERROR_CLOSED,
                                                   "the region or the caller has gone before the watch began"));
  g_signal_handler_disconnect (entry->caller, entry->gone_id);
  ivd_caller_release (entry->caller, IVD_CHARGE_WATCHES);
  g_clear_pointer (&entry->watch, ivd_watch_free);
  g_object_unref (entry->caller);
  g_object_unref (entry->region);
  g_free (entry);
}

static void
on_changed (guint64 offset, guint64 length, gpointer data)
{
  WatchEntry *entry = data;

  ivd_registry_changed (entry->owner->registry, entry->region, ivd_caller_get_id (entry->caller), entry->id, offset,
                        length);
}

/* From now on no change is missed: whoever asked for the watch may know. */
static void
on_ready (gpointer data)
{
  WatchEntry *entry = data;
  IvdRequest *request = g_steal_pointer (&entry->request);

  if (request != NULL)
    ivd_request_return (request, g_variant_new ("(u)", entry->id));
}

/* Begins to look at the memory that the region has now. */
static gboolean
entry_start (WatchEntry *entry, GError **error)
{
  g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (entry->region, error);

  g_clear_pointer (&entry->watch, ivd_watch_free);
  if (mapping == NULL)
    return FALSE;
  entry->watch = ivd_watch_new (entry->owner->budget, entry->owner->pool, mapping, entry->offset, entry->length,
                                entry->min_interval_usec, on_ready, on_changed, entry, error);
  return entry->watch != NULL;
}

static void
on_caller_gone (IvdCaller *caller, gpointer data)
{
  WatchEntry *entry = data;

  g_hash_table_remove (entry->owner->entries, GUINT_TO_POINTER (entry->id));
}

static void
on_region_changed (IvdRegistry *registry, IvdRegion *region, guint changes, gpointer data)
{
  IvdWatches *self = data;
  GHashTableIter iter;
  gpointer value;

  if (!(changes & (IVD_REGION_CHANGE_MEMORY | IVD_REGION_CHANGE_STATE)))
    return;
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((WatchEntry *) value)->region == region)
      (void) !entry_start (value, NULL);
}

/* Who rings has most likely written before. */
static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  IvdWatches *self = data;
  GHashTableIter iter;
  gpointer value;

  if (event->type != IVD_EVENT_INTERRUPT)
    return;
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const WatchEntry *entry = value;

      if (entry->region == region && entry->watch != NULL)
        ivd_watch_poke (entry->watch);
    }
}

static gboolean
belongs_to (gpointer key, gpointer value, gpointer region)
{
  return ((WatchEntry *) value)->region == region;
}

static void
on_region_removed (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  IvdWatches *self = data;

  g_hash_table_foreach_remove (self->entries, belongs_to, region);
}

IvdWatches *
ivd_watches_new (IvdRegistry *registry, IvdCopyPool *pool)
{
  IvdWatches *self = g_new0 (IvdWatches, 1);

  self->registry = g_object_ref (registry);
  self->pool = pool;
  self->entries = g_hash_table_new_full (NULL, NULL, NULL, entry_free);
  self->budget = g_rc_box_new0 (IvdWatchBudget);
  g_signal_connect (registry, "event", G_CALLBACK (on_event), self);
  g_signal_connect (registry, "region-changed", G_CALLBACK (on_region_changed), self);
  g_signal_connect (registry, "region-removed", G_CALLBACK (on_region_removed), self);
  return self;
}

void
ivd_watches_free (IvdWatches *watches)
{
  if (watches == NULL)
    return;
  g_signal_handlers_disconnect_by_data (watches->registry, watches);
  g_hash_table_unref (watches->entries);
  g_rc_box_release (watches->budget);
  g_object_unref (watches->registry);
  g_free (watches);
}

IvdWatchBudget *
ivd_watches_get_budget (IvdWatches *watches)
{
  return watches->budget;
}

IvdCaller *
ivd_watches_get_caller (IvdWatches *watches, guint watch)
{
  WatchEntry *entry = g_hash_table_lookup (watches->entries, GUINT_TO_POINTER (watch));

  return entry != NULL ? entry->caller : NULL;
}

/* --- the operations --- */

static gboolean
check_region_limit (IvdWatches *self, IvdRegion *region, GError **error)
{
  GHashTableIter iter;
  gpointer value;
  guint count = 0;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    count += ((WatchEntry *) value)->region == region;
  if (count < IVD_LIMIT_WATCHES_PER_REGION)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "region '%s' has %u watches, the most it can have",
               ivd_region_get_name (region), count);
  return FALSE;
}

static gboolean
check_watch (IvdRegion *region, const WatchEntry *wanted, GError **error)
{
  if (wanted->length == 0)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "length 0: a watch needs at least one byte");
      return FALSE;
    }
  if (wanted->min_interval_usec < IVD_LIMIT_WATCH_MIN_INTERVAL_USEC)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "min_interval_usec %" G_GUINT64_FORMAT ": at least %d", wanted->min_interval_usec,
                   IVD_LIMIT_WATCH_MIN_INTERVAL_USEC);
      return FALSE;
    }
  return ivd_memory_check_range (ivd_region_get_size (region), wanted->offset, wanted->length, error);
}

void
ivd_operation_watch (IvdRequest *request)
{
  IvdWatches *self = ivd_request_context (request)->watches;
  IvdCaller *caller = ivd_request_caller (request);
  IvdRegion *region = ivd_request_region (request);
  WatchEntry wanted = { .owner = self };
  GError *error = NULL;
  WatchEntry *entry;

  g_variant_get (ivd_request_parameters (request), "(ttt)", &wanted.offset, &wanted.length,
                 &wanted.min_interval_usec);
  if (!check_watch (region, &wanted, &error)
      || !check_region_limit (self, region, &error)
      || !ivd_caller_charge (caller, IVD_CHARGE_WATCHES, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  entry = g_memdup2 (&wanted, sizeof wanted);
  entry->id = ++self->last_id;
  entry->region = g_object_ref (region);
  entry->caller = g_object_ref (caller);
  entry->gone_id = g_signal_connect (caller, "gone", G_CALLBACK (on_caller_gone), entry);
  if (!entry_start (entry, &error))
    {
      entry_free (entry);
      ivd_request_fail (request, error);
      return;
    }
  g_hash_table_insert (self->entries, GUINT_TO_POINTER (entry->id), entry);
  entry->request = request;
}

void
ivd_operation_unwatch (IvdRequest *request)
{
  IvdWatches *self = ivd_request_context (request)->watches;
  const WatchEntry *entry;
  guint id;

  g_variant_get (ivd_request_parameters (request), "(u)", &id);
  entry = g_hash_table_lookup (self->entries, GUINT_TO_POINTER (id));
  if (entry == NULL || entry->region != ivd_request_region (request)
      || entry->caller != ivd_request_caller (request))
    {
      ivd_request_fail (request, g_error_new (IVD_ERROR, IVD_ERROR_NOT_FOUND,
                                              "you have no watch %u on region '%s'", id,
                                              ivd_region_get_name (ivd_request_region (request))));
      return;
    }
  g_hash_table_remove (self->entries, GUINT_TO_POINTER (id));
  ivd_request_return (request, NULL);
}

static gint
compare_entries (gconstpointer a, gconstpointer b)
{
  const WatchEntry *left = *(const WatchEntry *const *) a, *right = *(const WatchEntry *const *) b;

  return left->id < right->id ? -1 : left->id > right->id;
}

/* Of one caller on one region, by number; only those that have begun. */
static GPtrArray *
list_entries (IvdWatches *self, IvdRegion *region, IvdCaller *caller)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const WatchEntry *entry = value;

      if (entry->region == region && entry->caller == caller && entry->request == NULL)
        g_ptr_array_add (list, value);
    }
  g_ptr_array_sort (list, compare_entries);
  return list;
}

void
ivd_operation_list_watches (IvdRequest *request)
{
  g_autoptr (GPtrArray) entries = list_entries (ivd_request_context (request)->watches,
                                                ivd_request_region (request), ivd_request_caller (request));
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < entries->len; i++)
    {
      const WatchEntry *entry = g_ptr_array_index (entries, i);

      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&builder, "{sv}", "watch", g_variant_new_uint32 (entry->id));
      g_variant_builder_add (&builder, "{sv}", "offset", g_variant_new_uint64 (entry->offset));
      g_variant_builder_add (&builder, "{sv}", "length", g_variant_new_uint64 (entry->length));
      g_variant_builder_add (&builder, "{sv}", "min_interval_usec", g_variant_new_uint64 (entry->min_interval_usec));
      g_variant_builder_close (&builder);
    }
  ivd_request_return (request, g_variant_new ("(@aa{sv})", g_variant_builder_end (&builder)));
}
