/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl-doctor.h"
#include "lib/ivt-fake-sysfs.h"

#define ADDRESS "0000:00:04.0"

static void
put (const char *root, const char *path, const char *text)
{
  g_autofree char *file = g_build_filename (root, path, NULL);
  g_autofree char *directory = g_path_get_dirname (file);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (directory, 0755), ==, 0);
  g_file_set_contents (file, text, -1, &error);
  g_assert_no_error (error);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) directory = NULL;
  const char *name;

  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    directory = g_dir_open (path, 0, NULL);
  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

static char *
make_root (void)
{
  g_autoptr (GError) error = NULL;
  char *root = g_dir_make_tmp ("ctl-doctor-XXXXXX", &error);

  g_assert_no_error (error);
  return root;
}

/* remedy: how that of the finding begins that says so; NULL: not looked at. */
static void
assert_guest (IvtFakeSysfs *fake, guint problems, guint warnings, const char *says, const char *remedy)
{
  g_autoptr (CtlDoctor) doctor = ctl_doctor_new ();
  g_autofree char *text = NULL;

  ctl_doctor_check_guest (doctor, ivt_fake_sysfs_get_sys (fake), ivt_fake_sysfs_get_dev (fake));
  text = ctl_doctor_to_text (doctor, 0);
  g_test_message ("%s", text);
  g_assert_cmpuint (ctl_doctor_count (doctor, CTL_FINDING_PROBLEM), ==, problems);
  g_assert_cmpuint (ctl_doctor_count (doctor, CTL_FINDING_WARNING), ==, warnings);
  g_assert_nonnull (strstr (text, says));
  if (remedy != NULL)
    {
      g_autofree char *arrow = g_strconcat ("-> ", remedy, NULL);

      g_assert_nonnull (strstr (strstr (text, says), arrow));
    }
}

static void
test_guest (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  assert_guest (fake, 0, 0, "no ivshmem device", NULL);

  ivt_fake_sysfs_set (fake, "0000:00:03.0", "vendor", "0x1af4\n");
  ivt_fake_sysfs_set (fake, "0000:00:03.0", "device", "0x1041\n");
  assert_guest (fake, 0, 0, "no ivshmem device", NULL);

  ivt_fake_sysfs_add_device (fake, ADDRESS, 4 * 1024 * 1024, 2);
  assert_guest (fake, 0, 1, "PCI 00:04.0      is an ivshmem-doorbell of 4 MiB and 2 vectors", NULL);
  assert_guest (fake, 0, 1, "interrupts cannot be received by vfio: this machine has no IOMMU",
                "start QEMU with -machine q35 and -device intel-iommu");
  assert_guest (fake, 0, 1, "sysfs is open", NULL);
  ivt_fake_sysfs_put (fake, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n", -1);
  assert_guest (fake, 0, 1, "nor by vfio-noiommu: vfio's enable_unsafe_noiommu_mode is off", NULL);

  ivt_fake_sysfs_put (fake, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n", -1);
  assert_guest (fake, 1, 1, "cannot be reached: the kernel is locked down (integrity)",
                "give the guest an IOMMU");

  ivt_fake_sysfs_set_group (fake, ADDRESS, 7);
  ivt_fake_sysfs_add_vfio (fake);
  assert_guest (fake, 0, 0, "vfio is open: interrupts can be had", NULL);
  assert_guest (fake, 0, 0, "sysfs does not: the kernel is locked down", NULL);

  ivt_fake_sysfs_set (fake, "0000:00:03.0", "class", "0x020000\n");
  ivt_fake_sysfs_set_group (fake, "0000:00:03.0", 7);
  ivt_fake_sysfs_set_driver (fake, "0000:00:03.0", "virtio-pci");
  assert_guest (fake, 1, 1, "0000:00:03.0 of the same IOMMU group 7 has the driver virtio-pci",
                "put the ivshmem");

  ivt_fake_sysfs_set (fake, ADDRESS, "revision", "0x00\n");
  assert_guest (fake, 1, 2, "is of revision 0", "use ivshmem-plain or ivshmem-doorbell");
  ivt_fake_sysfs_set (fake, ADDRESS, "resource", "");
  assert_guest (fake, 1, 0, "cannot be used: its memory (BAR2) was given no address",
                "make the region smaller");
}

static void
test_plain_guest (void)
{
  g_autoptr (IvtFakeSysfs) fake = ivt_fake_sysfs_new ();

  ivt_fake_sysfs_add_device (fake, "0001:00:04.0", 1024 * 1024, 0);
  assert_guest (fake, 0, 0, "PCI 0001:00:04.0 is an ivshmem-plain of 1 MiB\n", NULL);
  assert_guest (fake, 0, 0, "has no interrupts: an ivshmem-plain has none", NULL);
}

/* A daemon of another version says what it likes. */
static void
test_odd_candidates (void)
{
  static const char *const texts[]
      = { "[@a{sv} {}]", "[{'name': <5>, 'vfio': <true>, 'sysfs': <'; '>}]",
          "[{'name': <'0000:'>, 'type': <'doorbell'>, 'vfio': <''>, 'sysfs': <'a; b; c'>, 'fault': <'x'>}]" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (CtlDoctor) doctor = ctl_doctor_new ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) candidates
          = g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), texts[i], NULL, NULL, &error);
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      ctl_doctor_check_candidates (doctor, candidates);
      text = ctl_doctor_to_text (doctor, 0);
      g_test_message ("%s", text);
      g_assert_cmpuint (ctl_doctor_count (doctor, CTL_FINDING_PROBLEM), ==, 1);
    }
}

