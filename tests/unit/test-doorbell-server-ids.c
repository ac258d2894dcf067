/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/ids.h"

#define NOBODY G_MAXUINT64

static void
test_lowest_first (void)
{
  g_autoptr (DbsIds) ids = dbs_ids_new (10, 5, 20);

  g_assert_cmpint (dbs_ids_take (ids, NOBODY), ==, 10);
  g_assert_cmpint (dbs_ids_take (ids, NOBODY), ==, 15);
  /* Not one that was given back, as long as there are others; not our own. */
  dbs_ids_give_back (ids, 10, 3);
  g_assert_cmpint (dbs_ids_take (ids, NOBODY), ==, 25);
}

static void
test_last_id (void)
{
  g_autoptr (DbsIds) ids = dbs_ids_new (65535, 1, -1);
  g_autoptr (DbsIds) strides = dbs_ids_new (65534, 65535, -1);
  g_autoptr (DbsIds) own = dbs_ids_new (65535, 1, 65535);

  g_assert_cmpint (dbs_ids_take (ids, NOBODY), ==, 65535);
  g_assert_cmpint (dbs_ids_take (ids, NOBODY), ==, -1);
  g_assert_cmpint (dbs_ids_take (strides, NOBODY), ==, 65534);
  g_assert_cmpint (dbs_ids_take (strides, NOBODY), ==, -1);
  g_assert_cmpint (dbs_ids_take (own, NOBODY), ==, -1);
}

/* Serials: 1, 2 join, 3 leaves, 4 joins, 5 leaves. */
static void
test_second_use (void)
{
  g_autoptr (DbsIds) ids = dbs_ids_new (65533, 1, -1);

  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (dbs_ids_take (ids, i + 1), ==, 65533 + (gint) i);
  dbs_ids_give_back (ids, 65534, 3);
  dbs_ids_give_back (ids, 65533, 5);
  /* Somebody is there who came first, or second. */
  g_assert_cmpint (dbs_ids_take (ids, 1), ==, -1);
  g_assert_cmpint (dbs_ids_take (ids, 2), ==, -1);
  /* The oldest came between the two departures. */
  g_assert_cmpint (dbs_ids_take (ids, 4), ==, 65534);
  g_assert_cmpint (dbs_ids_take (ids, 4), ==, -1);
  g_assert_cmpint (dbs_ids_take (ids, 6), ==, 65533);
  g_assert_cmpint (dbs_ids_take (ids, NOBODY), ==, -1);
}

/* Around the whole space more than once, in the order of departure. */
static void
test_around (void)
{
  g_autoptr (DbsIds) ids = dbs_ids_new (0, 1, 255);
  guint64 serial = 0;
  gint expected = 0;

  for (guint i = 0; i < 3 * 65535; i++)
    {
      gint id = dbs_ids_take (ids, NOBODY);

      g_assert_cmpint (id, ==, expected);
      dbs_ids_give_back (ids, (guint) id, ++serial);
      expected = (expected + 1) % 65536;
      if (expected == 255)
        expected++;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/doorbell-server/ids/lowest-first", test_lowest_first);
  g_test_add_func ("/doorbell-server/ids/last-id", test_last_id);
  g_test_add_func ("/doorbell-server/ids/second-use", test_second_use);
  g_test_add_func ("/doorbell-server/ids/around", test_around);
  return g_test_run ();
}
