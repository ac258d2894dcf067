/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The small files and links of sysfs, each read whole and with a limit. What
 * cannot be read is NULL, and errno says why. Also which of them, and of the
 * device nodes, this process may use.
 */

/* A page: sysfs gives no text file that is longer. */
#define PCI_LIMIT_TEXT_BYTES 4096
#define PCI_LIMIT_NAME_BYTES 64

/* A NUL follows the last byte; ret_length may be NULL. A file of more than
 * limit bytes is none (EFBIG). (transfer full) */
char *pci_sysfs_read (const char *path, gsize limit, gsize *ret_length);

/* A file's first line without the blanks around it, as text that can be shown.
 * (transfer full) */
char *pci_sysfs_read_line (const char *path);

/* A file that is one number. */
gboolean pci_sysfs_read_number (const char *path, guint64 *ret_number) G_GNUC_WARN_UNUSED_RESULT;

/* The last part of where a link points to, as text that can be shown; the
 * place itself need not be there. (transfer full) */
char *pci_sysfs_read_link (const char *path);

/* No more than PCI_LIMIT_NAME_BYTES of it, with neither control characters nor
 * broken UTF-8. (transfer full) */
char *pci_sysfs_clean (const char *text);

/* The names in a directory, sorted, no more than limit. Never NULL. (transfer
 * full) (element-type utf8) */
GPtrArray *pci_sysfs_list (const char *path, guint limit);

/* Of this process's effective ids and capabilities. mode: R_OK, W_OK or F_OK.
 * 0, or why not: ENOENT, EACCES, EROFS ... */
int pci_sysfs_check_access (const char *path, int mode);
