/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-attach.h"

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "config/ivd-saved-region.h"
#include "operation/ivd-arguments.h"
#include "operation/ivd-region-operations.h"
#include "platform/ivd-log.h"
#include "plugin/ivd-backend.h"
#include "plugin/ivd-probe.h"

/* One attach between the checks and the answer of the backend. */
typedef struct
{
  IvdContext *context;
  char *plugin;
  char *name;
  gboolean activity;
  GVariant *saved; /* what to keep for the next start; NULL: nothing */
  IvdAttachFunc func;
  gpointer data;
} Attach;

static void
attach_free (Attach *attach)
{
  g_free (attach->plugin);
  g_free (attach->name);
  g_clear_pointer (&attach->saved, g_variant_unref);
  g_free (attach);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Attach, attach_free)

static gboolean
save (const Attach *attach, GError **error)
{
  g_autoptr (IvdConfigRegion) region = ivd_config_region_new (attach->name, attach->plugin);

  region->persist = TRUE;
  region->activity = attach->activity;
  return ivd_config_region_add_options (region, attach->saved, error)
         && ivd_saved_region_write (attach->context->state_dir, region, error);
}

static void
answer (Attach *take_attach, IvdRegion *region, const GError *error)
{
  g_autoptr (Attach) attach = take_attach;

  attach->func (region, error, attach->data);
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer data)
{
  Attach *attach = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdRegion) region = ivd_backend_attach_finish (result, &error);

  /* Nothing half applied: what cannot be kept as asked is not attached. */
  if (region != NULL && attach->saved != NULL && !save (attach, &error))
    {
      ivd_registry_remove (attach->context->registry, region, FALSE, NULL, NULL);
      g_clear_object (&region);
    }
  answer (attach, region, error);
}

/* These two are ours, the rest the plugin's. */
static gboolean
split_options (IvdContext *context, GVariant *options, gboolean *ret_persist, gboolean *ret_activity, GVariant **ret_rest,
               GError **error)
{
  g_autoptr (IvdArguments) arguments = ivd_arguments_new (options, error);
  gboolean persist = FALSE, activity = FALSE;

  if (arguments == NULL
      || !ivd_arguments_take_boolean (arguments, "persist", &persist, error)
      || !ivd_arguments_take_boolean (arguments, IVD_OPTION_ACTIVITY, &activity, error))
    return FALSE;
  if (persist && context->state_dir == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_PRECONDITION,
                   "persist=true: the daemon runs without a state directory; give it one with --state-dir");
      return FALSE;
    }
  *ret_persist = persist;
  *ret_activity = activity;
  *ret_rest = ivd_arguments_rest (arguments);
  return TRUE;
}

static gboolean
check_path (const char *path, gpointer data, GError **error)
{
  gpointer *context_and_caller = data;

  return ivd_access_check_path (((IvdContext *) context_and_caller[0])->access, context_and_caller[1], path, error);
}

/* The four checks, in the order that the interface promises. */
static IvdOptions *
check (IvdContext *context, IvdCaller *caller, const char *plugin_name, const char *name, GVariant *options,
       Attach *attach, IvdPlugin **ret_plugin, GError **error)
{
  gpointer context_and_caller[] = { context, caller };
  g_autoptr (GVariant) rest = NULL;
  gboolean persist;
  IvdOptions *checked;

  if (!ivd_name_check ("region", name, error)
      || !ivd_access_check (context->access, caller, IVD_PERMISSION_ATTACH, name, error))
    return NULL;
  if (ivd_registry_has (context->registry, name))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_EXISTS,
                   "there is a region '%s' already: detach it first, or choose another name", name);
      return NULL;
    }
  *ret_plugin = ivd_plugin_store_find (context->plugins, plugin_name, error);
  if (*ret_plugin == NULL || !split_options (context, options, &persist, &attach->activity, &rest, error))
    return NULL;
  checked = ivd_options_new (ivd_plugin_get_table (*ret_plugin), rest, check_path, context_and_caller, error);
  if (checked != NULL && attach->activity)
    ivd_options_add (checked, IVD_OPTION_ACTIVITY, g_variant_new_boolean (TRUE));
  if (checked != NULL && persist)
    attach->saved = g_steal_pointer (&rest);
  return checked;
}

