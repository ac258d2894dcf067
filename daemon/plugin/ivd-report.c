/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a plugin says, checked. What is right goes to the registry at once;
 * what is wrong condemns the instance.
 */
#include "config.h"

#include "plugin/ivd-backend-private.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "platform/ivd-log.h"
#include "platform/ivd-process.h"
#include "plugin/ivd-option-value.h"
#include "plugin/ivd-plugin-table.h"

/* TRUE if a report may be looked at. */
static gboolean
begin (IvdBackend *self, const char *what)
{
  if (self == NULL || !ivd_backend_check_thread (self, what))
    return FALSE;
  if (!ivd_backend_is_trusted (self))
    return FALSE; /* too late to be told anything */
  if (self->ringing)
    {
      ivd_backend_condemn (self, "%s from within ring(), where nothing may be reported", what);
      return FALSE;
    }
  if (!ivd_rate_take (&self->reports, g_get_monotonic_time ()))
    {
      ivd_backend_condemn (self, "reported more than %d times within a second", IVD_LIMIT_REPORTS_PER_SECOND);
      return FALSE;
    }
  return TRUE;
}

/* It has gone wrong without a lie: an attach under way fails, a region that is
 * there is lost. plugin_knows: it has said so itself, and knows no peers any
 * more. */
static void
lose (IvdBackend *self, gboolean plugin_knows, const GError *error)
{
  self->host_lost = !plugin_knows;
  if (plugin_knows)
    g_hash_table_remove_all (self->peers);
  ivd_report_drop_memory (self);
  if (self->attach == NULL)
    ivd_registry_set_lost (self->host->registry, self->region, error->message);
  else if (self->attach_error == NULL)
    {
      self->attach_error = g_error_copy (error);
      ivd_backend_schedule (self);
    }
}

/* The attach, if it still waits, has what it waited for. */
static void
answer (IvdBackend *self)
{
  if (self->attach == NULL)
    return;
  self->attach_good = TRUE;
  ivd_backend_schedule (self);
}

/* --- describe() --- */

static guint
usable_capabilities (guint64 said, gint64 own_id, guint memory_flags)
{
  guint capabilities = (guint) (said & IVD_CAP_ALL & ~IVD_CAP_ATOMIC16);

  /* What is claimed but cannot be had now is simply not there. */
  if (own_id < 0)
    capabilities &= ~IVD_CAP_OWN_ID;
  if (memory_flags & IVSHMEM_PLUGIN_MEMORY_READ_ONLY)
    capabilities &= ~(IVD_CAP_WRITE | IVD_CAP_ATOMIC);
  if (memory_flags & IVSHMEM_PLUGIN_MEMORY_NO_HANDOVER)
    capabilities &= ~IVD_CAP_MEMORY_FD;
  if ((capabilities & IVD_CAP_ATOMIC) && ivd_memory_has_atomic16 ())
    capabilities |= IVD_CAP_ATOMIC16;
  return capabilities;
}

static gboolean
check_own (IvdBackend *self, const IvshmemPluginDescription *said)
{
  guint64 beyond = said->capabilities & IVD_CAP_ALL & ~(guint64) ivd_plugin_get_capabilities (self->plugin)
                   & ~(guint64) IVD_CAP_ATOMIC16;
  guint64 unknown = said->capabilities & ~(guint64) IVD_CAP_ALL;

  if (unknown != 0 && ivd_plugin_get_table (self->plugin)->abi_minor <= IVSHMEM_PLUGIN_ABI_MINOR)
    ivd_backend_condemn (self, "described a region with the unknown capabilities 0x%" G_GINT64_MODIFIER "x",
                         unknown);
  else if (beyond != 0)
    ivd_backend_condemn (self, "described a region with the capability '%s', which it has not itself",
                         ivd_capability_name ((IvdCapability) (beyond & (~beyond + 1))));
  else if (said->own_id < -1 || said->own_id > IVD_LIMIT_PEER_ID)
    ivd_backend_condemn (self, "described a region with the own id %" G_GINT64_FORMAT ": ids go from 0 to %d",
                         said->own_id, IVD_LIMIT_PEER_ID);
  else if (said->own_id >= 0 && (said->capabilities & IVSHMEM_PLUGIN_CAP_OWN_ID) == 0)
    ivd_backend_condemn (self, "described a region with an own id, but without the capability 'own-id'");
  else if (said->own_id >= 0 && g_hash_table_contains (self->peers, GUINT_TO_POINTER ((guint) said->own_id)))
    ivd_backend_condemn (self, "described a region whose own id %" G_GINT64_FORMAT " is another peer's",
                         said->own_id);
  else if (said->own_vectors > IVD_LIMIT_VECTORS)
    ivd_backend_condemn (self, "described a region with %u vectors: there are at most %d", said->own_vectors,
                         IVD_LIMIT_VECTORS);
  else if (said->own_vectors > 0 && (said->capabilities & IVSHMEM_PLUGIN_CAP_RECEIVE) == 0)
    ivd_backend_condemn (self, "described a region with vectors, but without the capability 'receive'");
  return ivd_backend_is_trusted (self);
}

