/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-plugin-table.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "model/ivd-capability.h"
#include "plugin/ivd-option-value.h"

/* What minor version 0 of the ABI had is always there. */
#define TABLE_BYTES (offsetof (IvshmemPlugin, ops) + sizeof (const IvshmemPluginOps *))
#define OPTION_BYTES (offsetof (IvshmemPluginOption, maximum) + sizeof (uint64_t))
#define OPS_BYTES (offsetof (IvshmemPluginOps, destroy) + sizeof (void (*) (void)))

const IvshmemPluginOption *
ivd_plugin_table_get_option (const IvshmemPlugin *table, guint i)
{
  return (const IvshmemPluginOption *) ((const char *) table->options + (gsize) i * table->option_size);
}

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean
check_size (const char *what, guint32 size, gsize least, GError **error)
{
  if (size >= least && size <= IVD_LIMIT_PLUGIN_STRUCT_BYTES)
    return TRUE;
  return refuse (error, "%s says that it has %u bytes: it has at least %" G_GSIZE_FORMAT " and at most %d",
                 what, size, least, IVD_LIMIT_PLUGIN_STRUCT_BYTES);
}

static gboolean
check_text (const char *what, const char *text, GError **error)
{
  if (text == NULL)
    return refuse (error, "%s is missing", what);
  if (strnlen (text, IVD_LIMIT_PLUGIN_TEXT_BYTES + 1) > IVD_LIMIT_PLUGIN_TEXT_BYTES)
    return refuse (error, "%s is longer than %d bytes", what, IVD_LIMIT_PLUGIN_TEXT_BYTES);
  if (!g_utf8_validate (text, -1, NULL))
    return refuse (error, "%s is not UTF-8", what);
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return refuse (error, "%s has control characters in it: it must be one line", what);
  return TRUE;
}

static gboolean
check_version (const IvshmemPlugin *table, GError **error)
{
  if (table->min_host_minor <= IVSHMEM_PLUGIN_ABI_MINOR)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
               "it needs a daemon with plugin ABI %d.%u or later, and this one has %d.%d",
               IVSHMEM_PLUGIN_ABI_MAJOR, table->min_host_minor, IVSHMEM_PLUGIN_ABI_MAJOR,
               IVSHMEM_PLUGIN_ABI_MINOR);
  return FALSE;
}

static gboolean
check_texts (const IvshmemPlugin *table, const char *name, GError **error)
{
  if (table->name == NULL)
    return refuse (error, "its name is missing");
  if (!ivd_name_check ("plugin", table->name, error))
    return FALSE;
  if (strcmp (table->name, name) != 0)
    return refuse (error, "it calls itself '%s', so its file must be called '%s.so', not '%s.so'",
                   table->name, table->name, name);
  return check_text ("its version", table->version, error)
         && check_text ("its license", table->license, error)
         && check_text ("its description", table->description, error);
}

/* --- options --- */

/* What else stands among a region's options: in the config, on the bus. */
static gboolean
option_name_is_reserved (const char *name)
{
  static const char *const reserved[] = {
    "plugin", "name", "persist", IVD_OPTION_ACTIVITY, IVD_OPTION_HOTPLUG, "allow-see", "allow-read", "allow-write", "allow-ring",
    "allow-handover", "allow-attach", "allow-bridge", "allow-admin", NULL
  };

  return g_strv_contains (reserved, name);
}

static gboolean
check_option_name (const IvshmemPlugin *table, guint i, GError **error)
{
  const char *name = ivd_plugin_table_get_option (table, i)->name;
  g_autofree char *safe = NULL;
  gsize length;

  if (name == NULL)
    return refuse (error, "option %u of its table has no name", i);
  safe = ivd_text_safe (name);
  length = strnlen (name, IVD_LIMIT_NAME_BYTES + 1);
  if (length == 0 || length > IVD_LIMIT_NAME_BYTES || !g_ascii_islower (name[0])
      || strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
    return refuse (error, "option %u of its table is called '%s': 1 to %d of a-z 0-9 -, the first a letter",
                   i, safe, IVD_LIMIT_NAME_BYTES);
  if (option_name_is_reserved (name))
    return refuse (error, "option '%s' of its table has a name that the daemon uses itself", safe);
  for (guint j = 0; j < i; j++)
    if (strcmp (ivd_plugin_table_get_option (table, j)->name, name) == 0)
      return refuse (error, "option '%s' is twice in its table", safe);
  return TRUE;
}

static gboolean
check_option_limits (const IvshmemPluginOption *option, GError **error)
{
  gboolean counts = option->type == IVSHMEM_PLUGIN_SIZE || option->type == IVSHMEM_PLUGIN_NUMBER
                    || option->type == IVSHMEM_PLUGIN_DURATION;

  if (option->minimum == 0 && option->maximum == 0)
    return TRUE;
  if (!counts)
    return refuse (error, "option '%s' of its table has limits, but is no number, size or duration",
                   option->name);
  if (option->minimum > option->maximum)
    return refuse (error, "option '%s' of its table has a minimum above its maximum", option->name);
  return TRUE;
}

static gboolean
check_option_default (const IvshmemPluginOption *option, GError **error)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) reason = NULL;
  g_autofree char *what = g_strdup_printf ("the default of option '%s' of its table", option->name);
  g_autofree char *text = NULL;
  guint64 number;

  if (option->default_text == NULL)
    return TRUE;
  if (option->flags & IVSHMEM_PLUGIN_OPTION_REQUIRED)
    return refuse (error, "option '%s' of its table is required and has a default", option->name);
  if (!check_text (what, option->default_text, error))
    return FALSE;
  value = g_variant_ref_sink (g_variant_new_string (option->default_text));
  if (ivd_option_value_parse (option, value, &text, &number, &reason))
    return TRUE;
  return refuse (error, "%s is none: %s", what, reason->message);
}

