/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-plugin-table.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "plugin/ivd-plugin-store.h"

/* A table that is good, and everything in it to be spoiled. */
typedef struct
{
  IvshmemPlugin table;
  IvshmemPluginOps ops;
  IvshmemPluginOption options[3];
} Fixture;

static IvshmemPluginStatus
create (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name,
        const IvshmemPluginValue *values, uint32_t n_values, IvshmemPluginInstance **instance)
{
  return IVSHMEM_PLUGIN_NOT_SUPPORTED;
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *instance, IvshmemPluginDescription *out)
{
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *instance, IvshmemPluginMemory *out)
{
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
detach (IvshmemPluginInstance *instance, uint32_t keep)
{
  return IVSHMEM_PLUGIN_OK;
}

static void
destroy (IvshmemPluginInstance *instance)
{
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->ops = (IvshmemPluginOps){
    .struct_size = sizeof f->ops,
    .create = create,
    .describe = describe,
    .memory = memory,
    .detach = detach,
    .destroy = destroy,
  };
  for (guint i = 0; i < G_N_ELEMENTS (f->options); i++)
    f->options[i] = (IvshmemPluginOption){
      .struct_size = sizeof f->options[i],
      .type = IVSHMEM_PLUGIN_NUMBER,
      .description = "an option",
    };
  f->options[0].name = "alpha";
  f->options[1].name = "beta-2";
  f->options[2].name = "gamma";
  f->table = (IvshmemPlugin){
    .struct_size = sizeof f->table,
    .name = "good",
    .version = "1",
    .license = "MIT",
    .description = "a good one",
    .capabilities = IVSHMEM_PLUGIN_CAP_READ,
    .options = f->options,
    .n_options = G_N_ELEMENTS (f->options),
    .option_size = sizeof f->options[0],
    .ops = &f->ops,
  };
}

static void
assert_good (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_plugin_table_check (&f->table, "good", &error));
  g_assert_no_error (error);
}

static void
assert_bad (Fixture *f, gint code, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_plugin_table_check (&f->table, "good", &error));
  g_assert_error (error, IVD_ERROR, code);
  if (strstr (error->message, word) == NULL)
    g_error ("\"%s\" says nothing of \"%s\"", error->message, word);
  set_up (f, NULL);
  assert_good (f);
}

#define assert_invalid(f, word) assert_bad (f, IVD_ERROR_INVALID_ARGUMENT, word)

static void
test_good (Fixture *f, gconstpointer data)
{
  assert_good (f);
  f->table.n_options = 0;
  f->table.options = NULL;
  f->table.option_size = 0;
  assert_good (f);
}

static void
test_sizes (Fixture *f, gconstpointer data)
{
  f->table.struct_size = sizeof f->table - 1;
  assert_invalid (f, "its table says that it has");
  f->table.struct_size = 0;
  assert_invalid (f, "its table says that it has 0 bytes");
  f->table.struct_size = IVD_LIMIT_PLUGIN_STRUCT_BYTES;
  assert_good (f);
  f->table.struct_size = IVD_LIMIT_PLUGIN_STRUCT_BYTES + 1;
  assert_invalid (f, "its table says");
  f->ops.struct_size = offsetof (IvshmemPluginOps, monitor_open) - 1;
  assert_invalid (f, "its table of operations says");
  f->table.option_size = sizeof f->options[0] - 8;
  assert_invalid (f, "a row of its option table says");
  f->table.option_size = sizeof f->options[0] + 1;
  assert_invalid (f, "no multiple");
  f->options[1].struct_size = 8;
  assert_invalid (f, "option 1 of its table says");
  f->options[1].struct_size = sizeof f->options[1] + 8;
  assert_invalid (f, "more than the table's rows");
}

static void
test_versions (Fixture *f, gconstpointer data)
{
  f->table.min_host_minor = IVSHMEM_PLUGIN_ABI_MINOR + 1;
  assert_bad (f, IVD_ERROR_NOT_SUPPORTED, "needs a daemon with plugin ABI 1.2 or later, and this one has 1.1");
  /* A newer one that can do without is welcome, with what we do not know. */
  f->table.abi_minor = IVSHMEM_PLUGIN_ABI_MINOR + 7;
  f->table.capabilities |= UINT64_C (1) << 40;
  f->options[0].flags = UINT32_C (1) << 9;
  assert_good (f);
  f->table.capabilities = UINT64_C (1) << 40;
  f->table.abi_minor = IVSHMEM_PLUGIN_ABI_MINOR;
  f->options[0].flags = 0;
  assert_invalid (f, "unknown capabilities 0x10000000000");
  f->options[0].flags = 2;
  assert_invalid (f, "unknown flags 0x2");
}