/* FALSE and an error, also when it was condemned for what it said. */
static gboolean
ask_own (IvdBackend *self, IvshmemPluginDescription *ret_own, GError **error)
{
  IvshmemPluginDescription said = { .struct_size = sizeof said, .own_id = -1 };
  IvshmemPluginStatus status;
  IvdCall call;

  ivd_call_begin (&call, self, "describe()");
  status = self->ops->describe (self->instance, &said);
  ivd_call_end (&call);
  if (!ivd_call_check (self, "describe()", status, error))
    return FALSE;
  if (!check_own (self, &said))
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INTERNAL, self->sentence);
      return FALSE;
    }
  *ret_own = said;
  return TRUE;
}

static void
take_own (IvdBackend *self, const IvshmemPluginDescription *own)
{
  self->own_id = (gint) own->own_id;
  self->own_vectors = own->own_vectors;
  self->capabilities = usable_capabilities (own->capabilities, own->own_id, self->memory_flags);
  ivd_vector_reader_truncate (self->reader, self->own_vectors);
  ivd_registry_set_own (self->host->registry, self->region, self->own_id, self->own_vectors,
                        self->capabilities);
}

/* --- vector_handle() --- */

/* FALSE and an error; NO_HANDLE: the plugin will report this one itself. */
static gboolean
ask_vector (IvdBackend *self, guint vector, IvshmemPluginHandle *ret_handle, GError **error)
{
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
  IvshmemPluginStatus status;
  IvdCall call;

  ivd_call_begin (&call, self, "vector_handle()");
  status = self->ops->vector_handle (self->instance, vector, &handle);
  ivd_call_end (&call);
  if (status == IVSHMEM_PLUGIN_NOT_SUPPORTED)
    handle = IVSHMEM_PLUGIN_NO_HANDLE;
  else if (!ivd_call_check (self, "vector_handle()", status, error))
    return FALSE;
  *ret_handle = handle;
  return TRUE;
}

static gboolean
take_vector (IvdBackend *self, guint vector, GError **error)
{
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
  g_autoptr (GError) reason = NULL;

  if (!ask_vector (self, vector, &handle, error))
    return FALSE;
  if (handle == IVSHMEM_PLUGIN_NO_HANDLE)
    return TRUE;
  if (handle < 0 || handle > G_MAXINT
      || (!ivd_vector_reader_add (self->reader, vector, (int) handle, &reason)
          && g_error_matches (reason, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT)))
    {
      ivd_backend_condemn (self, "gave a handle for vector %u that is no eventfd", vector);
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INTERNAL, self->sentence);
      return FALSE;
    }
  if (reason == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

/* Asks for the handles of the own vectors that have none yet. */
static gboolean
take_vectors (IvdBackend *self, GError **error)
{
  if (!IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, self->ops, vector_handle))
    return TRUE;
  for (guint v = 0; v < self->own_vectors; v++)
    if (!ivd_vector_reader_has (self->reader, v) && !take_vector (self, v, error))
      return FALSE;
  return TRUE;
}

/* --- memory --- */

