/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <pwd.h>

#include "ctl-output.h"
#include "ctl-plugins.h"
#include "ctl-region.h"
#include "ctl-size.h"
#include "ctl-verbs.h"

/* What there is: status, list, show, peers. */

static const CtlParameter region_parameter[] = { { "NAME", CTL_PARAMETER_REGION }, { NULL } };

static const CtlColumn pair_columns[] = { { "KEY", CTL_COLUMN_LEFT }, { "VALUE", CTL_COLUMN_WRAP } };

static void
add_pair (CtlTable *table, const char *key, const char *value)
{
  ctl_table_row (table);
  ctl_table_cell (table, key);
  ctl_table_cell (table, value);
}

/* ------------------------------------------------------------------------ */

typedef struct
{
  GVariant *daemon;     /* where and who */
  GVariant *properties; /* of the manager */
  guint n_regions, n_ready, n_plugins, n_failed;
} Status;

static void
count_regions (Status *status, GVariant *regions)
{
  GVariantIter iter;
  GVariant *properties;

  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", NULL, &properties))
    {
      status->n_regions++;
      status->n_ready += ctl_region_is_ready (properties) ? 1 : 0;
    }
}

static void
count_plugins (Status *status)
{
  g_autoptr (GVariant) plugins
      = g_variant_lookup_value (status->properties, "Plugins", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; plugins != NULL && i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);

      status->n_plugins++;
      status->n_failed += ctl_plugins_failure (plugin) != NULL ? 1 : 0;
    }
}

static void
print_status_json (const Status *status)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_begin_object (json, NULL);
  ctl_json_string (json, "version", ctl_region_text (status->properties, "Version"));
  ctl_json_variant (json, "daemon", status->daemon, TRUE);
  ctl_json_begin_object (json, "regions");
  ctl_json_uint (json, "total", status->n_regions);
  ctl_json_uint (json, "ready", status->n_ready);
  ctl_json_end_object (json);
  ctl_json_begin_object (json, "plugins");
  ctl_json_uint (json, "total", status->n_plugins);
  ctl_json_uint (json, "failed", status->n_failed);
  ctl_json_end_object (json);
  ctl_json_end_object (json);
  ctl_output_json (json);
}

static char *
process_text (GVariant *daemon)
{
  guint64 pid = ctl_region_number (daemon, "pid", G_MAXUINT64);
  guint64 uid = ctl_region_number (daemon, "uid", G_MAXUINT64);
  const struct passwd *user = uid <= G_MAXUINT32 ? getpwuid ((uid_t) uid) : NULL;

  if (pid == G_MAXUINT64 || uid == G_MAXUINT64)
    return g_strdup ("-");
  if (user != NULL)
    return g_strdup_printf ("%" G_GUINT64_FORMAT ", user %s", pid, user->pw_name);
  return g_strdup_printf ("%" G_GUINT64_FORMAT ", user %" G_GUINT64_FORMAT, pid, uid);
}

static void
print_status (const Status *status)
{
  g_autoptr (CtlTable) table = ctl_table_new_plain (pair_columns, G_N_ELEMENTS (pair_columns));
  g_autofree char *process = process_text (status->daemon);
  g_autofree char *regions = g_strdup_printf ("%u, %u ready", status->n_regions, status->n_ready);
  g_autofree char *plugins = g_strdup_printf ("%u, %u failed", status->n_plugins, status->n_failed);

  add_pair (table, "daemon", ctl_region_text (status->properties, "Version"));
  /* Both are known of a bus alone. */
  if (g_variant_lookup (status->daemon, "bus", "&s", NULL))
    {
      add_pair (table, "process", process);
      add_pair (table, "bus", ctl_region_text (status->daemon, "bus"));
    }
  add_pair (table, "address", ctl_region_text (status->daemon, "address"));
  add_pair (table, "regions", regions);
  add_pair (table, "plugins", plugins);
  ctl_output_table (table);
}

static gboolean
run_status (CtlCommand *command, GError **error)
{
  CtlTransport *transport = ctl_command_connect (command, error);
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) daemon = NULL;
  g_autoptr (GVariant) regions = NULL;
  Status status = { 0 };

  if (transport == NULL)
    return FALSE;
  properties = ctl_transport_properties (transport, NULL, error);
  if (properties == NULL)
    return FALSE;
  regions = ctl_transport_regions (transport, error);
  if (regions == NULL)
    return FALSE;
  daemon = ctl_transport_describe (transport);

  status.daemon = daemon;
  status.properties = properties;
  count_regions (&status, regions);
  count_plugins (&status);
  if (command->json)
    print_status_json (&status);
  else
    print_status (&status);
  return TRUE;
}

const CtlVerb ctl_verb_status = {
  .name = "status",
  .summary = "show the daemon: where it is, its version, how much it has",
  .text = "Shows which daemon answers, on which bus or at which URL, and how many regions and plugins it "
          "has.\n",
  .example = "ivshmemctl status\n",
  .run = run_status,
};

/* ------------------------------------------------------------------------ */

