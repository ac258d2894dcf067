/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-alarm.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/ivd-error.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

typedef struct
{
  timer_t timer;
} Alarm;

static void
alarm_free (gpointer data)
{
  Alarm *alarm = data;

  timer_delete (alarm->timer);
  g_free (alarm);
}

static GPrivate thread_alarm = G_PRIVATE_INIT (alarm_free);

static void
on_signal (int signal_number)
{
}

/* A real-time signal that nobody else has taken; 0 when there is none. */
static int
claim_signal (void)
{
  struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: that is the point */
  struct sigaction old;

  sigemptyset (&action.sa_mask);
  for (int number = SIGRTMIN + 1; number <= SIGRTMAX; number++)
    {
      if (sigaction (number, NULL, &old) == 0 && (old.sa_flags & SA_SIGINFO) == 0
          && old.sa_handler == SIG_DFL && sigaction (number, &action, NULL) == 0)
        return number;
    }
  return 0;
}

static int
signal_number (void)
{
  static gsize number;

  if (g_once_init_enter (&number))
    {
      int claimed = claim_signal ();

      /* 0 means "not yet" to g_once, hence -1 for none. */
      g_once_init_leave (&number, claimed > 0 ? (gsize) claimed : (gsize) -1);
    }
  return (int) (gssize) number;
}

static Alarm *
alarm_new (GError **error)
{
  struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal_number () };
  g_autofree Alarm *alarm = g_new0 (Alarm, 1);
  sigset_t set;

  event.sigev_notify_thread_id = gettid ();
  if (event.sigev_signo < 0 || timer_create (CLOCK_MONOTONIC, &event, &alarm->timer) < 0)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "this thread can have no timer: %s",
                   event.sigev_signo < 0 ? "every real-time signal is taken" : g_strerror (errno));
      return NULL;
    }
  sigemptyset (&set);
  sigaddset (&set, event.sigev_signo);
  pthread_sigmask (SIG_UNBLOCK, &set, NULL);
  return g_steal_pointer (&alarm);
}

gboolean
ivd_alarm_set (guint usec, GError **error)
{
  Alarm *alarm = g_private_get (&thread_alarm);
  struct timespec every = { usec / G_USEC_PER_SEC, usec % G_USEC_PER_SEC * 1000 };
  struct itimerspec when = { every, every };

  g_return_val_if_fail (usec > 0, FALSE);

  if (alarm == NULL)
    {
      alarm = alarm_new (error);
      if (alarm == NULL)
        return FALSE;
      g_private_set (&thread_alarm, alarm);
    }
  timer_settime (alarm->timer, 0, &when, NULL);
  return TRUE;
}

void
ivd_alarm_clear (void)
{
  Alarm *alarm = g_private_get (&thread_alarm);
  struct itimerspec never = { 0 };
  int saved = errno;

  if (alarm != NULL)
    timer_settime (alarm->timer, 0, &never, NULL);
  errno = saved;
}