static void
assert_region (const char *text, const char *peers_text, guint problems, guint warnings, const char *says)
{
  g_autoptr (CtlDoctor) doctor = ctl_doctor_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);
  g_autoptr (GVariant) peers = NULL;
  g_autofree char *found = NULL;

  g_assert_no_error (error);
  if (peers_text != NULL)
    peers = g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), peers_text, NULL, NULL, &error);
  g_assert_no_error (error);
  ctl_doctor_check_region (doctor, properties, peers);
  found = ctl_doctor_to_text (doctor, 0);
  g_test_message ("%s", found);
  g_assert_cmpuint (ctl_doctor_count (doctor, CTL_FINDING_PROBLEM), ==, problems);
  g_assert_cmpuint (ctl_doctor_count (doctor, CTL_FINDING_WARNING), ==, warnings);
  g_assert_nonnull (strstr (found, says));
}

static void
test_sizes (void)
{
  assert_region ("{'Name': <'a'>, 'State': <'ready'>, 'Size': <uint64 4194304>}", NULL, 0, 0, "every guest");
  assert_region ("{'Name': <'a'>, 'State': <'ready'>, 'Size': <uint64 3145728>}", NULL, 1, 0, "power of two");
  assert_region ("{'Name': <'a'>, 'State': <'ready'>, 'Size': <uint64 65536>}", NULL, 0, 1, "libvirt");
  assert_region ("{'Name': <'a'>, 'State': <'ready'>, 'Size': <uint64 1048576>}", NULL, 0, 0, "every guest");
  assert_region ("{'Name': <'a'>, 'State': <'ready'>, 'Size': <uint64 256>}", NULL, 1, 0, "less than a page");
  assert_region ("{'Name': <'a'>, 'State': <'ready'>, 'Size': <uint64 4294967296>}", NULL, 0, 1, "Windows");
  assert_region ("{'Name': <'a'>, 'State': <'ready'>, 'Size': <uint64 2147483648>}", NULL, 0, 0,
                 "every guest");
}

static void
test_states (void)
{
  assert_region ("{'Name': <'a'>, 'State': <'connecting'>}", NULL, 0, 1, "waiting for its server");
  assert_region ("{'Name': <'a'>, 'State': <'lost'>}", NULL, 1, 0, "is lost");
}

