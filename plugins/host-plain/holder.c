/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "host-plain/holder.h"

#include "host-plain/explain.h"
#include "host-plain/watch.h"

/* From the first sign of a change to a look at it: a change seldom comes
 * alone, and somebody may write to the file for hours. */
#define LOOK_USEC (5 * 1000)
/* Others may make and remove the file while we do. */
#define NAME_ATTEMPTS 8

struct _PlainHolder
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  PlainOptions options;
  char *path;
  gboolean reattach;

  gboolean stopped;
  gboolean was_up; /* memory_ready() has been reported */
  gboolean up;     /* and not lost since */
  gboolean busy;   /* a job is under way */
  gboolean again;  /* something happened meanwhile */

  PlainFile file;
  PlainWatch *watch;
  guint64 watch_id;
  guint64 timer;
};

/* What a job finds out. It reads the holder's options, host and, if it only
 * looks, its file: none of these changes while a job is under way. */
typedef struct
{
  PlainHolder *holder;
  PlainOptions options; /* path is the holder's */
  IvshmemPluginStatus status;
  char *text;
  PlainFile file;
  PlainWatch *watch;
} PlainJob;

static void look (PlainHolder *self);
static void try_to_open (PlainHolder *self);

static PlainJob *
job_new (PlainHolder *self)
{
  PlainJob *job = g_new0 (PlainJob, 1);

  job->holder = self;
  job->options = self->options;
  job->file = (PlainFile) PLAIN_FILE_NONE;
  return job;
}

static void
job_free (PlainJob *job)
{
  plain_file_close (&job->file);
  plain_watch_free (job->watch);
  g_free (job->text);
  g_free (job);
}

static void
unwatch (PlainHolder *self)
{
  if (self->timer != 0)
    self->host->cancel_timer (self->region, self->timer);
  self->timer = 0;
  if (self->watch_id != 0)
    self->host->unwatch (self->region, self->watch_id);
  self->watch_id = 0;
  g_clear_pointer (&self->watch, plain_watch_free);
}

static void
time_to_look (void *data)
{
  PlainHolder *self = data;

  self->timer = 0;
  plain_watch_drain (self->watch);
  self->host->rewatch (self->region, self->watch_id, IVSHMEM_PLUGIN_READABLE);
  if (self->busy)
    self->again = TRUE;
  else if (self->up)
    look (self);
  else
    try_to_open (self);
}

static void
look_after (PlainHolder *self, guint64 usec)
{
  if (self->timer != 0)
    self->host->cancel_timer (self->region, self->timer);
  if (self->host->timer (self->region, usec, time_to_look, self, &self->timer) >= 0)
    return;

  self->timer = 0;
  time_to_look (self);
}

/* Deaf until the look: no more of it needs to be known. */
static void
something_happened (void *data, uint32_t conditions)
{
  PlainHolder *self = data;

  if (!plain_watch_drain (self->watch))
    return;

  self->host->rewatch (self->region, self->watch_id, 0);
  look_after (self, LOOK_USEC);
}

/* FALSE: the host would not watch it. */
static gboolean
take_watch (PlainHolder *self, PlainWatch *take_watch)
{
  unwatch (self);
  self->watch = take_watch;
  if (self->host->watch (self->region, plain_watch_get_fd (take_watch), IVSHMEM_PLUGIN_READABLE, something_happened,
                         self, &self->watch_id)
      >= 0)
    return TRUE;

  self->watch_id = 0;
  unwatch (self);
  return FALSE;
}

/* First the watch and then the look, so that nothing falls in between; last
 * what changes the file. */
static void
open_once (PlainJob *job)
{
  PlainHolder *self = job->holder;
  PlainOptions *options = &job->options;

  plain_watch_free (job->watch);
  job->watch = plain_watch_new (&job->status, &job->text);
  if (job->watch == NULL)
    return;

  job->status = IVSHMEM_PLUGIN_OK;
  if (self->reattach)
    job->status = plain_watch_add_place (job->watch, options->path, self->host, self->region, &job->text);
  if (job->status >= 0)
    job->status = plain_file_open (options, self->host, self->region, &job->file, &job->text);
  if (job->status >= 0)
    job->status = plain_watch_add_file (job->watch, options->path, job->file.fd, &job->text);
  if (job->status >= 0)
    job->status = plain_file_fit (&job->file, options, self->host, self->region, &job->text);
  if (job->status >= 0)
    plain_watch_drop_place (job->watch);
  else
    plain_file_close (&job->file);
}

static void
open_work (void *data)
{
  PlainJob *job = data;

  for (guint i = 0; i < NAME_ATTEMPTS; i++)
    {
      g_clear_pointer (&job->text, g_free);
      open_once (job);
      if (job->status != IVSHMEM_PLUGIN_EXISTS)
        return;
    }
}

/* What was made must not stay when the region does not. Seldom needed, and no
 * more than the removal of a name. */
static void
undo (PlainHolder *self, PlainFile *file)
{
  g_autofree char *text = NULL;

  if (file->born && plain_file_unlink (file, &self->options, self->host, self->region, &text) < 0)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_WARNING, text);
}

