/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-limits.h"
#include "export/http/ivd-http-buffers.h"

static void
test_small_ones_are_as_small_as_they_may_be (void)
{
  g_autoptr (IvdHttpBuffers) buffers = ivd_http_buffers_new ();
  IvdHttpBuffer *buffer = ivd_http_buffers_take (buffers, 64);

  g_assert_cmpuint (buffer->size, ==, 64);
  ivd_http_buffer_unref (buffer);
}

static void
test_whoever_sends_holds_it (void)
{
  g_autoptr (IvdHttpBuffers) buffers = ivd_http_buffers_new ();
  IvdHttpBuffer *buffer = ivd_http_buffers_take (buffers, IVD_LIMIT_HTTP_PIECE_BYTES);
  GBytes *bytes = ivd_http_buffer_get_bytes (buffer, 3);

  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 3);
  g_assert_true (g_bytes_get_data (bytes, NULL) == buffer->bytes);
  g_assert_false (ivd_http_buffer_is_ours (buffer));
  g_bytes_unref (bytes);
  g_assert_true (ivd_http_buffer_is_ours (buffer));
  ivd_http_buffer_unref (buffer);
}

static void
test_spare_ones_are_used_again (void)
{
  g_autoptr (IvdHttpBuffers) buffers = ivd_http_buffers_new ();
  IvdHttpBuffer *taken[IVD_LIMIT_HTTP_SPARE_BUFFERS + 1];
  IvdHttpBuffer *last;

  for (guint i = 0; i < G_N_ELEMENTS (taken); i++)
    taken[i] = ivd_http_buffers_take (buffers, IVD_LIMIT_HTTP_PIECE_BYTES);
  last = taken[IVD_LIMIT_HTTP_SPARE_BUFFERS - 1];
  for (guint i = 0; i < G_N_ELEMENTS (taken); i++)
    ivd_http_buffer_unref (taken[i]);
  /* The one past the limit was not kept; the newest of the others comes first. */
  taken[0] = ivd_http_buffers_take (buffers, IVD_LIMIT_HTTP_PIECE_BYTES);
  g_assert_true (taken[0] == last);
  g_assert_cmpuint (taken[0]->size, ==, IVD_LIMIT_HTTP_PIECE_BYTES);
  g_assert_true (ivd_http_buffer_is_ours (taken[0]));
  ivd_http_buffer_unref (taken[0]);
}

static void
test_outlives_its_owner (void)
{
  IvdHttpBuffers *buffers = ivd_http_buffers_new ();
  IvdHttpBuffer *buffer = ivd_http_buffers_take (buffers, IVD_LIMIT_HTTP_PIECE_BYTES);
  GBytes *bytes = ivd_http_buffer_get_bytes (buffer, IVD_LIMIT_HTTP_PIECE_BYTES);

  buffer->bytes[IVD_LIMIT_HTTP_PIECE_BYTES - 1] = 7;
  ivd_http_buffer_unref (buffer);
  ivd_http_buffers_free (buffers);
  g_assert_cmpuint (((const guint8 *) g_bytes_get_data (bytes, NULL))[IVD_LIMIT_HTTP_PIECE_BYTES - 1], ==, 7);
  g_bytes_unref (bytes);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/http-buffers/small-ones-are-as-small-as-they-may-be",
                   test_small_ones_are_as_small_as_they_may_be);
  g_test_add_func ("/ivd/http-buffers/whoever-sends-holds-it", test_whoever_sends_holds_it);
  g_test_add_func ("/ivd/http-buffers/spare-ones-are-used-again", test_spare_ones_are_used_again);
  g_test_add_func ("/ivd/http-buffers/outlives-its-owner", test_outlives_its_owner);
  return g_test_run ();
}
