/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "fuzz.h"
#include "plugin/ivd-options.h"

/*
 * Option dictionaries as a caller may send them: the first byte tells whether
 * the rest is a GVariant's text ('t') or its bytes as they come off the bus.
 * What is accepted must be accepted again, and mean the same, when it is
 * given back as the daemon shows it.
 */

#define OPTION(kind, text, ...)                                                                             \
  {                                                                                                         \
    .struct_size = sizeof (IvshmemPluginOption), .type = kind, .name = text, .description = "", __VA_ARGS__ \
  }

static const IvshmemPluginOption options[] = {
  OPTION (IVSHMEM_PLUGIN_TEXT, "text"),
  OPTION (IVSHMEM_PLUGIN_PATH, "path"),
  OPTION (IVSHMEM_PLUGIN_SIZE, "size", .default_text = "4M"),
  OPTION (IVSHMEM_PLUGIN_NUMBER, "number", .minimum = 1, .maximum = 2048),
  OPTION (IVSHMEM_PLUGIN_BOOLEAN, "flag"),
  OPTION (IVSHMEM_PLUGIN_MODE, "mode", .default_text = "0660"),
  OPTION (IVSHMEM_PLUGIN_USER, "user"),
  OPTION (IVSHMEM_PLUGIN_GROUP, "group"),
  OPTION (IVSHMEM_PLUGIN_DURATION, "time"),
  OPTION (IVSHMEM_PLUGIN_LIST, "list"),
};

static const IvshmemPlugin table = {
  .name = "fuzzed",
  .options = options,
  .n_options = G_N_ELEMENTS (options),
  .option_size = sizeof options[0],
};

static GVariant *
make_variant (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = NULL;

  if (size == 0)
    return NULL;
  if (data[0] == 't')
    {
      const char *text = (const char *) data + 1;

      /* GVariant's own parser wants good text. */
      return g_utf8_validate (text, (gssize) size - 1, NULL)
                 ? g_variant_parse (NULL, text, text + size - 1, NULL, NULL)
                 : NULL;
    }
  bytes = g_bytes_new (data + 1, size - 1);
  return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, bytes, FALSE));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GVariant) given = make_variant (data, size);
  g_autoptr (IvdOptions) first = NULL;
  g_autoptr (IvdOptions) second = NULL;
  g_autoptr (GError) error = NULL;

  if (given == NULL)
    return 0;
  first = ivd_options_new (&table, given, NULL, NULL, &error);
  g_assert_true ((first == NULL) == (error != NULL));
  if (first == NULL)
    {
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }
  second = ivd_options_new (&table, ivd_options_get_variant (first), NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_equal (ivd_options_get_variant (first), ivd_options_get_variant (second)));
  return 0;
}
