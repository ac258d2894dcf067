/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-boot.h"

#include "base/ivd-error.h"
#include "base/ivd-names.h"
#include "operation/ivd-attach.h"
#include "operation/ivd-hotplug.h"
#include "platform/ivd-log.h"
#include "plugin/ivd-options.h"

/* One by one first: so the error names the line that is wrong. */
static gboolean
check_each_option (const IvshmemPlugin *table, const IvdConfigRegion *region, GError **error)
{
  for (guint i = 0; i < region->options->len; i++)
    {
      const IvdConfigOption *option = g_ptr_array_index (region->options, i);
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string (option->value));

      if (ivd_options_check (table, option->key, value, error))
        continue;
      ivd_config_region_prefix_error (region, option->key, error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_region (IvdContext *context, const IvdConfigRegion *region, GError **error)
{
  IvdPlugin *plugin = ivd_plugin_store_find (context->plugins, region->plugin, error);
  g_autoptr (GVariant) given = NULL;
  g_autoptr (IvdOptions) options = NULL;

  if (plugin == NULL)
    {
      ivd_config_region_prefix_error (region, "plugin", error);
      return FALSE;
    }
  if (region->hotplug && !ivd_plugin_can_monitor (plugin))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "[region %s] has " IVD_OPTION_HOTPLUG "=true, but plugin '%s' never tells when devices come and go",
                   region->name, region->plugin);
      ivd_config_region_prefix_error (region, NULL, error);
      return FALSE;
    }
  if (!check_each_option (ivd_plugin_get_table (plugin), region, error))
    return FALSE;
  given = ivd_config_region_dup_options (region);
  options = ivd_options_new (ivd_plugin_get_table (plugin), given, NULL, NULL, error);
  if (options == NULL)
    ivd_config_region_prefix_error (region, NULL, error);
  return options != NULL;
}

gboolean
ivd_boot_check (IvdContext *context, const GPtrArray *regions, GError **error)
{
  for (guint i = 0; i < regions->len; i++)
    {
      const IvdConfigRegion *region = g_ptr_array_index (regions, i);

      if (region->plugin != NULL && !check_region (context, region, error))
        return FALSE;
    }
  return TRUE;
}

/* Counts what has not answered yet, and one for the loop that begins it. */
typedef struct
{
  guint left;
  void (*done) (gpointer data);
  gpointer data;
} Boot;

typedef struct
{
  Boot *boot;
  const IvdConfigRegion *region;
} BootRegion;

static void
count_down (Boot *boot)
{
  if (--boot->left > 0)
    return;
  boot->done (boot->data);
  g_free (boot);
}

static void
on_tried (gpointer data)
{
  count_down (data);
}

static void
on_attached (IvdRegion *region, const GError *error, gpointer data)
{
  g_autofree BootRegion *entry = data;
  g_autoptr (GError) told = error != NULL ? g_error_copy (error) : NULL;

  if (told != NULL)
    {
      ivd_config_region_prefix_error (entry->region, NULL, &told);
      ivd_log (IVD_LOG_ERROR, entry->region->name, "cannot attach it: %s", told->message);
    }
  count_down (entry->boot);
}

void
ivd_boot_attach (IvdContext *context, const GPtrArray *regions, void (*done) (gpointer data), gpointer data)
{
  g_autoptr (IvdCaller) caller = ivd_caller_new_daemon ();
  Boot *boot = g_new0 (Boot, 1);

  boot->left = 1;
  boot->done = done;
  boot->data = data;
  for (guint i = 0; i < regions->len; i++)
    {
      const IvdConfigRegion *region = g_ptr_array_index (regions, i);
      g_autoptr (GVariant) options = NULL;
      BootRegion *entry;

      if (region->plugin == NULL)
        continue;
      boot->left++;
      options = ivd_config_region_dup_attach_options (region);
      if (region->hotplug)
        {
          ivd_hotplug_start (context->hotplug, region->plugin, region->name, options, on_tried, boot);
          continue;
        }
      entry = g_new0 (BootRegion, 1);
      entry->boot = boot;
      entry->region = region;
      ivd_attach (context, caller, region->plugin, region->name, options, on_attached, entry);
    }
  count_down (boot);
}
