/* SPDX-License-Identifier: LGPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "fake.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake-monitor.h"
#include "ivshmem/plugin.h"

#define MEMORY_BYTES 65536
#define VECTORS_MAX 64
#define CALLS 8

struct IvshmemPluginInstance
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  char name[128];
  IvshmemPluginInstance *next;

  int memory_fd;
  void *address;
  IvshmemPluginMemory memory;
  IvshmemPluginDescription description;
  int vectors[VECTORS_MAX];
  uint32_t n_handles;
  const char *bad_handle;

  IvshmemPluginStatus answers[CALLS];
  char texts[CALLS][256];
  char inside[CALLS][256];
  bool no_instance;
  bool detach_later;
  bool join_pipe;

  char confused[160]; /* by a command that there is not */
  int pipe[2];
  uint64_t watch;
  struct Errand *errands;
};

/* Commands that are run elsewhere or later. Freed with the instance, so that
 * those that never come to run are not leaked. */
typedef struct Errand
{
  struct Errand *next;
  IvshmemPluginInstance *instance;
  char command[512];
  uint32_t repeat;
} Errand;

static int control_run (const char *name, const char *commands);

extern IVSHMEM_PLUGIN_EXPORT FakeControl fake_control;
FakeControl fake_control = { .counters = { .ring_fd = -1 }, .run = control_run, .monitor_fd = -1 };

static IvshmemPluginInstance *instances;

static const char *const calls[CALLS]
    = { "create", "describe", "memory", "ring", "kick", "join", "detach", "vector" };

static void run_script (IvshmemPluginInstance *self, const char *script);

static int
call_index (const char *name)
{
  for (int i = 0; i < CALLS; i++)
    if (strcmp (calls[i], name) == 0)
      return i;
  fprintf (stderr, "fake: there is no call '%s'\n", name);
  abort ();
}

/* What a call of the host does first and answers last. */
static IvshmemPluginStatus
answer (IvshmemPluginInstance *self, const char *call)
{
  int i = call_index (call);

  if (self->inside[i][0] != '\0')
    {
      char command[256];

      snprintf (command, sizeof command, "%s", self->inside[i]);
      run_script (self, command);
    }
  if (self->texts[i][0] != '\0' && self->answers[i] < 0)
    return self->host->fail (self->region, self->answers[i], self->texts[i]);
  return self->answers[i];
}

/* --- errands --- */

static Errand *
errand_new (IvshmemPluginInstance *self, const char *command)
{
  Errand *errand = calloc (1, sizeof *errand);

  errand->instance = self;
  errand->next = self->errands;
  self->errands = errand;
  errand->repeat = 1;
  snprintf (errand->command, sizeof errand->command, "%s", command);
  return errand;
}

static void
run_errand (void *data)
{
  Errand *errand = data;

  run_script (errand->instance, errand->command);
}

static void
on_timer (void *data)
{
  fake_control.counters.timer_calls++;
  run_errand (data);
}

static void
on_post (void *data)
{
  fake_control.counters.post_calls++;
  run_errand (data);
}

static void
count_post (void *data)
{
  fake_control.counters.post_calls++;
}

static void
on_work (void *data)
{
  __atomic_add_fetch (&fake_control.counters.work_calls, 1, __ATOMIC_SEQ_CST);
}

static void
on_done (void *data)
{
  fake_control.counters.done_calls++;
  run_errand (data);
}

static void *
thread_runs (void *data)
{
  run_errand (data);
  return NULL;
}

static void *
thread_posts (void *data)
{
  Errand *errand = data;

  for (uint32_t i = 0; i < errand->repeat; i++)
    if (errand->command[0] == '\0')
      errand->instance->host->post (errand->instance->region, count_post, NULL);
    else
      errand->instance->host->post (errand->instance->region, on_post, errand);
  return NULL;
}

static void
on_thread (void *(*func) (void *), Errand *errand)
{
  pthread_t thread;

  if (pthread_create (&thread, NULL, func, errand) != 0)
    abort ();
  pthread_join (thread, NULL);
}

static void
on_ready (void *data, uint32_t conditions)
{
  IvshmemPluginInstance *self = data;
  char bytes[64];

  fake_control.counters.watch_calls++;
  fake_control.counters.watch_conditions |= conditions;
  if ((conditions & IVSHMEM_PLUGIN_READABLE) == 0 || read (self->pipe[0], bytes, sizeof bytes) <= 0)
    self->host->unwatch (self->region, self->watch);
}

