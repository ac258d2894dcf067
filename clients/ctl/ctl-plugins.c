/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-plugins.h"

#include "base/ivd-error.h"
#include "base/ivd-name.h"

#include "ctl-region.h"

GVariant *
ctl_plugins_list (CtlCommand *command, GError **error)
{
  CtlTransport *transport = ctl_command_connect (command, error);
  g_autoptr (GVariant) properties = NULL;
  GVariant *plugins;

  if (transport == NULL)
    return NULL;
  properties = ctl_transport_properties (transport, NULL, error);
  if (properties == NULL)
    return NULL;
  plugins = g_variant_lookup_value (properties, "Plugins", G_VARIANT_TYPE ("aa{sv}"));
  if (plugins == NULL)
    g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED, "this daemon does not list its plugins");
  return plugins;
}

GVariant *
ctl_plugins_find (GVariant *plugins, const char *name, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);
  g_autofree char *safe = ivd_text_safe (name);

  for (gsize i = 0; i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);
      const char *its_name = ctl_region_text (plugin, "name");

      if (g_str_equal (its_name, name))
        return g_steal_pointer (&plugin);
      g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "", its_name);
    }
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND, "there is no plugin '%s'; there are: %s", safe,
               known->len > 0 ? known->str : "none");
  return NULL;
}

GVariant *
ctl_plugins_candidates (CtlCommand *command, const char *plugin, GError **error)
{
  g_autoptr (GVariant) answer
      = ctl_command_call (command, NULL, "ListCandidates", g_variant_new ("(s)", plugin), "(aa{sv})", error);

  return answer != NULL ? g_variant_get_child_value (answer, 0) : NULL;
}

const char *
ctl_plugins_failure (GVariant *plugin)
{
  const char *failure = NULL;

  if (!g_variant_lookup (plugin, "error", "&s", &failure) || *failure == '\0')
    return NULL;
  return failure;
}

GVariant *
ctl_plugins_options (GVariant *plugin)
{
  return g_variant_lookup_value (plugin, "options", G_VARIANT_TYPE ("aa{sv}"));
}
