/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/options.h"

#include <sys/resource.h>
#include <unistd.h>

#include "ivshmem/wire.h"

#include "doorbell-server/error.h"

#define MEMORY_BYTES_MIN 4096
#define MEMORY_BYTES_MAX (G_GUINT64_CONSTANT (1) << 46)
#define FILE_MODE_MAX 0777
#define PEERS_MIN 2
/* What a server holds besides its peers: memory, listener, locks, directories. */
#define DESCRIPTORS_APART 16

enum
{
  OPTION_SOCKET,
  OPTION_SIZE,
  OPTION_VECTORS,
  OPTION_PATH,
  OPTION_HUGEPAGES,
  OPTION_OWNER,
  OPTION_GROUP,
  OPTION_MODE,
  OPTION_ALLOW_UIDS,
  OPTION_ALLOW_GIDS,
  OPTION_MAX_PEERS,
  OPTION_OWN_ID,
  OPTION_ID_OFFSET,
  OPTION_ID_STRIDE,
  OPTION_ANNOUNCE_LEAVES,
  OPTION_STALL_TIMEOUT,
  N_OPTIONS
};

#define ROW(kind, option, text, low, high, what)                                                \
  {                                                                                             \
    .struct_size = sizeof (IvshmemPluginOption), .type = IVSHMEM_PLUGIN_##kind, .name = option, \
    .default_text = text, .minimum = low, .maximum = high, .description = what                  \
  }

/* clang-format off */
const IvshmemPluginOption dbs_option_table[DBS_OPTION_COUNT] = {
  [OPTION_SOCKET] = ROW (PATH, "socket", NULL, 0, 0,
    "where clients connect; NAME.sock in the runtime directory unless said"),
  [OPTION_SIZE] = ROW (SIZE, "size", "4M", MEMORY_BYTES_MIN, MEMORY_BYTES_MAX,
    "bytes of memory, a power of two"),
  [OPTION_VECTORS] = ROW (NUMBER, "vectors", "1", 1, IVSHMEM_WIRE_VECTORS_MAX,
    "interrupt vectors of each peer"),
  [OPTION_PATH] = ROW (PATH, "path", NULL, 0, 0,
    "file for the memory, on tmpfs or hugetlbfs; removed on detach, kept on stop"),
  [OPTION_HUGEPAGES] = ROW (TEXT, "hugepages", NULL, 0, 0,
    "huge pages for memory without a path: 2M, 1G, or yes for the system's size"),
  [OPTION_OWNER] = ROW (USER, "owner", NULL, 0, 0,
    "user that owns the socket"),
  [OPTION_GROUP] = ROW (GROUP, "group", NULL, 0, 0,
    "group of the socket"),
  [OPTION_MODE] = ROW (MODE, "mode", "0660", 0, 0,
    "permissions of the socket, and of a path file unless there is an allow-list"),
  [OPTION_ALLOW_UIDS] = ROW (LIST, "allow-uids", NULL, 0, 0,
    "users that may join; with allow-gids, either is enough"),
  [OPTION_ALLOW_GIDS] = ROW (LIST, "allow-gids", NULL, 0, 0,
    "groups that may join; with allow-uids, either is enough"),
  [OPTION_MAX_PEERS] = ROW (NUMBER, "max-peers", NULL, 1, IVSHMEM_WIRE_ID_MAX + 1,
    "peers at a time; 900 / vectors, but at least 2, unless said"),
  [OPTION_OWN_ID] = ROW (TEXT, "own-id", "255", 0, 0,
    "the daemon's own id, or none: then it is no peer"),
  [OPTION_ID_OFFSET] = ROW (NUMBER, "id-offset", "0", 0, IVSHMEM_WIRE_ID_MAX,
    "lowest id given to a peer"),
  [OPTION_ID_STRIDE] = ROW (NUMBER, "id-stride", "1", 1, IVSHMEM_WIRE_ID_MAX,
    "distance between two ids"),
  [OPTION_ANNOUNCE_LEAVES] = ROW (BOOLEAN, "announce-leaves", "true", 0, 0,
    "false: tell nobody that a peer left, so that QEMU survives device_del"),
  [OPTION_STALL_TIMEOUT] = ROW (DURATION, "stall-timeout", "off", 0, 0,
    "cut a client that takes nothing for so long, but never in its greeting"),
};
/* clang-format on */
G_STATIC_ASSERT (N_OPTIONS == DBS_OPTION_COUNT);

