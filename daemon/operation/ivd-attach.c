/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-attach.h"

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "config/ivd-saved-region.h"
#include "operation/ivd-arguments.h"
#include "operation/ivd-hotplug.h"
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
  gboolean persist;
  gboolean activity;
  gboolean hotplug;
  GVariant *given; /* the plugin's own, as they were given */
  IvdAttachFunc func;
  gpointer data;
} Attach;

static void
attach_free (Attach *attach)
{
  g_free (attach->plugin);
  g_free (attach->name);
  g_clear_pointer (&attach->given, g_variant_unref);
  g_free (attach);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Attach, attach_free)

/* As the config would have it; NULL: not every option can be put that way. */
static IvdConfigRegion *
describe (const Attach *attach, GError **error)
{
  g_autoptr (IvdConfigRegion) region = ivd_config_region_new (attach->name, attach->plugin);

  region->persist = attach->persist;
  region->activity = attach->activity;
  region->hotplug = attach->hotplug;
  return ivd_config_region_add_options (region, attach->given, error) ? g_steal_pointer (&region) : NULL;
}

/* What was asked for beyond this moment: the next start, the next device. */
static gboolean
keep (const Attach *attach, IvdRegion *region, GError **error)
{
  g_autoptr (IvdConfigRegion) described = NULL;
  g_autoptr (GVariant) options = NULL;

  if (attach->persist || attach->hotplug)
    {
      described = describe (attach, error);
      if (described == NULL
          || (attach->persist && !ivd_saved_region_write (attach->context->state_dir, described, error)))
        return FALSE;
    }
  if (!attach->hotplug)
    {
      (void) ivd_hotplug_end (attach->context->hotplug, attach->name);
      return TRUE;
    }
  options = ivd_config_region_dup_attach_options (described);
  ivd_hotplug_keep (attach->context->hotplug, region, options);
  return TRUE;
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
  if (region != NULL && !keep (attach, region, &error))
    {
      ivd_registry_remove (attach->context->registry, region, FALSE, NULL, NULL);
      g_clear_object (&region);
    }
  answer (attach, region, error);
}

/* These three are ours, the rest the plugin's. */
static gboolean
split_options (Attach *attach, GVariant *options, GError **error)
{
  g_autoptr (IvdArguments) arguments = ivd_arguments_new (options, error);

  if (arguments == NULL
      || !ivd_arguments_take_boolean (arguments, "persist", &attach->persist, error)
      || !ivd_arguments_take_boolean (arguments, IVD_OPTION_ACTIVITY, &attach->activity, error)
      || !ivd_arguments_take_boolean (arguments, IVD_OPTION_HOTPLUG, &attach->hotplug, error)
      || (attach->hotplug && !ivd_candidates_check (attach->context->candidates, attach->plugin, error)))
    return FALSE;
  if (attach->persist && attach->context->state_dir == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_PRECONDITION,
                   "persist=true: the daemon runs without a state directory; give it one with --state-dir");
      return FALSE;
    }
  attach->given = ivd_arguments_rest (arguments);
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
  if (*ret_plugin == NULL || !split_options (attach, options, error))
    return NULL;
  checked = ivd_options_new (ivd_plugin_get_table (*ret_plugin), attach->given, check_path, context_and_caller, error);
  if (checked != NULL && attach->activity)
    ivd_options_add (checked, IVD_OPTION_ACTIVITY, g_variant_new_boolean (TRUE));
  if (checked != NULL && attach->hotplug)
    ivd_options_add (checked, IVD_OPTION_HOTPLUG, g_variant_new_boolean (TRUE));
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

static gboolean
check_peers (IvdRegion *region, gboolean force, GError **error)
{
  guint peers = ivd_region_get_peer_count (region);

  if (peers == 0 || force)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_BUSY,
               "region '%s' has %u peers connected: detach them first, or use force", ivd_region_get_name (region),
               peers);
  return FALSE;
}

/* ret_region: NULL when there is only the rule that would attach it. */
static gboolean
check_detach (IvdRequest *request, const char *name, GVariant *options, IvdRegion **ret_region, GError **error)
{
  IvdContext *context = ivd_request_context (request);
  IvdCaller *caller = ivd_request_caller (request);
  g_autoptr (IvdArguments) arguments = NULL;
  g_autoptr (GError) missing = NULL;
  gboolean force = FALSE;
  IvdRegion *region;

  if (!ivd_name_check ("region", name, error))
    return FALSE;
  region = ivd_registry_find (context->registry, name, &missing);
  if (region == NULL && !ivd_hotplug_has (context->hotplug, name))
    {
      ivd_access_cover_missing (context->access, caller, IVD_PERMISSION_ATTACH, name, &missing);
      g_propagate_error (error, g_steal_pointer (&missing));
      return FALSE;
    }
  if (!ivd_access_check (context->access, caller, IVD_PERMISSION_ATTACH, name, error)
      || (arguments = ivd_arguments_new (options, error)) == NULL
      || !ivd_arguments_take_boolean (arguments, "force", &force, error)
      || !ivd_arguments_end (arguments, error)
      || (region != NULL && !check_peers (region, force, error)))
    return FALSE;
  *ret_region = region;
  return TRUE;
}

void
ivd_operation_detach (IvdRequest *request)
{
  IvdContext *context = ivd_request_context (request);
  g_autoptr (GVariant) options = NULL;
  IvdRegion *region = NULL;
  GError *error = NULL;
  const char *name;

  g_variant_get (ivd_request_parameters (request), "(&s@a{sv})", &name, &options);
  if (!check_detach (request, name, options, &region, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  (void) ivd_hotplug_end (context->hotplug, name);
  forget_saved (context, name);
  if (region != NULL)
    ivd_registry_remove (context->registry, region, FALSE, on_detached, request);
  else
    on_detached (request);
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
