/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "fuzz.h"

/*
 * Runs a fuzz target without a fuzzer, as an ordinary test: every file of the
 * corpus (arguments are files and folders), and MUTATIONS changed copies of
 * each. The changes depend on the bytes alone, so a failure comes again.
 */

#define MUTATIONS 256
#define CHANGES_MAX 8
#define SIZE_MAX_BYTES 65536

typedef struct
{
  guint64 state;
} Dice;

/* xorshift64: GLib's generators may change with its version. */
static guint32
roll (Dice *dice, gsize sides)
{
  dice->state ^= dice->state << 13;
  dice->state ^= dice->state >> 7;
  dice->state ^= dice->state << 17;
  return (guint32) ((dice->state >> 11) % sides);
}

static Dice
dice_of (const guint8 *data, gsize size)
{
  Dice dice = { 14695981039346656037u };

  for (gsize i = 0; i < size; i++)
    dice.state = (dice.state ^ data[i]) * 1099511628211u;
  if (dice.state == 0)
    dice.state = 1;
  return dice;
}

static void
change (GByteArray *bytes, Dice *dice)
{
  static const guint8 edges[] = { 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff };
  gsize at = roll (dice, bytes->len);
  gsize n = 1 + roll (dice, MIN (16, bytes->len - at));
  guint8 piece[16];

  switch (roll (dice, 6))
    {
    case 0:
      bytes->data[at] ^= (guint8) (1u << roll (dice, 8));
      break;
    case 1:
      bytes->data[at] = (guint8) roll (dice, 256);
      break;
    case 2:
      bytes->data[at] = edges[roll (dice, G_N_ELEMENTS (edges))];
      break;
    case 3:
      g_byte_array_remove_range (bytes, (guint) at, (guint) n);
      break;
    case 4:
      memcpy (piece, bytes->data + at, n);
      g_byte_array_append (bytes, piece, (guint) n);
      break;
    default:
      memcpy (piece, bytes->data + at, n);
      at = roll (dice, bytes->len - n + 1);
      memcpy (bytes->data + at, piece, n);
      break;
    }
}

/* Each from memory of its own size, so that a read past it is seen; as from a
 * fuzzer, empty input is not at NULL, and malloc sees to that, g_malloc not. */
static void
run_one (const guint8 *data, gsize size)
{
  guint8 *copy = malloc (size);

  g_assert_nonnull (copy);
  if (size > 0)
    memcpy (copy, data, size);
  LLVMFuzzerTestOneInput (copy, size);
  free (copy);
}

static void
run_mutations (const guint8 *data, gsize size)
{
  Dice dice = dice_of (data, size);

  for (guint i = 0; i < MUTATIONS; i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      guint changes = 1 + roll (&dice, CHANGES_MAX);

      g_byte_array_append (bytes, data, (guint) size);
      while (changes-- > 0 && bytes->len > 0)
        change (bytes, &dice);
      run_one (bytes->data, bytes->len);
    }
}

static guint
run_path (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *data = NULL;
  const char *name;
  gsize size;
  guint n = 0;

  if (dir != NULL)
    {
      while ((name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *child = g_build_filename (path, name, NULL);

          n += run_path (child);
        }
      return n;
    }

  if (!g_file_get_contents (path, &data, &size, &error))
    g_error ("%s", error->message);
  size = MIN (size, SIZE_MAX_BYTES);
  run_one ((const guint8 *) data, size);
  run_mutations ((const guint8 *) data, size);
  return 1;
}

int
main (int argc, char **argv)
{
  guint n = 0;

  for (int i = 1; i < argc; i++)
    n += run_path (argv[i]);
  if (n == 0)
    g_error ("no corpus: give files or folders");

  g_print ("%u files, each with %u changed copies\n", n, MUTATIONS);
  return 0;
}