/* --- commands --- */

static void
set_memory (IvshmemPluginInstance *self, uint64_t size)
{
  if (self->memory_fd >= 0)
    close (self->memory_fd);
  self->memory_fd = memfd_create ("fake", MFD_CLOEXEC);
  if (self->memory_fd < 0 || ftruncate (self->memory_fd, (off_t) size) < 0)
    abort ();
  self->memory = (IvshmemPluginMemory){ sizeof self->memory, 0, self->memory_fd, 0, size, NULL };
}

static void
set_address (IvshmemPluginInstance *self)
{
  self->address = mmap (NULL, self->memory.size, PROT_READ | PROT_WRITE, MAP_SHARED, self->memory_fd, 0);
  self->memory.address = self->address;
}

static void
set_handles (IvshmemPluginInstance *self, uint32_t n)
{
  for (uint32_t i = self->n_handles; i < n && i < VECTORS_MAX; i++)
    self->vectors[i] = eventfd (0, EFD_CLOEXEC);
  self->n_handles = n;
  fake_control.counters.ring_fd = n > 0 ? self->vectors[0] : -1;
}

static void
start_watch (IvshmemPluginInstance *self)
{
  if (pipe2 (self->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
    abort ();
  fake_control.counters.last_status = self->host->watch (self->region, self->pipe[0], IVSHMEM_PLUGIN_READABLE,
                                                         on_ready, self, &self->watch);
}

static void
open_file (IvshmemPluginInstance *self, const char *path)
{
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;

  fake_control.counters.last_status = self->host->open_path (self->region, path, 0, 0, &handle);
  if (fake_control.counters.last_status != IVSHMEM_PLUGIN_OK)
    return;
  fake_control.counters.opened++;
  close ((int) handle);
}

static void
report_peer (IvshmemPluginInstance *self, const char *rest, bool with_pid)
{
  IvshmemPluginCredentials who = { sizeof who, 0, -1, (int64_t) getuid (), (int64_t) getgid (), NULL };
  unsigned id = 0, vectors = 0;
  long pid = -1;

  sscanf (rest, "%u %u %ld", &id, &vectors, &pid);
  who.pid = pid;
  self->host->peer (self->region, id, vectors, with_pid ? &who : NULL);
}

static void
report_lost (IvshmemPluginInstance *self, const char *rest)
{
  int status = 0, at = 0;

  sscanf (rest, "%d %n", &status, &at);
  self->host->lost (self->region, status, strcmp (rest + at, "-") == 0 ? NULL : rest + at);
}

static void
report_resolved (IvshmemPluginInstance *self, const char *rest)
{
  char option[32] = "";
  int at = 0;

  sscanf (rest, "%31s %n", option, &at);
  self->host->resolved (self->region, option, strcmp (rest + at, "-") == 0 ? NULL : rest + at);
}

static void
touch (void *data)
{
  *(volatile char *) data = 1;
}

/* A page of a file that has none: touching it raises SIGBUS. */
static void
touch_hole (IvshmemPluginInstance *self)
{
  const size_t bytes = (size_t) sysconf (_SC_PAGESIZE);
  int fd = memfd_create ("hole", MFD_CLOEXEC);
  void *page = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

  close (fd);
  fake_control.counters.last_status = self->host->guarded (self->region, page, bytes, touch, page);
  munmap (page, bytes);
}

static void
report_interrupt (IvshmemPluginInstance *self, const char *rest)
{
  unsigned vector = 0;
  unsigned long long count = 0;

  sscanf (rest, "%u %llu", &vector, &count);
  self->host->interrupt (self->region, vector, count);
}

static void
flood (IvshmemPluginInstance *self, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    self->host->connecting (self->region);
}

static void
set_answer (IvshmemPluginInstance *self, const char *rest)
{
  char call[32] = "";
  int status = 0, at = 0;
  int i;

  sscanf (rest, "%31s %d %n", call, &status, &at);
  i = call_index (call);
  self->answers[i] = status;
  snprintf (self->texts[i], sizeof self->texts[i], "%s", strcmp (rest + at, "-") == 0 ? "" : rest + at);
}

static void
set_inside (IvshmemPluginInstance *self, const char *rest)
{
  char call[32] = "";
  int at = 0;

  sscanf (rest, "%31s %n", call, &at);
  snprintf (self->inside[call_index (call)], sizeof self->inside[0], "%s", rest + at);
}

static void
start_timer (IvshmemPluginInstance *self, const char *rest)
{
  unsigned long long usec = 0;
  uint64_t id;
  int at = 0;

  sscanf (rest, "%llu %n", &usec, &at);
  fake_control.counters.last_status
      = self->host->timer (self->region, usec, on_timer, errand_new (self, rest + at), &id);
}

static void
many_timers (IvshmemPluginInstance *self, uint32_t n)
{
  uint64_t id;

  fake_control.counters.last_status = IVSHMEM_PLUGIN_OK;
  for (uint32_t i = 0; i < n && fake_control.counters.last_status == IVSHMEM_PLUGIN_OK; i++)
    fake_control.counters.last_status
        = self->host->timer (self->region, UINT64_C (1) << 40, count_post, NULL, &id);
}

static void
log_flood (IvshmemPluginInstance *self, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_NOTICE, "too many of these");
}

/* Commands of one word, or with one number. FALSE: it is none of them. */
static bool
run_simple (IvshmemPluginInstance *self, const char *word, const char *rest)
{
  const IvshmemPluginHost *host = self->host;
  long long number = strtoll (rest, NULL, 0);

  if (strcmp (word, "ready") == 0)
    fake_control.counters.last_status = host->memory_ready (self->region);
  else if (strcmp (word, "connecting") == 0)
    host->connecting (self->region);
  else if (strcmp (word, "changed") == 0)
    host->changed (self->region);
  else if (strcmp (word, "back") == 0)
    host->back (self->region);
  else if (strcmp (word, "detached") == 0)
    host->detached (self->region);
  else if (strcmp (word, "gone") == 0)
    host->peer_gone (self->region, (uint32_t) number);
  else if (strcmp (word, "flood") == 0)
    flood (self, (uint32_t) number);
  else if (strcmp (word, "timers") == 0)
    many_timers (self, (uint32_t) number);
  else if (strcmp (word, "log-flood") == 0)
    log_flood (self, (uint32_t) number);
  else if (strcmp (word, "block") == 0)
    usleep ((useconds_t) number * 1000);
  else if (strcmp (word, "watch") == 0)
    start_watch (self);
  else if (strcmp (word, "unwatch") == 0)
    host->unwatch (self->region, self->watch);
  else if (strcmp (word, "feed") == 0)
    number = write (self->pipe[1], "x", 1);
  else if (strcmp (word, "hang-up") == 0)
    close (self->pipe[1]), self->pipe[1] = -1;
  else
    return false;
  return true;
}

static bool
run_setting (IvshmemPluginInstance *self, const char *word, const char *rest)
{
  unsigned long long number = strtoull (rest, NULL, 0);

  if (strcmp (word, "memory") == 0)
    set_memory (self, number);
  else if (strcmp (word, "truncate") == 0)
    return ftruncate (self->memory_fd, (off_t) number) == 0;
  else if (strcmp (word, "say-size") == 0)
    self->memory.size = number;
  else if (strcmp (word, "say-offset") == 0)
    self->memory.offset = number;
  else if (strcmp (word, "say-handle") == 0)
    self->memory.handle = (IvshmemPluginHandle) number;
  else if (strcmp (word, "say-flags") == 0)
    self->memory.flags = (uint32_t) number;
  else if (strcmp (word, "address") == 0)
    set_address (self);
  else if (strcmp (word, "capabilities") == 0)
    self->description.capabilities = number;
  else if (strcmp (word, "own-id") == 0)
    self->description.own_id = strtoll (rest, NULL, 0);
  else if (strcmp (word, "vectors") == 0)
    self->description.own_vectors = (uint32_t) number;
  else if (strcmp (word, "handles") == 0)
    set_handles (self, (uint32_t) number);
  else if (strcmp (word, "bad-handle") == 0)
    self->bad_handle = strcmp (rest, "pipe") == 0 ? "pipe" : "closed";
  else if (strcmp (word, "no-instance") == 0)
    self->no_instance = true;
  else if (strcmp (word, "detach-later") == 0)
    self->detach_later = true;
  else if (strcmp (word, "join") == 0)
    self->join_pipe = strcmp (rest, "pipe") == 0;
  else
    return false;
  return true;
}

static bool
run_nested (IvshmemPluginInstance *self, const char *word, const char *rest)
{
  Errand *errand;

  if (strcmp (word, "thread") == 0)
    on_thread (thread_runs, errand_new (self, rest));
  else if (strcmp (word, "post") == 0)
    on_thread (thread_posts, errand_new (self, rest));
  else if (strcmp (word, "post-flood") == 0)
    {
      errand = errand_new (self, "");
      errand->repeat = (uint32_t) strtoul (rest, NULL, 0);
      on_thread (thread_posts, errand);
    }
  else if (strcmp (word, "work") == 0)
    fake_control.counters.last_status
        = self->host->run (self->region, on_work, on_done, errand_new (self, rest));
  else if (strcmp (word, "timer") == 0)
    start_timer (self, rest);
  else if (strcmp (word, "in") == 0)
    set_inside (self, rest);
  else if (strcmp (word, "answer") == 0)
    set_answer (self, rest);
  else if (strcmp (word, "lost") == 0)
    report_lost (self, rest);
  else if (strcmp (word, "peer") == 0)
    report_peer (self, rest, false);
  else if (strcmp (word, "peer-pid") == 0)
    report_peer (self, rest, true);
  else if (strcmp (word, "interrupt") == 0)
    report_interrupt (self, rest);
  else if (strcmp (word, "resolved") == 0)
    report_resolved (self, rest);
  else if (strcmp (word, "limited") == 0)
    self->host->limited (self->region, strcmp (rest, "-") == 0 ? NULL : rest);
  else if (strcmp (word, "touch") == 0)
    touch_hole (self);
  else if (strcmp (word, "log") == 0)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_WARNING, rest);
  else if (strcmp (word, "open") == 0)
    open_file (self, rest);
  else
    return false;
  return true;
}

