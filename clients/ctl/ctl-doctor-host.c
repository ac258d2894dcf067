/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "ctl-size.h"

#define HUGEPAGES_DIRECTORY "/sys/kernel/mm/hugepages"
#define FREE_BYTES_LOW (64 * 1024 * 1024)
#define DESCRIPTORS_LOW 4096

static void
check_memfd (CtlDoctor *doctor)
{
  int fd = memfd_create ("ivshmemctl-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gboolean sealed
      = fd >= 0 && ftruncate (fd, 1) == 0 && fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;

  if (sealed)
    ctl_doctor_add (doctor, CTL_FINDING_OK, "memfd", NULL, "sealed memory files can be made");
  else
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "memfd",
                    "use a kernel of 3.17 or later, or servers with path=/dev/shm/...",
                    "no sealed memory files: %s", g_strerror (errno));
  if (fd >= 0)
    close (fd);
}

static void
check_shm (CtlDoctor *doctor)
{
  struct statfs info;
  g_autofree char *free_text = NULL;
  guint64 free_bytes;

  if (statfs ("/dev/shm", &info) < 0 || info.f_type != TMPFS_MAGIC)
    {
      ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "/dev/shm", "mount -t tmpfs tmpfs /dev/shm",
                      "/dev/shm is no mounted tmpfs: host-plain regions have no place to be");
      return;
    }
  free_bytes = (guint64) info.f_bavail * (guint64) info.f_bsize;
  free_text = ctl_size_format (free_bytes);
  if (free_bytes < FREE_BYTES_LOW)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, "/dev/shm",
                    "remove what is not needed there, or mount -o remount,size=... /dev/shm",
                    "only %s free", free_text);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, "/dev/shm", NULL, "%s free", free_text);
}

/* "hugepages-2048kB: 16 of 64 free" for every size that has any. */
static char *
describe_hugepages (void)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GDir) directory = g_dir_open (HUGEPAGES_DIRECTORY, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename (HUGEPAGES_DIRECTORY, name, NULL);
      g_autofree char *total = ctl_doctor_read_file (path, "nr_hugepages");
      g_autofree char *left = ctl_doctor_read_file (path, "free_hugepages");

      if (total != NULL && left != NULL && !g_str_equal (total, "0"))
        g_string_append_printf (out, "%s%s: %s of %s free", out->len > 0 ? ", " : "", name, left, total);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
check_hugepages (CtlDoctor *doctor)
{
  g_autofree char *pages = describe_hugepages ();

  if (*pages != '\0')
    ctl_doctor_add (doctor, CTL_FINDING_OK, "huge pages", NULL, "%s", pages);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, "huge pages", NULL,
                    "none are set aside (vm.nr_hugepages); only regions with hugepages= want them");
}

static void
check_descriptors (CtlDoctor *doctor)
{
  struct rlimit limit = { 0 };

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;
  if (limit.rlim_max < DESCRIPTORS_LOW)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, "descriptors",
                    "raise it: LimitNOFILE= in the unit, or `ulimit -Hn`",
                    "a process here may have %lu: every peer costs each other peer one for each vector",
                    (gulong) limit.rlim_max);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, "descriptors", NULL,
                    "a process here may have %lu at once, %lu at most", (gulong) limit.rlim_cur,
                    (gulong) limit.rlim_max);
}

/* What a program prints; NULL when it fails. */
static char *
output_of (const char *program, const char *first, const char *second)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *text = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL,
                              program, first, second, NULL);
  if (process == NULL || !g_subprocess_communicate_utf8 (process, NULL, NULL, &text, NULL, NULL)
      || !g_subprocess_get_successful (process))
    return NULL;
  return g_steal_pointer (&text);
}

static char *
find_qemu (void)
{
  static const char *const names[] = { "qemu-system-x86_64", "qemu-system-aarch64", "qemu-kvm",
                                       "/usr/libexec/qemu-kvm" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      char *path = g_find_program_in_path (names[i]);

      if (path != NULL)
        return path;
    }
  return NULL;
}

static void
check_qemu (CtlDoctor *doctor)
{
  g_autofree char *path = find_qemu ();
  g_autofree char *version = path != NULL ? output_of (path, "--version", NULL) : NULL;
  g_autofree char *device = NULL;

  if (version == NULL)
    {
      ctl_doctor_add (doctor, CTL_FINDING_WARNING, "QEMU",
                      "install qemu-system-x86, if guests are to run here", "no QEMU found");
      return;
    }
  version[strcspn (version, "\n")] = '\0';
  device = output_of (path, "-device", "ivshmem-doorbell,help");
  if (device == NULL)
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "QEMU",
                    "use a QEMU that has the device: the qemu-kvm of RHEL and CentOS has not",
                    "%s (%s) has no ivshmem-doorbell", path, version);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, "QEMU", NULL, "%s", version);
}

static void
check_security (CtlDoctor *doctor)
{
  g_autofree char *apparmor = ctl_doctor_read_file ("/sys/module/apparmor/parameters", "enabled");
  g_autofree char *selinux = ctl_doctor_read_file ("/sys/fs/selinux", "enforce");
  gboolean libvirt = g_file_test ("/etc/apparmor.d/abstractions/libvirt-qemu", G_FILE_TEST_EXISTS);

  if (g_strcmp0 (selinux, "1") == 0)
    ctl_doctor_add (
        doctor, CTL_FINDING_WARNING, "SELinux",
        "when a guest is denied: look with `ausearch -m avc -ts recent`, and label the socket or file "
        "svirt_image_t",
        "is enforcing: guests of libvirt are confined");
  else if (g_strcmp0 (apparmor, "Y") == 0 && libvirt)
    ctl_doctor_add (
        doctor, CTL_FINDING_WARNING, "AppArmor",
        "when a guest is denied: add the socket or file to /etc/apparmor.d/abstractions/libvirt-qemu",
        "is on: guests of libvirt are confined");
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, "confinement", NULL,
                    "neither SELinux nor AppArmor confines guests here");
}

void
ctl_doctor_check_host (CtlDoctor *doctor)
{
  check_memfd (doctor);
  check_shm (doctor);
  check_hugepages (doctor);
  check_descriptors (doctor);
  check_qemu (doctor);
  check_security (doctor);
}