static void
print_regions_json (GVariant *regions)
{
  g_autoptr (CtlJson) json = ctl_json_new ();
  GVariantIter iter;
  GVariant *properties;

  ctl_json_begin_object (json, NULL);
  ctl_json_begin_array (json, "regions");
  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", NULL, &properties))
    ctl_region_write_json (json, NULL, properties);
  ctl_json_end_array (json);
  ctl_json_end_object (json);
  ctl_output_json (json);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

static void
print_regions (GVariant *regions)
{
  static const CtlColumn columns[] = {
    { "NAME", CTL_COLUMN_LEFT },
    { "PLUGIN", CTL_COLUMN_LEFT },
    { "STATE", CTL_COLUMN_LEFT },
    { "SIZE", CTL_COLUMN_RIGHT },
    { "ID", CTL_COLUMN_RIGHT },
    { "VECTORS", CTL_COLUMN_RIGHT },
    { "PEERS", CTL_COLUMN_RIGHT },
  };
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GVariantIter iter;
  const char *name;

  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_next (&iter, "{&s@a{sv}}", &name, NULL))
    g_ptr_array_add (names, (gpointer) name);
  g_ptr_array_sort (names, compare_names);

  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GVariant) properties = g_variant_lookup_value (regions, g_ptr_array_index (names, i), NULL);
      g_autofree char *size = ctl_size_format (ctl_region_number (properties, "Size", 0));
      g_autofree char *own_id = ctl_region_own_id (properties);

      ctl_table_row (table);
      ctl_table_cell (table, g_ptr_array_index (names, i));
      ctl_table_cell (table, ctl_region_text (properties, "Plugin"));
      ctl_table_cell (table, ctl_region_text (properties, "State"));
      ctl_table_cell (table, size);
      ctl_table_cell (table, own_id);
      ctl_table_cell_printf (table, "%" G_GUINT64_FORMAT, ctl_region_number (properties, "Vectors", 0));
      ctl_table_cell_printf (table, "%" G_GUINT64_FORMAT, ctl_region_number (properties, "PeerCount", 0));
    }
  ctl_output_table (table);
}

static gboolean
run_list (CtlCommand *command, GError **error)
{
  CtlTransport *transport = ctl_command_connect (command, error);
  g_autoptr (GVariant) regions = NULL;

  if (transport == NULL)
    return FALSE;
  regions = ctl_transport_regions (transport, error);
  if (regions == NULL)
    return FALSE;
  if (command->json)
    print_regions_json (regions);
  else if (g_variant_n_children (regions) == 0)
    ctl_command_note (command, "no regions; `ivshmemctl attach --help` says how to have one");
  else
    print_regions (regions);
  return TRUE;
}

const CtlVerb ctl_verb_list = {
  .name = "list",
  .summary = "list the regions",
  .text = "Lists every region that you may see, with its plugin, state, size, own id, vectors and peers.\n"
          "With --json: {\"regions\":[...]}, each as `show` has it.\n",
  .example = "ivshmemctl list\nivshmemctl list --json | jq -r '.regions[].name'\n",
  .run = run_list,
};

/* ------------------------------------------------------------------------ */

static void
add_dictionary (CtlTable *table, GVariant *properties, const char *property, const char *title)
{
  g_autoptr (GVariant) dictionary = g_variant_lookup_value (properties, property, G_VARIANT_TYPE_DICTIONARY);
  gboolean first = TRUE;

  for (gsize i = 0; dictionary != NULL && i < g_variant_n_children (dictionary); i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (dictionary, i);
      g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
      g_autoptr (GVariant) value = g_variant_get_child_value (entry, 1);
      g_autofree char *value_text = ctl_region_value_text (value);
      g_autofree char *text = g_strdup_printf ("%s=%s", g_variant_get_string (key, NULL), value_text);

      add_pair (table, first ? title : " ", text);
      first = FALSE;
    }
}

static void
print_region (GVariant *properties)
{
  g_autoptr (CtlTable) table = ctl_table_new_plain (pair_columns, G_N_ELEMENTS (pair_columns));
  g_autoptr (GVariant) capabilities
      = g_variant_lookup_value (properties, "Capabilities", G_VARIANT_TYPE_STRING_ARRAY);
  g_autofree char *capabilities_text = capabilities != NULL ? ctl_region_value_text (capabilities) : NULL;
  guint64 bytes = ctl_region_number (properties, "Size", 0);
  g_autofree char *size = ctl_size_format (bytes);
  g_autofree char *size_text = g_strdup_printf ("%s (%" G_GUINT64_FORMAT " bytes)", size, bytes);
  g_autofree char *own_id = ctl_region_own_id (properties);
  g_autofree char *vectors
      = g_strdup_printf ("%" G_GUINT64_FORMAT, ctl_region_number (properties, "Vectors", 0));
  g_autofree char *peers
      = g_strdup_printf ("%" G_GUINT64_FORMAT, ctl_region_number (properties, "PeerCount", 0));
  g_autofree char *generation
      = g_strdup_printf ("%" G_GUINT64_FORMAT, ctl_region_number (properties, "Generation", 0));

  add_pair (table, "name", ctl_region_text (properties, "Name"));
  add_pair (table, "plugin", ctl_region_text (properties, "Plugin"));
  add_pair (table, "state", ctl_region_text (properties, "State"));
  if (ctl_region_has_reason (properties))
    add_pair (table, "reason", ctl_region_text (properties, "Reason"));
  add_pair (table, "size", size_text);
  add_pair (table, "own id", own_id);
  add_pair (table, "vectors", vectors);
  add_pair (table, "peers", peers);
  add_pair (table, "generation", generation);
  add_pair (table, "can", capabilities_text);
  add_dictionary (table, properties, "Options", "options");
  add_dictionary (table, properties, "Statistics", "counters");
  ctl_output_table (table);
}

