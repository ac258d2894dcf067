/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Entries are known to the kernel by id, not by descriptor, so an event that
 * was fetched before its entry was removed finds nobody. If a descriptor was
 * closed before its entry was removed (against the rules, but plugins do), the
 * kernel may keep a registration that nobody can take back; then the whole set
 * is made anew instead of spinning on it.
 */
#include "config.h"

#include "platform/ivd-poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/ivd-error.h"

/* Events fetched at once; what is left over waits for the next iteration. */
#define BATCH 64

typedef struct
{
  guint64 id;
  int fd;
  IvdPollFlags flags;
  IvdPollFunc func;
  gpointer data;
} Entry;

struct _IvdPoller
{
  GSource *source;
  gpointer tag; /* of epoll_fd in source */
  int epoll_fd;
  GHashTable *entries; /* id → Entry */
  GHashTable *by_fd;   /* fd → the Entry that was added last */
  guint64 last_id;
  guint removals; /* during this dispatch */
  gboolean stale;
  gboolean freed;
};

typedef struct
{
  GSource base;
  IvdPoller *poller;
} PollerSource;

static guint32
to_epoll (IvdPollFlags flags)
{
  guint32 events = 0;

  if (flags & IVD_POLL_IN)
    events |= EPOLLIN;
  if (flags & IVD_POLL_OUT)
    events |= EPOLLOUT;
  /* Hang-ups cannot be masked: told once, then silent. */
  return events != 0 ? events : EPOLLONESHOT;
}

static IvdPollFlags
from_epoll (guint32 events)
{
  IvdPollFlags flags = 0;

  if (events & EPOLLIN)
    flags |= IVD_POLL_IN;
  if (events & EPOLLOUT)
    flags |= IVD_POLL_OUT;
  if (events & (EPOLLHUP | EPOLLERR))
    flags |= IVD_POLL_HUP;
  return flags;
}

static int
control (IvdPoller *poller, int op, const Entry *entry)
{
  struct epoll_event event = { .events = to_epoll (entry->flags), .data.u64 = entry->id };

  return epoll_ctl (poller->epoll_fd, op, entry->fd, &event);
}

/* Makes the kernel's set anew from what is known. */
static void
rebuild (IvdPoller *poller)
{
  int fd = epoll_create1 (EPOLL_CLOEXEC);
  GHashTableIter iter;
  gpointer value;

  poller->stale = FALSE;
  if (fd < 0)
    return; /* out of descriptors: tried again when the stale one turns up again */
  g_message ("a descriptor was closed before its watch was removed; watching the others anew");
  g_source_remove_unix_fd (poller->source, poller->tag);
  close (poller->epoll_fd);
  poller->epoll_fd = fd;
  poller->tag = g_source_add_unix_fd (poller->source, fd, G_IO_IN);
  g_hash_table_iter_init (&iter, poller->by_fd);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      if (control (poller, EPOLL_CTL_ADD, value) < 0)
        g_hash_table_iter_remove (&iter); /* closed: it stays silent */
    }
}