static void
on_mapping_lost (IvdMapping *mapping, const char *message, gpointer data)
{
  IvdBackend *self = data;

  g_mutex_lock (&self->lock);
  if (self->loss == NULL)
    self->loss = g_strdup (message);
  g_mutex_unlock (&self->lock);
  ivd_backend_schedule (self);
}

void
ivd_report_drop_memory (IvdBackend *self)
{
  if (self->mapping != NULL)
    {
      ivd_mapping_set_lost_func (self->mapping, NULL, NULL);
      g_mutex_lock (&self->lock);
      g_clear_pointer (&self->loss, g_free);
      g_mutex_unlock (&self->lock);
    }
  g_clear_pointer (&self->mapping, ivd_mapping_unref);
  ivd_vector_reader_truncate (self->reader, 0);
}

void
ivd_report_host_loss (IvdBackend *self, const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (IVD_ERROR, IVD_ERROR_REGION_LOST, message);

  lose (self, FALSE, error);
}

static void
tell_peer (gpointer key, gpointer value, gpointer data)
{
  IvdBackend *self = data;

  ivd_registry_peer_connected (self->host->registry, self->region, GPOINTER_TO_UINT (key),
                               GPOINTER_TO_UINT (value), NULL);
}

/* The memory is there: for the first time, anew, or once more. */
static gboolean
take_memory (IvdBackend *self, gboolean new_generation, GError **error)
{
  g_autoptr (IvdMapping) mapping = NULL;
  IvshmemPluginDescription own;
  guint flags = 0;

  if (!ask_own (self, &own, error))
    return FALSE;
  mapping = ivd_backend_map (self, &flags, error);
  if (mapping == NULL)
    return FALSE;
  if (!new_generation && ivd_mapping_get_size (mapping) != self->size)
    {
      ivd_backend_condemn (self, "said that the same memory is back, but it has another size");
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INTERNAL, self->sentence);
      return FALSE;
    }
  if (self->mapping != NULL)
    ivd_mapping_set_lost_func (self->mapping, NULL, NULL);
  g_clear_pointer (&self->mapping, ivd_mapping_unref);
  self->mapping = g_steal_pointer (&mapping);
  self->memory_flags = flags;
  self->size = ivd_mapping_get_size (self->mapping);
  ivd_mapping_set_lost_func (self->mapping, on_mapping_lost, self);
  take_own (self, &own);
  ivd_registry_set_memory (self->host->registry, self->region, self->mapping, new_generation);
  if (self->host_lost)
    g_hash_table_foreach (self->peers, tell_peer, self);
  self->host_lost = FALSE;
  return take_vectors (self, error);
}

static IvshmemPluginStatus
take_memory_or_lose (IvdBackend *self, const char *what, gboolean new_generation)
{
  g_autoptr (GError) error = NULL;

  if (self->instance == NULL)
    {
      ivd_backend_condemn (self, "%s before it had set its instance", what);
      return IVSHMEM_PLUGIN_INTERNAL;
    }
  if (take_memory (self, new_generation, &error))
    {
      answer (self);
      return IVSHMEM_PLUGIN_OK;
    }
  if (ivd_backend_is_trusted (self))
    lose (self, FALSE, error);
  ivd_backend_set_failure (self, error->message);
  return ivd_status_from_error (error);
}

static IvshmemPluginStatus
report_memory_ready (IvdBackend *self)
{
  if (!begin (self, "reported memory"))
    return IVSHMEM_PLUGIN_CLOSED;
  return take_memory_or_lose (self, "reported memory", TRUE);
}

static void
report_back (IvdBackend *self)
{
  if (!begin (self, "said that its memory is back"))
    return;
  if (self->size == 0 || self->mapping != NULL)
    ivd_backend_condemn (self, "said that its memory is back, which had never been lost");
  else
    take_memory_or_lose (self, "said that its memory is back", FALSE);
}

static void
report_connecting (IvdBackend *self)
{
  if (!begin (self, "said that it is connecting"))
    return;
  if (self->mapping != NULL)
    {
      ivd_backend_condemn (self, "said that it is connecting while its memory was there");
      return;
    }
  ivd_registry_set_connecting (self->host->registry, self->region);
  answer (self);
}

