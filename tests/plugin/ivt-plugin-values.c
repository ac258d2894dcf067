/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivt-plugin-values.h"

#include <string.h>

#include "ivt-plugin-host.h"

/* "4M", "5s", "20ms", "off": a number and what its ending stands for. */
typedef struct
{
  const char *ending;
  guint64 factor;
} Ending;

static const Ending sizes[] = {
  { "", 1 },
  { "K", G_GUINT64_CONSTANT (1) << 10 },
  { "M", G_GUINT64_CONSTANT (1) << 20 },
  { "G", G_GUINT64_CONSTANT (1) << 30 },
  { "T", G_GUINT64_CONSTANT (1) << 40 },
};

static const Ending durations[] = {
  { "", G_USEC_PER_SEC },
  { "s", G_USEC_PER_SEC },
  { "ms", 1000 },
  { "us", 1 },
};

static gboolean
read_with_ending (const char *text, const Ending *endings, gsize n_endings, guint64 *ret_number)
{
  char *end = NULL;
  guint64 number = g_ascii_strtoull (text, &end, 10);

  if (end == text || text[0] == '-')
    return FALSE;
  for (gsize i = 0; i < n_endings; i++)
    if (g_str_equal (end, endings[i].ending))
      return g_uint64_checked_mul (ret_number, number, endings[i].factor);
  return FALSE;
}

static gboolean
read_plain (const char *text, guint base, guint64 *ret_number)
{
  return g_ascii_string_to_unsigned (text, base, 0, G_MAXUINT64, ret_number, NULL);
}

static gboolean
read_value (guint32 type, const char *text, guint64 *ret_number)
{
  switch (type)
    {
    case IVSHMEM_PLUGIN_SIZE:
      return read_with_ending (text, sizes, G_N_ELEMENTS (sizes), ret_number);
    case IVSHMEM_PLUGIN_DURATION:
      if (!g_str_equal (text, "off"))
        return read_with_ending (text, durations, G_N_ELEMENTS (durations), ret_number);
      *ret_number = 0;
      return TRUE;
    case IVSHMEM_PLUGIN_MODE:
      return read_plain (text, 8, ret_number);
    case IVSHMEM_PLUGIN_NUMBER:
    case IVSHMEM_PLUGIN_USER:
    case IVSHMEM_PLUGIN_GROUP:
      return read_plain (text, 10, ret_number);
    case IVSHMEM_PLUGIN_BOOLEAN:
      *ret_number = g_str_equal (text, "true") ? 1 : 0;
      return *ret_number == 1 || g_str_equal (text, "false");
    case IVSHMEM_PLUGIN_PATH:
      *ret_number = 0;
      return text[0] == '/';
    default:
      *ret_number = 0;
      return TRUE;
    }
}

static const IvshmemPluginOption *
option_at (const IvshmemPlugin *plugin, guint index)
{
  return (const IvshmemPluginOption *) ((const char *) plugin->options + (gsize) index * plugin->option_size);
}

static gboolean
set_value (IvtPluginValues *values,
           const IvshmemPlugin *plugin,
           guint index,
           const char *text,
           gboolean given,
           GError **error)
{
  const IvshmemPluginOption *option = option_at (plugin, index);
  IvshmemPluginValue *value = &values->values[index];
  gboolean limited = option->minimum != 0 || option->maximum != 0;

  if (!read_value (option->type, text, &value->number)
      || (limited && (value->number < option->minimum || value->number > option->maximum)))
    {
      g_set_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "option %s: '%s' is not for it",
                   option->name, text);
      return FALSE;
    }
  value->present = 1;
  value->given = given ? 1 : 0;
  value->text = g_strdup (text);
  g_ptr_array_add (values->texts, (gpointer) value->text);
  return TRUE;
}

static gboolean
set_given (IvtPluginValues *values, const IvshmemPlugin *plugin, const char *word, GError **error)
{
  const char *equals = strchr (word, '=');

  for (guint i = 0; equals != NULL && i < plugin->n_options; i++)
    {
      const char *name = option_at (plugin, i)->name;

      if (strlen (name) == (gsize) (equals - word) && g_str_has_prefix (word, name))
        return set_value (values, plugin, i, equals + 1, TRUE, error);
    }
  g_set_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "'%s' is no option of %s", word,
               plugin->name);
  return FALSE;
}

IvtPluginValues *
ivt_plugin_values_new (const IvshmemPlugin *plugin, const char *options, GError **error)
{
  g_autoptr (IvtPluginValues) values = g_new0 (IvtPluginValues, 1);
  g_auto (GStrv) words = g_strsplit (options, " ", -1);

  values->n_values = plugin->n_options;
  values->values = g_new0 (IvshmemPluginValue, MAX (plugin->n_options, 1));
  values->texts = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < plugin->n_options; i++)
    {
      const IvshmemPluginOption *option = option_at (plugin, i);

      values->values[i].struct_size = sizeof (IvshmemPluginValue);
      if (option->default_text != NULL && !set_value (values, plugin, i, option->default_text, FALSE, error))
        return NULL;
    }
  for (guint i = 0; words[i] != NULL; i++)
    if (words[i][0] != '\0' && !set_given (values, plugin, words[i], error))
      return NULL;
  return g_steal_pointer (&values);
}

void
ivt_plugin_values_free (IvtPluginValues *values)
{
  if (values == NULL)
    return;
  g_free (values->values);
  g_ptr_array_unref (values->texts);
  g_free (values);
}