/* The host's entries may be longer than ours. */
static const IvshmemPluginValue *
value_at (const IvshmemPluginValue *values, guint index)
{
  return (const IvshmemPluginValue *) ((const char *) values + (gsize) index * values->struct_size);
}

static const char *
text_at (const IvshmemPluginValue *values, guint index)
{
  const IvshmemPluginValue *value = value_at (values, index);

  return value->present ? value->text : NULL;
}

static gint64
id_at (const IvshmemPluginValue *values, guint index)
{
  const IvshmemPluginValue *value = value_at (values, index);

  return value->present ? (gint64) value->number : -1;
}

static gboolean
parse_size (DbsOptions *options, GError **error)
{
  guint64 page = (guint64) sysconf (_SC_PAGESIZE);

  if ((options->size & (options->size - 1)) != 0)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                   "size %" G_GUINT64_FORMAT " is no power of two: QEMU aborts on such a region",
                   options->size);
      return FALSE;
    }
  if (options->size < MEMORY_BYTES_MIN || options->size % page != 0)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                   "size %" G_GUINT64_FORMAT " is no multiple of a page of %" G_GUINT64_FORMAT
                   " bytes, or below %d",
                   options->size, page, MEMORY_BYTES_MIN);
      return FALSE;
    }
  return TRUE;
}

static gboolean
parse_huge (DbsOptions *options, const char *text, GError **error)
{
  if (text == NULL)
    return TRUE;

  options->huge = TRUE;
  if (g_str_equal (text, "2M"))
    options->huge_page_bytes = G_GUINT64_CONSTANT (2) << 20;
  else if (g_str_equal (text, "1G"))
    options->huge_page_bytes = G_GUINT64_CONSTANT (1) << 30;
  else if (g_str_equal (text, "no"))
    options->huge = FALSE;
  else if (!g_str_equal (text, "yes"))
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                   "hugepages '%.32s' is none of 2M, 1G, yes, no", text);
      return FALSE;
    }
  if (options->huge && options->memory_path != NULL)
    {
      g_set_error_literal (
          error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
          "hugepages is for memory without a path: a file in a hugetlbfs mount has huge pages by itself");
      return FALSE;
    }
  if (options->size < options->huge_page_bytes)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                   "size %" G_GUINT64_FORMAT " is smaller than one huge page of %s", options->size, text);
      return FALSE;
    }
  return TRUE;
}

static gboolean
parse_own_id (DbsOptions *options, const char *text, GError **error)
{
  guint64 number;

  if (g_str_equal (text, "none"))
    {
      options->own_id = -1;
      return TRUE;
    }
  if (!g_ascii_string_to_unsigned (text, 10, 0, IVSHMEM_WIRE_ID_MAX, &number, NULL))
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                   "own-id '%.32s' is neither a number from 0 to %d nor none", text, IVSHMEM_WIRE_ID_MAX);
      return FALSE;
    }
  options->own_id = (gint) number;
  return TRUE;
}

static char *
default_socket (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name, GError **error)
{
  g_autofree char *file = g_strconcat (name, ".sock", NULL);
  char *path;

  if (!IVSHMEM_PLUGIN_HAS (IvshmemPluginHost, host, runtime_dir))
    {
      g_set_error_literal (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                           "there is no runtime directory to put the socket in: give socket=PATH");
      return NULL;
    }
  path = g_build_filename (host->runtime_dir, file, NULL);
  if (IVSHMEM_PLUGIN_HAS (IvshmemPluginHost, host, resolved))
    host->resolved (region, "socket", path);
  return path;
}