static void
report_changed (IvdBackend *self)
{
  IvshmemPluginDescription own;
  g_autoptr (GError) error = NULL;

  if (!begin (self, "said that it has changed"))
    return;
  if (self->instance == NULL)
    {
      ivd_backend_condemn (self, "said that it has changed before it had set its instance");
      return;
    }
  if (ask_own (self, &own, &error))
    {
      take_own (self, &own);
      if (self->mapping == NULL || take_vectors (self, &error))
        return;
    }
  if (ivd_backend_is_trusted (self))
    lose (self, FALSE, error);
}

static void
report_lost (IvdBackend *self, IvshmemPluginStatus status, const char *message)
{
  g_autoptr (GError) error = NULL;

  if (!begin (self, "said that its memory is lost"))
    return;
  if (message != NULL)
    ivd_backend_set_failure (self, message);
  if (ivd_call_check (self, "what it does by itself", status < 0 ? status : IVSHMEM_PLUGIN_REGION_LOST,
                      &error)
      || !ivd_backend_is_trusted (self))
    return;
  lose (self, TRUE, error);
}

/* --- peers --- */

static void
read_credentials (const IvshmemPluginCredentials *said, IvdCredentials *ret, char **ret_executable)
{
  *ret = IVD_CREDENTIALS_UNKNOWN;
  if (said == NULL || !IVSHMEM_PLUGIN_HAS_FIELD (IvshmemPluginCredentials, said, gid))
    return;
  ret->pid = MAX (said->pid, -1);
  ret->uid = MAX (said->uid, -1);
  ret->gid = MAX (said->gid, -1);
  if (IVSHMEM_PLUGIN_HAS (IvshmemPluginCredentials, said, executable))
    *ret_executable = ivd_text_safe_bytes (said->executable, IVD_LIMIT_PLUGIN_MESSAGE_BYTES);
  else if (ret->pid > 0)
    *ret_executable = ivd_process_executable (ret->pid);
  ret->executable = *ret_executable;
}

static gboolean
check_peer (IvdBackend *self, guint id, guint vectors)
{
  gpointer known;

  if ((ivd_plugin_get_capabilities (self->plugin) & IVD_CAP_PEERS) == 0)
    ivd_backend_condemn (self, "reported a peer, but has not the capability 'peers'");
  else if (id > IVD_LIMIT_PEER_ID)
    ivd_backend_condemn (self, "reported a peer with the id %u: ids go from 0 to %d", id, IVD_LIMIT_PEER_ID);
  else if (vectors > IVD_LIMIT_VECTORS)
    ivd_backend_condemn (self, "reported peer %u with %u vectors: there are at most %d", id, vectors,
                         IVD_LIMIT_VECTORS);
  else if (self->own_id >= 0 && id == (guint) self->own_id)
    ivd_backend_condemn (self, "reported its own id %u as a peer's", id);
  else if (g_hash_table_lookup_extended (self->peers, GUINT_TO_POINTER (id), NULL, &known)
           && vectors <= GPOINTER_TO_UINT (known))
    ivd_backend_condemn (self, "reported peer %u twice", id);
  return ivd_backend_is_trusted (self);
}

static void
report_peer (IvdBackend *self, uint32_t id, uint32_t vectors, const IvshmemPluginCredentials *said)
{
  IvdCredentials credentials;
  g_autofree char *executable = NULL;

  if (!begin (self, "reported a peer") || !check_peer (self, id, vectors))
    return;
  g_hash_table_insert (self->peers, GUINT_TO_POINTER (id), GUINT_TO_POINTER (vectors));
  if (self->host_lost)
    return;
  read_credentials (said, &credentials, &executable);
  ivd_registry_peer_connected (self->host->registry, self->region, id, vectors,
                               said != NULL ? &credentials : NULL);
}

static void
report_peer_gone (IvdBackend *self, uint32_t id)
{
  if (!begin (self, "reported that a peer has gone"))
    return;
  if (!g_hash_table_remove (self->peers, GUINT_TO_POINTER (id)))
    ivd_backend_condemn (self, "reported that peer %u has gone, who was not there", id);
  else if (!self->host_lost)
    ivd_registry_peer_disconnected (self->host->registry, self->region, id);
}

