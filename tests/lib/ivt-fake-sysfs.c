/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "lib/ivt-fake-sysfs.h"

#include <grp.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define NOBODY 65534
#define CONFIG_BYTES 256
#define CAPABILITY_AT 0x40
#define DEVICES "sys/bus/pci/devices"

struct _IvtFakeSysfs
{
  char *root, *sys, *dev;
};

IvtFakeSysfs *
ivt_fake_sysfs_new (void)
{
  IvtFakeSysfs *self = g_new0 (IvtFakeSysfs, 1);
  g_autoptr (GError) error = NULL;

  self->root = g_dir_make_tmp ("ivt-sysfs-XXXXXX", &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (self->root, 0755), ==, 0);
  self->sys = g_build_filename (self->root, "sys", NULL);
  self->dev = g_build_filename (self->root, "dev", NULL);
  g_assert_cmpint (g_mkdir (self->sys, 0755), ==, 0);
  g_assert_cmpint (g_mkdir (self->dev, 0755), ==, 0);
  ivt_fake_sysfs_put (self, "sys/bus/pci/drivers_probe", "", -1);
  return self;
}

static void
remove_tree (const char *path)
{
  gboolean is_link = g_file_test (path, G_FILE_TEST_IS_SYMLINK);
  g_autoptr (GDir) directory = is_link ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

void
ivt_fake_sysfs_free (IvtFakeSysfs *self)
{
  if (self == NULL)
    return;
  remove_tree (self->root);
  g_free (self->root);
  g_free (self->sys);
  g_free (self->dev);
  g_free (self);
}

const char *
ivt_fake_sysfs_get_sys (IvtFakeSysfs *self)
{
  return self->sys;
}

const char *
ivt_fake_sysfs_get_dev (IvtFakeSysfs *self)
{
  return self->dev;
}

/* Its folder is there after this, it itself is not. */
static char *
make_room (IvtFakeSysfs *self, const char *path)
{
  char *file = g_build_filename (self->root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (file);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  remove_tree (file);
  return file;
}

void
ivt_fake_sysfs_put (IvtFakeSysfs *self, const char *path, const char *text, gssize length)
{
  g_autofree char *file = make_room (self, path);
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (file, text, length, G_FILE_SET_CONTENTS_NONE, 0644, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (file, 0644), ==, 0);
}

void
ivt_fake_sysfs_link (IvtFakeSysfs *self, const char *path, const char *target)
{
  g_autofree char *file = make_room (self, path);

  g_assert_cmpint (symlink (target, file), ==, 0);
}

void
ivt_fake_sysfs_chmod (IvtFakeSysfs *self, const char *path, guint mode)
{
  g_autofree char *file = g_build_filename (self->root, path, NULL);

  g_assert_cmpint (g_chmod (file, (int) mode), ==, 0);
}

void
ivt_fake_sysfs_remove (IvtFakeSysfs *self, const char *path)
{
  g_autofree char *file = g_build_filename (self->root, path, NULL);

  remove_tree (file);
}

static char *
device_path (const char *address, const char *name)
{
  return g_build_filename (DEVICES, address, name, NULL);
}

void
ivt_fake_sysfs_set (IvtFakeSysfs *self, const char *address, const char *name, const char *text)
{
  g_autofree char *path = device_path (address, name);

  if (text != NULL)
    ivt_fake_sysfs_put (self, path, text, -1);
  else
    ivt_fake_sysfs_remove (self, path);
}

static void
put_config (IvtFakeSysfs *self, const char *address, guint vectors)
{
  g_autofree char *path = device_path (address, "config");
  guint8 bytes[CONFIG_BYTES] = { 0xf4, 0x1a, 0x10, 0x11 };

  bytes[PCI_COMMAND] = PCI_COMMAND_MEMORY | PCI_COMMAND_IO;
  bytes[PCI_REVISION_ID] = 1;
  bytes[PCI_BASE_ADDRESS_2] = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;
  if (vectors > 0)
    {
      bytes[PCI_STATUS] = PCI_STATUS_CAP_LIST;
      bytes[PCI_CAPABILITY_LIST] = CAPABILITY_AT;
      bytes[CAPABILITY_AT] = PCI_CAP_ID_MSIX;
      bytes[CAPABILITY_AT + PCI_MSIX_FLAGS] = (guint8) (vectors - 1);
      bytes[CAPABILITY_AT + PCI_MSIX_FLAGS + 1] = (guint8) ((vectors - 1) >> 8);
    }
  ivt_fake_sysfs_put (self, path, (const char *) bytes, sizeof bytes);
}

void
ivt_fake_sysfs_add_device (IvtFakeSysfs *self, const char *address, guint64 bytes, guint vectors)
{
  static const char *const files[] = { "resource0", "resource2", "resource2_wc" };
  const guint64 memory = G_GUINT64_CONSTANT (0xfe00000000);
  g_autoptr (GString) resource = g_string_new (NULL);

  g_string_append (resource, "0x00000000febf1000 0x00000000febf10ff 0x0000000000040200\n");
  g_string_append (resource, vectors > 0 ? "0x00000000febf2000 0x00000000febf2fff 0x0000000000040200\n"
                                         : "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
  g_string_append_printf (resource,
                          "0x%016" G_GINT64_MODIFIER "x 0x%016" G_GINT64_MODIFIER "x 0x000000000014220c\n",
                          memory, memory + bytes - 1);
  for (guint i = 3; i < 7; i++)
    g_string_append (resource, "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");

  ivt_fake_sysfs_set (self, address, "vendor", "0x1af4\n");
  ivt_fake_sysfs_set (self, address, "device", "0x1110\n");
  ivt_fake_sysfs_set (self, address, "class", "0x050000\n");
  ivt_fake_sysfs_set (self, address, "revision", "0x01\n");
  ivt_fake_sysfs_set (self, address, "enable", "1\n");
  ivt_fake_sysfs_set (self, address, "driver_override", "(null)\n");
  ivt_fake_sysfs_set (self, address, "resource", resource->str);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    ivt_fake_sysfs_set (self, address, files[i], "");
  put_config (self, address, vectors);
}

void
ivt_fake_sysfs_set_driver (IvtFakeSysfs *self, const char *address, const char *driver)
{
  g_autofree char *path = device_path (address, "driver");
  g_autofree char *target = g_strconcat ("../../drivers/", driver, NULL);
  g_autofree char *unbind = NULL;

  if (driver == NULL)
    {
      ivt_fake_sysfs_remove (self, path);
      return;
    }
  unbind = g_build_filename ("sys/bus/pci/drivers", driver, "unbind", NULL);
  ivt_fake_sysfs_put (self, unbind, "", -1);
  ivt_fake_sysfs_link (self, path, target);
}

void
ivt_fake_sysfs_set_group (IvtFakeSysfs *self, const char *address, guint group)
{
  g_autofree char *path = device_path (address, "iommu_group");
  g_autofree char *target = g_strdup_printf ("../../../../kernel/iommu_groups/%u", group);
  g_autofree char *member = g_strdup_printf ("sys/kernel/iommu_groups/%u/devices/%s", group, address);
  g_autofree char *device = g_strconcat ("../../../../bus/pci/devices/", address, NULL);

  ivt_fake_sysfs_link (self, path, target);
  ivt_fake_sysfs_link (self, member, device);
}

void
ivt_fake_sysfs_add_vfio (IvtFakeSysfs *self)
{
  ivt_fake_sysfs_put (self, "sys/module/vfio/refcnt", "0\n", -1);
  ivt_fake_sysfs_put (self, "sys/module/vfio_iommu_type1/refcnt", "0\n", -1);
  ivt_fake_sysfs_put (self, "sys/bus/pci/drivers/vfio-pci/unbind", "", -1);
  ivt_fake_sysfs_put (self, "dev/vfio/vfio", "", -1);
  ivt_fake_sysfs_chmod (self, "dev/vfio/vfio", 0666);
}

void
ivt_run_unprivileged (void (*func) (gpointer data), gpointer data)
{
  int status = 0;
  pid_t child;

  if (geteuid () != 0)
    {
      func (data);
      return;
    }
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      if (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0
          || setresuid (NOBODY, NOBODY, NOBODY) < 0)
        _exit (2);
      func (data);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}
