/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * A sysfs and a /dev of ordinary files, for what the machine that runs the
 * tests cannot show. Everybody may read it; what may be written is told by the
 * modes of the files, so checks of rights belong into
 * ivt_run_unprivileged().
 */

typedef struct _IvtFakeSysfs IvtFakeSysfs;

IvtFakeSysfs *ivt_fake_sysfs_new (void);
/* Removes all of it. */
void ivt_fake_sysfs_free (IvtFakeSysfs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvtFakeSysfs, ivt_fake_sysfs_free)

const char *ivt_fake_sysfs_get_sys (IvtFakeSysfs *self);
const char *ivt_fake_sysfs_get_dev (IvtFakeSysfs *self);

/* path: "sys/..." or "dev/...". Folders come by themselves; what was there is
 * replaced. length: -1: text ends with a NUL. Its mode is 0644. */
void ivt_fake_sysfs_put (IvtFakeSysfs *self, const char *path, const char *text, gssize length);
void ivt_fake_sysfs_link (IvtFakeSysfs *self, const char *path, const char *target);
void ivt_fake_sysfs_chmod (IvtFakeSysfs *self, const char *path, guint mode);
/* With all that is below it; it need not be there. */
void ivt_fake_sysfs_remove (IvtFakeSysfs *self, const char *path);

/* A device as QEMU makes it, enabled and without a driver. vectors: 0: an
 * ivshmem-plain. */
void ivt_fake_sysfs_add_device (IvtFakeSysfs *self, const char *address, guint64 bytes, guint vectors);
/* Only one file of it, or a link. text: NULL: it goes. */
void ivt_fake_sysfs_set (IvtFakeSysfs *self, const char *address, const char *name, const char *text);
/* driver: NULL: none. */
void ivt_fake_sysfs_set_driver (IvtFakeSysfs *self, const char *address, const char *driver);
/* The device, which is there, becomes a member of an IOMMU group. */
void ivt_fake_sysfs_set_group (IvtFakeSysfs *self, const char *address, guint group);
/* The modules of vfio are loaded. */
void ivt_fake_sysfs_add_vfio (IvtFakeSysfs *self);

/* Calls func with the rights of nobody, if the test has those of root: in a
 * child then, which fails the test when it fails. */
void ivt_run_unprivileged (void (*func) (gpointer data), gpointer data);