static void
report_interrupt (IvdBackend *self, uint32_t vector, uint64_t count)
{
  if (!begin (self, "reported an interrupt") || self->host_lost)
    return;
  if (self->mapping == NULL)
    ivd_backend_condemn (self, "reported an interrupt while its memory was not there");
  else if (vector >= self->own_vectors)
    ivd_backend_condemn (self, "reported an interrupt on vector %u and has %u", vector, self->own_vectors);
  else if (ivd_vector_reader_has (self->reader, vector))
    ivd_backend_condemn (self, "reported an interrupt on vector %u, whose handle it has given away", vector);
  else if (count == 0)
    ivd_backend_condemn (self, "reported no interrupts on vector %u", vector);
  else
    ivd_registry_interrupt (self->host->registry, self->region, vector, count);
}

/* The option of that name, if nobody gave it a value; else NULL. */
static const IvshmemPluginOption *
find_open_option (IvdBackend *self, const char *name)
{
  const IvshmemPlugin *table = ivd_plugin_get_table (self->plugin);
  guint n_values;
  const IvshmemPluginValue *values = ivd_options_get_values (self->options, &n_values);

  for (guint i = 0; name != NULL && i < n_values; i++)
    if (strcmp (ivd_plugin_table_get_option (table, i)->name, name) == 0)
      return values[i].given ? NULL : ivd_plugin_table_get_option (table, i);
  return NULL;
}

static void
report_resolved (IvdBackend *self, const char *name, const char *said)
{
  const IvshmemPluginOption *option;
  g_autoptr (GVariant) variant = NULL;
  g_autofree char *text = NULL;
  guint64 number;

  if (!begin (self, "said what an option came to"))
    return;
  option = find_open_option (self, name);
  if (option == NULL)
    {
      ivd_backend_condemn (self,
                           "said of an option that it does not have, or that was given, what it came to");
      return;
    }
  if (said != NULL && g_utf8_validate (said, -1, NULL))
    variant = g_variant_ref_sink (g_variant_new_string (said));
  if (variant == NULL || !ivd_option_value_parse (option, variant, &text, &number, NULL))
    {
      ivd_backend_condemn (self, "said that option '%s' came to what it cannot be", name);
      return;
    }
  if (self->attach == NULL)
    {
      ivd_backend_condemn (self, "said what an option came to when the region had been attached already");
      return;
    }
  ivd_registry_set_option (self->host->registry, self->region, name,
                           ivd_option_value_to_variant (option, text, number));
}

static void
report_limited (IvdBackend *self, const char *message)
{
  g_autofree char *text = NULL;

  if (!begin (self, "said what its region cannot do"))
    return;
  if (self->mapping == NULL || message == NULL)
    {
      ivd_backend_condemn (self, message == NULL ? "said nothing of what its region cannot do"
                                                 : "said what its region cannot do before it had memory");
      return;
    }
  text = ivd_text_safe_bytes (message, IVD_LIMIT_PLUGIN_MESSAGE_BYTES);
  ivd_registry_set_limited (self->host->registry, self->region, text);
}

static void
report_detached (IvdBackend *self)
{
  if (self == NULL || !ivd_backend_check_thread (self, "said that it has detached"))
    return;
  if (self->phase == IVD_PHASE_RUNNING)
    {
      ivd_backend_condemn (self, "said that it has detached, which nobody had asked for");
      return;
    }
  self->detach_said = TRUE;
  ivd_backend_schedule (self);
}

void
ivd_report_fill_table (IvshmemPluginHost *table)
{
  table->memory_ready = report_memory_ready;
  table->connecting = report_connecting;
  table->changed = report_changed;
  table->peer = report_peer;
  table->peer_gone = report_peer_gone;
  table->interrupt = report_interrupt;
  table->lost = report_lost;
  table->back = report_back;
  table->detached = report_detached;
  table->resolved = report_resolved;
  table->limited = report_limited;
}