static int
bind_socket (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
  strcpy (address.sun_path, path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}

static char *
server_text (const char *socket, const char *more)
{
  return g_strdup_printf ("{'Name': <'a'>, 'Plugin': <'doorbell-server'>, 'State': <'ready'>, "
                          "'Size': <uint64 1048576>, 'Options': <{'socket': <'%s'>%s}>}",
                          socket, more);
}

static void
test_sockets (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *path = g_build_filename (root, "a.sock", NULL);
  g_autofree char *name = g_strnfill (120, 'x');
  g_autofree char *long_path = g_build_filename (root, name, NULL);
  g_autofree char *text = server_text (path, "");
  g_autofree char *long_text = server_text (long_path, "");
  int fd;

  assert_region (text, NULL, 1, 0, "No such file");
  put (root, "a.sock", "");
  assert_region (text, NULL, 1, 0, "is no socket");
  g_remove (path);
  fd = bind_socket (path);
  assert_region (text, NULL, 0, 0, "you may connect");
  assert_region (long_text, NULL, 1, 0, "longer than");
  close (fd);
  remove_tree (root);
}

static void
test_descriptors (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *path = g_build_filename (root, "a.sock", NULL);
  g_autofree char *few = server_text (path, ", 'vectors': <'4'>, 'max-peers': <'225'>");
  g_autofree char *many = server_text (path, ", 'vectors': <'64'>, 'max-peers': <'1000'>");
  g_autofree char *huge = server_text (path, ", 'vectors': <'2048'>, 'max-peers': <'2'>");
  g_autofree char *peers = NULL;
  g_autoptr (GString) list = g_string_new ("[");
  int fd = bind_socket (path);
  struct rlimit limit;

  /* Some machines have a limit that nothing reaches. */
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = MIN (limit.rlim_cur, 1024);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  assert_region (few, NULL, 0, 0, "stay below");
  assert_region (many, NULL, 0, 1, "64000 descriptors");

  /* A thousand others, and ourselves. */
  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (list, "%s{'id': <uint32 %u>, 'vectors': <uint32 2048>}", i > 0 ? ", " : "",
                            i + 1);
  g_string_append_printf (list, ", {'id': <uint32 0>, 'pid': <uint32 %d>}]", (int) getpid ());
  peers = g_string_free (g_steal_pointer (&list), FALSE);
  assert_region (huge, peers, 1, 1, "takes a connect without its descriptor for a leave");
  close (fd);
  remove_tree (root);
}

static void
test_leaves (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *path = g_build_filename (root, "a.sock", NULL);
  g_autofree char *fresh = server_text (path, "");
  g_autofree char *silent = server_text (path, ", 'announce-leaves': <'false'>");
  g_autofree char *left
      = g_strdup_printf ("{'Name': <'a'>, 'Plugin': <'doorbell-server'>, 'State': <'ready'>, "
                         "'Size': <uint64 1048576>, 'Options': <{'socket': <'%s'>}>, "
                         "'Statistics': <{'peers_disconnected': uint64 2}>}",
                         path);
  int fd = bind_socket (path);

  assert_region (fresh, NULL, 0, 0, "no peer has left yet");
  assert_region (silent, NULL, 0, 0, "leaves are not announced");
  assert_region (left, NULL, 0, 1, "announce-leaves=false");
  close (fd);
  remove_tree (root);
}

static void
test_files (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *path = g_build_filename (root, "shm", NULL);
  g_autofree char *text = g_strdup_printf (
      "{'Name': <'a'>, 'Plugin': <'host-plain'>, 'State': <'ready'>, 'Size': <uint64 65536>, "
      "'Options': <{'path': <'%s'>}>}",
      path);

  assert_region (text, NULL, 1, 1, "No such file");
  put (root, "shm", "short");
  assert_region (text, NULL, 1, 1, "has become shorter");
  g_assert_cmpint (truncate (path, 65536), ==, 0);
  assert_region (text, NULL, 0, 1, "you may open its file");
  remove_tree (root);
}

static void
test_json (void)
{
  g_autoptr (CtlDoctor) doctor = ctl_doctor_new ();
  g_autoptr (CtlJson) json = ctl_json_new ();
  g_autofree char *line = NULL;

  ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "a", "do b", "c %d", 1);
  ctl_doctor_add (doctor, CTL_FINDING_OK, "d", NULL, "e");
  ctl_doctor_write_json (doctor, json);
  line = ctl_json_to_line (json);
  g_assert_cmpstr (
      line, ==,
      "{\"findings\":[{\"level\":\"problem\",\"check\":\"a\",\"finding\":\"c 1\",\"remedy\":\"do b\"},"
      "{\"level\":\"ok\",\"check\":\"d\",\"finding\":\"e\",\"remedy\":null}],"
      "\"problems\":1,\"warnings\":0}\n");
}

static void
test_wrap (void)
{
  g_autoptr (CtlDoctor) doctor = ctl_doctor_new ();
  g_autofree char *wide = NULL;
  g_autofree char *narrow = NULL;

  ctl_doctor_add (doctor, CTL_FINDING_WARNING, "check", "do this", "%s",
                  "a\x1b[2J of ten words that is long enough to wrap");
  wide = ctl_doctor_to_text (doctor, 0);
  narrow = ctl_doctor_to_text (doctor, 50);
  g_assert_cmpstr (wide, ==,
                   "warning  check            a\\x1b[2J of ten words that is long enough to wrap\n"
                   "                          -> do this\n"
                   "\n0 problems, 1 warning\n");
  g_assert_cmpstr (narrow, ==,
                   "warning  check            a\\x1b[2J of ten words\n"
                   "                          that is long enough to\n"
                   "                          wrap\n"
                   "                          -> do this\n"
                   "\n0 problems, 1 warning\n");
}

/* The host's checks say something of each thing, whatever this machine is. */
static void
test_host (void)
{
  static const char *const checks[] = { "memfd", "/dev/shm", "huge pages", "descriptors", "QEMU" };
  g_autoptr (CtlDoctor) doctor = ctl_doctor_new ();
  g_autofree char *text = NULL;

  ctl_doctor_check_host (doctor);
  text = ctl_doctor_to_text (doctor, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (checks); i++)
    g_assert_nonnull (strstr (text, checks[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/doctor/guest", test_guest);
  g_test_add_func ("/ctl/doctor/plain-guest", test_plain_guest);
  g_test_add_func ("/ctl/doctor/odd-candidates", test_odd_candidates);
  g_test_add_func ("/ctl/doctor/sizes", test_sizes);
  g_test_add_func ("/ctl/doctor/states", test_states);
  g_test_add_func ("/ctl/doctor/sockets", test_sockets);
  g_test_add_func ("/ctl/doctor/descriptors", test_descriptors);
  g_test_add_func ("/ctl/doctor/leaves", test_leaves);
  g_test_add_func ("/ctl/doctor/files", test_files);
  g_test_add_func ("/ctl/doctor/json", test_json);
  g_test_add_func ("/ctl/doctor/wrap", test_wrap);
  g_test_add_func ("/ctl/doctor/host", test_host);
  return g_test_run ();
}
