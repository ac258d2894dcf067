/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-probe.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "plugin/ivd-backend-private.h"
#include "platform/ivd-log.h"

/* What minor version 0 of the ABI had. */
#define FIELD_BYTES (offsetof (IvshmemPluginField, number) + sizeof (uint64_t))

/* One listing. While probe() runs it is the pool thread's alone. */
struct IvshmemPluginProbe
{
  GTask *task;
  IvdPluginHost *host;
  IvdPlugin *plugin;
  GVariantBuilder candidates;
  guint n_candidates;
  guint n_refused;
  const char *refused_for; /* the first of them */
  IvshmemPluginStatus status;
};

typedef struct IvshmemPluginProbe IvdProbe;

static gboolean
name_is_good (const char *name)
{
  gsize length = name != NULL ? strnlen (name, IVD_LIMIT_NAME_BYTES + 1) : 0;

  return length > 0 && length <= IVD_LIMIT_NAME_BYTES && g_ascii_islower (name[0])
         && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

static gboolean
text_is_good (const char *text)
{
  return text != NULL && strnlen (text, IVD_LIMIT_PLUGIN_TEXT_BYTES + 1) <= IVD_LIMIT_PLUGIN_TEXT_BYTES
         && g_utf8_validate (text, -1, NULL);
}

/* NULL: no good. */
static GVariant *
field_to_variant (const IvshmemPluginField *field)
{
  switch (field->type)
    {
    case IVSHMEM_PLUGIN_FIELD_TEXT:
      return text_is_good (field->text) ? g_variant_new_string (field->text) : NULL;
    case IVSHMEM_PLUGIN_FIELD_NUMBER:
      return g_variant_new_uint64 (field->number);
    case IVSHMEM_PLUGIN_FIELD_BOOLEAN:
      return g_variant_new_boolean (field->number != 0);
    default:
      return NULL;
    }
}

/* NULL: it is no good, and *ret_why says why. The plugin's fields may be
 * longer than ours. (transfer floating) */
static GVariant *
candidate_to_variant (const char *plugin, const IvshmemPluginField *fields, guint n_fields,
                      const char **ret_why)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  const guint32 stride = fields->struct_size;

  *ret_why = "has fields of a size that cannot be";
  if (stride < FIELD_BYTES || stride > IVD_LIMIT_PLUGIN_STRUCT_BYTES
      || stride % G_ALIGNOF (IvshmemPluginField) != 0)
    return NULL;
  *ret_why = "has no text 'name' as its first field";
  if (fields->type != IVSHMEM_PLUGIN_FIELD_TEXT || g_strcmp0 (fields->name, "name") != 0)
    return NULL;
  g_variant_dict_insert (&dict, "plugin", "s", plugin);
  for (guint i = 0; i < n_fields; i++)
    {
      const IvshmemPluginField *field
          = (const IvshmemPluginField *) ((const char *) fields + (gsize) i * stride);
      GVariant *value;

      *ret_why = "has fields of different sizes";
      if (field->struct_size != stride)
        return NULL;
      *ret_why = "has a field whose name is no good, or is there twice";
      if (!name_is_good (field->name) || g_variant_dict_contains (&dict, field->name))
        return NULL;
      *ret_why = "has a field of an unknown type, or whose text is no good";
      value = field_to_variant (field);
      if (value == NULL)
        return NULL;
      g_variant_dict_insert_value (&dict, field->name, value);
    }
  return g_variant_dict_end (&dict);
}

/* What probe() reports; NULL: no good. */
static GVariant *
check_candidate (IvdProbe *probe, const IvshmemPluginField *fields, guint n_fields, const char **ret_why)
{
  *ret_why = "is one too many";
  if (probe->n_candidates >= IVD_LIMIT_CANDIDATES)
    return NULL;
  *ret_why = "has no fields, or too many";
  if (fields == NULL || n_fields == 0 || n_fields > IVD_LIMIT_CANDIDATE_FIELDS)
    return NULL;
  return candidate_to_variant (ivd_plugin_get_name (probe->plugin), fields, n_fields, ret_why);
}

static void
report_candidate (IvdProbe *probe, const IvshmemPluginField *fields, uint32_t n_fields)
{
  const char *why = NULL;
  GVariant *variant;

  if (probe == NULL)
    return;
  variant = check_candidate (probe, fields, n_fields, &why);
  if (variant != NULL)
    {
      g_variant_builder_add_value (&probe->candidates, variant);
      probe->n_candidates++;
      return;
    }
  if (probe->n_refused++ == 0)
    probe->refused_for = why;
}

void
ivd_probe_fill_table (IvshmemPluginHost *table)
{
  table->candidate = report_candidate;
}

static void
probe_work (gpointer data)
{
  IvdProbe *probe = data;

  probe->status = ivd_plugin_get_table (probe->plugin)->ops->probe (&probe->host->table, probe);
}

static void
probe_done (gpointer data)
{
  g_autofree IvdProbe *probe = data;
  g_autoptr (GTask) task = probe->task;
  g_autoptr (IvdPluginHost) host = probe->host;
  g_autoptr (IvdPlugin) plugin = probe->plugin;
  g_autoptr (GVariant) candidates = g_variant_ref_sink (g_variant_builder_end (&probe->candidates));
  const char *name = ivd_plugin_get_name (plugin);

  if (probe->n_refused > 0)
    ivd_log (IVD_LOG_WARNING, NULL, "%u candidates of plugin '%s' are left out; the first one %s",
             probe->n_refused, name, probe->refused_for);
  if (probe->status == IVSHMEM_PLUGIN_OK)
    g_task_return_pointer (task, g_steal_pointer (&candidates), (GDestroyNotify) g_variant_unref);
  else
    g_task_return_new_error (task, IVD_ERROR, (gint) ivd_status_to_code (probe->status),
                             "plugin '%s' could not list what could be attached (status %d)", name,
                             probe->status);
}

void
ivd_probe_start (IvdPluginHost *host, IvdPlugin *plugin, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  IvdProbe *probe;

  if (!ivd_plugin_can_probe (plugin))
    {
      g_task_return_new_error (task, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                               "plugin '%s' cannot tell what could be attached",
                               ivd_plugin_get_name (plugin));
      return;
    }
  probe = g_new0 (IvdProbe, 1);
  probe->task = g_steal_pointer (&task);
  probe->host = ivd_plugin_host_ref (host);
  probe->plugin = ivd_plugin_ref (plugin);
  g_variant_builder_init (&probe->candidates, G_VARIANT_TYPE ("aa{sv}"));
  ivd_copy_pool_run (host->pool, probe_work, probe_done, probe);
}

GVariant *
ivd_probe_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
