/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-subscriptions.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "operation/ivd-region-operations.h"

#define VECTOR_INTERVAL_USEC (G_USEC_PER_SEC / IVD_LIMIT_SIGNALS_PER_VECTOR_PER_SECOND)
#define WINDOW IVD_LIMIT_SIGNALS_PER_REGION_PER_SECOND

/* What one subscriber has not been told yet of one vector. */
typedef struct
{
  guint vector;
  guint64 pending; /* in the queue while there is any */
  gint64 next;     /* when it may be told again, monotonic */
  GList link;
} VectorState;

typedef struct
{
  IvdSubscriptions *owner;
  IvdRegion *region;
  IvdCaller *caller;
  gulong gone_id;
  GHashTable *vectors; /* vector → VectorState, of those that ever rang */
  GQueue queue;        /* of VectorState with something pending, who waits longest first */
  gint64 told[WINDOW]; /* when the last interrupts were told, a ring */
  guint told_at;       /* the oldest of them */
  guint timer;         /* while something is pending */
} Subscription;

struct _IvdSubscriptions
{
  IvdRegistry *registry;
  GHashTable *regions; /* IvdRegion → GPtrArray of Subscription */
  IvdSubscriptionFunc func;
  gpointer data;
};

static void
subscription_free (gpointer data)
{
  Subscription *subscription = data;

  g_signal_handler_disconnect (subscription->caller, subscription->gone_id);
  ivd_caller_release (subscription->caller, IVD_CHARGE_SUBSCRIPTIONS);
  g_clear_handle_id (&subscription->timer, g_source_remove);
  g_hash_table_unref (subscription->vectors);
  g_object_unref (subscription->caller);
  g_object_unref (subscription->region);
  g_free (subscription);
}

static void
tell (Subscription *subscription, const IvdEvent *event)
{
  IvdSubscriptions *self = subscription->owner;

  if (self->func != NULL)
    self->func (subscription->caller, subscription->region, event, self->data);
}

/* When the region may tell again: never more than WINDOW within any second. */
static gint64
region_due (const Subscription *subscription)
{
  gint64 oldest = subscription->told[subscription->told_at];

  return oldest == 0 ? 0 : oldest + G_USEC_PER_SEC;
}

static void
tell_pending (Subscription *subscription, VectorState *state, gint64 now)
{
  IvdEvent event = {
    .type = IVD_EVENT_INTERRUPT,
    .region = ivd_region_get_name (subscription->region),
    .vector = state->vector,
    .count = state->pending,
    .monotonic_usec = now,
  };

  g_queue_unlink (&subscription->queue, &state->link);
  state->pending = 0;
  state->next = now + VECTOR_INTERVAL_USEC;
  subscription->told[subscription->told_at] = now;
  subscription->told_at = (subscription->told_at + 1) % WINDOW;
  tell (subscription, &event);
}

static gboolean on_due (gpointer data);

/* Tells all that may be told now, who waits longest first, and comes back for
 * the rest. */
static void
serve (Subscription *subscription)
{
  gint64 now = g_get_monotonic_time ();
  gint64 earliest = G_MAXINT64;
  GList *next;

  for (GList *l = subscription->queue.head; l != NULL; l = next)
    {
      VectorState *state = l->data;
      gint64 due = MAX (state->next, region_due (subscription));

      next = l->next;
      if (due <= now)
        tell_pending (subscription, state, now);
      else
        earliest = MIN (earliest, due);
    }
  if (earliest != G_MAXINT64 && subscription->timer == 0)
    subscription->timer = g_timeout_add ((guint) ((earliest - now) / 1000 + 1), on_due, subscription);
}

static gboolean
on_due (gpointer data)
{
  Subscription *subscription = data;

  subscription->timer = 0;
  serve (subscription);
  return G_SOURCE_REMOVE;
}

static VectorState *
get_vector (Subscription *subscription, guint vector)
{
  VectorState *state = g_hash_table_lookup (subscription->vectors, GUINT_TO_POINTER (vector));

  if (state != NULL)
    return state;
  state = g_new0 (VectorState, 1);
  state->vector = vector;
  state->link.data = state;
  g_hash_table_insert (subscription->vectors, GUINT_TO_POINTER (vector), state);
  return state;
}

static void
on_interrupt (Subscription *subscription, const IvdEvent *event)
{
  VectorState *state = get_vector (subscription, event->vector);

  if (state->pending == 0)
    g_queue_push_tail_link (&subscription->queue, &state->link);
  state->pending += event->count;
  /* With a timer running, somebody waits for his turn already: no overtaking,
   * and no look at the whole queue for every interrupt. */
  if (subscription->timer == 0 || MAX (state->next, region_due (subscription)) <= event->monotonic_usec)
    serve (subscription);
}

