/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-timer-queue.h"

/* Timers ended at once; then others get their turn, should one start itself
 * over and over. */
#define BATCH 64

typedef struct
{
  gint64 when;
  guint64 id;
  IvdTimerFunc func;
  gpointer data;
} QueuedTimer;

struct _IvdTimerQueue
{
  GSource *source;
  GTree *order;      /* of QueuedTimer, by time and then by id */
  GHashTable *by_id; /* id → QueuedTimer */
  guint64 last_id;
};

typedef struct
{
  GSource base;
  IvdTimerQueue *queue;
} QueueSource;

static gint
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  const QueuedTimer *left = a, *right = b;

  if (left->when != right->when)
    return left->when < right->when ? -1 : 1;
  return left->id < right->id ? -1 : left->id > right->id;
}

static QueuedTimer *
first (IvdTimerQueue *self)
{
  GTreeNode *node = g_tree_node_first (self->order);

  return node != NULL ? g_tree_node_key (node) : NULL;
}

static void
set_ready_time (IvdTimerQueue *self)
{
  const QueuedTimer *timer = first (self);

  g_source_set_ready_time (self->source, timer != NULL ? MAX (timer->when, 0) : -1);
}

static void
take_out (IvdTimerQueue *self, QueuedTimer *timer)
{
  g_tree_remove (self->order, timer);
  g_hash_table_remove (self->by_id, &timer->id);
}

static void
queue_clear (gpointer data)
{
  IvdTimerQueue *self = data;

  g_source_unref (self->source);
  g_tree_unref (self->order);
  g_hash_table_unref (self->by_id);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  IvdTimerQueue *self = g_rc_box_acquire (((QueueSource *) source)->queue);
  gint64 now = g_source_get_time (source);

  for (guint i = 0; i < BATCH && !g_source_is_destroyed (source); i++)
    {
      QueuedTimer *timer = first (self);
      QueuedTimer copy;

      if (timer == NULL || timer->when > now)
        break;
      copy = *timer;
      take_out (self, timer);
      copy.func (copy.id, copy.data);
    }
  if (!g_source_is_destroyed (source))
    set_ready_time (self);
  g_rc_box_release_full (self, queue_clear);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs queue_funcs = { .dispatch = dispatch };

IvdTimerQueue *
ivd_timer_queue_new (GMainContext *context)
{
  IvdTimerQueue *self = g_rc_box_new0 (IvdTimerQueue);

  self->order = g_tree_new_full (compare, NULL, NULL, NULL);
  self->by_id = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  self->source = g_source_new (&queue_funcs, sizeof (QueueSource));
  g_source_set_static_name (self->source, "ivd-timer-queue");
  ((QueueSource *) self->source)->queue = self;
  g_source_attach (self->source, context);
  return self;
}

void
ivd_timer_queue_free (IvdTimerQueue *self)
{
  if (self == NULL)
    return;
  g_source_destroy (self->source);
  g_rc_box_release_full (self, queue_clear);
}

guint64
ivd_timer_queue_add (IvdTimerQueue *self, gint64 when, IvdTimerFunc func, gpointer data)
{
  QueuedTimer *timer = g_new (QueuedTimer, 1);

  *timer = (QueuedTimer){ when, ++self->last_id, func, data };
  g_hash_table_insert (self->by_id, &timer->id, timer);
  g_tree_insert (self->order, timer, NULL);
  if (first (self) == timer)
    set_ready_time (self);
  return timer->id;
}

void
ivd_timer_queue_remove (IvdTimerQueue *self, guint64 id)
{
  QueuedTimer *timer = g_hash_table_lookup (self->by_id, &id);

  /* That the source may now wake up once for nothing costs less than to move
   * its time back. */
  if (timer != NULL)
    take_out (self, timer);
}
