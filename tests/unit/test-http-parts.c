/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "export/http/ivd-http-parts.h"

#define SIZE 1000
#define BOUNDARY "nobody-knows"

typedef struct
{
  guint8 bytes[SIZE];
  IvdMapping *mapping;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < SIZE; i++)
    fixture->bytes[i] = (guint8) ('a' + i % 26);
  fixture->mapping = ivd_mapping_new_for_address (fixture->bytes, SIZE, IVD_MAPPING_READ_ONLY);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_mapping_unref (fixture->mapping);
}

/* Reads all of it, size at a time, and checks what it says of itself. */
static GString *
read_all (Fixture *fixture, IvdHttpParts *parts, gsize size, guint64 *ret_touched)
{
  g_autofree guint8 *buffer = g_malloc (size);
  GString *body = g_string_new (NULL);
  guint64 length = ivd_http_parts_get_length (parts);
  gsize got, touched;
  GError *error = NULL;

  *ret_touched = 0;
  do
    {
      guint64 left = ivd_http_parts_get_left (parts);

      g_assert_cmpuint (left, ==, length - body->len);
      g_assert_true (ivd_http_parts_read (parts, fixture->mapping, buffer, size, &got, &touched, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (got, ==, MIN (left, size));
      g_assert_cmpuint (touched, <=, got);
      g_string_append_len (body, (const char *) buffer, (gssize) got);
      *ret_touched += touched;
    }
  while (got > 0);
  g_assert_cmpuint (body->len, ==, length);
  return body;
}

static const gsize steps[] = { 1, 2, 7, 64, 333, SIZE, 2 * SIZE, 64 * SIZE };

static void
test_one_range (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (IvdHttpParts) parts = ivd_http_parts_new (3, 500);
      guint64 touched;
      GString *body = read_all (fixture, parts, steps[i], &touched);

      g_assert_cmpmem (body->str, body->len, fixture->bytes + 3, 500);
      g_assert_cmpuint (touched, ==, 500);
      g_string_free (body, TRUE);
    }
}

static void
test_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdHttpParts) parts = ivd_http_parts_new (SIZE, 0);
  guint64 touched;
  GString *body = read_all (fixture, parts, 8, &touched);

  g_assert_cmpuint (body->len, ==, 0);
  g_string_free (body, TRUE);
}

static void
test_several_ranges (Fixture *fixture, gconstpointer data)
{
  static const IvdRanges ranges = { 3, { { 0, 1 }, { 26, 2 }, { SIZE - 1, 1 } } };
  const char *expected = "--" BOUNDARY "\r\nContent-Type: application/octet-stream\r\n"
                         "Content-Range: bytes 0-0/1000\r\n\r\na"
                         "\r\n--" BOUNDARY "\r\nContent-Type: application/octet-stream\r\n"
                         "Content-Range: bytes 26-27/1000\r\n\r\nab"
                         "\r\n--" BOUNDARY "\r\nContent-Type: application/octet-stream\r\n"
                         "Content-Range: bytes 999-999/1000\r\n\r\nl"
                         "\r\n--" BOUNDARY "--\r\n";

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (IvdHttpParts) parts = ivd_http_parts_new_multipart (&ranges, SIZE, BOUNDARY);
      guint64 touched;
      GString *body = read_all (fixture, parts, steps[i], &touched);

      g_assert_cmpstr (body->str, ==, expected);
      g_assert_cmpuint (touched, ==, 4);
      g_string_free (body, TRUE);
    }
}

/* Lengths beyond 32 bits are told right, without a byte being read. */
static void
test_huge (Fixture *fixture, gconstpointer data)
{
  static const IvdRanges ranges = { 2, { { 0, G_GUINT64_CONSTANT (1) << 40 }, { 0, G_GUINT64_CONSTANT (1) << 40 } } };
  g_autoptr (IvdHttpParts) one = ivd_http_parts_new (1, G_GUINT64_CONSTANT (1) << 40);
  g_autoptr (IvdHttpParts) two = ivd_http_parts_new_multipart (&ranges, G_GUINT64_CONSTANT (1) << 41, BOUNDARY);

  g_assert_cmpuint (ivd_http_parts_get_length (one), ==, G_GUINT64_CONSTANT (1) << 40);
  g_assert_cmpuint (ivd_http_parts_get_length (two), >, G_GUINT64_CONSTANT (1) << 41);
  g_assert_cmpuint (ivd_http_parts_get_length (two), <, (G_GUINT64_CONSTANT (1) << 41) + 1000);
}

static void
test_lost_on_the_way (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdHttpParts) parts = ivd_http_parts_new (0, SIZE);
  guint8 buffer[SIZE];
  gsize got, touched;
  GError *error = NULL;

  g_assert_true (ivd_http_parts_read (parts, fixture->mapping, buffer, 10, &got, &touched, &error));
  ivd_mapping_lose (fixture->mapping, "somebody cut the file");
  g_assert_false (ivd_http_parts_read (parts, fixture->mapping, buffer, 10, &got, &touched, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  g_error_free (error);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*func) (Fixture *fixture, gconstpointer data);
  } tests[] = {
    { "one-range", test_one_range },
    { "nothing", test_nothing },
    { "several-ranges", test_several_ranges },
    { "huge", test_huge },
    { "lost-on-the-way", test_lost_on_the_way },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/ivd/http-parts/", tests[i].name, NULL);

      g_test_add (path, Fixture, NULL, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
