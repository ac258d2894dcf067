/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "lib/ivt-shared.h"
#include "memory/ivd-memory.h"

#define SIZE 256
#define LINE 64

static const guint widths[] = { 1, 2, 4, 8, 16 };

#define BAD_ARGUMENT IVD_ERROR_INVALID_ARGUMENT

static IvdWord
word_of (guint64 low)
{
  return (IvdWord){ low, 0 };
}

static IvdWord
largest (guint width)
{
  if (width == 16)
    return (IvdWord){ G_MAXUINT64, G_MAXUINT64 };
  return word_of (width == 8 ? G_MAXUINT64 : ((guint64) 1 << (8 * width)) - 1);
}

static void
assert_word (IvdWord found, IvdWord expected)
{
  g_assert_cmphex (found.low, ==, expected.low);
  g_assert_cmphex (found.high, ==, expected.high);
}

static IvdWord
do_atomic (IvdMapping *mapping, IvdAtomicOp op, guint64 offset, guint width, IvdWord value)
{
  g_autoptr (GError) error = NULL;
  IvdWord old = { 0xbad, 0xbad };
  gboolean done = FALSE;

  g_assert_true (ivd_memory_atomic (mapping, op, offset, width, value, word_of (0), &old, &done, &error));
  g_assert_no_error (error);
  g_assert_true (done);
  return old;
}

static void
assert_atomic_fails (IvdMapping *mapping,
                     IvdAtomicOp op,
                     guint64 offset,
                     guint width,
                     IvdWord value,
                     IvdWord expected,
                     IvdErrorCode code)
{
  g_autoptr (GError) error = NULL;
  IvdWord old = { 0xbad, 0xbad };
  gboolean done = 7;

  g_assert_false (ivd_memory_atomic (mapping, op, offset, width, value, expected, &old, &done, &error));
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_assert_cmphex (old.low, ==, 0xbad);
  g_assert_cmpint (done, ==, 7);
}

static void
assert_load_fails (IvdMapping *mapping, guint64 offset, guint width, IvdErrorCode code)
{
  g_autoptr (GError) error = NULL;
  IvdWord word = { 0xbad, 0xbad };

  g_assert_false (ivd_memory_load (mapping, offset, width, &word, &error));
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_assert_cmphex (word.low, ==, 0xbad);
}

/* TRUE where the rule of this architecture lets a word be. */
static gboolean
may_be_at (guint64 offset, guint width)
{
#if defined(__x86_64__)
  if (width < 16)
    return offset % LINE + width <= LINE;
#endif
  return offset % width == 0;
}

/* Every operation, width and offset, checked byte by byte against a model. */
typedef struct
{
  IvdAtomicOp op;
  IvdWord before, value, after;
} Case;

static const Case cases[] = {
  { IVD_ATOMIC_ADD, { 5, 5 }, { 3, 3 }, { 8, 8 } },
  { IVD_ATOMIC_AND, { 0xfc, 1 }, { 0x0f, 3 }, { 0x0c, 1 } },
  { IVD_ATOMIC_OR, { 0xf0, 1 }, { 0x0f, 2 }, { 0xff, 3 } },
  { IVD_ATOMIC_XOR, { 0xff, 1 }, { 0x0f, 3 }, { 0xf0, 2 } },
  { IVD_ATOMIC_EXCHANGE, { 0x80, 1 }, { 0xfe, 9 }, { 0xfe, 9 } },
};

static void
check_case (IvdMapping *mapping, const Case *c, guint64 offset, guint width)
{
  guint8 expected[SIZE], found[SIZE];
  IvdWord before = c->before, value = c->value, after = c->after, word;

  if (width < 16)
    before.high = value.high = after.high = 0;
  memset (expected, 0x5a, SIZE);
  memcpy (expected + offset, &before, width);
  g_assert_true (ivd_memory_write (mapping, 0, expected, SIZE, NULL));
  assert_word (do_atomic (mapping, c->op, offset, width, value), before);
  memcpy (expected + offset, &after, width);
  g_assert_true (ivd_memory_read (mapping, 0, found, SIZE, NULL));
  g_assert_cmpmem (found, SIZE, expected, SIZE);
  g_assert_true (ivd_memory_load (mapping, offset, width, &word, NULL));
  assert_word (word, after);
}