static gboolean
check_option (const IvshmemPlugin *table, guint i, GError **error)
{
  const IvshmemPluginOption *option = ivd_plugin_table_get_option (table, i);
  g_autofree char *what = g_strdup_printf ("option %u of its table", i);
  g_autofree char *description = NULL;

  if (!check_size (what, option->struct_size, OPTION_BYTES, error))
    return FALSE;
  if (option->struct_size > table->option_size)
    return refuse (error, "%s has %u bytes, more than the table's rows, which have %u",
                   what, option->struct_size, table->option_size);
  if (!check_option_name (table, i, error))
    return FALSE;
  if (ivd_option_type_name (option->type) == NULL)
    return refuse (error, "option '%s' of its table has the unknown type %u", option->name, option->type);
  if (table->abi_minor <= IVSHMEM_PLUGIN_ABI_MINOR && (option->flags & ~IVSHMEM_PLUGIN_OPTION_REQUIRED) != 0)
    return refuse (error, "option '%s' of its table has the unknown flags 0x%x", option->name, option->flags);
  description = g_strdup_printf ("the description of option '%s' of its table", option->name);
  return check_text (description, option->description, error) && check_option_limits (option, error)
         && check_option_default (option, error);
}

static gboolean
check_options (const IvshmemPlugin *table, GError **error)
{
  if (table->n_options == 0)
    return TRUE;
  if (table->n_options > IVD_LIMIT_OPTIONS)
    return refuse (error, "it has %u options, more than %d", table->n_options, IVD_LIMIT_OPTIONS);
  if (table->options == NULL)
    return refuse (error, "it says that it has %u options, but has no table of them", table->n_options);
  if (!check_size ("a row of its option table", table->option_size, OPTION_BYTES, error))
    return FALSE;
  if (table->option_size % G_ALIGNOF (IvshmemPluginOption) != 0)
    return refuse (error, "a row of its option table has %u bytes, which is no multiple of %" G_GSIZE_FORMAT,
                   table->option_size, (gsize) G_ALIGNOF (IvshmemPluginOption));
  for (guint i = 0; i < table->n_options; i++)
    if (!check_option (table, i, error))
      return FALSE;
  return TRUE;
}

/* --- operations --- */

static gboolean
check_mandatory (const IvshmemPluginOps *ops, GError **error)
{
  const struct
  {
    const char *name;
    gboolean there;
  } mandatory[] = {
    { "create", ops->create != NULL },
    { "describe", ops->describe != NULL },
    { "memory", ops->memory != NULL },
    { "detach", ops->detach != NULL },
    { "destroy", ops->destroy != NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (mandatory); i++)
    if (!mandatory[i].there)
      return refuse (error, "its operation '%s' is missing, and every plugin needs it", mandatory[i].name);
  return TRUE;
}

/* Of a plugin that was built against minor 0 none of them is there. */
static gboolean
check_monitor (const IvshmemPluginOps *ops, GError **error)
{
  const struct
  {
    const char *name;
    gboolean there;
  } needs[] = {
    { "monitor_open", IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, ops, monitor_open) },
    { "monitor_take", IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, ops, monitor_take) },
    { "monitor_close", IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, ops, monitor_close) },
    { "probe", ops->probe != NULL },
  };
  const gboolean any = needs[0].there || needs[1].there || needs[2].there;

  for (gsize i = 0; any && i < G_N_ELEMENTS (needs); i++)
    if (!needs[i].there)
      return refuse (error, "it has a monitor, but not the operation '%s', which a monitor needs", needs[i].name);
  return TRUE;
}

static gboolean
check_capabilities (const IvshmemPlugin *table, GError **error)
{
  const struct
  {
    guint64 capability;
    const char *operation;
    gboolean there;
  } needs[] = {
    { IVSHMEM_PLUGIN_CAP_RING, "ring", table->ops->ring != NULL },
    { IVSHMEM_PLUGIN_CAP_VECTOR_FD, "vector_handle", table->ops->vector_handle != NULL },
    { IVSHMEM_PLUGIN_CAP_JOIN, "join", table->ops->join != NULL },
  };

  if (table->abi_minor <= IVSHMEM_PLUGIN_ABI_MINOR && (table->capabilities & ~(guint64) IVD_CAP_ALL) != 0)
    return refuse (error, "it has the unknown capabilities 0x%" G_GINT64_MODIFIER "x",
                   table->capabilities & ~(guint64) IVD_CAP_ALL);
  for (gsize i = 0; i < G_N_ELEMENTS (needs); i++)
    if ((table->capabilities & needs[i].capability) != 0 && !needs[i].there)
      return refuse (error, "it has the capability '%s', but not the operation '%s'",
                     ivd_capability_name ((IvdCapability) needs[i].capability), needs[i].operation);
  return TRUE;
}

gboolean
ivd_plugin_table_check (const IvshmemPlugin *table, const char *name, GError **error)
{
  if (!check_size ("its table", table->struct_size, TABLE_BYTES, error))
    return FALSE;
  if (!check_version (table, error) || !check_texts (table, name, error) || !check_options (table, error))
    return FALSE;
  if (table->ops == NULL)
    return refuse (error, "it has no operations");
  if (!check_size ("its table of operations", table->ops->struct_size, OPS_BYTES, error))
    return FALSE;
  return check_mandatory (table->ops, error) && check_monitor (table->ops, error)
         && check_capabilities (table, error);
}
