/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-filter.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

#define ALL_TYPES ((1u << IVD_EVENT_TYPE_COUNT) - 1)

struct _IvdHttpFilter
{
  GTree *regions; /* names; NULL: all */
  guint types;    /* bits; 0: all */
};

static gint
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  return g_strcmp0 (a, b);
}

IvdHttpFilter *
ivd_http_filter_new (void)
{
  return g_rc_box_new0 (IvdHttpFilter);
}

IvdHttpFilter *
ivd_http_filter_ref (IvdHttpFilter *filter)
{
  return g_rc_box_acquire (filter);
}

static void
filter_clear (gpointer data)
{
  IvdHttpFilter *filter = data;

  g_clear_pointer (&filter->regions, g_tree_unref);
}

void
ivd_http_filter_unref (IvdHttpFilter *filter)
{
  if (filter != NULL)
    g_rc_box_release_full (filter, filter_clear);
}

gboolean
ivd_http_filter_add_region (IvdHttpFilter *filter, const char *name, GError **error)
{
  if (!ivd_name_check ("region", name, error))
    return FALSE;
  if (filter->regions == NULL)
    filter->regions = g_tree_new_full (compare, NULL, g_free, NULL);
  if (g_tree_nnodes (filter->regions) >= IVD_LIMIT_REGIONS)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "at most %d regions can be listed; none listed means all",
                   IVD_LIMIT_REGIONS);
      return FALSE;
    }
  g_tree_insert (filter->regions, g_strdup (name), NULL);
  return TRUE;
}

static char *
list_types (void)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < IVD_EVENT_TYPE_COUNT; i++)
    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", ivd_event_type_name (i));
  return g_string_free (g_steal_pointer (&list), FALSE);
}

gboolean
ivd_http_filter_add_type (IvdHttpFilter *filter, const char *name, GError **error)
{
  g_autofree char *safe = NULL;
  g_autofree char *known = NULL;

  for (guint i = 0; i < IVD_EVENT_TYPE_COUNT; i++)
    {
      if (!g_str_equal (name, ivd_event_type_name (i)))
        continue;
      filter->types |= 1u << i;
      return TRUE;
    }
  safe = ivd_text_safe (name);
  known = list_types ();
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "there is no event type '%s'; there are %s", safe, known);
  return FALSE;
}

gboolean
ivd_http_filter_wants_type (const IvdHttpFilter *filter, IvdEventType type)
{
  return filter->types == 0 || (filter->types & 1u << type) != 0;
}

gboolean
ivd_http_filter_wants_region (const IvdHttpFilter *filter, const char *region)
{
  if (filter->regions == NULL)
    return TRUE;
  return region != NULL && g_tree_lookup_extended (filter->regions, region, NULL, NULL);
}

static gboolean
append_region (gpointer name, gpointer value, gpointer data)
{
  g_string_append_printf (data, ",%s", (const char *) name);
  return FALSE;
}

char *
ivd_http_filter_describe (const IvdHttpFilter *filter)
{
  GString *text = g_string_new (NULL);

  g_string_printf (text, "%x", filter->types != 0 ? filter->types : ALL_TYPES);
  if (filter->regions != NULL)
    g_tree_foreach (filter->regions, append_region, text);
  return g_string_free (text, FALSE);
}