void
ivd_attach (IvdContext *context, IvdCaller *caller, const char *plugin, const char *name, GVariant *options,
            IvdAttachFunc func, gpointer data)
{
  Attach *attach = g_new0 (Attach, 1);
  g_autoptr (IvdOptions) checked = NULL;
  g_autoptr (GError) error = NULL;
  IvdPlugin *module;

  attach->context = context;
  attach->plugin = g_strdup (plugin);
  attach->name = g_strdup (name);
  attach->func = func;
  attach->data = data;
  checked = check (context, caller, plugin, name, options, attach, &module, &error);
  if (checked == NULL)
    answer (attach, NULL, error);
  else
    ivd_backend_attach (context->backends, module, name, checked, NULL, on_attached, attach);
}

/* --- the operations --- */

static void
on_attach_answer (IvdRegion *region, const GError *error, gpointer data)
{
  IvdRequest *request = data;
  g_autofree char *path = NULL;

  if (region == NULL)
    {
      ivd_request_fail (request, g_error_copy (error));
      return;
    }
  path = ivd_name_to_path (IVD_REGION_PATH_PREFIX, ivd_region_get_name (region));
  ivd_request_return (request, g_variant_new ("(o)", path));
}

void
ivd_operation_attach (IvdRequest *request)
{
  g_autoptr (GVariant) options = NULL;
  const char *plugin, *name;

  g_variant_get (ivd_request_parameters (request), "(&s&s@a{sv})", &plugin, &name, &options);
  ivd_attach (ivd_request_context (request), ivd_request_caller (request), plugin, name, options, on_attach_answer,
              request);
}

static void
on_detached (gpointer data)
{
  ivd_request_return (data, NULL);
}

static void
forget_saved (IvdContext *context, const char *name)
{
  g_autoptr (GError) error = NULL;

  if (context->state_dir == NULL || ivd_saved_region_remove (context->state_dir, name, &error))
    return;
  if (!g_error_matches (error, IVD_ERROR, IVD_ERROR_NOT_FOUND))
    ivd_log (IVD_LOG_WARNING, name, "it will be attached again at the next start: %s", error->message);
}

static IvdRegion *
check_detach (IvdRequest *request, GError **error)
{
  IvdContext *context = ivd_request_context (request);
  g_autoptr (IvdArguments) arguments = NULL;
  g_autoptr (GVariant) options = NULL;
  gboolean force = FALSE;
  IvdRegion *region;
  const char *name;
  guint peers;

  g_variant_get (ivd_request_parameters (request), "(&s@a{sv})", &name, &options);
  if (!ivd_name_check ("region", name, error))
    return NULL;
  region = ivd_registry_find (context->registry, name, error);
  if (region == NULL)
    {
      ivd_access_cover_missing (context->access, ivd_request_caller (request), IVD_PERMISSION_ATTACH, name, error);
      return NULL;
    }
  if (!ivd_access_check (context->access, ivd_request_caller (request), IVD_PERMISSION_ATTACH, name, error)
      || (arguments = ivd_arguments_new (options, error)) == NULL
      || !ivd_arguments_take_boolean (arguments, "force", &force, error)
      || !ivd_arguments_end (arguments, error))
    return NULL;
  peers = ivd_region_get_peer_count (region);
  if (peers > 0 && !force)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_BUSY,
                   "region '%s' has %u peers connected: detach them first, or use force", name, peers);
      return NULL;
    }
  return region;
}

void
ivd_operation_detach (IvdRequest *request)
{
  GError *error = NULL;
  IvdRegion *region = check_detach (request, &error);
  IvdContext *context = ivd_request_context (request);

  if (region == NULL)
    {
      ivd_request_fail (request, error);
      return;
    }
  forget_saved (context, ivd_region_get_name (region));
  ivd_registry_remove (context->registry, region, FALSE, on_detached, request);
}

static void
on_candidates (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (GVariant) candidates = ivd_probe_finish (result, &error);

  if (candidates == NULL)
    ivd_request_fail (data, error);
  else
    ivd_request_return (data, g_variant_new ("(@aa{sv})", candidates));
}

void
ivd_operation_list_candidates (IvdRequest *request)
{
  IvdContext *context = ivd_request_context (request);
  GError *error = NULL;
  const char *name;
  IvdPlugin *plugin;

  g_variant_get (ivd_request_parameters (request), "(&s)", &name);
  if (!ivd_access_check (context->access, ivd_request_caller (request), IVD_PERMISSION_SEE, NULL, &error)
      || (plugin = ivd_plugin_store_find (context->plugins, name, &error)) == NULL)
    {
      ivd_request_fail (request, error);
      return;
    }
  ivd_probe_start (context->backends, plugin, on_candidates, request);
}