static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  IvdSubscriptions *self = data;
  GPtrArray *list = region != NULL ? g_hash_table_lookup (self->regions, region) : NULL;

  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      Subscription *subscription = g_ptr_array_index (list, i);

      /* What a watch finds is its owner's alone: it took the right to read. */
      if (event->type == IVD_EVENT_INTERRUPT)
        on_interrupt (subscription, event);
      else if (event->type != IVD_EVENT_CHANGED)
        tell (subscription, event);
    }
}

/* What is still pending is told while the region's name means something. */
static void
flush (Subscription *subscription)
{
  gint64 now = g_get_monotonic_time ();

  while (!g_queue_is_empty (&subscription->queue))
    tell_pending (subscription, g_queue_peek_head (&subscription->queue), now);
}

static void
on_region_removed (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  IvdSubscriptions *self = data;
  GPtrArray *list = g_hash_table_lookup (self->regions, region);

  for (guint i = 0; list != NULL && i < list->len; i++)
    flush (g_ptr_array_index (list, i));
  g_hash_table_remove (self->regions, region);
}

IvdSubscriptions *
ivd_subscriptions_new (IvdRegistry *registry)
{
  IvdSubscriptions *self = g_new0 (IvdSubscriptions, 1);

  self->registry = g_object_ref (registry);
  self->regions = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  g_signal_connect (registry, "event", G_CALLBACK (on_event), self);
  g_signal_connect (registry, "region-removed", G_CALLBACK (on_region_removed), self);
  return self;
}

void
ivd_subscriptions_free (IvdSubscriptions *subscriptions)
{
  if (subscriptions == NULL)
    return;
  g_signal_handlers_disconnect_by_data (subscriptions->registry, subscriptions);
  g_hash_table_unref (subscriptions->regions);
  g_object_unref (subscriptions->registry);
  g_free (subscriptions);
}

void
ivd_subscriptions_set_func (IvdSubscriptions *subscriptions, IvdSubscriptionFunc func, gpointer data)
{
  subscriptions->func = func;
  subscriptions->data = data;
}

static Subscription *
find_subscription (IvdSubscriptions *self, IvdRegion *region, IvdCaller *caller)
{
  GPtrArray *list = g_hash_table_lookup (self->regions, region);

  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      Subscription *subscription = g_ptr_array_index (list, i);

      if (subscription->caller == caller)
        return subscription;
    }
  return NULL;
}

gboolean
ivd_subscriptions_has (IvdSubscriptions *subscriptions, IvdRegion *region, IvdCaller *caller)
{
  return find_subscription (subscriptions, region, caller) != NULL;
}

static void
remove_subscription (Subscription *subscription)
{
  IvdSubscriptions *self = subscription->owner;
  IvdRegion *region = subscription->region;
  GPtrArray *list = g_hash_table_lookup (self->regions, region);

  g_ptr_array_remove_fast (list, subscription);
  if (list->len == 0)
    g_hash_table_remove (self->regions, region);
}

static void
on_caller_gone (IvdCaller *caller, gpointer data)
{
  remove_subscription (data);
}

/* --- the operations --- */

void
ivd_operation_subscribe (IvdRequest *request)
{
  IvdSubscriptions *self = ivd_request_context (request)->subscriptions;
  IvdRegion *region = ivd_request_region (request);
  IvdCaller *caller = ivd_request_caller (request);
  Subscription *subscription;
  GError *error = NULL;
  GPtrArray *list;

  if (ivd_subscriptions_has (self, region, caller))
    {
      ivd_request_return (request, NULL);
      return;
    }
  if (!ivd_caller_charge (caller, IVD_CHARGE_SUBSCRIPTIONS, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  list = g_hash_table_lookup (self->regions, region);
  if (list == NULL)
    {
      list = g_ptr_array_new_with_free_func (subscription_free);
      g_hash_table_insert (self->regions, region, list);
    }
  subscription = g_new0 (Subscription, 1);
  subscription->owner = self;
  subscription->region = g_object_ref (region);
  subscription->caller = g_object_ref (caller);
  subscription->gone_id = g_signal_connect (caller, "gone", G_CALLBACK (on_caller_gone), subscription);
  g_queue_init (&subscription->queue);
  subscription->vectors = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_ptr_array_add (list, subscription);
  ivd_request_return (request, NULL);
}

void
ivd_operation_unsubscribe (IvdRequest *request)
{
  Subscription *subscription = find_subscription (ivd_request_context (request)->subscriptions,
                                                  ivd_request_region (request), ivd_request_caller (request));

  if (subscription != NULL)
    remove_subscription (subscription);
  ivd_request_return (request, NULL);
}