static guint
default_max_peers (guint vectors)
{
  return MAX (DBS_QEMU_DESCRIPTORS / vectors, PEERS_MIN);
}

DbsOptions *
dbs_options_new (const IvshmemPluginHost *host,
                 IvshmemPluginRegion *region,
                 const char *name,
                 const IvshmemPluginValue *values,
                 guint32 n_values,
                 GError **error)
{
  g_autoptr (DbsOptions) options = g_new0 (DbsOptions, 1);

  if (n_values < N_OPTIONS || values->struct_size < sizeof (IvshmemPluginValue))
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INTERNAL, "the host gave %u values for %u options",
                   n_values, N_OPTIONS);
      return NULL;
    }

  options->memory_path = g_strdup (text_at (values, OPTION_PATH));
  options->size = value_at (values, OPTION_SIZE)->number;
  options->vectors = (guint) value_at (values, OPTION_VECTORS)->number;
  options->owner = id_at (values, OPTION_OWNER);
  options->group = id_at (values, OPTION_GROUP);
  options->mode = (guint) value_at (values, OPTION_MODE)->number & FILE_MODE_MAX;
  options->allow_uids = g_strdup (text_at (values, OPTION_ALLOW_UIDS));
  options->allow_gids = g_strdup (text_at (values, OPTION_ALLOW_GIDS));
  options->max_peers = value_at (values, OPTION_MAX_PEERS)->present
                           ? (guint) value_at (values, OPTION_MAX_PEERS)->number
                           : default_max_peers (options->vectors);
  options->id_offset = (guint) value_at (values, OPTION_ID_OFFSET)->number;
  options->id_stride = (guint) value_at (values, OPTION_ID_STRIDE)->number;
  options->announce_leaves = value_at (values, OPTION_ANNOUNCE_LEAVES)->number != 0;
  options->stall_usec = value_at (values, OPTION_STALL_TIMEOUT)->number;

  if (!parse_size (options, error) || !parse_huge (options, text_at (values, OPTION_HUGEPAGES), error)
      || !parse_own_id (options, text_at (values, OPTION_OWN_ID), error))
    return NULL;

  options->socket_path = g_strdup (text_at (values, OPTION_SOCKET));
  options->socket_is_default = options->socket_path == NULL;
  if (options->socket_is_default)
    options->socket_path = default_socket (host, region, name, error);
  if (options->socket_path == NULL)
    return NULL;
  return g_steal_pointer (&options);
}

void
dbs_options_free (DbsOptions *options)
{
  if (options == NULL)
    return;
  g_free (options->socket_path);
  g_free (options->memory_path);
  g_free (options->allow_uids);
  g_free (options->allow_gids);
  g_free (options);
}

void
dbs_options_warn (const DbsOptions *options, const IvshmemPluginHost *host, IvshmemPluginRegion *region)
{
  guint64 here = (guint64) options->max_peers * (options->vectors + 1) + options->vectors + DESCRIPTORS_APART;
  guint64 there = (guint64) options->max_peers * options->vectors;
  struct rlimit limit;
  g_autofree char *own = NULL;
  g_autofree char *qemu = NULL;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && here > limit.rlim_cur)
    {
      own = g_strdup_printf ("%u peers with %u vectors need %" G_GUINT64_FORMAT
                             " descriptors here, and the daemon may have %" G_GUINT64_FORMAT
                             ": late peers will be refused; lower max-peers or raise LimitNOFILE",
                             options->max_peers, options->vectors, here, (guint64) limit.rlim_cur);
      host->log (region, IVSHMEM_PLUGIN_LOG_WARNING, own);
    }
  if (there > DBS_QEMU_DESCRIPTORS)
    {
      qemu = g_strdup_printf ("%u peers with %u vectors are %" G_GUINT64_FORMAT
                              " descriptors in each client, and QEMU has 1024 unless its limit is raised:"
                              " above that it takes a newcomer for a leaver",
                              options->max_peers, options->vectors, there);
      host->log (region, IVSHMEM_PLUGIN_LOG_WARNING, qemu);
    }
}
