/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/wire.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  int near, far;
} Pair;

static void
pair_init (Pair *pair)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  pair->near = fds[0];
  pair->far = fds[1];
}

static void
pair_clear (Pair *pair)
{
  close (pair->near);
  close (pair->far);
}

static void
test_window (void)
{
  const DbsMessage message = { .value = 7, .fd = STDIN_FILENO };
  DbsMessage messages[DBS_WIRE_BATCH];
  guint cost = dbs_wire_cost ();
  guint sent, missing;
  Pair pair;

  pair_init (&pair);
  g_assert_cmpuint (cost, >, 0);
  for (guint i = 0; i < DBS_WIRE_BATCH; i++)
    messages[i] = message;
  dbs_wire_limit (pair.near, 20, cost);
  g_assert_cmpint (dbs_wire_send (pair.near, messages, DBS_WIRE_BATCH, &sent, &missing), ==, DBS_WIRE_OK);
  g_assert_cmpuint (sent, ==, 20);
  g_assert_cmpuint (missing, ==, 0);
  g_assert_cmpuint (dbs_wire_in_flight (pair.near, cost), ==, 20);
  g_assert_cmpint (dbs_wire_send (pair.near, messages, 1, &sent, &missing), ==, DBS_WIRE_FULL);
  g_assert_cmpuint (sent, ==, 0);
  pair_clear (&pair);
}

static void
test_refusal (void)
{
  guint8 bytes[16];
  Pair pair;

  pair_init (&pair);
  dbs_wire_refuse (pair.near);
  g_assert_cmpint (recv (pair.far, bytes, sizeof bytes, 0), ==, 8);
  for (guint i = 0; i < 8; i++)
    g_assert_cmphex (bytes[i], ==, 0xff);
  pair_clear (&pair);
}

/* No socket of this kind was seen to cut a message, but a stream may. */
static void
test_tail (void)
{
  const guint8 expected[] = { 0x33, 0x22, 0x11 };
  guint8 bytes[16];
  guint missing = 3;
  Pair pair;

  pair_init (&pair);
  g_assert_cmpint (dbs_wire_send_tail (pair.near, 0x1122334455667788, &missing), ==, DBS_WIRE_OK);
  g_assert_cmpuint (missing, ==, 0);
  g_assert_cmpint (recv (pair.far, bytes, sizeof bytes, 0), ==, 3);
  g_assert_cmpint (memcmp (bytes, expected, 3), ==, 0);
  pair_clear (&pair);
}

static void
test_nobody_there (void)
{
  const DbsMessage message = { .value = 7, .fd = -1 };
  guint sent, missing;
  Pair pair;

  pair_init (&pair);
  close (pair.far);
  g_assert_cmpint (dbs_wire_send (pair.near, &message, 1, &sent, &missing), ==, DBS_WIRE_BROKEN);
  close (pair.near);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/doorbell-server/wire/window", test_window);
  g_test_add_func ("/doorbell-server/wire/refusal", test_refusal);
  g_test_add_func ("/doorbell-server/wire/tail", test_tail);
  g_test_add_func ("/doorbell-server/wire/nobody-there", test_nobody_there);
  return g_test_run ();
}
