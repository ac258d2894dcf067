/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <sanitizer/tsan_interface.h>

/*
 * GLib is not built for the thread sanitizer and has its own mutexes, so the
 * sanitizer sees neither a lock nor a hand-over. The linker sends our calls of
 * those functions here (--wrap, see meson.build), which tell it what GLib
 * promises. Only in builds with -Db_sanitize=thread.
 */

/* Declares the real function and ours. */
#define WRAP(type, name, ...)       \
  type __real_##name (__VA_ARGS__); \
  type __wrap_##name (__VA_ARGS__)

WRAP (void, g_mutex_lock, GMutex *mutex);
WRAP (void, g_mutex_unlock, GMutex *mutex);
WRAP (void, g_rec_mutex_lock, GRecMutex *mutex);
WRAP (void, g_rec_mutex_unlock, GRecMutex *mutex);
WRAP (void, g_cond_wait, GCond *cond, GMutex *mutex);
WRAP (gboolean, g_cond_wait_until, GCond *cond, GMutex *mutex, gint64 end_time);
WRAP (gboolean, g_atomic_ref_count_dec, gatomicrefcount *count);
WRAP (void, g_atomic_rc_box_release_full, gpointer box, GDestroyNotify clear);
WRAP (void, g_bytes_unref, GBytes *bytes);
WRAP (void, g_object_unref, gpointer object);
WRAP (void, g_ptr_array_unref, GPtrArray *array);
WRAP (void, g_variant_unref, GVariant *value);
WRAP (void, g_once_init_leave, volatile void *location, gsize result);
WRAP (GThreadPool *, g_thread_pool_new, GFunc func, gpointer data, gint threads, gboolean exclusive,
      GError **error);
WRAP (gboolean, g_thread_pool_push, GThreadPool *pool, gpointer data, GError **error);
WRAP (void, g_task_return_pointer, GTask *task, gpointer result, GDestroyNotify destroy);
WRAP (void, g_task_return_boolean, GTask *task, gboolean result);
WRAP (void, g_task_return_error, GTask *task, GError *error);
WRAP (gpointer, g_task_propagate_pointer, GTask *task, GError **error);
WRAP (gboolean, g_task_propagate_boolean, GTask *task, GError **error);

void
__wrap_g_mutex_lock (GMutex *mutex)
{
  __real_g_mutex_lock (mutex);
  __tsan_acquire (mutex);
}

void
__wrap_g_mutex_unlock (GMutex *mutex)
{
  __tsan_release (mutex);
  __real_g_mutex_unlock (mutex);
}

void
__wrap_g_rec_mutex_lock (GRecMutex *mutex)
{
  __real_g_rec_mutex_lock (mutex);
  __tsan_acquire (mutex);
}

void
__wrap_g_rec_mutex_unlock (GRecMutex *mutex)
{
  __tsan_release (mutex);
  __real_g_rec_mutex_unlock (mutex);
}

void
__wrap_g_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  __real_g_cond_wait (cond, mutex);
  __tsan_acquire (mutex);
}

gboolean
__wrap_g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean signalled;

  __tsan_release (mutex);
  signalled = __real_g_cond_wait_until (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return signalled;
}

gboolean
__wrap_g_atomic_ref_count_dec (gatomicrefcount *count)
{
  gboolean last;

  __tsan_release (count);
  last = __real_g_atomic_ref_count_dec (count);
  if (last)
    __tsan_acquire (count);
  return last;
}

/* Whoever lets go last frees, and sees what all others did before they let go.
 * Who that is GLib does not tell. */
static void
let_go (gpointer counted)
{
  if (counted == NULL)
    return;
  __tsan_release (counted);
  __tsan_acquire (counted);
}

void
__wrap_g_atomic_rc_box_release_full (gpointer box, GDestroyNotify clear)
{
  let_go (box);
  __real_g_atomic_rc_box_release_full (box, clear);
}

void
__wrap_g_bytes_unref (GBytes *bytes)
{
  let_go (bytes);
  __real_g_bytes_unref (bytes);
}

void
__wrap_g_object_unref (gpointer object)
{
  let_go (object);
  __real_g_object_unref (object);
}

void
__wrap_g_ptr_array_unref (GPtrArray *array)
{
  let_go (array);
  __real_g_ptr_array_unref (array);
}

void
__wrap_g_variant_unref (GVariant *value)
{
  let_go (value);
  __real_g_variant_unref (value);
}

void
__wrap_g_once_init_leave (volatile void *location, gsize result)
{
  __tsan_release ((void *) location);
  __real_g_once_init_leave (location, result);
}

typedef struct
{
  GFunc func;
  gpointer data;
} Worker;

static void
work (gpointer item, gpointer data)
{
  Worker *worker = data;

  __tsan_acquire (item);
  worker->func (item, worker->data);
}

/* The worker is never freed: the pool does not tell when it is done. */
GThreadPool *
__wrap_g_thread_pool_new (GFunc func, gpointer data, gint threads, gboolean exclusive, GError **error)
{
  Worker *worker = g_new (Worker, 1);

  worker->func = func;
  worker->data = data;
  return __real_g_thread_pool_new (work, worker, threads, exclusive, error);
}

gboolean
__wrap_g_thread_pool_push (GThreadPool *pool, gpointer data, GError **error)
{
  __tsan_release (data);
  return __real_g_thread_pool_push (pool, data, error);
}

void
__wrap_g_task_return_pointer (GTask *task, gpointer result, GDestroyNotify destroy)
{
  __tsan_release (task);
  __real_g_task_return_pointer (task, result, destroy);
}

void
__wrap_g_task_return_boolean (GTask *task, gboolean result)
{
  __tsan_release (task);
  __real_g_task_return_boolean (task, result);
}

void
__wrap_g_task_return_error (GTask *task, GError *error)
{
  __tsan_release (task);
  __real_g_task_return_error (task, error);
}

gpointer
__wrap_g_task_propagate_pointer (GTask *task, GError **error)
{
  __tsan_acquire (task);
  return __real_g_task_propagate_pointer (task, error);
}

gboolean
__wrap_g_task_propagate_boolean (GTask *task, GError **error)
{
  __tsan_acquire (task);
  return __real_g_task_propagate_boolean (task, error);
}