static void
tell (IvdPoller *poller, const struct epoll_event *event)
{
  guint64 id = event->data.u64;
  Entry *entry = g_hash_table_lookup (poller->entries, &id);

  if (entry != NULL)
    entry->func (entry->fd, from_epoll (event->events), entry->data);
  else if (poller->removals == 0)
    poller->stale = TRUE;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  g_autoptr (GSource) keep = g_source_ref (source);
  IvdPoller *poller = g_rc_box_acquire (((PollerSource *) source)->poller);
  struct epoll_event events[BATCH];
  int n = epoll_wait (poller->epoll_fd, events, BATCH, 0);

  poller->removals = 0;
  for (int i = 0; i < n && !poller->freed; i++)
    tell (poller, &events[i]);
  if (poller->stale && !poller->freed)
    rebuild (poller);
  g_rc_box_release (poller);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs poller_funcs = { .dispatch = dispatch };

IvdPoller *
ivd_poller_new (GMainContext *context, GError **error)
{
  IvdPoller *poller;
  int fd = epoll_create1 (EPOLL_CLOEXEC);

  if (fd < 0)
    {
      g_set_error (error, IVD_ERROR, errno == EMFILE || errno == ENFILE ? IVD_ERROR_LIMIT : IVD_ERROR_IO,
                   "no epoll descriptor can be made: %s", g_strerror (errno));
      return NULL;
    }
  poller = g_rc_box_new0 (IvdPoller);
  poller->epoll_fd = fd;
  poller->entries = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  poller->by_fd = g_hash_table_new (NULL, NULL);
  poller->source = g_source_new (&poller_funcs, sizeof (PollerSource));
  g_source_set_static_name (poller->source, "ivd-poller");
  ((PollerSource *) poller->source)->poller = poller;
  /* Nobody runs a loop within a loop here. What GLib does against it, taking the
   * descriptor out and in again around each dispatch, wakes the loop each time. */
  g_source_set_can_recurse (poller->source, TRUE);
  poller->tag = g_source_add_unix_fd (poller->source, fd, G_IO_IN);
  g_source_attach (poller->source, context);
  return poller;
}

void
ivd_poller_free (IvdPoller *poller)
{
  if (poller == NULL)
    return;
  g_return_if_fail (!poller->freed);

  poller->freed = TRUE;
  g_source_destroy (poller->source);
  g_clear_pointer (&poller->source, g_source_unref);
  close (poller->epoll_fd);
  g_clear_pointer (&poller->by_fd, g_hash_table_unref);
  g_clear_pointer (&poller->entries, g_hash_table_unref);
  g_rc_box_release (poller);
}

static guint64
refuse (int fd, int reason, GError **error)
{
  IvdErrorCode code = IVD_ERROR_IO;
  const char *why = g_strerror (reason);

  if (reason == EPERM || reason == EBADF || reason == ELOOP || reason == EINVAL)
    {
      code = IVD_ERROR_INVALID_ARGUMENT;
      why = reason == EBADF ? "it is not open" : "nothing of its kind can be watched";
    }
  else if (reason == EEXIST)
    {
      code = IVD_ERROR_EXISTS;
      why = "it is watched already";
    }
  else if (reason == ENOSPC)
    {
      code = IVD_ERROR_LIMIT;
      why = "fs.epoll.max_user_watches is reached";
    }
  g_set_error (error, IVD_ERROR, code, "descriptor %d cannot be watched: %s", fd, why);
  return 0;
}

guint64
ivd_poller_add (IvdPoller *poller, int fd, IvdPollFlags flags, IvdPollFunc func, gpointer data,
                GError **error)
{
  g_autofree Entry *entry = g_new0 (Entry, 1);

  g_return_val_if_fail (func != NULL, 0);

  *entry = (Entry){ poller->last_id + 1, fd, flags, func, data };
  if (control (poller, EPOLL_CTL_ADD, entry) < 0)
    return refuse (fd, errno, error);
  poller->last_id = entry->id;
  g_hash_table_insert (poller->by_fd, GINT_TO_POINTER (fd), entry);
  g_hash_table_insert (poller->entries, &entry->id, entry);
  return g_steal_pointer (&entry)->id;
}

void
ivd_poller_modify (IvdPoller *poller, guint64 id, IvdPollFlags flags)
{
  Entry *entry = g_hash_table_lookup (poller->entries, &id);

  if (entry == NULL)
    return;
  entry->flags = flags;
  if (g_hash_table_lookup (poller->by_fd, GINT_TO_POINTER (entry->fd)) == entry)
    control (poller, EPOLL_CTL_MOD, entry);
}

void
ivd_poller_remove (IvdPoller *poller, guint64 id)
{
  Entry *entry = g_hash_table_lookup (poller->entries, &id);

  if (entry == NULL)
    return;
  poller->removals++;
  if (g_hash_table_lookup (poller->by_fd, GINT_TO_POINTER (entry->fd)) == entry)
    {
      control (poller, EPOLL_CTL_DEL, entry);
      g_hash_table_remove (poller->by_fd, GINT_TO_POINTER (entry->fd));
    }
  /* Else its number is another's by now, or it was closed: hands off. */
  g_hash_table_remove (poller->entries, &id);
}
