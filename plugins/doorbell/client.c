/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell/client.h"

#include <sys/resource.h>
#include <unistd.h>

#include "doorbell/connection.h"

#define RETRY_FIRST_USEC (100 * 1000)
#define RETRY_LAST_USEC (10 * 1000 * 1000)
/* A server that has not greeted us by then is no longer waited for by whoever
 * attaches the region, if it may reconnect. */
#define PATIENCE_USEC (1000 * 1000)
/* Messages that are read before others get their turn. */
#define MESSAGES_PER_TURN 512

struct _DoorbellClient
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  char *path;
  gboolean reconnect;
  gboolean stopped;
  gboolean answered; /* READY, or connecting, has been reported once */
  gboolean up;       /* READY, and not lost since */
  char *trouble;     /* what was logged last about connecting */

  int fd;                     /* -1: not connected */
  DoorbellProtocol *protocol; /* NULL: not connected */
  guint64 watch;
  guint64 timer; /* of the machine's deadline */
  gint64 timer_at;

  guint64 retry; /* timer: not connected, or connected and not yet ready */
  gint64 retry_usec;
};

static void connect_again (void *data);

static void
cancel (DoorbellClient *self, guint64 *id)
{
  if (*id != 0)
    self->host->cancel_timer (self->region, *id);
  *id = 0;
}

static gboolean
start_timer (DoorbellClient *self, gint64 usec, IvshmemPluginFunc func, guint64 *id)
{
  if (self->host->timer (self->region, (uint64_t) MAX (usec, 0), func, self, id) >= 0)
    return TRUE;

  *id = 0;
  self->host->log (self->region, IVSHMEM_PLUGIN_LOG_ERROR, "no timer could be had");
  return FALSE;
}

static void
disconnect (DoorbellClient *self)
{
  cancel (self, &self->timer);
  cancel (self, &self->retry);
  if (self->watch != 0)
    self->host->unwatch (self->region, self->watch);
  self->watch = 0;
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  g_clear_pointer (&self->protocol, doorbell_protocol_free);
}

static void
say_connecting (void *data)
{
  DoorbellClient *self = data;

  self->retry = 0;
  if (self->answered)
    return;

  self->answered = TRUE;
  self->host->connecting (self->region);
}

/* A little sooner than it need be, each time by another bit, so that clients
 * of one server do not all come back in the same moment. */
static void
retry_later (DoorbellClient *self)
{
  gint64 usec = self->retry_usec - g_random_int_range (0, (gint32) self->retry_usec / 4);

  self->retry_usec = MIN (self->retry_usec * 2, RETRY_LAST_USEC);
  start_timer (self, usec, connect_again, &self->retry);
}

/* The connection, or the attempt at one, has failed. */
static void
fall_back (DoorbellClient *self, IvshmemPluginStatus status, const char *text)
{
  gboolean was_up = self->up;

  disconnect (self);
  self->up = FALSE;
  if (was_up)
    self->host->lost (self->region, IVSHMEM_PLUGIN_REGION_LOST, text);
  else if (!self->reconnect)
    self->host->lost (self->region, status, text);
  else if (g_strcmp0 (text, self->trouble) != 0)
    {
      self->host->log (self->region, IVSHMEM_PLUGIN_LOG_WARNING, text);
      g_free (self->trouble);
      self->trouble = g_strdup (text);
    }

  if (!self->reconnect || self->stopped)
    return;

  retry_later (self);
  if (!self->answered)
    {
      self->answered = TRUE;
      self->host->connecting (self->region);
    }
}

static IvshmemPluginStatus
status_of (DoorbellFailure failure)
{
  switch (failure)
    {
    case DOORBELL_FAILURE_REFUSED:
      return IVSHMEM_PLUGIN_DENIED;
    case DOORBELL_FAILURE_UNSUPPORTED:
      return IVSHMEM_PLUGIN_NOT_SUPPORTED;
    case DOORBELL_FAILURE_LIMIT:
      return IVSHMEM_PLUGIN_LIMIT;
    case DOORBELL_FAILURE_NONE:
    case DOORBELL_FAILURE_CLOSED:
    case DOORBELL_FAILURE_INVALID:
    default:
      return IVSHMEM_PLUGIN_IO;
    }
}

static void
become_ready (DoorbellClient *self)
{
  IvshmemPluginStatus status;

  cancel (self, &self->retry);
  status = self->host->memory_ready (self->region);
  if (self->stopped)
    return;
  if (status < 0)
    {
      fall_back (self, status, "the daemon cannot use the memory that the server sent");
      return;
    }

  self->up = TRUE;
  self->answered = TRUE;
  self->retry_usec = RETRY_FIRST_USEC;
  g_clear_pointer (&self->trouble, g_free);
}