static void
check_op (IvdAtomicOp op)
{
  const IvdWord one = { 1, 0 }, zero = { 0, 0 };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  for (gsize w = 0; w < G_N_ELEMENTS (widths); w++)
    for (guint64 offset = 0; offset + widths[w] <= SIZE; offset++)
      {
        if (widths[w] == 16 && !ivd_memory_has_atomic16 ())
          continue;
        if (may_be_at (offset, widths[w]))
          check_case (mapping, &cases[op], offset, widths[w]);
        else
          assert_atomic_fails (mapping, op, offset, widths[w], one, zero, IVD_ERROR_MISALIGNED);
      }
}

static void
test_op (gconstpointer data)
{
  const Case *c = data;

  g_assert_true (c == &cases[c->op]);
  check_op (c->op);
}

/* A3.12: one more than the largest is zero, whatever the width. */
static void
test_add_wraps (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  for (gsize w = 0; w < G_N_ELEMENTS (widths); w++)
    {
      guint64 offset = 32 * w;
      IvdWord word;

      if (widths[w] == 16 && !ivd_memory_has_atomic16 ())
        continue;
      assert_word (do_atomic (mapping, IVD_ATOMIC_ADD, offset, widths[w], largest (widths[w])), word_of (0));
      assert_word (do_atomic (mapping, IVD_ATOMIC_ADD, offset, widths[w], word_of (1)), largest (widths[w]));
      g_assert_true (ivd_memory_load (mapping, offset, widths[w], &word, NULL));
      assert_word (word, word_of (0));
    }
  if (ivd_memory_has_atomic16 ())
    {
      do_atomic (mapping, IVD_ATOMIC_EXCHANGE, 0, 16, word_of (G_MAXUINT64));
      do_atomic (mapping, IVD_ATOMIC_ADD, 0, 16, word_of (1));
      assert_word (do_atomic (mapping, IVD_ATOMIC_OR, 0, 16, word_of (0)), (IvdWord){ 0, 1 });
    }
}

static void
check_compare_and_set (IvdMapping *mapping, guint64 offset, guint width)
{
  const IvdAtomicOp op = IVD_ATOMIC_COMPARE_AND_SET;
  IvdWord old, first = largest (width), second = word_of (0x7f);
  gboolean done = FALSE;

  do_atomic (mapping, IVD_ATOMIC_EXCHANGE, offset, width, first);
  g_assert_true (ivd_memory_atomic (mapping, op, offset, width, second, word_of (1), &old, &done, NULL));
  g_assert_false (done);
  assert_word (old, first);
  g_assert_true (ivd_memory_atomic (mapping, op, offset, width, second, first, &old, &done, NULL));
  g_assert_true (done);
  assert_word (old, first);
  assert_word (do_atomic (mapping, IVD_ATOMIC_OR, offset, width, word_of (0)), second);
}

static void
test_compare_and_set (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  for (gsize w = 0; w < 4; w++)
    for (guint64 offset = 0; offset + widths[w] <= SIZE; offset++)
      if (may_be_at (offset, widths[w]))
        check_compare_and_set (mapping, offset, widths[w]);
}

/* A3.15, A6.16: at every offset: done where it is aligned to 16, else refused. */
static void
test_compare_and_set16 (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  IvdWord zero = { 0, 0 };

  if (!ivd_memory_has_atomic16 ())
    {
      assert_atomic_fails (mapping, IVD_ATOMIC_COMPARE_AND_SET, 0, 16, zero, zero, IVD_ERROR_NOT_SUPPORTED);
      return;
    }
  for (guint64 offset = 0; offset + 16 <= SIZE; offset++)
    if (offset % 16 == 0)
      check_compare_and_set (mapping, offset, 16);
    else
      assert_atomic_fails (mapping, IVD_ATOMIC_COMPARE_AND_SET, offset, 16, zero, zero, IVD_ERROR_MISALIGNED);
}

static void
test_supported (void)
{
  g_autofree char *info = NULL;

  /* /proc/cpuinfo asks the processor by itself. */
  g_assert_true (g_file_get_contents ("/proc/cpuinfo", &info, NULL, NULL));
  g_assert_cmpint (ivd_memory_has_atomic16 (), ==, strstr (info, " cx16") != NULL);
}

