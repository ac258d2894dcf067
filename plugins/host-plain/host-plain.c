/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "host-plain/candidates.h"
#include "host-plain/file.h"
#include "host-plain/holder.h"
#include "host-plain/memfd.h"
#include "ivshmem/plugin.h"

/*
 * The plugin "host-plain": a file on this host as a region without
 * interrupts, as QEMU's ivshmem-plain has it. Here are its options and what
 * the host asks; the file is holder.c's.
 */

#define MODE_BITS 0777

enum
{
  OPTION_PATH,
  OPTION_SIZE,
  OPTION_CREATE,
  OPTION_GROW,
  OPTION_OWNER,
  OPTION_GROUP,
  OPTION_MODE,
  OPTION_REATTACH,
  OPTION_READ_ONLY,
  OPTION_KEEP,
  OPTION_ANY_FILESYSTEM,
  N_OPTIONS,
};

struct IvshmemPluginInstance
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  PlainHolder *holder;
  gboolean read_only;
  gboolean keep;
};

static gboolean
is_true (const IvshmemPluginValue *values, guint option)
{
  return values[option].present && values[option].number != 0;
}

/* NULL, or what is wrong with them together. */
static const char *
check_options (const IvshmemPluginValue *values)
{
  gboolean create = is_true (values, OPTION_CREATE), grow = is_true (values, OPTION_GROW);
  gboolean memfd = plain_memfd_is_path (values[OPTION_PATH].text);

  if (create && !values[OPTION_SIZE].present)
    return "create=true needs size=...: how large the file is to be";
  if (grow && !values[OPTION_SIZE].present)
    return "grow=true needs size=...: how large the file is to become";
  if (is_true (values, OPTION_READ_ONLY) && (create || grow))
    return "read-only=true goes neither with create=true nor with grow=true";
  if (!create && (values[OPTION_OWNER].given || values[OPTION_GROUP].given || values[OPTION_MODE].given))
    return "owner, group and mode are for a file that is made: they need create=true";
  if (values[OPTION_MODE].present && (values[OPTION_MODE].number & ~(guint64) MODE_BITS) != 0)
    return "mode has bits beyond 0777: only permissions to read, write and execute make sense";
  if (memfd && (create || is_true (values, OPTION_REATTACH) || !is_true (values, OPTION_KEEP)))
    return "a memfd has no name: create=true, reattach=true and keep=false need a file that has one";
  return NULL;
}

static PlainOptions
read_options (const IvshmemPluginValue *values)
{
  PlainOptions options = {
    .path = values[OPTION_PATH].text,
    .has_size = values[OPTION_SIZE].present != 0,
    .size = values[OPTION_SIZE].number,
    .create = is_true (values, OPTION_CREATE),
    .grow = is_true (values, OPTION_GROW),
    .read_only = is_true (values, OPTION_READ_ONLY),
    .any_filesystem = is_true (values, OPTION_ANY_FILESYSTEM),
    .owner = (uid_t) -1,
    .group = (gid_t) -1,
    .mode = (mode_t) values[OPTION_MODE].number,
  };

  if (values[OPTION_OWNER].present)
    options.owner = (uid_t) values[OPTION_OWNER].number;
  if (values[OPTION_GROUP].present)
    options.group = (gid_t) values[OPTION_GROUP].number;
  return options;
}

static void
destroy (IvshmemPluginInstance *self)
{
  plain_holder_free (self->holder);
  g_free (self);
}

