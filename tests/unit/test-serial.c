/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "model/ivd-serial.h"

typedef struct
{
  char *dir;
  char *path;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("ivt-serial-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->dir, "serial", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unlink (fixture->path);
  g_rmdir (fixture->dir);
  g_free (fixture->path);
  g_free (fixture->dir);
}

static guint64
reserved_on_disk (const Fixture *fixture)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (fixture->path, &text, NULL, &error);
  g_assert_no_error (error);
  return g_ascii_strtoull (text, NULL, 10);
}

static void
test_no_gaps_and_no_reuse (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  IvdSerial *serial = ivd_serial_new (fixture->path, &error);
  guint64 last;

  g_assert_no_error (error);
  g_assert_cmpuint (ivd_serial_peek (serial), ==, 1);
  for (guint64 expected = 1; expected <= 1000; expected++)
    g_assert_cmpuint (ivd_serial_next (serial), ==, expected);
  last = ivd_serial_peek (serial) - 1;
  ivd_serial_free (serial);

  /* However rudely the first run ended: the next begins past its block. */
  serial = ivd_serial_new (fixture->path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ivd_serial_next (serial), >, last);
  g_assert_cmpuint (ivd_serial_peek (serial), ==, 1 + IVD_SERIAL_BLOCK + 1);
  ivd_serial_free (serial);
}

static void
test_next_block_is_reserved_in_time (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdSerial) serial = ivd_serial_new (fixture->path, &error);

  g_assert_no_error (error);
  /* Past the middle of each block the next one is asked for; the answer is
   * taken with a later number, however long the disk took. */
  for (guint64 blocks = 2; blocks <= 4; blocks++)
    {
      while (ivd_serial_peek (serial) <= 1 + (blocks - 2) * IVD_SERIAL_BLOCK + IVD_SERIAL_BLOCK / 2)
        ivd_serial_next (serial);
      while (reserved_on_disk (fixture) < 1 + blocks * IVD_SERIAL_BLOCK)
        {
          g_main_context_iteration (NULL, FALSE);
          ivd_serial_next (serial);
          g_usleep (1000);
        }
      g_assert_cmpuint (reserved_on_disk (fixture), ==, 1 + blocks * IVD_SERIAL_BLOCK);
      g_assert_cmpuint (ivd_serial_peek (serial), <, 1 + blocks * IVD_SERIAL_BLOCK);
    }
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

/* A counter that cannot be read keeps nobody from being served: numbering
 * goes on past all that can have been given. */
static void
test_bad_file_jumps_ahead (Fixture *fixture, gconstpointer data)
{
  const char *bad[] = { "", "x", "-3", "99999999999999999999999", "12 13" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (IvdSerial) serial = NULL;
      g_autoptr (GError) error = NULL;
      guint64 now = (guint64) g_get_real_time ();

      g_assert_true (g_file_set_contents (fixture->path, bad[i], -1, NULL));
      serial = ivd_serial_new (fixture->path, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (ivd_serial_peek (serial), >=, now);
      g_assert_cmpuint (reserved_on_disk (fixture), ==, ivd_serial_peek (serial) + IVD_SERIAL_BLOCK);
    }
}

static void
test_nowhere_to_write (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->dir, "no-such-dir", "serial", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_serial_new (path, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_IO);
}

static void
test_without_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdSerial) serial = ivd_serial_new (NULL, NULL);

  g_assert_cmpuint (ivd_serial_next (serial), ==, 1);
  g_assert_cmpuint (ivd_serial_next (serial), ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/ivd/serial/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("no-gaps-and-no-reuse", test_no_gaps_and_no_reuse);
  ADD ("next-block-is-reserved-in-time", test_next_block_is_reserved_in_time);
  ADD ("bad-file-jumps-ahead", test_bad_file_jumps_ahead);
  ADD ("nowhere-to-write", test_nowhere_to_write);
  ADD ("without-file", test_without_file);
#undef ADD
  return g_test_run ();
}