/* A3.17: also 8 bytes need no more alignment than the rule says. */
static void
test_misaligned_names_the_rule (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  g_autoptr (GError) error = NULL;
  IvdWord word;

  g_assert_false (ivd_memory_load (mapping, LINE - 4, 8, &word, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_MISALIGNED);
  g_assert_nonnull (strstr (error->message, "60"));
  g_assert_nonnull (strstr (error->message, "8 bytes"));
  assert_load_fails (mapping, LINE - 1, 2, IVD_ERROR_MISALIGNED);
  assert_load_fails (mapping, LINE - 3, 4, IVD_ERROR_MISALIGNED);
  assert_load_fails (mapping, 8, 16, IVD_ERROR_MISALIGNED);
}

static void
test_bounds (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  static const guint64 beyond[] = { SIZE, SIZE + 1, G_MAXINT64, G_MAXUINT64 - 7, G_MAXUINT64 };

  for (gsize w = 0; w < G_N_ELEMENTS (widths); w++)
    {
      guint width = widths[w];

      for (gsize i = 0; i < G_N_ELEMENTS (beyond); i++)
        {
          assert_load_fails (mapping, beyond[i], width, IVD_ERROR_OUT_OF_RANGE);
          assert_atomic_fails (mapping, IVD_ATOMIC_ADD, beyond[i], width, word_of (1), word_of (0),
                               IVD_ERROR_OUT_OF_RANGE);
        }
      if (width > 1)
        assert_load_fails (mapping, SIZE - width + 1, width, IVD_ERROR_OUT_OF_RANGE);
      if (width < 16 || ivd_memory_has_atomic16 ())
        do_atomic (mapping, IVD_ATOMIC_ADD, SIZE - width, width, word_of (1));
    }
}

static void
test_bad_arguments (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  static const guint bad[] = { 0, 3, 5, 6, 7, 9, 15, 17, 32, G_MAXUINT };
  IvdWord one = { 1, 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      assert_load_fails (mapping, 0, bad[i], IVD_ERROR_INVALID_ARGUMENT);
      assert_atomic_fails (mapping, IVD_ATOMIC_ADD, 0, bad[i], one, one, BAD_ARGUMENT);
    }
  assert_atomic_fails (mapping, (IvdAtomicOp) IVD_ATOMIC_OP_COUNT, 0, 4, one, one, BAD_ARGUMENT);
  assert_atomic_fails (mapping, (IvdAtomicOp) -1, 0, 4, one, one, BAD_ARGUMENT);
}

/* A number that was negative in a smaller width is one that does not fit. */
static void
test_values_that_do_not_fit (void)
{
  const IvdAtomicOp cas = IVD_ATOMIC_COMPARE_AND_SET;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  for (gsize w = 0; w < 4; w++)
    {
      IvdWord past = widths[w] == 8 ? (IvdWord){ 0, 1 } : word_of ((guint64) 1 << (8 * widths[w]));
      IvdWord minus_one = { G_MAXUINT64, G_MAXUINT64 };

      do_atomic (mapping, IVD_ATOMIC_EXCHANGE, 0, widths[w], largest (widths[w]));
      assert_atomic_fails (mapping, IVD_ATOMIC_OR, 0, widths[w], past, word_of (0), BAD_ARGUMENT);
      assert_atomic_fails (mapping, IVD_ATOMIC_ADD, 0, widths[w], minus_one, word_of (0), BAD_ARGUMENT);
      assert_atomic_fails (mapping, cas, 0, widths[w], word_of (0), past, BAD_ARGUMENT);
    }
}

static void
test_read_only (void)
{
  const IvdWord zero = { 0, 0 };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, IVD_MAPPING_READ_ONLY, NULL);
  IvdWord word;

  for (gsize w = 0; w < G_N_ELEMENTS (widths); w++)
    {
      assert_atomic_fails (mapping, IVD_ATOMIC_OR, 0, widths[w], zero, zero, IVD_ERROR_NOT_SUPPORTED);
      for (guint64 offset = 0; offset < LINE && widths[w] < 16; offset++)
        if (may_be_at (offset, widths[w]))
          g_assert_true (ivd_memory_load (mapping, offset, widths[w], &word, NULL));
    }
}

static void
test_closed_and_lost (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, &fd);
  g_autoptr (IvdMapping) closed = ivt_shared_mapping (SIZE, 0, NULL);

  ivd_mapping_close (closed);
  assert_load_fails (closed, 0, 8, IVD_ERROR_CLOSED);
  assert_atomic_fails (closed, IVD_ATOMIC_ADD, 0, 8, word_of (1), word_of (0), IVD_ERROR_CLOSED);

  g_assert_cmpint (ftruncate (fd, 0), ==, 0);
  assert_atomic_fails (mapping, IVD_ATOMIC_ADD, 0, 8, word_of (1), word_of (0), IVD_ERROR_REGION_LOST);
  assert_load_fails (mapping, 0, 1, IVD_ERROR_REGION_LOST);
  close (fd);
}