static IvshmemPluginStatus
create (const IvshmemPluginHost *host,
        IvshmemPluginRegion *region,
        const char *name,
        const IvshmemPluginValue *values,
        uint32_t n_values,
        IvshmemPluginInstance **instance)
{
  IvshmemPluginInstance *self;
  IvshmemPluginStatus status;
  PlainOptions options;
  const char *wrong;

  if (n_values < N_OPTIONS || !values[OPTION_PATH].present)
    return host->fail (region, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "path=PATH is needed: the file");
  wrong = check_options (values);
  if (wrong != NULL)
    return host->fail (region, IVSHMEM_PLUGIN_INVALID_ARGUMENT, wrong);

  options = read_options (values);
  self = g_new0 (IvshmemPluginInstance, 1);
  self->host = host;
  self->region = region;
  self->read_only = options.read_only;
  self->keep = is_true (values, OPTION_KEEP);
  self->holder = plain_holder_new (host, region, &options, is_true (values, OPTION_REATTACH));
  status = plain_holder_start (self->holder);
  if (status < 0)
    {
      destroy (self);
      return host->fail (region, status, "no thread could be had to open the file");
    }

  *instance = self;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *self, IvshmemPluginDescription *out)
{
  out->own_vectors = 0;
  out->own_id = -1;
  out->capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_MEMORY_FD;
  if (!self->read_only)
    out->capabilities |= IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *self, IvshmemPluginMemory *out)
{
  const PlainFile *file = plain_holder_get_file (self->holder);

  if (file == NULL)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_REGION_LOST, "no file is open");

  out->flags = self->read_only ? IVSHMEM_PLUGIN_MEMORY_READ_ONLY : 0;
  out->handle = file->fd;
  out->offset = 0;
  out->size = file->size;
  out->address = NULL;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
detach (IvshmemPluginInstance *self, uint32_t keep)
{
  return plain_holder_stop (self->holder, !self->keep && keep == 0);
}

#define OPTION(number, option_type, option_name, text, ...) \
  [number] = { .struct_size = sizeof (IvshmemPluginOption), \
               .type = option_type,                         \
               .name = option_name,                         \
               .description = text,                         \
               __VA_ARGS__ }

static const IvshmemPluginOption options[N_OPTIONS] = {
  OPTION (OPTION_PATH, IVSHMEM_PLUGIN_PATH, "path",
          "the file: in /dev/shm, in a hugetlbfs, or /proc/PID/fd/N of a memfd",
          .flags = IVSHMEM_PLUGIN_OPTION_REQUIRED),
  OPTION (OPTION_SIZE, IVSHMEM_PLUGIN_SIZE, "size", "its size; without it the whole file, whatever its size",
          .minimum = 1, .maximum = INT64_MAX),
  OPTION (OPTION_CREATE, IVSHMEM_PLUGIN_BOOLEAN, "create", "make the file if it is not there; needs size",
          .default_text = "false"),
  OPTION (OPTION_GROW, IVSHMEM_PLUGIN_BOOLEAN, "grow",
          "make a shorter file longer; never shortens; needs size", .default_text = "false"),
  OPTION (OPTION_OWNER, IVSHMEM_PLUGIN_USER, "owner", "whose the file is that is made", .default_text = NULL),
  OPTION (OPTION_GROUP, IVSHMEM_PLUGIN_GROUP, "group", "which group's the file is that is made",
          .default_text = NULL),
  OPTION (OPTION_MODE, IVSHMEM_PLUGIN_MODE, "mode", "permissions of the file that is made",
          .default_text = "0660"),
  OPTION (OPTION_REATTACH, IVSHMEM_PLUGIN_BOOLEAN, "reattach",
          "when the file is lost, wait for a fitting one", .default_text = "false"),
  OPTION (OPTION_READ_ONLY, IVSHMEM_PLUGIN_BOOLEAN, "read-only", "never write to it",
          .default_text = "false"),
  OPTION (OPTION_KEEP, IVSHMEM_PLUGIN_BOOLEAN, "keep", "false: remove the file on detach",
          .default_text = "true"),
  OPTION (OPTION_ANY_FILESYSTEM, IVSHMEM_PLUGIN_BOOLEAN, "any-filesystem",
          "take a file that is not on tmpfs, ramfs or hugetlbfs", .default_text = "false"),
};

static const IvshmemPluginOps ops = {
  .struct_size = sizeof (IvshmemPluginOps),
  .probe = plain_candidates_list,
  .create = create,
  .describe = describe,
  .memory = memory,
  .detach = detach,
  .destroy = destroy,
};

const IvshmemPlugin ivshmem_plugin_v1 = {
  .struct_size = sizeof (IvshmemPlugin),
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .name = "host-plain",
  .version = IVD_VERSION,
  .license = "LGPL-3.0-or-later",
  .description = "a file on this host: shared memory, hugetlbfs or a memfd, without interrupts",
  .capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                  | IVSHMEM_PLUGIN_CAP_MEMORY_FD,
  .options = options,
  .n_options = N_OPTIONS,
  .option_size = sizeof (IvshmemPluginOption),
  .ops = &ops,
};