static gboolean
run_show (CtlCommand *command, GError **error)
{
  g_autoptr (GVariant) properties = ctl_command_region (command, ctl_command_word (command, 0), error);

  if (properties == NULL)
    return FALSE;
  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_region_write_json (json, NULL, properties);
      ctl_output_json (json);
    }
  else
    print_region (properties);
  return TRUE;
}

const CtlVerb ctl_verb_show = {
  .name = "show",
  .summary = "show all about one region",
  .parameters = region_parameter,
  .text = "Shows a region's state and the reason for it, its size, capabilities, options and counters.\n",
  .example = "ivshmemctl show demo\n",
  .run = run_show,
};

/* ------------------------------------------------------------------------ */

static void
print_peers_json (GVariant *peers)
{
  static const char *const members[] = { "id", "vectors", "pid", "uid", "gid", "executable", NULL };
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_begin_array (json, NULL);
  for (gsize i = 0; i < g_variant_n_children (peers); i++)
    {
      g_autoptr (GVariant) peer = g_variant_get_child_value (peers, i);
      GVariantIter iter;
      GVariant *value;
      const char *name;

      ctl_json_begin_object (json, NULL);
      for (const char *const *p = members; *p != NULL; p++)
        {
          g_autoptr (GVariant) known = g_variant_lookup_value (peer, *p, NULL);

          if (known != NULL)
            ctl_json_variant (json, *p, known, TRUE);
          else
            ctl_json_null (json, *p);
        }
      g_variant_iter_init (&iter, peer);
      while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
        {
          g_autofree char *snake = ctl_json_snake_case (name);

          if (!g_strv_contains (members, name))
            ctl_json_variant (json, snake, value, TRUE);
        }
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
  ctl_output_json (json);
}

static void
add_number (CtlTable *table, GVariant *peer, const char *key)
{
  guint64 number = ctl_region_number (peer, key, G_MAXUINT64);

  if (number == G_MAXUINT64)
    ctl_table_cell (table, NULL);
  else
    ctl_table_cell_printf (table, "%" G_GUINT64_FORMAT, number);
}

static void
print_peers (GVariant *peers)
{
  static const CtlColumn columns[] = {
    { "ID", CTL_COLUMN_RIGHT },
    { "VECTORS", CTL_COLUMN_RIGHT },
    { "PID", CTL_COLUMN_RIGHT },
    { "UID", CTL_COLUMN_RIGHT },
    { "GID", CTL_COLUMN_RIGHT },
    { "EXECUTABLE", CTL_COLUMN_CUT },
  };
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));

  for (gsize i = 0; i < g_variant_n_children (peers); i++)
    {
      g_autoptr (GVariant) peer = g_variant_get_child_value (peers, i);

      ctl_table_row (table);
      add_number (table, peer, "id");
      add_number (table, peer, "vectors");
      add_number (table, peer, "pid");
      add_number (table, peer, "uid");
      add_number (table, peer, "gid");
      ctl_table_cell (table, ctl_region_text (peer, "executable"));
    }
  ctl_output_table (table);
}

static gboolean
run_peers (CtlCommand *command, GError **error)
{
  const char *name = ctl_command_word (command, 0);
  g_autoptr (GVariant) answer = ctl_command_call (command, name, "ListPeers", NULL, "(aa{sv})", error);
  g_autoptr (GVariant) peers = NULL;

  if (answer == NULL)
    return FALSE;
  peers = g_variant_get_child_value (answer, 0);
  if (command->json)
    print_peers_json (peers);
  else if (g_variant_n_children (peers) == 0)
    ctl_command_note (command, "region '%s' has no peers now", name);
  else
    print_peers (peers);
  return TRUE;
}

const CtlVerb ctl_verb_peers = {
  .name = "peers",
  .summary = "list the peers of a region",
  .parameters = region_parameter,
  .text = "Lists who has joined a region, the daemon itself left out, with what is known of each.\n"
          "With --json: a list of {\"id\",\"vectors\",\"pid\",\"uid\",\"gid\",\"executable\"}; null is not "
          "known.\n",
  .example = "ivshmemctl peers demo\n",
  .run = run_peers,
};
