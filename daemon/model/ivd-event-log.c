/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-event-log.h"

struct _IvdEventLog
{
  GMutex lock;
  guint capacity;
  guint64 first;   /* serial of the first event of this run */
  guint64 next;    /* serial of the event to come */
  IvdEvent **ring; /* serial n lives at n % capacity */
};

IvdEventLog *
ivd_event_log_new (guint capacity, guint64 first_serial)
{
  IvdEventLog *log = g_new0 (IvdEventLog, 1);

  g_mutex_init (&log->lock);
  log->capacity = capacity;
  log->first = first_serial;
  log->next = first_serial;
  log->ring = g_new0 (IvdEvent *, capacity);
  return log;
}

void
ivd_event_log_free (IvdEventLog *log)
{
  if (log == NULL)
    return;
  for (guint i = 0; i < log->capacity; i++)
    ivd_event_unref (log->ring[i]);
  g_mutex_clear (&log->lock);
  g_free (log->ring);
  g_free (log);
}

void
ivd_event_log_append (IvdEventLog *log, IvdEvent *event)
{
  IvdEvent *oldest;
  guint slot;

  g_mutex_lock (&log->lock);
  g_warn_if_fail (event->serial == log->next);
  slot = event->serial % log->capacity;
  oldest = g_steal_pointer (&log->ring[slot]);
  log->ring[slot] = ivd_event_ref (event);
  log->next = event->serial + 1;
  g_mutex_unlock (&log->lock);
  ivd_event_unref (oldest);
}

/* Under the lock. The serial of the oldest event that is still there. */
static guint64
oldest_serial (IvdEventLog *log)
{
  if (log->next - log->first > log->capacity)
    return log->next - log->capacity;
  return log->first;
}

IvdEvent *
ivd_event_log_next (IvdEventLog *log, guint64 after, guint64 *ret_missed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&log->lock);
  guint64 oldest = oldest_serial (log);
  guint64 wanted = after + 1;
  guint64 missed = 0;

  if (wanted < log->first || wanted > log->next)
    {
      missed = IVD_EVENT_LOG_UNKNOWN;
      wanted = oldest;
    }
  else if (wanted < oldest)
    {
      missed = oldest - wanted;
      wanted = oldest;
    }
  *ret_missed = missed;
  if (wanted == log->next)
    return NULL;
  return ivd_event_ref (log->ring[wanted % log->capacity]);
}

guint64
ivd_event_log_last (IvdEventLog *log)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&log->lock);

  return log->next - 1;
}
