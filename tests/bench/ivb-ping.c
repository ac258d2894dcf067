/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "ivb-bench.h"
#include "ivt-wire-client.h"

/*
 * ivb-ping SOCKET: a peer of a doorbell server that measures others. It says
 * its id, and for each line `COUNT PEER VECTOR` that it is told it rings that
 * vector so often, each time until its own one of that number is rung, and
 * says in one line how many microseconds each took; or `lost`, and ends.
 */

#define PATIENCE_MSEC 20000
#define LINE_BYTES 256

static gboolean
wait_readable (int fd)
{
  struct pollfd event = { .fd = fd, .events = POLLIN };
  int n;

  do
    n = poll (&event, 1, PATIENCE_MSEC);
  while (n < 0 && errno == EINTR);
  return n == 1;
}

/* Until the server has told of that many vectors; FALSE: it does not. */
static gboolean
wait_peer (IvtWireClient *client, guint id, guint vectors)
{
  while (ivt_wire_client_vectors (client, id) < vectors)
    if (!wait_readable (client->fd) || (ivt_wire_client_read (client, G_MAXUINT) == 0 && client->ended))
      return FALSE;
  return TRUE;
}

/* Microseconds; negative: no answer. */
static gdouble
ping (int there, int back)
{
  gdouble begin = ivb_now ();
  eventfd_t count;

  if (eventfd_write (there, 1) != 0 || !wait_readable (back) || eventfd_read (back, &count) != 0 || count != 1)
    return -1;
  return (ivb_now () - begin) * 1e6;
}

static gboolean
serve (IvtWireClient *client, guint count, guint peer, guint vector)
{
  guint own = (guint) client->own_id;

  if (!wait_peer (client, peer, vector + 1) || !wait_peer (client, own, vector + 1))
    return FALSE;
  for (guint i = 0; i < count; i++)
    {
      gdouble usec = ping (ivt_wire_client_eventfd (client, peer, vector),
                           ivt_wire_client_eventfd (client, own, vector));

      if (usec < 0)
        return FALSE;
      printf ("%s%.0f", i > 0 ? " " : "", usec);
    }
  putchar ('\n');
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (IvtWireClient) client = argc == 2 ? ivt_wire_client_new (argv[1]) : NULL;
  char line[LINE_BYTES];

  if (client == NULL)
    return 2;
  while (client->own_id < 0)
    if (!wait_readable (client->fd) || (ivt_wire_client_read (client, G_MAXUINT) == 0 && client->ended))
      return EXIT_FAILURE;
  printf ("%d\n", client->own_id);
  fflush (stdout);
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      guint count, peer, vector;
      gboolean good = sscanf (line, "%u %u %u", &count, &peer, &vector) == 3 && serve (client, count, peer, vector);

      if (!good)
        puts ("lost");
      fflush (stdout);
      if (!good)
        return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}
