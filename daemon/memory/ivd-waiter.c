/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-waiter.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "memory/ivd-cpu.h"

/*
 * A wait is made by its caller, which looks once, and handed to the thread
 * through `incoming`; from then on it is the thread's alone, but for the two
 * flags by which others ask for a look. Memory is never touched under the
 * lock: a fault calls back.
 *
 * How long to sleep between two looks follows from how long a wait has lasted:
 * an eighth of it. So a value is seen at most that much late, and a wait costs
 * less the longer it takes.
 */

#define SPIN_USEC 50
#define BACK_OFF_SHARE 8
#define BACK_OFF_MAX_USEC 4000
/* Waits that are due this soon are looked at in the same pass. */
#define SLACK_USEC 100

/* Others change a word between our look and our swap at most so many times
 * in one look. */
#define SWAP_TRIES 16

const char *const ivd_wait_op_names[IVD_WAIT_OP_COUNT] = { "equals", "differs", "at-least" };

struct _IvdWaiter
{
  GThread *thread;

  GMutex lock; /* over all below */
  GCond cond;
  GQueue incoming;  /* of Wait, linked by its link */
  GHashTable *uses; /* IvdMapping → Use */
  guint n_waits;
  gboolean kicked; /* some wait has been asked for a look */
  gboolean stop;
};

/* What the waits on one mapping share. */
typedef struct
{
  guint n_waits; /* under the lock; the last one frees it */
  gint wakes;    /* atomic; each wait looks when it has changed */
} Use;

typedef struct
{
  GList link;
  IvdWaiter *waiter;
  GTask *task;
  IvdMapping *mapping;
  Use *use;
  IvdWaitParams params;
  gint64 deadline; /* monotonic; G_MAXINT64: none */
  gint64 begun;    /* when the thread first had it; 0: not yet */
  gint64 next_look;
  gint wakes_seen;

  gint cancelled; /* atomic */
  gpointer end_handle;
  GCancellable *cancellable;
  gulong cancelled_id;
} Wait;

typedef struct
{
  gboolean met;
  IvdWord value;
} Answer;

static void
answer_error (GTask *task, IvdErrorCode code, const char *message)
{
  g_task_return_error (task, g_error_new_literal (IVD_ERROR, code, message));
}

static gboolean
matches (const IvdWaitParams *params, guint64 found)
{
  switch (params->op)
    {
    case IVD_WAIT_EQUALS:
      return found == params->value.low;
    case IVD_WAIT_DIFFERS:
      return found != params->value.low;
    case IVD_WAIT_AT_LEAST:
    default:
      return found >= params->value.low;
    }
}

/* Sets the word if it is still what was found; what it is else. */
static gboolean
swap (IvdMapping *mapping, const IvdWaitParams *params, IvdWord *found, gboolean *ret_done, GError **error)
{
  return ivd_memory_atomic (mapping, IVD_ATOMIC_COMPARE_AND_SET, params->offset, params->width,
                            params->set, *found, found, ret_done, error);
}

/* One look, and the swap if it matches. FALSE on an error. */
static gboolean
look (IvdMapping *mapping, const IvdWaitParams *params, Answer *answer, GError **error)
{
  IvdWord found;

  answer->met = FALSE;
  if (!ivd_memory_load (mapping, params->offset, params->width, &found, error))
    return FALSE;

  for (guint i = 0; i < SWAP_TRIES && !answer->met && matches (params, found.low); i++)
    {
      answer->met = TRUE;
      answer->value = found;
      if (params->has_set && !swap (mapping, params, &found, &answer->met, error))
        return FALSE;
    }
  if (!answer->met)
    answer->value = found;
  return TRUE;
}

static void
kick (IvdWaiter *waiter)
{
  g_mutex_lock (&waiter->lock);
  waiter->kicked = TRUE;
  g_cond_signal (&waiter->cond);
  g_mutex_unlock (&waiter->lock);
}

static void
on_mapping_end (gpointer data)
{
  Wait *wait = data;

  g_atomic_int_inc (&wait->use->wakes);
  kick (wait->waiter);
}

static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
  Wait *wait = data;

  g_atomic_int_set (&wait->cancelled, 1);
  kick (wait->waiter);
}

/* FALSE when there is no place left. */
static gboolean
reserve (IvdWaiter *waiter, IvdMapping *mapping, Use **ret_use)
{
  gboolean has_place;
  Use *use;

  g_mutex_lock (&waiter->lock);
  has_place = waiter->n_waits < IVD_LIMIT_WAITS;
  if (has_place)
    {
      use = g_hash_table_lookup (waiter->uses, mapping);
      if (use == NULL)
        {
          use = g_new0 (Use, 1);
          g_hash_table_insert (waiter->uses, mapping, use);
        }
      use->n_waits++;
      waiter->n_waits++;
      *ret_use = use;
    }
  g_mutex_unlock (&waiter->lock);
  return has_place;
}

