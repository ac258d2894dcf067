/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-doctor.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl-region.h"
#include "ctl-size.h"

#define LIBVIRT_SIZE_MIN (1024 * 1024)
#define WINDOWS_SIZE_END (G_GUINT64_CONSTANT (4) << 30)
/* What a QEMU has open besides, roughly. */
#define QEMU_DESCRIPTORS 128
/* The soft limit that a program has unless somebody has raised it. */
#define USUAL_DESCRIPTORS 1024
/* How many peers a server takes that was not told. */
#define USUAL_PEER_VECTORS 900
#define USUAL_PEERS_MIN 2
#define PERMISSION_BITS 07777

static void
check_state (CtlDoctor *doctor, const char *name, GVariant *properties)
{
  const char *state = ctl_region_text (properties, "State");

  if (g_str_equal (state, "ready"))
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL, "is ready (plugin %s)",
                    ctl_region_text (properties, "Plugin"));
  else if (g_str_equal (state, "connecting"))
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, name, "start the server that its option socket= names",
                    "is waiting for its server");
  else
    ctl_doctor_add (
        doctor, CTL_FINDING_PROBLEM, name,
        "bring back what it was attached to, then detach and attach it (or attach with reattach=true or "
        "reconnect=true)",
        "is %s: what was behind it has gone", state);
}

static void
check_size (CtlDoctor *doctor, const char *name, guint64 bytes)
{
  g_autofree char *size = ctl_size_format (bytes);

  if (bytes == 0)
    return;
  if ((bytes & (bytes - 1)) != 0)
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name, "make it of a size that is a power of two",
                    "has %s: QEMU aborts on a size that is no power of two", size);
  else if (bytes < (guint64) sysconf (_SC_PAGESIZE))
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name, "make it of 1 MiB or more",
                    "has %s: less than a page, which "
                    "QEMU refuses",
                    size);
  else if (bytes < LIBVIRT_SIZE_MIN)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, name, "make it of 1 MiB or more",
                    "has %s: fine for QEMU, too small for libvirt", size);
  else if (bytes >= WINDOWS_SIZE_END)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, name, "split it, if Windows guests are to have it",
                    "has %s: the Windows driver does not start with 4 GiB and more", size);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL, "has %s, which every guest can take", size);
}

/* "0660 root:kvm" */
static char *
describe_owner (const struct stat *info)
{
  const struct passwd *user = getpwuid (info->st_uid);
  g_autofree char *user_text = user != NULL ? g_strdup (user->pw_name) : g_strdup_printf ("%u", info->st_uid);
  const struct group *group = getgrgid (info->st_gid);
  g_autofree char *group_text
      = group != NULL ? g_strdup (group->gr_name) : g_strdup_printf ("%u", info->st_gid);

  return g_strdup_printf ("%04o %s:%s", info->st_mode & PERMISSION_BITS, user_text, group_text);
}

static void
check_socket (CtlDoctor *doctor, const char *name, const char *path)
{
  struct sockaddr_un address;
  struct stat info;
  g_autofree char *owner = NULL;

  if (strlen (path) >= sizeof address.sun_path)
    {
      ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name, "give it a shorter socket=",
                      "the path of its socket is longer than %zu bytes: QEMU cannot use it",
                      sizeof address.sun_path - 1);
      return;
    }
  if (stat (path, &info) < 0)
    {
      ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name,
                      errno == EACCES
                          ? "open the directories to it for those who are to use it, or give it another "
                            "socket="
                          : "detach and attach it: somebody has removed its socket",
                      "its socket %s: %s", path, g_strerror (errno));
      return;
    }
  owner = describe_owner (&info);
  if (!S_ISSOCK (info.st_mode))
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name, "remove it, then detach and attach the region",
                    "%s is no socket", path);
  else if (access (path, R_OK | W_OK) < 0)
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name,
                    "attach it with owner=, group= or mode= so that those who run the guests may open it",
                    "you may not connect to its socket %s (%s)", path, owner);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL, "you may connect to its socket %s (%s)", path, owner);
}

static void
check_file (CtlDoctor *doctor, const char *name, const char *path, guint64 bytes)
{
  struct stat info;
  g_autofree char *owner = NULL;

  if (stat (path, &info) < 0)
    {
      ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name, "make it again, or detach the region",
                      "its file %s: %s", path, g_strerror (errno));
      return;
    }
  owner = describe_owner (&info);
  if ((guint64) info.st_size < bytes)
    ctl_doctor_add (
        doctor, CTL_FINDING_PROBLEM, name, "detach and attach it, and find out who has cut the file",
        "its file %s has become shorter than the region: guests die of touching what is missing", path);
  else if (access (path, R_OK | W_OK) < 0)
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name, "change its owner, group or mode (chown, chmod)",
                    "you may not open its file %s (%s)", path, owner);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL, "you may open its file %s (%s)", path, owner);
}

