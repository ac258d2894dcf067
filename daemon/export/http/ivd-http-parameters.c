/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-parameters.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-names.h"
#include "export/http/ivd-json-variant.h"
#include "memory/ivd-waiter.h"

/* Takes one parameter out of the fields and adds it to the tuple. */
typedef gboolean (*TakeFunc) (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error);

static gboolean
require (IvdJsonFields *fields, const char *name, GError **error)
{
  const char *const keys[] = { name, NULL };

  return ivd_json_fields_require (fields, keys, error);
}

static gboolean
take_uint64 (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  guint64 value;

  if (!require (fields, name, error) || !ivd_json_fields_take_uint64 (fields, name, &value, error))
    return FALSE;
  g_variant_builder_add (tuple, "t", value);
  return TRUE;
}

static gboolean
take_uint32 (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  guint32 value;

  if (!require (fields, name, error) || !ivd_json_fields_take_uint32 (fields, name, &value, error))
    return FALSE;
  g_variant_builder_add (tuple, "u", value);
  return TRUE;
}

static gboolean
take_uint32_or_all (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  guint32 value;

  if (!require (fields, name, error) || !ivd_json_fields_take_uint32_or_all (fields, name, &value, error))
    return FALSE;
  g_variant_builder_add (tuple, "u", value);
  return TRUE;
}

static gboolean
take_byte (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  guint32 value;

  if (!require (fields, name, error) || !ivd_json_fields_take_uint32 (fields, name, &value, error))
    return FALSE;
  if (value > G_MAXUINT8)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%s is %u: a byte is 0 to 255", name, value);
      return FALSE;
    }
  g_variant_builder_add (tuple, "y", (guint8) value);
  return TRUE;
}

static gboolean
take_text (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  g_autofree char *value = NULL;

  if (!require (fields, name, error) || !ivd_json_fields_take_text (fields, name, &value, error))
    return FALSE;
  g_variant_builder_add (tuple, "s", value);
  return TRUE;
}

/* Only compare-and-set looks at it. */
static gboolean
take_expected (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  g_autofree char *value = NULL;

  if (!ivd_json_fields_take_text (fields, name, &value, error))
    return FALSE;
  g_variant_builder_add (tuple, "s", value != NULL ? value : "");
  return TRUE;
}

static gboolean
take_data (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;

  if (!require (fields, "data", error) || !ivd_json_fields_take_bytes (fields, "data", &bytes, error))
    return FALSE;
  g_variant_builder_add_value (tuple, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE));
  return TRUE;
}

static gboolean
take_timeout (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  guint64 usec = IVD_HTTP_WAIT_MSEC * 1000;

  if (ivd_json_fields_take_null (fields, "timeout_ms"))
    usec = IVD_WAIT_FOREVER;
  else if (!ivd_json_fields_take_msec (fields, "timeout_ms", &usec, error))
    return FALSE;
  g_variant_builder_add (tuple, "t", usec);
  return TRUE;
}

static gboolean
take_interval (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  guint64 usec = IVD_HTTP_WATCH_MSEC * 1000;

  if (ivd_json_fields_has (fields, name) && ivd_json_fields_has (fields, "min_interval_ms"))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "min_interval_ms and %s: give one of them", name);
      return FALSE;
    }
  if (!ivd_json_fields_take_msec (fields, "min_interval_ms", &usec, error)
      || !ivd_json_fields_take_uint64 (fields, name, &usec, error))
    return FALSE;
  g_variant_builder_add (tuple, "t", usec);
  return TRUE;
}

static gboolean
take_options (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  g_autoptr (GVariant) options = NULL;

  if (!ivd_json_fields_take_options (fields, name, &options, error))
    return FALSE;
  if (options == NULL)
    options = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
  g_variant_builder_add_value (tuple, options);
  return TRUE;
}

static gboolean
take_wait_options (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  g_autofree char *set = NULL;

  if (!ivd_json_fields_take_null (fields, "set") && !ivd_json_fields_take_text (fields, "set", &set, error))
    return FALSE;
  g_variant_builder_open (tuple, G_VARIANT_TYPE_VARDICT);
  if (set != NULL)
    g_variant_builder_add (tuple, "{sv}", "set", g_variant_new_string (set));
  g_variant_builder_close (tuple);
  return TRUE;
}

static gboolean
take_detach_options (IvdJsonFields *fields, const char *name, GVariantBuilder *tuple, GError **error)
{
  gboolean force = FALSE;

  if (!ivd_json_fields_take_boolean (fields, "force", &force, error))
    return FALSE;
  g_variant_builder_open (tuple, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (tuple, "{sv}", "force", g_variant_new_boolean (force));
  g_variant_builder_close (tuple);
  return TRUE;
}

/* Where JSON has a parameter otherwise than its type says; operation NULL: of
 * any. The first that fits counts. */
static const struct
{
  const char *operation;
  const char *name; /* NULL: any */
  const char *type;
  TakeFunc take;
} takers[] = {
  { "wait", "timeout_usec", "t", take_timeout },
  { "wait", "options", "a{sv}", take_wait_options },
  { "watch", "min_interval_usec", "t", take_interval },
  { "detach", "options", "a{sv}", take_detach_options },
  { "atomic", "expected", "s", take_expected },
  { "ring", "peer", "u", take_uint32_or_all },
  { "ring", "vector", "u", take_uint32_or_all },
  { NULL, NULL, "t", take_uint64 },
  { NULL, NULL, "u", take_uint32 },
  { NULL, NULL, "y", take_byte },
  { NULL, NULL, "s", take_text },
  { NULL, NULL, "ay", take_data },
  { NULL, NULL, "a{sv}", take_options },
};

static TakeFunc
find_taker (const IvdOperation *operation, const IvdParameter *parameter)
{
  for (guint i = 0; i < G_N_ELEMENTS (takers); i++)
    if ((takers[i].operation == NULL || strcmp (takers[i].operation, operation->name) == 0)
        && (takers[i].name == NULL || strcmp (takers[i].name, parameter->name) == 0)
        && strcmp (takers[i].type, parameter->type) == 0)
      return takers[i].take;
  return NULL;
}

gboolean
ivd_http_parameters_possible (const IvdOperation *operation)
{
  for (const IvdParameter *out = operation->out; out->name != NULL; out++)
    if (strcmp (out->type, "h") == 0)
      return FALSE;
  for (const IvdParameter *in = operation->in; in->name != NULL; in++)
    if (find_taker (operation, in) == NULL)
      return FALSE;
  return TRUE;
}

GVariant *
ivd_http_parameters_from_json (const IvdOperation *operation, IvdJsonFields *fields, GError **error)
{
  g_auto (GVariantBuilder) tuple = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_TUPLE);

  for (const IvdParameter *in = operation->in; in->name != NULL; in++)
    if (!find_taker (operation, in) (fields, in->name, &tuple, error))
      return NULL;
  if (!ivd_json_fields_end (fields, error))
    return NULL;
  return g_variant_ref_sink (g_variant_builder_end (&tuple));
}

void
ivd_http_parameters_add_result (JsonBuilder *builder, const IvdOperation *operation, GVariant *result)
{
  for (guint i = 0; operation->out[i].name != NULL; i++)
    {
      const char *name = strcmp (operation->out[i].type, "ay") == 0 ? "data" : operation->out[i].name;
      g_autoptr (GVariant) value = g_variant_get_child_value (result, i);

      json_builder_set_member_name (builder, name);
      ivd_json_add_variant (builder, value);
    }
}