static void
give_back (IvdWaiter *waiter, IvdMapping *mapping, Use *use)
{
  g_mutex_lock (&waiter->lock);
  waiter->n_waits--;
  use->n_waits--;
  if (use->n_waits == 0)
    g_hash_table_remove (waiter->uses, mapping);
  g_mutex_unlock (&waiter->lock);
}

/* Nobody else knows of the wait after this, and its place is free before the
 * answer goes out, so that who is answered finds it free. */
static void
let_go (Wait *wait)
{
  ivd_mapping_remove_end_func (wait->mapping, wait->end_handle);
  if (wait->cancellable != NULL)
    {
      g_cancellable_disconnect (wait->cancellable, wait->cancelled_id);
      g_object_unref (wait->cancellable);
    }
  give_back (wait->waiter, wait->mapping, wait->use);
  ivd_mapping_unref (wait->mapping);
}

static void
wait_free (Wait *wait)
{
  g_object_unref (wait->task);
  g_free (wait);
}

static void
return_answer (GTask *task, const Answer *answer)
{
  g_task_return_pointer (task, g_memdup2 (answer, sizeof *answer), g_free);
}

static gint64
back_off (Wait *wait, gint64 now)
{
  gint64 age = now - wait->begun;

  if (age < SPIN_USEC)
    return 0;
  return MIN (age / BACK_OFF_SHARE, BACK_OFF_MAX_USEC);
}

/* TRUE if the wait is over and gone. */
static gboolean
attend (Wait *wait, gint64 now)
{
  gint wakes = g_atomic_int_get (&wait->use->wakes);
  gboolean is_cancelled = g_atomic_int_get (&wait->cancelled) != 0;
  Answer answer = { 0 };
  GError *error = NULL;
  gboolean goes_on;

  if (wait->begun == 0)
    wait->begun = now;
  if (!is_cancelled && wakes == wait->wakes_seen && wait->next_look > now + SLACK_USEC)
    return FALSE;

  wait->wakes_seen = wakes;
  goes_on = !is_cancelled && look (wait->mapping, &wait->params, &answer, &error) && !answer.met;
  if (goes_on && now < wait->deadline)
    {
      wait->next_look = MIN (now + back_off (wait, now), wait->deadline);
      return FALSE;
    }

  let_go (wait);
  if (is_cancelled)
    answer_error (wait->task, IVD_ERROR_CLOSED, "the wait was cancelled");
  else if (error != NULL)
    g_task_return_error (wait->task, error);
  else
    return_answer (wait->task, &answer);
  return TRUE;
}

/* Looks at every wait that is due. When the next one is: G_MAXINT64 if none. */
static gint64
attend_all (GQueue *waits)
{
  gint64 now = g_get_monotonic_time (), next = G_MAXINT64;
  GList *after;

  for (GList *l = waits->head; l != NULL; l = after)
    {
      Wait *wait = l->data;

      after = l->next;
      if (attend (wait, now))
        {
          g_queue_unlink (waits, l);
          wait_free (wait);
        }
      else
        next = MIN (next, wait->next_look);
    }
  return next;
}

static void
end_all (GQueue *waits)
{
  GList *l;

  while ((l = g_queue_pop_head_link (waits)) != NULL)
    {
      Wait *wait = l->data;

      let_go (wait);
      answer_error (wait->task, IVD_ERROR_CLOSED, "the daemon is stopping");
      wait_free (wait);
    }
}

static void
take_incoming (IvdWaiter *waiter, GQueue *waits)
{
  GList *l;

  while ((l = g_queue_pop_head_link (&waiter->incoming)) != NULL)
    g_queue_push_tail_link (waits, l);
}

/* The thread. Its own waits are where nobody else sees them. */
static gpointer
serve (gpointer data)
{
  IvdWaiter *waiter = data;
  GQueue waits = G_QUEUE_INIT;
  gint64 next = G_MAXINT64;
  gboolean stop = FALSE;

  while (!stop)
    {
      g_mutex_lock (&waiter->lock);
      while (!waiter->stop && !waiter->kicked && g_queue_is_empty (&waiter->incoming))
        {
          if (next == G_MAXINT64)
            g_cond_wait (&waiter->cond, &waiter->lock);
          else if (next <= g_get_monotonic_time () || !g_cond_wait_until (&waiter->cond, &waiter->lock, next))
            break;
        }
      waiter->kicked = FALSE;
      stop = waiter->stop;
      take_incoming (waiter, &waits);
      g_mutex_unlock (&waiter->lock);

      ivd_cpu_relax ();
      next = attend_all (&waits);
    }
  end_all (&waits);
  return NULL;
}

IvdWaiter *
ivd_waiter_new (void)
{
  IvdWaiter *waiter = g_new0 (IvdWaiter, 1);

  g_mutex_init (&waiter->lock);
  g_cond_init (&waiter->cond);
  g_queue_init (&waiter->incoming);
  waiter->uses = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free);
  waiter->thread = g_thread_new ("ivd-waiter", serve, waiter);
  return waiter;
}