static IvshmemPluginStatus
probe (const IvshmemPluginHost *host, IvshmemPluginProbe *list)
{
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor, IvshmemPluginHandle *handle)
{
  return IVSHMEM_PLUGIN_OK;
}

static uint32_t
monitor_take (IvshmemPluginMonitor *monitor)
{
  return 0;
}

static void
monitor_close (IvshmemPluginMonitor *monitor)
{
}

static void
give_monitor (Fixture *f)
{
  f->ops.probe = probe;
  f->ops.monitor_open = monitor_open;
  f->ops.monitor_take = monitor_take;
  f->ops.monitor_close = monitor_close;
}

static void
test_monitor (Fixture *f, gconstpointer data)
{
  give_monitor (f);
  assert_good (f);
  f->ops.probe = NULL;
  assert_invalid (f, "not the operation 'probe'");
  give_monitor (f);
  f->ops.monitor_open = NULL;
  assert_invalid (f, "not the operation 'monitor_open'");
  give_monitor (f);
  f->ops.monitor_take = NULL;
  assert_invalid (f, "not the operation 'monitor_take'");
  /* What lies beyond the table's end is not there. */
  give_monitor (f);
  f->ops.struct_size = offsetof (IvshmemPluginOps, doorbell_handle) - 1;
  assert_invalid (f, "not the operation 'monitor_close'");
  give_monitor (f);
  f->ops.struct_size = offsetof (IvshmemPluginOps, monitor_open);
  assert_good (f);
  f->ops.struct_size--;
  assert_invalid (f, "its table of operations says");
}

static void
test_names (Fixture *f, gconstpointer data)
{
  f->table.name = NULL;
  assert_invalid (f, "name is missing");
  f->table.name = "";
  assert_invalid (f, "plugin name");
  f->table.name = "no/good";
  assert_invalid (f, "plugin name");
  f->table.name = "other";
  assert_invalid (f, "its file must be called 'other.so', not 'good.so'");
}

static void
test_texts (Fixture *f, gconstpointer data)
{
  g_autofree char *longest = g_strnfill (IVD_LIMIT_PLUGIN_TEXT_BYTES, 'x');
  g_autofree char *too_long = g_strnfill (IVD_LIMIT_PLUGIN_TEXT_BYTES + 1, 'x');

  f->table.version = NULL;
  assert_invalid (f, "its version is missing");
  f->table.license = "\xff";
  assert_invalid (f, "its license is not UTF-8");
  f->table.description = "two\nlines";
  assert_invalid (f, "its description has control characters");
  f->table.description = longest;
  assert_good (f);
  f->table.description = too_long;
  assert_invalid (f, "its description is longer than 1024 bytes");
  f->options[2].description = NULL;
  assert_invalid (f, "the description of option 'gamma' of its table is missing");
}

static void
test_option_names (Fixture *f, gconstpointer data)
{
  g_autofree char *longest = g_strnfill (IVD_LIMIT_NAME_BYTES, 'x');
  g_autofree char *too_long = g_strnfill (IVD_LIMIT_NAME_BYTES + 1, 'x');
  const char *bad[] = { "", "Upper", "-dash", "2two", "under_score", "with space", "e\xcc\x81", too_long };
  const char *reserved[] = { "plugin", "name", "persist", "activity", "allow-read", "allow-admin" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      f->options[1].name = bad[i];
      assert_invalid (f, "option 1 of its table is called");
    }
  for (guint i = 0; i < G_N_ELEMENTS (reserved); i++)
    {
      f->options[1].name = reserved[i];
      assert_invalid (f, "the daemon uses itself");
    }
  f->options[1].name = longest;
  assert_good (f);
  f->options[1].name = NULL;
  assert_invalid (f, "option 1 of its table has no name");
  f->options[2].name = "alpha";
  assert_invalid (f, "option 'alpha' is twice");
  f->options[2].name = "allow-uids";
  assert_good (f);
}