/* The soft limit of descriptors of another process; 0 when it is not known. */
static guint64
descriptor_limit_of (guint64 pid)
{
  g_autofree char *directory = g_strdup_printf ("/proc/%" G_GUINT64_FORMAT, pid);
  g_autofree char *text = ctl_doctor_read_file (directory, "limits");
  const char *line = text != NULL ? strstr (text, "Max open files") : NULL;

  return line != NULL ? g_ascii_strtoull (line + strlen ("Max open files"), NULL, 10) : 0;
}

static void
check_peer_limits (CtlDoctor *doctor, const char *name, GVariant *peers, guint64 needed)
{
  for (gsize i = 0; i < g_variant_n_children (peers); i++)
    {
      g_autoptr (GVariant) peer = g_variant_get_child_value (peers, i);
      guint64 pid = ctl_region_number (peer, "pid", 0);
      guint64 limit = pid != 0 ? descriptor_limit_of (pid) : 0;

      if (limit != 0 && limit < needed)
        ctl_doctor_add (
            doctor, CTL_FINDING_PROBLEM, name,
            "start it with a higher limit (`ulimit -n`, LimitNOFILE=, max_files in libvirt's qemu.conf)",
            "peer %" G_GUINT64_FORMAT " (process %" G_GUINT64_FORMAT ") may have %" G_GUINT64_FORMAT
            " descriptors and needs about %" G_GUINT64_FORMAT
            ": it takes a connect without its descriptor for a leave",
            ctl_region_number (peer, "id", 0), pid, limit, needed);
    }
}

static void
check_descriptors (CtlDoctor *doctor, const char *name, GVariant *properties, GVariant *peers)
{
  g_autofree char *vectors_text = ctl_region_option (properties, "vectors");
  g_autofree char *peers_text = ctl_region_option (properties, "max-peers");
  guint64 vectors, max_peers, needed;
  guint64 n_peers
      = peers != NULL ? g_variant_n_children (peers) : ctl_region_number (properties, "PeerCount", 0);

  if (vectors_text == NULL || !ctl_number_parse (vectors_text, G_MAXUINT16, &vectors, NULL) || vectors == 0)
    return;
  needed = n_peers * vectors + QEMU_DESCRIPTORS;
  if (peers != NULL)
    check_peer_limits (doctor, name, peers, needed);
  max_peers = MAX (USUAL_PEER_VECTORS / vectors, USUAL_PEERS_MIN);
  if (peers_text != NULL && !ctl_number_parse (peers_text, G_MAXUINT16 + 1, &max_peers, NULL))
    return;
  if (max_peers * vectors > USUAL_DESCRIPTORS)
    ctl_doctor_add (
        doctor, CTL_FINDING_WARNING, name,
        "start every guest with a limit above that (`ulimit -n`), or lower max-peers= or vectors=",
        "with its %" G_GUINT64_FORMAT " peers at most, each needs %" G_GUINT64_FORMAT
        " descriptors; the usual limit is %d",
        max_peers, max_peers * vectors, USUAL_DESCRIPTORS);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL,
                    "%" G_GUINT64_FORMAT " peers of %" G_GUINT64_FORMAT
                    " vectors at most stay below the usual limit of descriptors",
                    max_peers, vectors);
}

/* QEMU frees a leaver's array twice, and nobody but QEMU can help that. */
static void
check_leaves (CtlDoctor *doctor, const char *name, GVariant *properties)
{
  g_autofree char *announce = ctl_region_option (properties, "announce-leaves");
  guint64 left = ctl_region_statistic (properties, "peers_disconnected");

  if (g_strcmp0 (announce, "false") == 0)
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL,
                    "leaves are not announced: guests may unplug the device");
  else if (left > 0)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, name,
                    "do not unplug it (device_del) from guests that are running now; attach with "
                    "announce-leaves=false where guests must unplug",
                    "%" G_GUINT64_FORMAT
                    " peers have left: QEMU crashes when this device is unplugged after that",
                    left);
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL,
                    "no peer has left yet: guests may unplug the device until one does (QEMU crashes later; "
                    "announce-leaves=false avoids it)");
}

void
ctl_doctor_check_region (CtlDoctor *doctor, GVariant *properties, GVariant *peers)
{
  const char *name = ctl_region_text (properties, "Name");
  const char *plugin = ctl_region_text (properties, "Plugin");
  g_autofree char *socket = ctl_region_option (properties, "socket");
  g_autofree char *path = ctl_region_option (properties, "path");
  guint64 bytes = ctl_region_number (properties, "Size", 0);

  check_state (doctor, name, properties);
  check_size (doctor, name, bytes);
  if (socket != NULL && *socket != '\0')
    check_socket (doctor, name, socket);
  if (g_str_equal (plugin, "host-plain") && path != NULL && ctl_region_is_ready (properties))
    check_file (doctor, name, path, bytes);
  if (!g_str_equal (plugin, "doorbell-server"))
    return;
  check_descriptors (doctor, name, properties, peers);
  check_leaves (doctor, name, properties);
}