static void
run_command (IvshmemPluginInstance *self, const char *command)
{
  char word[32] = "";
  int at = 0;

  if (sscanf (command, "%31s %n", word, &at) < 1)
    return;
  if (run_simple (self, word, command + at) || run_setting (self, word, command + at)
      || run_nested (self, word, command + at))
    return;
  snprintf (self->confused, sizeof self->confused, "there is no command '%.100s'", command);
}

static void
run_script (IvshmemPluginInstance *self, const char *script)
{
  char *copy = strdup (script);
  char *place = NULL;

  for (char *command = strtok_r (copy, ";", &place); command != NULL; command = strtok_r (NULL, ";", &place))
    run_command (self, command);
  free (copy);
}

static int
control_run (const char *name, const char *commands)
{
  for (IvshmemPluginInstance *self = instances; self != NULL; self = self->next)
    if (strcmp (self->name, name) == 0)
      {
        run_script (self, commands);
        return self->confused[0] == '\0';
      }
  return 0;
}

/* --- operations --- */

static void
destroy (IvshmemPluginInstance *self)
{
  IvshmemPluginInstance **link = &instances;

  while (*link != self)
    link = &(*link)->next;
  *link = self->next;
  for (uint32_t i = 0; i < self->n_handles && i < VECTORS_MAX; i++)
    close (self->vectors[i]);
  if (self->address != NULL)
    munmap (self->address, self->memory.size);
  for (int i = 0; i < 2; i++)
    if (self->pipe[i] >= 0)
      close (self->pipe[i]);
  close (self->memory_fd);
  while (self->errands != NULL)
    {
      Errand *errand = self->errands;

      self->errands = errand->next;
      free (errand);
    }
  free (self);
  fake_control.counters.destroyed++;
}

