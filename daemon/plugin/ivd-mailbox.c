/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-mailbox.h"

/* Letters delivered at once; then others get their turn. */
#define BATCH 256

typedef struct
{
  IvdMailboxSender *sender;
  IvdMailboxFunc func;
  gpointer data;
} Letter;

struct _IvdMailbox
{
  GSource *source;
  guint limit;
  IvdMailboxDeliver deliver;

  GMutex lock;
  GQueue letters; /* of Letter */
};

typedef struct
{
  GSource base;
  IvdMailbox *mailbox;
} MailboxSource;

static Letter *
take_letter (IvdMailbox *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Letter *letter = g_queue_pop_head (&self->letters);

  if (letter != NULL)
    letter->sender->pending--;
  return letter;
}

static void
mailbox_clear (gpointer data)
{
  IvdMailbox *self = data;

  g_source_unref (self->source);
  g_queue_clear_full (&self->letters, g_free);
  g_mutex_clear (&self->lock);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  /* What is delivered may free the mailbox. */
  IvdMailbox *self = g_rc_box_acquire (((MailboxSource *) source)->mailbox);

  for (guint i = 0; i < BATCH && !g_source_is_destroyed (source); i++)
    {
      g_autofree Letter *letter = take_letter (self);

      if (letter == NULL)
        break;
      self->deliver (letter->sender, letter->func, letter->data);
    }
  g_mutex_lock (&self->lock);
  g_source_set_ready_time (source, g_queue_is_empty (&self->letters) ? -1 : 0);
  g_mutex_unlock (&self->lock);
  g_rc_box_release_full (self, mailbox_clear);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs mailbox_funcs = { .dispatch = dispatch };

IvdMailbox *
ivd_mailbox_new (GMainContext *context, gint priority, guint limit, IvdMailboxDeliver deliver)
{
  IvdMailbox *self = g_rc_box_new0 (IvdMailbox);

  self->limit = limit;
  self->deliver = deliver;
  g_mutex_init (&self->lock);
  g_queue_init (&self->letters);
  self->source = g_source_new (&mailbox_funcs, sizeof (MailboxSource));
  g_source_set_static_name (self->source, "ivd-mailbox");
  g_source_set_priority (self->source, priority);
  ((MailboxSource *) self->source)->mailbox = self;
  g_source_attach (self->source, context);
  return self;
}

void
ivd_mailbox_free (IvdMailbox *self)
{
  if (self == NULL)
    return;
  g_source_destroy (self->source);
  g_rc_box_release_full (self, mailbox_clear);
}

gboolean
ivd_mailbox_post (IvdMailbox *self, IvdMailboxSender *sender, IvdMailboxFunc func, gpointer data)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Letter *letter;

  if (sender->pending >= self->limit)
    return FALSE;
  letter = g_new (Letter, 1);
  *letter = (Letter){ sender, func, data };
  sender->pending++;
  g_queue_push_tail (&self->letters, letter);
  if (self->letters.length == 1)
    g_source_set_ready_time (self->source, 0);
  return TRUE;
}

void
ivd_mailbox_forget (IvdMailbox *self, IvdMailboxSender *sender)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GList *next;

  for (GList *l = self->letters.head; l != NULL && sender->pending > 0; l = next)
    {
      Letter *letter = l->data;

      next = l->next;
      if (letter->sender != sender)
        continue;
      sender->pending--;
      g_free (letter);
      g_queue_delete_link (&self->letters, l);
    }
}
