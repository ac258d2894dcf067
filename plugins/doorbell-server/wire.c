/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/wire.h"

#include <errno.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "ivshmem/wire.h"

#include "doorbell-server/error.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

typedef union
{
  struct cmsghdr align;
  char bytes[CMSG_SPACE (sizeof (int))];
} Control;

/* What sendmmsg needs, in one piece. */
typedef struct
{
  struct mmsghdr headers[DBS_WIRE_BATCH];
  struct iovec vectors[DBS_WIRE_BATCH];
  Control controls[DBS_WIRE_BATCH];
  gint64 values[DBS_WIRE_BATCH];
} Batch;

static void
batch_set (Batch *batch, guint i, const DbsMessage *message)
{
  struct msghdr *header = &batch->headers[i].msg_hdr;
  struct cmsghdr *control;

  batch->values[i] = GINT64_TO_LE (message->value);
  batch->vectors[i] = (struct iovec){ .iov_base = &batch->values[i], .iov_len = IVSHMEM_WIRE_MESSAGE_BYTES };
  batch->headers[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &batch->vectors[i], .msg_iovlen = 1 } };
  if (message->fd < 0)
    return;

  header->msg_control = batch->controls[i].bytes;
  header->msg_controllen = sizeof batch->controls[i].bytes;
  control = CMSG_FIRSTHDR (header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (control), &message->fd, sizeof (int));
}

static DbsWireResult
result_of_errno (int number)
{
  switch (number)
    {
    case EAGAIN:
      return DBS_WIRE_FULL;
    case EINTR:
      return DBS_WIRE_OK;
    case ETOOMANYREFS:
    case ENOMEM:
    case ENOBUFS:
      return DBS_WIRE_SCARCE;
    default:
      return DBS_WIRE_BROKEN;
    }
}

DbsWireResult
dbs_wire_send (int socket, const DbsMessage *messages, guint n, guint *ret_sent, guint *ret_missing)
{
  Batch batch;
  int sent;

  g_return_val_if_fail (n > 0 && n <= DBS_WIRE_BATCH, DBS_WIRE_BROKEN);

  *ret_sent = 0;
  *ret_missing = 0;
  for (guint i = 0; i < n; i++)
    batch_set (&batch, i, &messages[i]);
  sent = sendmmsg (socket, batch.headers, n, SEND_FLAGS);
  if (sent < 0)
    return result_of_errno (errno);

  *ret_sent = (guint) sent;
  if (sent > 0)
    *ret_missing = IVSHMEM_WIRE_MESSAGE_BYTES - batch.headers[sent - 1].msg_len;
  return DBS_WIRE_OK;
}

DbsWireResult
dbs_wire_send_tail (int socket, gint64 value, guint *missing)
{
  gint64 wire = GINT64_TO_LE (value);
  const char *end = (const char *) &wire + IVSHMEM_WIRE_MESSAGE_BYTES;
  gssize sent = send (socket, end - *missing, *missing, SEND_FLAGS);

  if (sent < 0)
    return result_of_errno (errno);
  *missing -= (guint) sent;
  return DBS_WIRE_OK;
}

void
dbs_wire_refuse (int socket)
{
  const DbsMessage refusal = { .value = IVSHMEM_WIRE_REFUSED, .fd = -1 };
  guint sent, missing;

  /* The first message into an empty buffer: there is room. */
  (void) dbs_wire_send (socket, &refusal, 1, &sent, &missing);
}

guint
dbs_wire_cost (void)
{
  dbs_autofd int near = -1;
  dbs_autofd int far = -1;
  const DbsMessage message = { .value = 0, .fd = -1 };
  int pair[2];
  int queued = 0;
  guint sent, missing;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    return 0;
  near = pair[0];
  far = pair[1];
  if (dbs_wire_send (near, &message, 1, &sent, &missing) != DBS_WIRE_OK
      || ioctl (near, SIOCOUTQ, &queued) < 0)
    return 0;
  return (guint) MAX (queued, 0);
}

void
dbs_wire_limit (int socket, guint messages, guint cost)
{
  /* The kernel doubles what it is told. A failure leaves the larger default. */
  int bytes = (int) (messages * cost / 2);

  if (cost > 0)
    (void) setsockopt (socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

guint
dbs_wire_in_flight (int socket, guint cost)
{
  int queued = 0;

  if (cost == 0 || ioctl (socket, SIOCOUTQ, &queued) < 0 || queued <= 0)
    return 0;
  return ((guint) queued + cost - 1) / cost;
}
