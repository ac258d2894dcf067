/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What a client of an ivshmem server understands, as a pure state machine:
 * bytes with the descriptors that came with them go in, the time goes in, and
 * events come out. It knows no socket, no loop and no host, and never waits.
 *
 * The protocol tells neither how many vectors a peer has nor where the
 * greeting ends. So a peer is reported when it is settled (the next message
 * is about somebody else, it has as many vectors as we have, or nothing came
 * for a while), and reported again when it grows. Before READY nobody is
 * reported; afterwards a peer that is reported as gone was reported before.
 *
 * Whatever the server sends, the machine ends in one FAILED with a sentence or
 * goes on; after FAILED it takes nothing more. It owns all descriptors it is
 * given and closes each exactly once.
 */

#define DOORBELL_PEER_SETTLES_USEC (20 * 1000)
#define DOORBELL_READY_WITHOUT_VECTORS_USEC (200 * 1000)
/* Oddities that are worth a line in the log, per connection. */
#define DOORBELL_NOTES_MAX 8

typedef enum
{
  DOORBELL_KIND_EVENTFD,
  DOORBELL_KIND_FILE, /* regular file or memfd: size and read_only hold */
  DOORBELL_KIND_OTHER,
} DoorbellKind;

typedef struct
{
  int fd; /* -1: none */
  DoorbellKind kind;
  gboolean read_only;
  guint64 size;
} DoorbellDescriptor;

typedef enum
{
  DOORBELL_FAILURE_NONE,
  DOORBELL_FAILURE_CLOSED,      /* the server closed the connection */
  DOORBELL_FAILURE_REFUSED,     /* it does not want us */
  DOORBELL_FAILURE_UNSUPPORTED, /* another version or dialect */
  DOORBELL_FAILURE_INVALID,     /* what it sent makes no sense */
  DOORBELL_FAILURE_LIMIT,       /* more than we can take */
} DoorbellFailure;

typedef enum
{
  DOORBELL_EVENT_READY,   /* memory is there; once, and first but for NOTE and FAILED */
  DOORBELL_EVENT_CHANGED, /* there are more own vectors */
  DOORBELL_EVENT_PEER,    /* id has so many vectors now */
  DOORBELL_EVENT_GONE,    /* id has left */
  DOORBELL_EVENT_NOTE,    /* text: odd, but harmless */
  DOORBELL_EVENT_FAILED,  /* failure, text; the last event */
} DoorbellEventType;

typedef struct
{
  DoorbellEventType type;
  guint32 id;
  guint32 vectors;
  DoorbellFailure failure;
  char *text;
} DoorbellEvent;

void doorbell_event_clear (DoorbellEvent *event);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DoorbellEvent, doorbell_event_clear)

typedef struct _DoorbellProtocol DoorbellProtocol;

/* max_descriptors: as many as it may hold at a time. */
DoorbellProtocol *doorbell_protocol_new (guint max_descriptors);
void doorbell_protocol_free (DoorbellProtocol *protocol);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DoorbellProtocol, doorbell_protocol_free)

/* How many bytes there are to the end of the message; never 0. Whoever reads
 * no more at a time knows which message a descriptor belongs to. */
gsize doorbell_protocol_wanted (DoorbellProtocol *protocol);

/* Bytes as they came, and the descriptors that came with the first of them,
 * which are taken. Times are monotonic, in microseconds. */
void doorbell_protocol_feed (DoorbellProtocol *protocol,
                             const guint8 *bytes,
                             gsize n_bytes,
                             const DoorbellDescriptor *take_descriptors,
                             gsize n_descriptors,
                             gint64 now);
/* The server has closed the connection. */
void doorbell_protocol_end (DoorbellProtocol *protocol);
/* The connection broke in another way. */
void doorbell_protocol_fail (DoorbellProtocol *protocol, DoorbellFailure failure, const char *text);

/* When advance() should be called at the latest; -1: no need. */
gint64 doorbell_protocol_deadline (DoorbellProtocol *protocol);
void doorbell_protocol_advance (DoorbellProtocol *protocol, gint64 now);

/* FALSE: no event is left. */
gboolean doorbell_protocol_next (DoorbellProtocol *protocol, DoorbellEvent *ret_event);

/* -1: not known yet. */
gint64 doorbell_protocol_get_own_id (DoorbellProtocol *protocol);
guint doorbell_protocol_get_own_vectors (DoorbellProtocol *protocol);
/* NULL: not there yet. */
const DoorbellDescriptor *doorbell_protocol_get_memory (DoorbellProtocol *protocol);
/* 0: no such peer. Both take the own id too. */
guint doorbell_protocol_get_vectors (DoorbellProtocol *protocol, guint32 id);
/* -1: no such peer or vector. Stays the machine's. */
int doorbell_protocol_get_vector (DoorbellProtocol *protocol, guint32 id, guint32 vector);
