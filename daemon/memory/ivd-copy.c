/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-copy.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"

struct _IvdCopyPool
{
  GThreadPool *threads; /* of GTask, each with its CopyJob */
};

typedef enum
{
  JOB_READ,
  JOB_WRITE,
  JOB_FILL,
  JOB_OTHER,
} JobKind;

typedef struct
{
  JobKind kind;
  IvdMapping *mapping;
  guint64 offset, length;
  GBytes *bytes; /* to write */
  guint8 value;  /* to fill with */
  IvdCopyWork work, done;
  gpointer data;
} CopyJob;

static void
job_free (CopyJob *job)
{
  g_clear_pointer (&job->mapping, ivd_mapping_unref);
  g_clear_pointer (&job->bytes, g_bytes_unref);
  g_free (job);
}

static GBytes *
read_bytes (CopyJob *job, GError **error)
{
  g_autofree guint8 *buffer = NULL;

  /* Before any memory is asked for: a length may be anything. */
  if (!ivd_memory_check_range (ivd_mapping_get_size (job->mapping), job->offset, job->length, error))
    return NULL;

  if (job->length <= IVD_LIMIT_COPY_READ_BYTES)
    buffer = g_try_malloc (MAX (job->length, 1));
  if (buffer == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE,
                   "%" G_GUINT64_FORMAT " bytes are too many for one read: at most %d, or use OpenMemory",
                   job->length, IVD_LIMIT_COPY_READ_BYTES);
      return NULL;
    }
  if (!ivd_memory_read (job->mapping, job->offset, buffer, job->length, error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&buffer), job->length);
}

static gboolean
change (CopyJob *job, GError **error)
{
  gconstpointer from;

  if (job->kind == JOB_FILL)
    return ivd_memory_fill (job->mapping, job->offset, job->length, job->value, error);

  from = g_bytes_get_data (job->bytes, NULL);
  return ivd_memory_write (job->mapping, job->offset, from, job->length, error);
}

/* Does the task's job, on any thread, and answers it. */
static void
run (GTask *task)
{
  CopyJob *job = g_task_get_task_data (task);
  GError *error = NULL;
  GBytes *bytes = NULL;

  if (job->kind == JOB_OTHER)
    job->work (job->data);
  else if (job->kind == JOB_READ)
    bytes = read_bytes (job, &error);
  else
    (void) change (job, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else if (bytes != NULL)
    g_task_return_pointer (task, bytes, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_boolean (task, TRUE);
}

static void
run_on_pool (gpointer item, gpointer data)
{
  g_autoptr (GTask) task = item;

  run (task);
}

IvdCopyPool *
ivd_copy_pool_new (void)
{
  IvdCopyPool *pool = g_new0 (IvdCopyPool, 1);
  /* At least two, so that one long job does not hold up all others. */
  gint threads = CLAMP ((gint) g_get_num_processors (), 2, IVD_LIMIT_COPY_THREADS);

  /* A pool that shares its threads has none to start, and so cannot fail. */
  pool->threads = g_thread_pool_new (run_on_pool, NULL, threads, FALSE, NULL);
  return pool;
}

void
ivd_copy_pool_free (IvdCopyPool *pool)
{
  if (pool == NULL)
    return;

  g_thread_pool_free (pool->threads, FALSE, TRUE);
  g_free (pool);
}

static void
start (IvdCopyPool *pool, CopyJob *job, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  gboolean is_short = job->kind != JOB_OTHER && job->length <= IVD_LIMIT_INLINE_COPY_BYTES;

  /* Other work belongs to its end, which needs it. */
  g_task_set_task_data (task, job, job->kind != JOB_OTHER ? (GDestroyNotify) job_free : NULL);
  if (is_short)
    run (task);
  else
    /* Without a new thread it waits for those that there are. */
    g_thread_pool_push (pool->threads, g_steal_pointer (&task), NULL);
}

static CopyJob *
job_new (JobKind kind, IvdMapping *mapping, guint64 offset, guint64 length)
{
  CopyJob *job = g_new0 (CopyJob, 1);

  job->kind = kind;
  job->mapping = ivd_mapping_ref (mapping);
  job->offset = offset;
  job->length = length;
  return job;
}

void
ivd_copy_read (IvdCopyPool *pool,
               IvdMapping *mapping,
               guint64 offset,
               gsize length,
               GAsyncReadyCallback callback,
               gpointer data)
{
  start (pool, job_new (JOB_READ, mapping, offset, length), callback, data);
}

GBytes *
ivd_copy_read_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
ivd_copy_write (IvdCopyPool *pool,
                IvdMapping *mapping,
                guint64 offset,
                GBytes *bytes,
                GAsyncReadyCallback callback,
                gpointer data)
{
  CopyJob *job = job_new (JOB_WRITE, mapping, offset, g_bytes_get_size (bytes));

  job->bytes = g_bytes_ref (bytes);
  start (pool, job, callback, data);
}

void
ivd_copy_fill (IvdCopyPool *pool,
               IvdMapping *mapping,
               guint64 offset,
               guint64 length,
               guint8 value,
               GAsyncReadyCallback callback,
               gpointer data)
{
  CopyJob *job = job_new (JOB_FILL, mapping, offset, length);

  job->value = value;
  start (pool, job, callback, data);
}

gboolean
ivd_copy_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_work_done (GObject *source, GAsyncResult *result, gpointer data)
{
  CopyJob *job = data;
  IvdCopyWork done = job->done;
  gpointer done_data = job->data;

  (void) g_task_propagate_boolean (G_TASK (result), NULL);
  job_free (job);
  done (done_data);
}

void
ivd_copy_pool_run (IvdCopyPool *pool, IvdCopyWork work, IvdCopyWork done, gpointer data)
{
  CopyJob *job = g_new0 (CopyJob, 1);

  job->kind = JOB_OTHER;
  job->work = work;
  job->done = done;
  job->data = data;
  start (pool, job, on_work_done, job);
}