static void
test_device (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, IVD_MAPPING_UNCACHED, NULL);
  IvdWord word;

  assert_word (do_atomic (mapping, IVD_ATOMIC_ADD, 8, 8, word_of (5)), word_of (0));
  g_assert_true (ivd_memory_load (mapping, 8, 8, &word, NULL));
  assert_word (word, word_of (5));
}

/*
 * That they are atomic: threads that count together lose nothing, and a load
 * never sees half of a value.
 */

#define ROUNDS 20000

typedef struct
{
  IvdMapping *mapping;
  guint64 offset;
  guint width;
  gint stop; /* atomic */
} Racer;

static gpointer
add_many (gpointer data)
{
  Racer *racer = data;

  for (guint i = 0; i < ROUNDS; i++)
    do_atomic (racer->mapping, IVD_ATOMIC_ADD, racer->offset, racer->width, word_of (1));
  return NULL;
}

static void
test_nothing_is_lost (void)
{
  static const struct
  {
    guint64 offset;
    guint width;
  } places[] = { { 0, 4 }, { 8, 8 }, { 32, 16 }, { 53, 8 } };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      Racer racer = { mapping, places[i].offset, places[i].width, 0 };
      GThread *thread;
      IvdWord word;

      if (!may_be_at (racer.offset, racer.width) || (racer.width == 16 && !ivd_memory_has_atomic16 ()))
        continue;
      thread = g_thread_new ("add", add_many, &racer);
      add_many (&racer);
      g_thread_join (thread);
      g_assert_true (ivd_memory_load (mapping, racer.offset, racer.width, &word, NULL));
      assert_word (word, word_of (2 * ROUNDS));
      g_assert_true (ivd_memory_fill (mapping, 0, SIZE, 0, NULL));
    }
}

static gpointer
flip (gpointer data)
{
  Racer *racer = data;
  IvdWord ones = largest (racer->width), zeros = { 0, 0 };

  while (g_atomic_int_get (&racer->stop) == 0)
    {
      do_atomic (racer->mapping, IVD_ATOMIC_EXCHANGE, racer->offset, racer->width, ones);
      do_atomic (racer->mapping, IVD_ATOMIC_EXCHANGE, racer->offset, racer->width, zeros);
    }
  return NULL;
}

static void
test_loads_are_whole (void)
{
  static const struct
  {
    guint64 offset;
    guint width;
  } places[] = { { 0, 8 }, { 5, 8 }, { 13, 8 }, { 28, 8 }, { 15, 2 }, { 16, 16 } };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      Racer racer = { mapping, places[i].offset, places[i].width, 0 };
      IvdWord ones = largest (racer.width), word;
      GThread *thread;

      if (!may_be_at (racer.offset, racer.width) || (racer.width == 16 && !ivd_memory_has_atomic16 ()))
        continue;
      thread = g_thread_new ("flip", flip, &racer);
      for (guint round = 0; round < ROUNDS; round++)
        {
          g_assert_true (ivd_memory_load (mapping, racer.offset, racer.width, &word, NULL));
          if (word.low != 0 || word.high != 0)
            assert_word (word, ones);
        }
      g_atomic_int_set (&racer.stop, 1);
      g_thread_join (thread);
    }
}

/*
 * Words as text.
 */