static IvshmemPluginStatus
create (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name,
        const IvshmemPluginValue *values, uint32_t n_values, IvshmemPluginInstance **instance)
{
  IvshmemPluginInstance *self = calloc (1, sizeof *self);
  IvshmemPluginStatus status;

  if (n_values != 2 || !IVSHMEM_PLUGIN_HAS (IvshmemPluginHost, host, memory_ready))
    abort ();
  self->host = host;
  self->region = region;
  snprintf (self->name, sizeof self->name, "%s", name);
  self->memory_fd = self->pipe[0] = self->pipe[1] = -1;
  set_memory (self, MEMORY_BYTES);
  self->description = (IvshmemPluginDescription){ sizeof self->description, 0, -1,
                                                  IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE };
  self->next = instances;
  instances = self;
  fake_control.counters.created++;
  if (strstr (values[0].text, "no-instance") == NULL)
    *instance = self;
  run_script (self, values[0].text);
  status = self->confused[0] == '\0'
               ? answer (self, "create")
               : host->fail (region, IVSHMEM_PLUGIN_INVALID_ARGUMENT, self->confused);
  if (status < 0 || self->no_instance)
    destroy (self);
  return status;
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *self, IvshmemPluginDescription *out)
{
  IvshmemPluginStatus status = answer (self, "describe");

  *out = self->description;
  return status;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *self, IvshmemPluginMemory *out)
{
  IvshmemPluginStatus status = answer (self, "memory");

  *out = self->memory;
  return status;
}

