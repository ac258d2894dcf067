/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <gio/gio.h>

#include "base/ivd-error.h"
#include "operation/ivd-arguments.h"
#include "operation/ivd-operation.h"

/* --- the table and the D-Bus description say the same --- */

static GDBusNodeInfo *
load_description (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", "data", "dbus", "org.ivshmem.Daemon1.xml",
                                                 NULL);
  g_autofree char *xml = NULL;
  g_autoptr (GError) error = NULL;
  GDBusNodeInfo *node;

  g_file_get_contents (path, &xml, NULL, &error);
  g_assert_no_error (error);
  node = g_dbus_node_info_new_for_xml (xml, &error);
  g_assert_no_error (error);
  return node;
}

static void
assert_same_parameters (const IvdParameter *ours, GDBusArgInfo **theirs)
{
  guint i;

  for (i = 0; ours[i].name != NULL; i++)
    {
      g_assert_nonnull (theirs);
      g_assert_nonnull (theirs[i]);
      g_assert_cmpstr (ours[i].name, ==, theirs[i]->name);
      g_assert_cmpstr (ours[i].type, ==, theirs[i]->signature);
    }
  g_assert_true (theirs == NULL || theirs[i] == NULL);
}

static guint
assert_interface_agrees (GDBusNodeInfo *node, const char *name, IvdScope scope)
{
  GDBusInterfaceInfo *interface = g_dbus_node_info_lookup_interface (node, name);
  guint n = 0;

  g_assert_nonnull (interface);
  for (; interface->methods != NULL && interface->methods[n] != NULL; n++)
    {
      const IvdOperation *operation = ivd_operation_find (scope, interface->methods[n]->name);

      if (operation == NULL)
        g_error ("%s.%s is in the XML but not in the table", name, interface->methods[n]->name);
      assert_same_parameters (operation->in, interface->methods[n]->in_args);
      assert_same_parameters (operation->out, interface->methods[n]->out_args);
    }
  return n;
}

static void
test_table_agrees_with_description (void)
{
  GDBusNodeInfo *node = load_description ();
  guint described = assert_interface_agrees (node, "org.ivshmem.Daemon1.Manager", IVD_SCOPE_DAEMON)
                    + assert_interface_agrees (node, "org.ivshmem.Daemon1.Region", IVD_SCOPE_REGION);
  guint count;

  ivd_operations (&count);
  g_assert_cmpuint (described, ==, count);
  g_dbus_node_info_unref (node);
}

static void
test_every_row_is_whole (void)
{
  guint count;
  const IvdOperation *operations = ivd_operations (&count);
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < count; i++)
    {
      g_assert_nonnull (operations[i].run);
      g_assert_cmpuint (ivd_operation_index (&operations[i]), ==, i);
      g_assert_true (g_hash_table_add (names, (gpointer) operations[i].name));
      g_assert_cmpuint (operations[i].permission, <, IVD_PERMISSION_COUNT);
      /* Nothing of the daemon's has a region whose capability could be asked. */
      if (operations[i].scope == IVD_SCOPE_DAEMON)
        g_assert_cmpuint (operations[i].capability, ==, IVD_CAP_NONE);
    }
}

/* What changes bytes needs write, what gives them away needs more than see. */
static void
test_permissions_deny_by_default (void)
{
  const char *writing[] = { "Write", "Fill", "Atomic" };

  for (guint i = 0; i < G_N_ELEMENTS (writing); i++)
    g_assert_cmpint (ivd_operation_find (IVD_SCOPE_REGION, writing[i])->permission, ==, IVD_PERMISSION_WRITE);
  g_assert_cmpint (ivd_operation_find (IVD_SCOPE_REGION, "Read")->permission, ==, IVD_PERMISSION_READ);
  g_assert_cmpint (ivd_operation_find (IVD_SCOPE_REGION, "Ring")->permission, ==, IVD_PERMISSION_RING);
  g_assert_cmpint (ivd_operation_find (IVD_SCOPE_REGION, "OpenMemory")->permission, ==, IVD_PERMISSION_HANDOVER);
  g_assert_cmpint (ivd_operation_find (IVD_SCOPE_REGION, "OpenVector")->permission, ==, IVD_PERMISSION_HANDOVER);
  g_assert_cmpint (ivd_operation_find (IVD_SCOPE_REGION, "Join")->permission, ==, IVD_PERMISSION_HANDOVER);
  g_assert_cmpint (ivd_operation_find (IVD_SCOPE_REGION, "Kick")->permission, ==, IVD_PERMISSION_ADMIN);
  g_assert_null (ivd_operation_find (IVD_SCOPE_DAEMON, "Read"));
  g_assert_null (ivd_operation_find (IVD_SCOPE_REGION, "read"));
}

