/* SPDX-License-Identifier: LGPL-3.0-or-later */
#ifndef FAKE_H
#define FAKE_H

#include <stdint.h>

/*
 * The plugin "fake" does what a script tells it, right or wrong. A script is
 * the option "script", run in create(); a test in the same process can run
 * more of it later, through the symbol fake_control. Commands are separated
 * by ';', words by spaces; a status is a number.
 *
 *   memory SIZE             a new memfd of that size (there is one from the start)
 *   truncate SIZE           cuts the memfd
 *   say-size N  say-offset N  say-handle N  say-flags N    what memory() says
 *   address                 memory() gives an address instead of a handle
 *   capabilities N  own-id N  vectors N                     what describe() says
 *   handles N               vector_handle() has eventfds for the first N vectors
 *   bad-handle KIND         vector_handle() gives: closed, pipe
 *   ready  connecting  changed  back  detached               reports
 *   lost STATUS TEXT...                                      (TEXT "-": none)
 *   peer ID VECTORS         peer-pid ID VECTORS PID
 *   gone ID                 interrupt VECTOR COUNT
 *   resolved OPTION TEXT    what an option came to ("-": none)
 *   flood N                 reports N times that it is connecting
 *   answer CALL STATUS TEXT...   what create, describe, memory, ring, kick,
 *                           join, detach, vector answer (TEXT "-": none)
 *   no-instance             create() sets none
 *   in CALL COMMAND...      runs one command inside of that call
 *   thread COMMAND...       runs one command on a thread, and waits for it
 *   work COMMAND...         runs one command when work on the pool is done
 *   post COMMAND...         runs one command posted from a thread
 *   post-flood N            posts N times from a thread
 *   timer USEC COMMAND...   runs one command later
 *   timers N                N that never end
 *   watch                   counts what a pipe brings; "feed" writes into it
 *   unwatch  feed  hang-up
 *   block MSEC              sleeps
 *   log TEXT...             log-flood N
 *   join KIND               join() gives: socket, pipe
 *   detach-later            detach() answers PENDING ("detached" ends it)
 *   open PATH               open_path(); what comes is counted
 */

typedef struct
{
  uint32_t created, detached, kept, destroyed;
  uint32_t rings, last_peer, last_vector;
  uint32_t kicks, joins, last_kick;
  int64_t join_uid;
  uint32_t watch_calls, watch_conditions, timer_calls, post_calls, work_calls, done_calls;
  uint32_t opened;
  int32_t last_status; /* of the last call to the host that has one */
  int ring_fd;         /* eventfd of vector 0, or -1 */
  uint32_t probes;     /* from another thread: to be read atomically */
  uint32_t monitors;   /* open now */
  uint32_t takes;      /* calls of monitor_take() */
} FakeCounters;

typedef struct
{
  FakeCounters counters;
  /* Runs commands on the instance of that name; 0 if there is none. */
  int (*run) (const char *name, const char *commands);
  /* How probe() misbehaves: "bad", "many", "fail"; "fields N": lists a second
   * one, of N fields; NULL: not at all. */
  const char *probe;
  /* What probe() lists instead of "first": "NAME SIZE,NAME SIZE"; NULL: not. To
   * be set atomically: probe() runs on another thread. */
  const char *candidates;
  /* How the monitor misbehaves. When it is opened: "none", "fail", "null"
   * (no monitor), "closed" (a descriptor that is not open), "file" (nothing
   * that can be watched), "hang-up" (a pipe whose other end is monitor_fd; a
   * test that closes it sets it to -1). When it is read: "busy" (never read
   * empty), "busy-nothing" (neither, and nothing new), "nothing" (nothing new). */
  const char *monitor;
  int monitor_fd; /* -1: there is none; else writing 8 bytes to it makes it ready */
} FakeControl;

#endif /* FAKE_H */