static void
test_option_rules (Fixture *f, gconstpointer data)
{
  f->options[0].type = 0;
  assert_invalid (f, "unknown type 0");
  f->options[0].type = IVSHMEM_PLUGIN_LIST + 1;
  assert_invalid (f, "unknown type 11");
  f->options[0].minimum = 2;
  f->options[0].maximum = 1;
  assert_invalid (f, "a minimum above its maximum");
  f->options[0].type = IVSHMEM_PLUGIN_TEXT;
  f->options[0].maximum = 1;
  assert_invalid (f, "has limits, but is no number");
  f->options[0].default_text = "many";
  assert_invalid (f, "the default of option 'alpha' of its table is none");
  f->options[0].default_text = "5";
  f->options[0].minimum = f->options[0].maximum = 4;
  assert_invalid (f, "out of range");
  f->options[0].default_text = "5";
  f->options[0].flags = IVSHMEM_PLUGIN_OPTION_REQUIRED;
  assert_invalid (f, "required and has a default");
  f->table.options = NULL;
  assert_invalid (f, "has no table of them");
  f->table.n_options = IVD_LIMIT_OPTIONS + 1;
  assert_invalid (f, "65 options");
}

static void
test_most_options (Fixture *f, gconstpointer data)
{
  g_autofree IvshmemPluginOption *options = g_new0 (IvshmemPluginOption, IVD_LIMIT_OPTIONS);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < IVD_LIMIT_OPTIONS; i++)
    {
      options[i] = f->options[0];
      g_ptr_array_add (names, g_strdup_printf ("option-%u", i));
      options[i].name = g_ptr_array_index (names, i);
    }
  f->table.options = options;
  f->table.n_options = IVD_LIMIT_OPTIONS;
  assert_good (f);
}

static void
test_operations (Fixture *f, gconstpointer data)
{
  f->table.ops = NULL;
  assert_invalid (f, "no operations");
  f->ops.create = NULL;
  assert_invalid (f, "'create' is missing");
  f->ops.describe = NULL;
  assert_invalid (f, "'describe' is missing");
  f->ops.memory = NULL;
  assert_invalid (f, "'memory' is missing");
  f->ops.detach = NULL;
  assert_invalid (f, "'detach' is missing");
  f->ops.destroy = NULL;
  assert_invalid (f, "'destroy' is missing");
  f->table.capabilities = IVSHMEM_PLUGIN_CAP_RING;
  assert_invalid (f, "capability 'ring', but not the operation 'ring'");
  f->table.capabilities = IVSHMEM_PLUGIN_CAP_VECTOR_FD;
  assert_invalid (f, "'vector_handle'");
  f->table.capabilities = IVSHMEM_PLUGIN_CAP_JOIN;
  assert_invalid (f, "'join'");
}

static void
test_store (Fixture *f, gconstpointer data)
{
  g_autoptr (IvdPluginStore) store = ivd_plugin_store_new ();
  g_autoptr (IvdPlugin) plugin = ivd_plugin_new (&f->table, "good", NULL);
  g_autoptr (GVariant) rows = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_null (ivd_plugin_store_find (store, "good", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "there is no plugin 'good'; loaded: none");
  g_clear_error (&error);
  g_assert_true (ivd_plugin_store_add (store, plugin));
  g_assert_false (ivd_plugin_store_add (store, plugin));
  g_assert_true (ivd_plugin_store_find (store, "good", NULL) == plugin);
  g_assert_null (ivd_plugin_store_find (store, "b\tad", &error));
  g_assert_cmpstr (error->message, ==, "there is no plugin 'b\\x09ad'; loaded: good");
  f->table.n_options = 1;
  f->options[0].default_text = "3";
  rows = g_variant_ref_sink (ivd_plugin_store_to_variant (store));
  text = g_variant_print (rows, FALSE);
  g_assert_cmpstr (text, ==,
                   "[{'name': <'good'>, 'version': <'1'>, 'license': <'MIT'>, 'description': <'a good one'>, "
                   "'capabilities': <['read']>, 'options': <[{'name': <'alpha'>, 'type': <'number'>, "
                   "'description': <'an option'>, 'default': <'3'>, 'required': <false>}]>}]");
}

#define ADD(name, func) g_test_add ("/ivd/plugin-table/" name, Fixture, NULL, set_up, func, NULL)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("good", test_good);
  ADD ("sizes", test_sizes);
  ADD ("versions", test_versions);
  ADD ("monitor", test_monitor);
  ADD ("names", test_names);
  ADD ("texts", test_texts);
  ADD ("option-names", test_option_names);
  ADD ("option-rules", test_option_rules);
  ADD ("most-options", test_most_options);
  ADD ("operations", test_operations);
  ADD ("store", test_store);
  return g_test_run ();
}