static void
test_word_parse (void)
{
  static const struct
  {
    const char *text;
    guint width;
    IvdWord word;
  } good[] = {
    { "0x0", 1, { 0, 0 } },
    { "0xff", 1, { 255, 0 } },
    { "0xFf", 1, { 255, 0 } },
    { "255", 1, { 255, 0 } },
    { "0", 1, { 0, 0 } },
    { "0x00ff", 2, { 255, 0 } },
    { "65535", 2, { 65535, 0 } },
    { "4294967295", 4, { G_MAXUINT32, 0 } },
    { "18446744073709551615", 8, { G_MAXUINT64, 0 } },
    { "0xffffffffffffffff", 8, { G_MAXUINT64, 0 } },
    { "18446744073709551616", 16, { 0, 1 } },
    { "0x0123456789abcdef0011223344556677", 16, { 0x0011223344556677, 0x0123456789abcdef } },
    { "340282366920938463463374607431768211455", 16, { G_MAXUINT64, G_MAXUINT64 } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      IvdWord word = { 0xbad, 0xbad };

      g_assert_true (ivd_word_parse ("value", good[i].text, good[i].width, &word, &error));
      g_assert_no_error (error);
      assert_word (word, good[i].word);
    }
}

static void
test_word_parse_refuses (void)
{
  static const struct
  {
    const char *text;
    guint width;
  } bad[] = {
    { "", 8 },
    { "0x", 8 },
    { "0x000", 1 },
    { "256", 1 },
    { "0x100", 1 },
    { "-1", 8 },
    { "+1", 8 },
    { " 1", 8 },
    { "1 ", 8 },
    { "0x1g", 8 },
    { "1f", 8 },
    { "x", 8 },
    { "1e3", 8 },
    { "18446744073709551616", 8 },
    { "99999999999999999999999", 8 },
    { "340282366920938463463374607431768211456", 16 },
    { "0x00123456789abcdef0011223344556677", 16 },
    { "\xff\n", 4 },
    { "1", 3 },
    { "1", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      IvdWord word = { 0xbad, 0xbad };

      g_assert_false (ivd_word_parse ("expected", bad[i].text, bad[i].width, &word, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      assert_word (word, (IvdWord){ 0xbad, 0xbad });
    }
}

static void
assert_formats (IvdWord word, const char *text)
{
  g_autofree char *found = ivd_word_format (word);

  g_assert_cmpstr (found, ==, text);
}

static void
test_word_format (void)
{
  assert_formats ((IvdWord){ 0, 0 }, "0x0");
  assert_formats ((IvdWord){ 0xAB, 0 }, "0xab");
  assert_formats ((IvdWord){ G_MAXUINT64, 0 }, "0xffffffffffffffff");
  assert_formats ((IvdWord){ 1, 0x1f }, "0x1f0000000000000001");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/atomic/a3-11-supported", test_supported);
  g_test_add_data_func ("/ivd/atomic/a3-12-add", &cases[IVD_ATOMIC_ADD], test_op);
  g_test_add_func ("/ivd/atomic/a3-12-add-wraps", test_add_wraps);
  g_test_add_data_func ("/ivd/atomic/a3-13-exchange", &cases[IVD_ATOMIC_EXCHANGE], test_op);
  g_test_add_data_func ("/ivd/atomic/and", &cases[IVD_ATOMIC_AND], test_op);
  g_test_add_data_func ("/ivd/atomic/or", &cases[IVD_ATOMIC_OR], test_op);
  g_test_add_data_func ("/ivd/atomic/xor", &cases[IVD_ATOMIC_XOR], test_op);
  g_test_add_func ("/ivd/atomic/a3-14-compare-and-set", test_compare_and_set);
  g_test_add_func ("/ivd/atomic/a3-15-compare-and-set-16", test_compare_and_set16);
  g_test_add_func ("/ivd/atomic/a3-16-supports-16", test_supported);
  g_test_add_func ("/ivd/atomic/a3-17-misaligned-names-the-rule", test_misaligned_names_the_rule);
  g_test_add_func ("/ivd/atomic/a3-21-bounds", test_bounds);
  g_test_add_func ("/ivd/atomic/a3-22-closed-and-lost", test_closed_and_lost);
  g_test_add_func ("/ivd/atomic/a6-16-sixteen-bytes-need-alignment", test_compare_and_set16);
  g_test_add_func ("/ivd/atomic/bad-arguments", test_bad_arguments);
  g_test_add_func ("/ivd/atomic/values-that-do-not-fit", test_values_that_do_not_fit);
  g_test_add_func ("/ivd/atomic/a3-3-read-only", test_read_only);
  g_test_add_func ("/ivd/atomic/device", test_device);
  g_test_add_func ("/ivd/atomic/nothing-is-lost", test_nothing_is_lost);
  g_test_add_func ("/ivd/atomic/loads-are-whole", test_loads_are_whole);
  g_test_add_func ("/ivd/word/parse", test_word_parse);
  g_test_add_func ("/ivd/word/parse-refuses", test_word_parse_refuses);
  g_test_add_func ("/ivd/word/format", test_word_format);
  return g_test_run ();
}
