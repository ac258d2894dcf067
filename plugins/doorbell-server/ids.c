/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/ids.h"

#include "ivshmem/wire.h"

typedef struct
{
  guint64 serial;
  guint id;
} Departure;

struct _DbsIds
{
  guint stride;
  gint own_id;
  guint fresh;        /* lowest id that nobody had */
  GArray *departures; /* of Departure, in their order ... */
  guint first;        /* ... from here on */
};

DbsIds *
dbs_ids_new (guint offset, guint stride, gint own_id)
{
  DbsIds *ids = g_new0 (DbsIds, 1);

  g_return_val_if_fail (stride > 0, NULL);
  ids->fresh = offset;
  ids->stride = stride;
  ids->own_id = own_id;
  ids->departures = g_array_new (FALSE, FALSE, sizeof (Departure));
  return ids;
}

void
dbs_ids_free (DbsIds *ids)
{
  if (ids == NULL)
    return;
  g_array_unref (ids->departures);
  g_free (ids);
}

static gint
take_used (DbsIds *ids, guint64 oldest_join)
{
  const Departure *departure;
  guint id;

  if (ids->first == ids->departures->len)
    return -1;
  departure = &g_array_index (ids->departures, Departure, ids->first);
  /* The others departed later still. */
  if (departure->serial > oldest_join)
    return -1;

  id = departure->id;
  ids->first++;
  if (ids->first > ids->departures->len / 2)
    {
      g_array_remove_range (ids->departures, 0, ids->first);
      ids->first = 0;
    }
  return (gint) id;
}

gint
dbs_ids_take (DbsIds *ids, guint64 oldest_join)
{
  guint id;

  if ((gint) ids->fresh == ids->own_id)
    ids->fresh += ids->stride;
  if (ids->fresh > IVSHMEM_WIRE_ID_MAX)
    return take_used (ids, oldest_join);

  id = ids->fresh;
  ids->fresh += ids->stride;
  return (gint) id;
}

void
dbs_ids_give_back (DbsIds *ids, guint id, guint64 departure)
{
  Departure entry = { .serial = departure, .id = id };

  g_array_append_val (ids->departures, entry);
}
