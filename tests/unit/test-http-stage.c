/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "export/http/ivd-http-stage.h"

#define KIB ((gsize) 1024)
#define ROOM (256 * KIB)
#define SHARE (64 * KIB)
/* Ids of callers. */
#define SOMEBODY 7
#define OTHER 8

static GBytes *
make_bytes (gsize size, guint8 value)
{
  guint8 *data = g_malloc (MAX (size, 1));

  memset (data, value, size);
  return g_bytes_new_take (data, size);
}

static void
add (IvdHttpStage *stage, gsize size, guint8 value)
{
  g_autoptr (GBytes) bytes = make_bytes (size, value);
  GError *error = NULL;

  g_assert_true (ivd_http_stage_add (stage, bytes, &error));
  g_assert_no_error (error);
}

static void
assert_limit (GError *error)
{
  g_assert_error (error, IVD_ERROR, IVD_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, "stream=1"));
  g_error_free (error);
}

static void
test_keeps_what_came (void)
{
  g_autoptr (IvdHttpStages) stages = ivd_http_stages_new (ROOM, ROOM);
  g_autoptr (IvdHttpStage) stage = ivd_http_stage_new (stages, SOMEBODY, 0, NULL);
  g_autoptr (GBytes) bytes = NULL;
  const guint8 *data;
  gsize size;

  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, 0);
  add (stage, 0, 0);
  add (stage, 1, 1);
  add (stage, 64 * KIB, 2);
  add (stage, 3, 3);
  bytes = ivd_http_stage_get_bytes (stage);
  data = g_bytes_get_data (bytes, &size);
  g_assert_cmpuint (size, ==, 1 + 64 * KIB + 3);
  g_assert_cmpuint (data[0], ==, 1);
  g_assert_cmpuint (data[1], ==, 2);
  g_assert_cmpuint (data[64 * KIB], ==, 2);
  g_assert_cmpuint (data[size - 1], ==, 3);
}

static void
test_empty (void)
{
  g_autoptr (IvdHttpStages) stages = ivd_http_stages_new (ROOM, ROOM);
  g_autoptr (IvdHttpStage) stage = ivd_http_stage_new (stages, SOMEBODY, 0, NULL);
  g_autoptr (GBytes) bytes = ivd_http_stage_get_bytes (stage);

  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 0);
}

static void
test_announced_takes_its_room_at_once (void)
{
  g_autoptr (IvdHttpStages) stages = ivd_http_stages_new (ROOM, ROOM);
  IvdHttpStage *first = ivd_http_stage_new (stages, SOMEBODY, ROOM - 1, NULL), *second;
  GError *error = NULL;

  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, ROOM - 1);
  g_assert_null (ivd_http_stage_new (stages, SOMEBODY, 2, &error));
  assert_limit (error);
  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, ROOM - 1);
  second = ivd_http_stage_new (stages, SOMEBODY, 1, NULL);
  g_assert_nonnull (second);
  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, ROOM);
  add (second, 1, 1);
  ivd_http_stage_free (first);
  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, 1);
  ivd_http_stage_free (second);
  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, 0);
}

static void
test_grows_to_the_last_byte_of_the_room (void)
{
  g_autoptr (IvdHttpStages) stages = ivd_http_stages_new (ROOM, ROOM);
  g_autoptr (IvdHttpStage) other = ivd_http_stage_new (stages, SOMEBODY, KIB, NULL);
  g_autoptr (IvdHttpStage) stage = ivd_http_stage_new (stages, SOMEBODY, 0, NULL);
  g_autoptr (GBytes) one = make_bytes (1, 9);
  g_autoptr (GBytes) bytes = NULL;
  GError *error = NULL;

  for (gsize i = 0; i < 255; i++)
    add (stage, KIB, (guint8) i);
  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, ROOM);
  g_assert_false (ivd_http_stage_add (stage, one, &error));
  assert_limit (error);
  bytes = ivd_http_stage_get_bytes (stage);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 255 * KIB);
  g_assert_cmpuint (((const guint8 *) g_bytes_get_data (bytes, NULL))[254 * KIB], ==, 254);
}

/* Whoever holds their share gets no more, and takes nothing from others. */
static void
test_share (void)
{
  g_autoptr (IvdHttpStages) stages = ivd_http_stages_new (ROOM, SHARE);
  IvdHttpStage *first = ivd_http_stage_new (stages, SOMEBODY, SHARE - 1, NULL);
  g_autoptr (IvdHttpStage) second = ivd_http_stage_new (stages, SOMEBODY, 0, NULL);
  g_autoptr (IvdHttpStage) others = NULL;
  g_autoptr (GBytes) two = make_bytes (2, 9);
  GError *error = NULL;

  g_assert_false (ivd_http_stage_add (second, two, &error));
  g_assert_nonnull (strstr (error->message, "your uploads"));
  assert_limit (g_steal_pointer (&error));
  add (second, 1, 9);
  g_assert_null (ivd_http_stage_new (stages, SOMEBODY, 1, &error));
  assert_limit (g_steal_pointer (&error));
  others = ivd_http_stage_new (stages, OTHER, SHARE, NULL);
  g_assert_nonnull (others);
  g_assert_cmpuint (ivd_http_stages_get_taken (stages), ==, 2 * SHARE);
  ivd_http_stage_free (first);
  first = ivd_http_stage_new (stages, SOMEBODY, SHARE - 1, NULL);
  g_assert_nonnull (first);
  ivd_http_stage_free (first);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/http-stage/keeps-what-came", test_keeps_what_came);
  g_test_add_func ("/ivd/http-stage/empty", test_empty);
  g_test_add_func ("/ivd/http-stage/announced-takes-its-room-at-once", test_announced_takes_its_room_at_once);
  g_test_add_func ("/ivd/http-stage/grows-to-the-last-byte-of-the-room", test_grows_to_the_last_byte_of_the_room);
  g_test_add_func ("/ivd/http-stage/share", test_share);
  return g_test_run ();
}