static IvshmemPluginStatus
ring (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector)
{
  fake_control.counters.rings++;
  fake_control.counters.last_peer = peer;
  fake_control.counters.last_vector = vector;
  if (self->n_handles > vector && answer (self, "ring") == 0)
    return self->host->signal (self->region, self->vectors[vector]);
  return answer (self, "ring");
}

static IvshmemPluginStatus
vector_handle (IvshmemPluginInstance *self, uint32_t vector, IvshmemPluginHandle *handle)
{
  IvshmemPluginStatus status = answer (self, "vector");

  if (self->bad_handle != NULL && strcmp (self->bad_handle, "pipe") == 0)
    *handle = self->memory_fd;
  else if (self->bad_handle != NULL)
    *handle = 19999;
  else if (vector < self->n_handles)
    *handle = self->vectors[vector];
  return status;
}

/* Rings us, whoever is asked for. */
static IvshmemPluginStatus
doorbell_handle (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector, IvshmemPluginHandle *handle)
{
  fake_control.counters.last_peer = peer;
  return vector_handle (self, vector, handle);
}

static IvshmemPluginStatus
join (IvshmemPluginInstance *self, const IvshmemPluginCredentials *credentials, IvshmemPluginHandle *handle)
{
  IvshmemPluginStatus status = answer (self, "join");
  int ends[2];

  fake_control.counters.joins++;
  fake_control.counters.join_uid = credentials->uid;
  if (status < 0)
    return status;
  if (self->join_pipe ? pipe2 (ends, O_CLOEXEC) < 0 : socketpair (AF_UNIX, SOCK_STREAM, 0, ends) < 0)
    abort ();
  close (ends[1]);
  *handle = ends[0];
  return status;
}

static IvshmemPluginStatus
kick (IvshmemPluginInstance *self, uint32_t peer)
{
  IvshmemPluginStatus status = answer (self, "kick");

  fake_control.counters.kicks++;
  fake_control.counters.last_kick = peer;
  if (status == 0)
    self->host->peer_gone (self->region, peer);
  return status;
}

static IvshmemPluginStatus
detach (IvshmemPluginInstance *self, uint32_t keep)
{
  IvshmemPluginStatus status = answer (self, "detach");

  fake_control.counters.detached++;
  fake_control.counters.kept += keep;
  return self->detach_later ? IVSHMEM_PLUGIN_PENDING : status;
}

static void
list_wide (const IvshmemPluginHost *host, IvshmemPluginProbe *list, uint32_t n_fields)
{
  IvshmemPluginField fields[64];
  char names[64][sizeof "f4294967295"];

  for (uint32_t i = 0; i < n_fields; i++)
    {
      snprintf (names[i], sizeof names[i], "f%u", (unsigned) i);
      fields[i] = (IvshmemPluginField){ sizeof fields[i], IVSHMEM_PLUGIN_FIELD_NUMBER, names[i], NULL, i };
    }
  fields[0] = (IvshmemPluginField){ sizeof fields[0], IVSHMEM_PLUGIN_FIELD_TEXT, "name", "wide", 0 };
  host->candidate (list, fields, n_fields);
}

/* "NAME SIZE,NAME SIZE" */
static void
list_named (const IvshmemPluginHost *host, IvshmemPluginProbe *list, const char *named)
{
  char name[256];
  unsigned long long size = 0;
  int length = 0;

  for (; sscanf (named, "%255s %llu%n", name, &size, &length) == 2; named += strspn (named, ","))
    {
      IvshmemPluginField fields[] = {
        { sizeof fields[0], IVSHMEM_PLUGIN_FIELD_TEXT, "name", name, 0 },
        { sizeof fields[0], IVSHMEM_PLUGIN_FIELD_NUMBER, "size", NULL, size },
      };

      host->candidate (list, fields, 2);
      named += length;
    }
}