static void
take_event (DoorbellClient *self, const DoorbellEvent *event)
{
  switch (event->type)
    {
    case DOORBELL_EVENT_READY:
      become_ready (self);
      break;
    case DOORBELL_EVENT_CHANGED:
      self->host->changed (self->region);
      break;
    case DOORBELL_EVENT_PEER:
      self->host->peer (self->region, event->id, event->vectors, NULL);
      break;
    case DOORBELL_EVENT_GONE:
      self->host->peer_gone (self->region, event->id);
      break;
    case DOORBELL_EVENT_NOTE:
      self->host->log (self->region, IVSHMEM_PLUGIN_LOG_WARNING, event->text);
      break;
    case DOORBELL_EVENT_FAILED:
      fall_back (self, status_of (event->failure), event->text);
      break;
    default:
      break;
    }
}

static void advance (void *data);

/* Reports what the machine has to say, as long as the connection is there:
 * any report may be answered with a detach. */
static void
drain (DoorbellClient *self)
{
  gint64 deadline;

  while (self->protocol != NULL)
    {
      g_auto (DoorbellEvent) event = { 0 };

      if (!doorbell_protocol_next (self->protocol, &event))
        break;
      take_event (self, &event);
    }

  deadline = self->protocol == NULL ? -1 : doorbell_protocol_deadline (self->protocol);
  if (deadline == self->timer_at && self->timer != 0)
    return;

  cancel (self, &self->timer);
  self->timer_at = deadline;
  if (deadline >= 0)
    start_timer (self, deadline - g_get_monotonic_time (), advance, &self->timer);
}

static void
advance (void *data)
{
  DoorbellClient *self = data;

  self->timer = 0;
  doorbell_protocol_advance (self->protocol, g_get_monotonic_time ());
  drain (self);
}

static void
receive (void *data, uint32_t conditions)
{
  DoorbellClient *self = data;
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < MESSAGES_PER_TURN; i++)
    if (!doorbell_receive (self->fd, self->protocol, now))
      break;
  drain (self);
}

static guint
descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > G_MAXUINT)
    return G_MAXUINT;
  return (guint) (limit.rlim_cur / 2);
}

static IvshmemPluginStatus
connect_now (DoorbellClient *self, char **ret_text)
{
  IvshmemPluginStatus status = doorbell_connect (self->host, self->region, self->path, &self->fd, ret_text);

  if (status < 0)
    return status;

  self->protocol = doorbell_protocol_new (descriptor_limit ());
  status = self->host->watch (self->region, self->fd, IVSHMEM_PLUGIN_READABLE, receive, self, &self->watch);
  if (status < 0)
    {
      self->watch = 0;
      *ret_text = g_strdup_printf ("the connection to %s cannot be watched", self->path);
      return status;
    }
  if (self->reconnect && !self->answered)
    start_timer (self, PATIENCE_USEC, say_connecting, &self->retry);
  return IVSHMEM_PLUGIN_OK;
}

static void
connect_again (void *data)
{
  DoorbellClient *self = data;
  g_autofree char *text = NULL;
  IvshmemPluginStatus status;

  self->retry = 0;
  status = connect_now (self, &text);
  if (status < 0)
    fall_back (self, status, text);
}

DoorbellClient *
doorbell_client_new (const IvshmemPluginHost *host,
                     IvshmemPluginRegion *region,
                     const char *path,
                     gboolean reconnect)
{
  DoorbellClient *self = g_new0 (DoorbellClient, 1);

  self->host = host;
  self->region = region;
  self->path = g_strdup (path);
  self->reconnect = reconnect;
  self->fd = -1;
  self->retry_usec = RETRY_FIRST_USEC;
  return self;
}

void
doorbell_client_free (DoorbellClient *self)
{
  disconnect (self);
  g_free (self->trouble);
  g_free (self->path);
  g_free (self);
}

IvshmemPluginStatus
doorbell_client_start (DoorbellClient *self, char **ret_text)
{
  g_autofree char *text = NULL;
  IvshmemPluginStatus status = connect_now (self, &text);

  if (status >= 0)
    return status;
  if (!self->reconnect)
    {
      *ret_text = g_steal_pointer (&text);
      return status;
    }

  fall_back (self, status, text);
  return IVSHMEM_PLUGIN_OK;
}

void
doorbell_client_stop (DoorbellClient *self)
{
  self->stopped = TRUE;
  disconnect (self);
}

DoorbellProtocol *
doorbell_client_get_protocol (DoorbellClient *self)
{
  return self->protocol;
}
