/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "base/ivd-names.h"

#include "ctl-path.h"

static void
test_both_ways (void)
{
  static const char *const rows[][2] = {
    { "demo", "demo" },
    { "Demo9", "Demo9" },
    { "9lives", "_39lives" },
    { "a-b_c.d", "a_2db_5fc_2ed" },
    { "", "_" },
    { "h\303\244", "h_c3_a4" },
    { "a/b", "a_2fb" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *expected = g_strconcat (IVD_REGION_PATH_PREFIX, rows[i][1], NULL);
      g_autofree char *path = ctl_path_of_region (rows[i][0]);
      g_autofree char *name = ctl_path_to_region (path);

      g_assert_cmpstr (path, ==, expected);
      g_assert_true (g_variant_is_object_path (path));
      g_assert_cmpstr (name, ==, rows[i][0]);
    }
}

static void
test_no_region (void)
{
  static const char *const rows[] = {
    "/",
    IVD_OBJECT_PATH,
    IVD_REGION_PATH_PREFIX,
    IVD_BRIDGE_PATH_PREFIX "a",
    IVD_REGION_PATH_PREFIX "a/b",
    IVD_REGION_PATH_PREFIX "a_",
    IVD_REGION_PATH_PREFIX "a_2",
    IVD_REGION_PATH_PREFIX "a_xy",
    "/org/ivshmem/Daemon1/re",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_null (ctl_path_to_region (rows[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/path/both-ways", test_both_ways);
  g_test_add_func ("/ctl/path/no-region", test_no_region);
  return g_test_run ();
}