/* Lists one candidate, and then what it is told to. */
static IvshmemPluginStatus
probe (const IvshmemPluginHost *host, IvshmemPluginProbe *list)
{
  const char *how = fake_control.probe;
  const char *named = __atomic_load_n (&fake_control.candidates, __ATOMIC_SEQ_CST);
  IvshmemPluginField fields[64];
  IvshmemPluginField good[] = {
    { sizeof good[0], IVSHMEM_PLUGIN_FIELD_TEXT, "name", "first", 0 },
    { sizeof good[0], IVSHMEM_PLUGIN_FIELD_NUMBER, "size", NULL, 4096 },
    { sizeof good[0], IVSHMEM_PLUGIN_FIELD_BOOLEAN, "busy", NULL, 1 },
  };

  __atomic_add_fetch (&fake_control.counters.probes, 1, __ATOMIC_SEQ_CST);
  if (named != NULL)
    list_named (host, list, named);
  else
    host->candidate (list, good, 3);
  if (how == NULL)
    return IVSHMEM_PLUGIN_OK;
  if (strcmp (how, "fail") == 0)
    return IVSHMEM_PLUGIN_DENIED;
  if (strncmp (how, "fields ", strlen ("fields ")) == 0)
    {
      list_wide (host, list, (uint32_t) strtoul (how + strlen ("fields "), NULL, 10));
      return IVSHMEM_PLUGIN_OK;
    }
  if (strcmp (how, "many") == 0)
    for (int i = 0; i < 2000; i++)
      host->candidate (list, good, 1);
  for (int i = 0; i < 64; i++)
    fields[i] = good[0];
  host->candidate (list, fields, 2); /* twice the same name */
  host->candidate (list, fields, 64);
  host->candidate (list, &good[1], 1); /* no name */
  host->candidate (list, NULL, 3);
  host->candidate (list, good, 0);
  fields[1] = good[1];
  fields[1].struct_size = 8;
  host->candidate (list, fields, 2);
  fields[1] = good[1];
  fields[1].type = 77;
  host->candidate (list, fields, 2);
  fields[1] = good[0];
  fields[1].name = "text";
  fields[1].text = "\xff\xfe";
  host->candidate (list, fields, 2);
  fields[1].name = "No Good";
  fields[1].text = "good";
  host->candidate (list, fields, 2);
  return IVSHMEM_PLUGIN_OK;
}

static const IvshmemPluginOption options[] = {
  { .struct_size = sizeof options[0],
    .type = IVSHMEM_PLUGIN_TEXT,
    .name = "script",
    .default_text = "ready",
    .description = "what to do" },
  { .struct_size = sizeof options[0],
    .type = IVSHMEM_PLUGIN_SIZE,
    .name = "room",
    .description = "nothing depends on it" },
};

static const IvshmemPluginOps ops = {
  .struct_size = sizeof ops,
  .probe = probe,
  .create = create,
  .describe = describe,
  .memory = memory,
  .ring = ring,
  .vector_handle = vector_handle,
  .doorbell_handle = doorbell_handle,
  .join = join,
  .kick = kick,
  .detach = detach,
  .destroy = destroy,
  .monitor_open = fake_monitor_open,
  .monitor_take = fake_monitor_take,
  .monitor_close = fake_monitor_close,
};

const IvshmemPlugin ivshmem_plugin_v1 = {
  .struct_size = sizeof ivshmem_plugin_v1,
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .name = "fake",
  .version = "1",
  .license = "LGPL-3.0-or-later",
  .description = "does what a script says, for tests",
  .capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                  | IVSHMEM_PLUGIN_CAP_RING | IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_OWN_ID
                  | IVSHMEM_PLUGIN_CAP_PEERS | IVSHMEM_PLUGIN_CAP_MEMORY_FD | IVSHMEM_PLUGIN_CAP_VECTOR_FD
                  | IVSHMEM_PLUGIN_CAP_JOIN,
  .options = options,
  .n_options = 2,
  .option_size = sizeof options[0],
  .ops = &ops,
};