/* --- options of a call --- */

static IvdArguments *
arguments_of (const char *text)
{
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed (text));
  g_autoptr (GError) error = NULL;
  IvdArguments *arguments = ivd_arguments_new (options, &error);

  g_assert_no_error (error);
  return arguments;
}

static void
test_arguments_native_and_text (void)
{
  const char *same[] = { "{'force': <true>}", "{'force': <'true'>}", "{'force': <'yes'>}" };

  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    {
      g_autoptr (IvdArguments) arguments = arguments_of (same[i]);
      gboolean force = FALSE;

      g_assert_true (ivd_arguments_take_boolean (arguments, "force", &force, NULL));
      g_assert_true (force);
      g_assert_true (ivd_arguments_end (arguments, NULL));
    }
}

static void
test_arguments_unknown_key_is_named (void)
{
  g_autoptr (IvdArguments) arguments = arguments_of ("{'forse': <true>}");
  g_autoptr (GError) error = NULL;
  gboolean force = FALSE;

  g_assert_true (ivd_arguments_take_boolean (arguments, "force", &force, &error));
  g_assert_false (force);
  g_assert_false (ivd_arguments_end (arguments, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "'forse'"));
  g_assert_nonnull (strstr (error->message, "force"));
}

static void
test_arguments_wrong_type (void)
{
  const char *bad[] = { "{'force': <1>}", "{'force': <'perhaps'>}", "{'force': <@av []>}" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (IvdArguments) arguments = arguments_of (bad[i]);
      g_autoptr (GError) error = NULL;
      gboolean force = 7;

      g_assert_false (ivd_arguments_take_boolean (arguments, "force", &force, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_cmpint (force, ==, 7);
    }
}

static void
test_arguments_given_twice (void)
{
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("[{'a', <1>}, {'a', <2>}]"));
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_arguments_new (options, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
}

static void
test_arguments_rest (void)
{
  g_autoptr (IvdArguments) arguments = arguments_of ("{'persist': <true>, 'size': <'4M'>}");
  g_autoptr (GVariant) rest = NULL;
  g_autofree char *text = NULL;
  gboolean persist = FALSE;

  g_assert_true (ivd_arguments_take_boolean (arguments, "persist", &persist, NULL));
  rest = ivd_arguments_rest (arguments);
  text = g_variant_print (rest, FALSE);
  g_assert_cmpstr (text, ==, "{'size': <'4M'>}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/operation/table-agrees-with-description", test_table_agrees_with_description);
  g_test_add_func ("/ivd/operation/every-row-is-whole", test_every_row_is_whole);
  g_test_add_func ("/ivd/operation/permissions-deny-by-default", test_permissions_deny_by_default);
  g_test_add_func ("/ivd/arguments/native-and-text", test_arguments_native_and_text);
  g_test_add_func ("/ivd/arguments/unknown-key-is-named", test_arguments_unknown_key_is_named);
  g_test_add_func ("/ivd/arguments/wrong-type", test_arguments_wrong_type);
  g_test_add_func ("/ivd/arguments/given-twice", test_arguments_given_twice);
  g_test_add_func ("/ivd/arguments/rest", test_arguments_rest);
  return g_test_run ();
}
