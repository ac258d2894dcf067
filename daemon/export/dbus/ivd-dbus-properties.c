/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/dbus/ivd-dbus-properties.h"

#include "base/ivd-limits.h"

typedef GVariant *(*RegionGetter) (IvdRegion *region);

static GVariant *
get_name (IvdRegion *region)
{
  return g_variant_new_string (ivd_region_get_name (region));
}

static GVariant *
get_plugin (IvdRegion *region)
{
  return g_variant_new_string (ivd_region_get_plugin (region));
}

static GVariant *
get_options (IvdRegion *region)
{
  return ivd_region_get_options (region);
}

static GVariant *
get_state (IvdRegion *region)
{
  return g_variant_new_string (ivd_region_state_name (ivd_region_get_state (region)));
}

static GVariant *
get_reason (IvdRegion *region)
{
  const char *reason = ivd_region_get_reason (region);

  return g_variant_new_string (reason != NULL ? reason : "");
}

static GVariant *
get_size (IvdRegion *region)
{
  return g_variant_new_uint64 (ivd_region_get_size (region));
}

static GVariant *
get_capabilities (IvdRegion *region)
{
  g_autofree const char **names = ivd_capability_names (ivd_region_get_capabilities (region));

  return g_variant_new_strv (names, -1);
}

static GVariant *
get_own_id (IvdRegion *region)
{
  return g_variant_new_int32 (ivd_region_get_own_id (region));
}

static GVariant *
get_vectors (IvdRegion *region)
{
  return g_variant_new_uint32 (ivd_region_get_vectors (region));
}

static GVariant *
get_generation (IvdRegion *region)
{
  return g_variant_new_uint64 (ivd_region_get_generation (region));
}

static GVariant *
get_peer_count (IvdRegion *region)
{
  return g_variant_new_uint32 (ivd_region_get_peer_count (region));
}

static GVariant *
get_statistics (IvdRegion *region)
{
  const IvdStatistics *statistics = ivd_region_get_statistics (region);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{st}"));

  for (guint i = 0; i < IVD_STAT_COUNT; i++)
    g_variant_builder_add (&builder, "{st}", ivd_stat_name (i), ivd_statistics_get (statistics, i));
  return g_variant_builder_end (&builder);
}

static const struct
{
  const char *name;
  RegionGetter get;
  guint changes; /* the bits that make it change; 0: never, or not told */
} region_properties[] = {
  { "Name", get_name, 0 },
  { "Plugin", get_plugin, 0 },
  { "Options", get_options, 0 },
  { "State", get_state, IVD_REGION_CHANGE_STATE },
  { "Reason", get_reason, IVD_REGION_CHANGE_STATE },
  { "Size", get_size, IVD_REGION_CHANGE_MEMORY },
  { "Capabilities", get_capabilities, IVD_REGION_CHANGE_OWN },
  { "OwnId", get_own_id, IVD_REGION_CHANGE_OWN },
  { "Vectors", get_vectors, IVD_REGION_CHANGE_OWN },
  { "Generation", get_generation, IVD_REGION_CHANGE_MEMORY },
  { "PeerCount", get_peer_count, IVD_REGION_CHANGE_PEERS },
  { "Statistics", get_statistics, 0 },
};

GVariant *
ivd_dbus_region_property (IvdRegion *region, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (region_properties); i++)
    if (g_str_equal (region_properties[i].name, name))
      return region_properties[i].get (region);
  return NULL;
}

GVariant *
ivd_dbus_region_properties (IvdRegion *region)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; i < G_N_ELEMENTS (region_properties); i++)
    g_variant_builder_add (&builder, "{sv}", region_properties[i].name, region_properties[i].get (region));
  return g_variant_builder_end (&builder);
}

GVariant *
ivd_dbus_region_changed_properties (IvdRegion *region, guint changes)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; i < G_N_ELEMENTS (region_properties); i++)
    if (region_properties[i].changes & changes)
      g_variant_builder_add (&builder, "{sv}", region_properties[i].name, region_properties[i].get (region));
  return g_variant_builder_end (&builder);
}

GVariant *
ivd_dbus_manager_property (IvdContext *context, const char *name)
{
  if (g_str_equal (name, "Version"))
    return g_variant_new_string (IVD_VERSION);
  if (g_str_equal (name, "Plugins"))
    return ivd_plugin_store_to_variant (context->plugins);
  if (g_str_equal (name, "HttpAddresses"))
    return g_variant_new_strv (context->http_addresses, context->http_addresses != NULL ? -1 : 0);
  return NULL;
}

GVariant *
ivd_dbus_manager_properties (IvdContext *context)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&builder, "{sv}", "Version", ivd_dbus_manager_property (context, "Version"));
  g_variant_builder_add (&builder, "{sv}", "Plugins", ivd_dbus_manager_property (context, "Plugins"));
  g_variant_builder_add (&builder, "{sv}", "HttpAddresses", ivd_dbus_manager_property (context, "HttpAddresses"));
  return g_variant_builder_end (&builder);
}