static void
become_ready (PlainHolder *self, PlainJob *job)
{
  IvshmemPluginStatus status;

  plain_file_close (&self->file);
  self->file = job->file;
  job->file = (PlainFile) PLAIN_FILE_NONE;
  if (!take_watch (self, g_steal_pointer (&job->watch)))
    {
      undo (self, &self->file);
      self->host->lost (self->region, IVSHMEM_PLUGIN_LIMIT, "the file cannot be watched");
      return;
    }

  self->up = TRUE;
  status = self->host->memory_ready (self->region);
  if (status >= 0)
    {
      self->was_up = TRUE;
      return;
    }

  self->up = FALSE;
  undo (self, &self->file);
  if (self->was_up)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_ERROR, "the daemon cannot map the file that is there now");
  else if (!self->stopped)
    self->host->lost (self->region, status, "the daemon cannot map the file");
}

static void
stay_lost (PlainHolder *self, PlainJob *job)
{
  g_autofree char *text = NULL;

  if (job->watch != NULL && take_watch (self, g_steal_pointer (&job->watch)))
    {
      self->host->log (self->region, IVSHMEM_PLUGIN_LOG_DEBUG, job->text);
      /* No event will tell that nothing happens any more. */
      if (job->status == IVSHMEM_PLUGIN_BUSY)
        look_after (self, PLAIN_FILE_QUIET_USEC);
      return;
    }

  text = g_strdup_printf ("%s will not be attached again: %s", self->path, job->text);
  self->host->log (self->region, IVSHMEM_PLUGIN_LOG_ERROR, text);
}

static void
open_done (void *data)
{
  PlainJob *job = data;
  PlainHolder *self = job->holder;

  self->busy = FALSE;
  if (self->stopped)
    undo (self, &job->file);
  else if (job->status >= 0)
    become_ready (self, job);
  else if (self->was_up)
    stay_lost (self, job);
  else
    self->host->lost (self->region, job->status, job->text);
  job_free (job);
}

static IvshmemPluginStatus
begin_to_open (PlainHolder *self)
{
  PlainJob *job = job_new (self);
  IvshmemPluginStatus status;

  /* What others make anew is theirs: it is taken as it is, when it is done. */
  if (self->was_up)
    {
      job->options.create = job->options.grow = FALSE;
      job->options.quiet = !job->options.has_size;
    }
  unwatch (self);
  status = self->host->run (self->region, open_work, open_done, job);
  self->busy = status >= 0;
  if (status < 0)
    job_free (job);
  return status;
}

static void
try_to_open (PlainHolder *self)
{
  if (begin_to_open (self) < 0)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_ERROR, "no thread could be had: the file will not be attached again");
}

static void
look_work (void *data)
{
  PlainJob *job = data;

  job->status = plain_file_check (&job->holder->file, &job->options, &job->text);
}

static void
look_done (void *data)
{
  PlainJob *job = data;
  PlainHolder *self = job->holder;

  self->busy = FALSE;
  if (!self->stopped && job->status < 0)
    {
      self->up = FALSE;
      unwatch (self);
      self->host->lost (self->region, IVSHMEM_PLUGIN_REGION_LOST, job->text);
      if (self->reattach && !self->stopped)
        try_to_open (self);
    }
  else if (!self->stopped && self->again)
    look (self);
  job_free (job);
}

static void
look (PlainHolder *self)
{
  PlainJob *job = job_new (self);

  self->again = FALSE;
  self->busy = self->host->run (self->region, look_work, look_done, job) >= 0;
  if (self->busy)
    return;

  /* It is quick on tmpfs, and must not be missed. */
  look_work (job);
  look_done (job);
}

static void
unlink_work (void *data)
{
  PlainJob *job = data;
  PlainHolder *self = job->holder;

  job->status = plain_file_unlink (&self->file, &job->options, self->host, self->region, &job->text);
}

static void
unlink_done (void *data)
{
  PlainJob *job = data;
  PlainHolder *self = job->holder;

  if (job->status < 0)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_WARNING, job->text);
  self->host->detached (self->region);
  job_free (job);
}

IvshmemPluginStatus
plain_holder_stop (PlainHolder *self, gboolean unlink)
{
  PlainJob *job;

  self->stopped = TRUE;
  self->up = FALSE;
  unwatch (self);
  if (!unlink || self->file.fd < 0)
    return IVSHMEM_PLUGIN_OK;

  job = job_new (self);
  if (self->host->run (self->region, unlink_work, unlink_done, job) >= 0)
    return IVSHMEM_PLUGIN_PENDING;

  unlink_work (job);
  if (job->status < 0)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_WARNING, job->text);
  job_free (job);
  return IVSHMEM_PLUGIN_OK;
}

PlainHolder *
plain_holder_new (const IvshmemPluginHost *host,
                  IvshmemPluginRegion *region,
                  const PlainOptions *options,
                  gboolean reattach)
{
  PlainHolder *self = g_new0 (PlainHolder, 1);

  self->host = host;
  self->region = region;
  self->options = *options;
  self->path = g_strdup (options->path);
  self->options.path = self->path;
  self->reattach = reattach;
  self->file = (PlainFile) PLAIN_FILE_NONE;
  return self;
}

void
plain_holder_free (PlainHolder *self)
{
  unwatch (self);
  plain_file_close (&self->file);
  g_free (self->path);
  g_free (self);
}

IvshmemPluginStatus
plain_holder_start (PlainHolder *self)
{
  return begin_to_open (self);
}

const PlainFile *
plain_holder_get_file (PlainHolder *self)
{
  return self->file.fd < 0 ? NULL : &self->file;
}
