/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-json-fields.h"
#include "export/http/ivd-json-variant.h"
#include "export/http/ivd-json.h"
#include "fuzz.h"

/*
 * The body of a request. What is refused is refused with a reason that may be
 * shown; what is taken means the same when it is written and read again, and
 * every way to take a field copes with every value.
 */

static void
check_error (const GError *error)
{
  g_assert_true (error->domain == IVD_ERROR);
  /* Not internal: json-glib takes whatever our own check lets through. */
  g_assert_true (error->code == IVD_ERROR_INVALID_ARGUMENT || error->code == IVD_ERROR_TOO_LARGE);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static GString *
text_of (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  GString *text = g_string_new (NULL);

  ivd_json_append_node (text, node);
  return text;
}

static void
check_round_trip (JsonObject *object)
{
  g_autoptr (GString) first = text_of (object);
  g_autoptr (GString) second = NULL;
  g_autoptr (JsonObject) again = NULL;
  g_autoptr (GError) error = NULL;

  /* Escapes and digits may have made it longer. */
  if (first->len > IVD_LIMIT_JSON_BYTES)
    return;
  again = ivd_json_parse (first->str, first->len, &error);
  g_assert_no_error (error);
  second = text_of (again);
  g_assert_cmpstr (first->str, ==, second->str);
}

static void
check_taken (gboolean taken, GError *take_error)
{
  g_autoptr (GError) error = take_error;

  g_assert_true (taken == (error == NULL));
  if (error != NULL)
    check_error (error);
}

static void
check_options (IvdJsonFields *fields, const char *key)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (JsonBuilder) builder = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GError *error = NULL;
  gboolean taken = ivd_json_fields_take_options (fields, key, &options, &error);

  check_taken (taken, error);
  if (!taken)
    return;
  g_assert_true (g_variant_is_of_type (options, G_VARIANT_TYPE_VARDICT));
  builder = json_builder_new ();
  ivd_json_add_options (builder, options);
  bytes = ivd_json_builder_to_bytes (builder);
  g_assert_true (g_utf8_validate (g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes), NULL));
}

static void
take_scalar (IvdJsonFields *fields, const char *key, guint way)
{
  guint64 number;
  guint32 small;
  gboolean flag;
  gboolean taken;
  GError *error = NULL;

  switch (way)
    {
    case 0:
      taken = ivd_json_fields_take_uint64 (fields, key, &number, &error);
      break;
    case 1:
      taken = ivd_json_fields_take_uint32 (fields, key, &small, &error);
      break;
    case 2:
      taken = ivd_json_fields_take_uint32_or_all (fields, key, &small, &error);
      break;
    case 3:
      taken = ivd_json_fields_take_boolean (fields, key, &flag, &error);
      break;
    default:
      taken = ivd_json_fields_take_msec (fields, key, &number, &error);
      g_assert_true (!taken || number <= IVD_LIMIT_JSON_INTEGER);
      break;
    }
  check_taken (taken, error);
}

static void
take_long (IvdJsonFields *fields, const char *key, guint way)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) texts = NULL;
  g_autoptr (GBytes) bytes = NULL;
  gboolean taken;
  GError *error = NULL;

  switch (way)
    {
    case 6:
      taken = ivd_json_fields_take_text (fields, key, &text, &error);
      break;
    case 7:
      taken = ivd_json_fields_take_texts (fields, key, &texts, &error);
      break;
    case 8:
      taken = ivd_json_fields_take_bytes (fields, key, &bytes, &error);
      break;
    default:
      check_options (fields, key);
      return;
    }
  check_taken (taken, error);
}

static void
check_fields (const uint8_t *data, size_t size, guint way)
{
  g_autoptr (JsonObject) object = ivd_json_parse ((const char *) data, size, NULL);
  g_autoptr (GList) keys = json_object_get_members (object);
  g_autoptr (IvdJsonFields) fields = ivd_json_fields_new (object);
  g_autoptr (GError) error = NULL;

  if (keys != NULL)
    {
      g_assert_false (ivd_json_fields_end (fields, &error));
      check_error (error);
      g_clear_error (&error);
    }
  while (keys != NULL)
    {
      g_autofree char *key = g_strdup (keys->data);

      /* The keys themselves go with what is taken. */
      keys = g_list_delete_link (keys, keys);
      if (way < 6)
        take_scalar (fields, key, way);
      else
        take_long (fields, key, way);
      g_assert_false (ivd_json_fields_has (fields, key));
    }
  g_assert_true (ivd_json_fields_end (fields, &error));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = ivd_json_parse ((const char *) data, size, &error);

  g_assert_true ((object == NULL) == (error != NULL));
  if (object == NULL)
    {
      check_error (error);
      return 0;
    }
  check_round_trip (object);
  for (guint way = 0; way < 10; way++)
    check_fields (data, size, way);
  return 0;
}
