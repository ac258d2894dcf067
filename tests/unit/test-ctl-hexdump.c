/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "ctl-hexdump.h"

static gboolean
append (const char *line, gpointer data)
{
  g_string_append (data, line);
  return TRUE;
}

/* piece: how many bytes are fed at a time; the result must not depend on it. */
static char *
dump_of (guint64 offset, const void *bytes, gsize length, gsize piece)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (CtlHexdump) dump = ctl_hexdump_new (offset, append, out);

  for (gsize done = 0; done < length; done += piece)
    g_assert_true (ctl_hexdump_feed (dump, (const guint8 *) bytes + done, MIN (piece, length - done)));
  g_assert_true (ctl_hexdump_finish (dump));
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
assert_dump (guint64 offset, const void *bytes, gsize length, const char *expected)
{
  static const gsize pieces[] = { 1, 7, 16, 17, 4096 };

  for (gsize i = 0; i < G_N_ELEMENTS (pieces); i++)
    {
      g_autofree char *dump = dump_of (offset, bytes, length, pieces[i]);

      g_assert_cmpstr (dump, ==, expected);
    }
}

static void
test_lines (void)
{
  assert_dump (0, "", 0, "");
  assert_dump (0, "Hello\x7f\x80\x1f world!\n", 16,
               "00000000  48 65 6c 6c 6f 7f 80 1f  20 77 6f 72 6c 64 21 0a  |Hello... world!.|\n"
               "00000010\n");
  assert_dump (0x10, "a", 1,
               "00000010  61                                                |a|\n"
               "00000011\n");
  assert_dump (G_GUINT64_CONSTANT (0x123456789), "ab", 2,
               "123456789  61 62                                             |ab|\n"
               "12345678b\n");
}

static void
test_squeeze (void)
{
  guint8 bytes[16 * 6 + 3] = { 0 };

  /* Three equal lines, another, and the first again: that is no repeat. */
  bytes[16 * 3] = 'x';
  assert_dump (0, bytes, sizeof bytes,
               "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
               "*\n"
               "00000030  78 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |x...............|\n"
               "00000040  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
               "*\n"
               "00000060  00 00 00                                          |...|\n"
               "00000063\n");
}

/* A repeat right up to the end shows only the star and the end. */
static void
test_squeeze_to_end (void)
{
  guint8 bytes[64] = { 0 };

  assert_dump (0, bytes, sizeof bytes,
               "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
               "*\n"
               "00000040\n");
  assert_dump (0, bytes, 32,
               "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
               "*\n"
               "00000020\n");
}

static gboolean
refuse (const char *line, gpointer data)
{
  guint *n = data;

  (*n)++;
  return FALSE;
}

static void
test_stop (void)
{
  guint8 bytes[64];
  guint n = 0;
  g_autoptr (CtlHexdump) dump = ctl_hexdump_new (0, refuse, &n);

  for (gsize i = 0; i < sizeof bytes; i++)
    bytes[i] = (guint8) i;
  g_assert_false (ctl_hexdump_feed (dump, bytes, sizeof bytes));
  g_assert_cmpuint (n, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/hexdump/lines", test_lines);
  g_test_add_func ("/ctl/hexdump/squeeze", test_squeeze);
  g_test_add_func ("/ctl/hexdump/squeeze-to-end", test_squeeze_to_end);
  g_test_add_func ("/ctl/hexdump/stop", test_stop);
  return g_test_run ();
}
