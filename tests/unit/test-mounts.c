/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-mounts.h"

static const char text[] = "21 26 0:20 / /proc rw,nosuid shared:12 - proc proc rw\n"
                           "33 26 0:30 / /dev/hugepages rw,relatime shared:15 - hugetlbfs hugetlbfs rw\n"
                           "34 26 0:31 / /mnt/huge\\0401G rw,relatime - hugetlbfs none rw,pagesize=1024M\n"
                           "35 26 0:32 / /mnt/two rw shared:1 master:2 - hugetlbfs none rw\n"
                           "36 26 0:33 / /hugetlbfs rw - tmpfs hugetlbfs rw\n"
                           "37 26 0:34 / /mnt/\xff rw - hugetlbfs none rw\n"
                           "short line\n"
                           "38 26 0:35 / /mnt/cut rw shared:1 -\n"
                           "39 26 0:35 / /mnt/nodash rw shared:1 hugetlbfs none rw\n"
                           "\n";

static void
test_parse (void)
{
  const char *const expected[] = { "/dev/hugepages", "/mnt/huge 1G", "/mnt/two", NULL };
  g_auto (GStrv) found = ivd_mounts_parse (text, "hugetlbfs");
  g_auto (GStrv) none = ivd_mounts_parse (text, "ext4");
  g_auto (GStrv) empty = ivd_mounts_parse ("", "ext4");

  g_assert_cmpstrv (found, expected);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_assert_cmpuint (g_strv_length (empty), ==, 0);
}

static void
test_here (void)
{
  g_auto (GStrv) found = ivd_mounts_list ("proc");

  g_assert_true (g_strv_contains ((const char *const *) found, "/proc"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/mounts/parse", test_parse);
  g_test_add_func ("/ivd/mounts/here", test_here);
  return g_test_run ();
}
