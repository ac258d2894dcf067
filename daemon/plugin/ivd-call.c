/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Going into a plugin's code and coming back from it. */
#include "config.h"

#include "plugin/ivd-backend-private.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "platform/ivd-log.h"

typedef struct
{
  IvshmemPluginStatus status;
  IvdErrorCode code;
  const char *name;
} StatusRow;

static const StatusRow statuses[] = {
  { IVSHMEM_PLUGIN_INVALID_ARGUMENT, IVD_ERROR_INVALID_ARGUMENT, "invalid argument" },
  { IVSHMEM_PLUGIN_NOT_FOUND, IVD_ERROR_NOT_FOUND, "not found" },
  { IVSHMEM_PLUGIN_EXISTS, IVD_ERROR_EXISTS, "exists" },
  { IVSHMEM_PLUGIN_DENIED, IVD_ERROR_DENIED, "denied" },
  { IVSHMEM_PLUGIN_BUSY, IVD_ERROR_BUSY, "busy" },
  { IVSHMEM_PLUGIN_NOT_SUPPORTED, IVD_ERROR_NOT_SUPPORTED, "not supported" },
  { IVSHMEM_PLUGIN_IO, IVD_ERROR_IO, "input/output error" },
  { IVSHMEM_PLUGIN_TIMEOUT, IVD_ERROR_TIMEOUT, "timeout" },
  { IVSHMEM_PLUGIN_NO_SPACE, IVD_ERROR_NO_SPACE, "no space" },
  { IVSHMEM_PLUGIN_LIMIT, IVD_ERROR_LIMIT, "limit reached" },
  { IVSHMEM_PLUGIN_REGION_LOST, IVD_ERROR_REGION_LOST, "region lost" },
  { IVSHMEM_PLUGIN_OUT_OF_RANGE, IVD_ERROR_OUT_OF_RANGE, "out of range" },
  { IVSHMEM_PLUGIN_CLOSED, IVD_ERROR_CLOSED, "closed" },
  { IVSHMEM_PLUGIN_INTERNAL, IVD_ERROR_INTERNAL, "internal error" },
};

static const StatusRow *
find_status (IvshmemPluginStatus status)
{
  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].status == status)
      return &statuses[i];
  return NULL;
}

IvdErrorCode
ivd_status_to_code (IvshmemPluginStatus status)
{
  const StatusRow *row = find_status (status);

  return row != NULL ? row->code : IVD_ERROR_INTERNAL;
}

IvshmemPluginStatus
ivd_status_from_error (const GError *error)
{
  IvdErrorCode code = ivd_error_code (error);

  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].code == code)
      return statuses[i].status;
  /* What plugins have no name for. */
  return code == IVD_ERROR_TOO_LARGE || code == IVD_ERROR_MISALIGNED ? IVSHMEM_PLUGIN_INVALID_ARGUMENT
                                                                     : IVSHMEM_PLUGIN_INTERNAL;
}

void
ivd_backend_set_failure (IvdBackend *self, const char *message)
{
  char *safe = message != NULL ? ivd_text_safe_bytes (message, IVD_LIMIT_PLUGIN_MESSAGE_BYTES) : NULL;

  g_mutex_lock (&self->lock);
  g_free (self->failure);
  self->failure = safe;
  g_mutex_unlock (&self->lock);
}

static char *
take_failure (IvdBackend *self)
{
  char *failure;

  g_mutex_lock (&self->lock);
  failure = g_steal_pointer (&self->failure);
  g_mutex_unlock (&self->lock);
  return failure;
}

void
ivd_call_resume (IvdCall *call, IvdBackend *backend, const char *what)
{
  *call = (IvdCall){ ivd_backend_ref (backend), what, g_get_monotonic_time () };
  backend->depth++;
}

void
ivd_call_begin (IvdCall *call, IvdBackend *backend, const char *what)
{
  if (backend->depth == 0)
    ivd_backend_set_failure (backend, NULL);
  ivd_call_resume (call, backend, what);
}

void
ivd_call_end (IvdCall *call)
{
  IvdBackend *self = call->backend;
  gint64 usec = g_get_monotonic_time () - call->begin;

  self->depth--;
  if (self->depth == 0 && usec > IVD_LIMIT_PLUGIN_CALL_USEC)
    {
      const IvdLogContext context = { self->name, ivd_plugin_get_name (self->plugin), -1 };

      ivd_log_about (IVD_LOG_WARNING, &context,
                     "plugin '%s' held the daemon up for %" G_GINT64_FORMAT " ms in %s",
                     ivd_plugin_get_name (self->plugin), usec / 1000, call->what);
    }
  ivd_backend_unref (g_steal_pointer (&call->backend));
}

gboolean
ivd_call_check (IvdBackend *self, const char *what, IvshmemPluginStatus status, GError **error)
{
  g_autofree char *failure = NULL;
  const StatusRow *row;

  if (status == IVSHMEM_PLUGIN_OK)
    return TRUE;
  failure = take_failure (self);
  row = find_status (status);
  if (row == NULL)
    ivd_backend_condemn (self, "answered %s with the unknown status %d", what, status);
  if (row != NULL && failure != NULL)
    g_set_error_literal (error, IVD_ERROR, row->code, failure);
  else
    g_set_error (error, IVD_ERROR, row != NULL ? row->code : IVD_ERROR_INTERNAL,
                 "plugin '%s' failed in %s and did not say why (%s)", ivd_plugin_get_name (self->plugin),
                 what, row != NULL ? row->name : "unknown status");
  return FALSE;
}

void
ivd_backend_condemn (IvdBackend *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (!ivd_backend_is_trusted (self))
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  self->sentence = g_strdup_printf ("plugin '%s' %s; it is not believed any more: detach the region",
                                    ivd_plugin_get_name (self->plugin), text);
  ivd_backend_schedule (self);
}

void
ivd_backend_accuse (IvdBackend *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_mutex_lock (&self->lock);
  if (self->offence == NULL)
    self->offence = g_steal_pointer (&text);
  g_mutex_unlock (&self->lock);
  ivd_backend_schedule (self);
}

gboolean
ivd_backend_is_trusted (IvdBackend *self)
{
  return self->phase == IVD_PHASE_RUNNING && self->sentence == NULL;
}

gboolean
ivd_backend_check_thread (IvdBackend *self, const char *what)
{
  if (G_LIKELY (g_thread_self () == self->host->thread))
    return TRUE;
  ivd_backend_accuse (self, "%s on another thread than the main one", what);
  return FALSE;
}