void
ivd_waiter_free (IvdWaiter *waiter)
{
  if (waiter == NULL)
    return;

  g_mutex_lock (&waiter->lock);
  waiter->stop = TRUE;
  g_cond_signal (&waiter->cond);
  g_mutex_unlock (&waiter->lock);
  g_thread_join (waiter->thread);

  g_hash_table_unref (waiter->uses);
  g_cond_clear (&waiter->cond);
  g_mutex_clear (&waiter->lock);
  g_free (waiter);
}

static gboolean
check_word (const char *what, IvdWord word, guint width, GError **error)
{
  g_autofree char *text = NULL;

  if (word.high == 0 && (width == 8 || word.low >> (8 * width) == 0))
    return TRUE;

  text = ivd_word_format (word);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "%s %s does not fit in %u bytes", what, text, width);
  return FALSE;
}

static gboolean
check_params (IvdMapping *mapping, const IvdWaitParams *params, GError **error)
{
  guint width = params->width;

  if (width != 1 && width != 2 && width != 4 && width != 8)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "width %u is none of 1, 2, 4, 8, which a wait can have", width);
      return FALSE;
    }
  if ((guint) params->op >= IVD_WAIT_OP_COUNT)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "there is no condition %u to wait for", (guint) params->op);
      return FALSE;
    }
  if (!check_word ("value", params->value, width, error))
    return FALSE;
  if (!params->has_set)
    return TRUE;
  if ((ivd_mapping_get_flags (mapping) & IVD_MAPPING_READ_ONLY) != 0)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                           "the region is read-only: a wait cannot set anything");
      return FALSE;
    }
  return check_word ("set", params->set, width, error);
}

static gint64
deadline_of (gint64 now, guint64 timeout_usec)
{
  return timeout_usec >= (guint64) (G_MAXINT64 - now) ? G_MAXINT64 : now + (gint64) timeout_usec;
}

/* From its place to the thread's hands. */
static void
hand_over (Wait *wait, GCancellable *cancellable)
{
  IvdWaiter *waiter = wait->waiter;

  /* If the mapping has ended already, the next look finds out. */
  wait->end_handle = ivd_mapping_add_end_func (wait->mapping, on_mapping_end, wait);
  if (cancellable != NULL)
    {
      wait->cancellable = g_object_ref (cancellable);
      wait->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), wait, NULL);
    }

  g_mutex_lock (&waiter->lock);
  g_queue_push_tail_link (&waiter->incoming, &wait->link);
  g_cond_signal (&waiter->cond);
  g_mutex_unlock (&waiter->lock);
}

static void
begin (IvdWaiter *waiter, GTask *task, IvdMapping *mapping, const IvdWaitParams *params, gint64 deadline)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  Wait *wait;
  Use *use;

  if (!reserve (waiter, mapping, &use))
    {
      answer_error (task, IVD_ERROR_LIMIT,
                    G_STRINGIFY (IVD_LIMIT_WAITS) " waits are going on already, and no more are allowed");
      return;
    }

  wait = g_new0 (Wait, 1);
  wait->link.data = wait;
  wait->waiter = waiter;
  wait->task = g_object_ref (task);
  wait->mapping = ivd_mapping_ref (mapping);
  wait->use = use;
  wait->params = *params;
  wait->deadline = deadline;
  hand_over (wait, cancellable);
}

void
ivd_waiter_wait (IvdWaiter *waiter,
                 IvdMapping *mapping,
                 const IvdWaitParams *params,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  gint64 deadline = deadline_of (g_get_monotonic_time (), params->timeout_usec);
  GError *error = NULL;
  Answer answer;

  /* A cancelled wait is answered by us, with our error. */
  g_task_set_check_cancellable (task, FALSE);
  if (!check_params (mapping, params, &error) || !look (mapping, params, &answer, &error))
    g_task_return_error (task, error);
  else if (answer.met || params->timeout_usec == 0)
    return_answer (task, &answer);
  else
    begin (waiter, task, mapping, params, deadline);
}

gboolean
ivd_waiter_wait_finish (GAsyncResult *result, gboolean *ret_met, IvdWord *ret_value, GError **error)
{
  g_autofree Answer *answer = g_task_propagate_pointer (G_TASK (result), error);

  if (answer == NULL)
    return FALSE;
  *ret_met = answer->met;
  *ret_value = answer->value;
  return TRUE;
}

void
ivd_waiter_wake (IvdWaiter *waiter, IvdMapping *mapping)
{
  Use *use;

  g_mutex_lock (&waiter->lock);
  use = g_hash_table_lookup (waiter->uses, mapping);
  if (use != NULL)
    {
      g_atomic_int_inc (&use->wakes);
      waiter->kicked = TRUE;
      g_cond_signal (&waiter->cond);
    }
  g_mutex_unlock (&waiter->lock);
}
