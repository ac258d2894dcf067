/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-stage.h"

#include <string.h>

#include "base/ivd-error.h"

/* What a stage that knows nothing of its length begins with. */
#define FIRST_BYTES ((gsize) 64 * 1024)

struct _IvdHttpStages
{
  guint64 room, share, taken;
  GHashTable *holders; /* whose id → StageHolder */
};

/* Who has bodies under way. */
typedef struct
{
  guint64 id;
  guint64 taken;
  guint stages;
} StageHolder;

struct _IvdHttpStage
{
  IvdHttpStages *owner;
  StageHolder *holder;
  guint8 *data;
  gsize used, capacity;
};

IvdHttpStages *
ivd_http_stages_new (guint64 room, guint64 share)
{
  IvdHttpStages *self = g_new0 (IvdHttpStages, 1);

  self->room = room;
  self->share = share;
  self->holders = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  return self;
}

void
ivd_http_stages_free (IvdHttpStages *stages)
{
  if (stages == NULL)
    return;
  g_hash_table_unref (stages->holders);
  g_free (stages);
}

guint64
ivd_http_stages_get_taken (IvdHttpStages *stages)
{
  return stages->taken;
}

static StageHolder *
find_holder (IvdHttpStages *self, guint64 id)
{
  StageHolder *holder = g_hash_table_lookup (self->holders, &id);

  if (holder != NULL)
    return holder;
  holder = g_new0 (StageHolder, 1);
  holder->id = id;
  g_hash_table_insert (self->holders, &holder->id, holder);
  return holder;
}

static gboolean
fail_full (const IvdHttpStage *self, gsize more, GError **error)
{
  const IvdHttpStages *owner = self->owner;
  gboolean own = more > owner->share - self->holder->taken;

  g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT,
               "there is no room for %" G_GSIZE_FORMAT " more bytes: %s hold %" G_GUINT64_FORMAT
               " of %" G_GUINT64_FORMAT "; try again later, or with stream=1, which keeps nothing",
               more, own ? "your uploads under way" : "uploads under way", own ? self->holder->taken : owner->taken,
               own ? owner->share : owner->room);
  return FALSE;
}

/* Makes it capacity bytes long, which is more than it was. */
static gboolean
reserve (IvdHttpStage *self, gsize capacity, GError **error)
{
  IvdHttpStages *owner = self->owner;
  gsize more = capacity - self->capacity;
  gpointer data = NULL;

  if (more <= owner->room - owner->taken && more <= owner->share - self->holder->taken)
    data = g_try_realloc (self->data, capacity);
  if (data == NULL)
    return fail_full (self, more, error);
  self->data = data;
  self->capacity = capacity;
  owner->taken += more;
  self->holder->taken += more;
  return TRUE;
}

IvdHttpStage *
ivd_http_stage_new (IvdHttpStages *stages, guint64 holder, gsize expected, GError **error)
{
  g_autoptr (IvdHttpStage) self = g_new0 (IvdHttpStage, 1);

  self->owner = stages;
  self->holder = find_holder (stages, holder);
  self->holder->stages++;
  if (expected > 0 && !reserve (self, expected, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ivd_http_stage_free (IvdHttpStage *stage)
{
  StageHolder *holder;

  if (stage == NULL)
    return;
  holder = stage->holder;
  stage->owner->taken -= stage->capacity;
  holder->taken -= stage->capacity;
  holder->stages--;
  if (holder->stages == 0)
    g_hash_table_remove (stage->owner->holders, &holder->id);
  g_free (stage->data);
  g_free (stage);
}

gboolean
ivd_http_stage_add (IvdHttpStage *stage, GBytes *bytes, GError **error)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  /* By doubling, so that a body is moved only a few times; only by what is
   * needed when that is all the room there is. */
  if (size > stage->capacity - stage->used
      && !reserve (stage, MAX (MAX (2 * stage->capacity, FIRST_BYTES), stage->used + size), NULL)
      && !reserve (stage, stage->used + size, error))
    return FALSE;
  if (size > 0)
    memcpy (stage->data + stage->used, data, size);
  stage->used += size;
  return TRUE;
}

GBytes *
ivd_http_stage_get_bytes (IvdHttpStage *stage)
{
  return g_bytes_new_static (stage->data, stage->used);
}
