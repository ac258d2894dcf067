/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "base/ivd-error.h"

static void
test_table_is_whole (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (gint code = 0; code < IVD_ERROR_COUNT; code++)
    {
      const IvdErrorInfo *info = ivd_error_info (code);

      g_assert_nonnull (info->name);
      g_assert_true (g_str_has_prefix (info->dbus_name, "org.ivshmem.Error."));
      g_assert_cmpuint (info->http_status, >=, 400);
      g_assert_cmpuint (info->http_status, <, 600);
      g_assert_true (g_hash_table_add (names, (gpointer) info->name));
      g_assert_true (g_hash_table_add (names, (gpointer) info->dbus_name));
    }
}

static void
test_unknown_code_is_internal (void)
{
  g_assert_cmpstr (ivd_error_info (-1)->name, ==, "internal");
  g_assert_cmpstr (ivd_error_info (IVD_ERROR_COUNT)->name, ==, "internal");
}

static void
test_code_of_foreign_error (void)
{
  g_autoptr (GError) io = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "full");
  g_autoptr (GError) own = g_error_new_literal (IVD_ERROR, IVD_ERROR_MISALIGNED, "odd");
  g_autoptr (GError) other = g_error_new_literal (g_quark_from_static_string ("other"), 3, "?");

  g_assert_cmpint (ivd_error_code (io), ==, IVD_ERROR_NO_SPACE);
  g_assert_cmpint (ivd_error_code (own), ==, IVD_ERROR_MISALIGNED);
  g_assert_cmpint (ivd_error_code (other), ==, IVD_ERROR_INTERNAL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/error/table-is-whole", test_table_is_whole);
  g_test_add_func ("/ivd/error/unknown-code-is-internal", test_unknown_code_is_internal);
  g_test_add_func ("/ivd/error/code-of-foreign-error", test_code_of_foreign_error);
  return g_test_run ();
}
