/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

/*
 * The server of the ivshmem protocol as a plugin: what the host calls, put
 * into the words of the server.
 */

#include "ivshmem/plugin.h"

#include <glib.h>

#include "doorbell-server/error.h"
#include "doorbell-server/options.h"
#include "doorbell-server/server.h"

#define CAPABILITIES                                                                                        \
  (IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC | IVSHMEM_PLUGIN_CAP_RING \
   | IVSHMEM_PLUGIN_CAP_PEERS | IVSHMEM_PLUGIN_CAP_PEER_VECTORS | IVSHMEM_PLUGIN_CAP_MEMORY_FD              \
   | IVSHMEM_PLUGIN_CAP_JOIN)
/* With an id of its own. */
#define CAPABILITIES_OF_PEER \
  (IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_OWN_ID | IVSHMEM_PLUGIN_CAP_VECTOR_FD)

static IvshmemPluginStatus
fail_with (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const GError *error)
{
  return host->fail (region, dbs_error_status (error), error->message);
}

static IvshmemPluginStatus fail_format (const DbsServer *server,
                                        IvshmemPluginStatus status,
                                        const char *format,
                                        ...)
    G_GNUC_PRINTF (3, 4);

static IvshmemPluginStatus
fail_format (const DbsServer *server, IvshmemPluginStatus status, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return server->host->fail (server->region, status, message);
}

static IvshmemPluginStatus
create (const IvshmemPluginHost *host,
        IvshmemPluginRegion *region,
        const char *name,
        const IvshmemPluginValue *values,
        uint32_t n_values,
        IvshmemPluginInstance **instance)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DbsServer) server = NULL;
  DbsOptions *options = dbs_options_new (host, region, name, values, n_values, &error);

  if (options == NULL)
    return fail_with (host, region, error);
  server = dbs_server_new (host, region, name, options, &error);
  if (server == NULL || !dbs_server_start (server, &error))
    return fail_with (host, region, error);
  *instance = g_steal_pointer (&server);
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *server, IvshmemPluginDescription *out)
{
  const DbsPeer *own = server->roster.own;

  out->own_vectors = own != NULL ? own->n_vectors : 0;
  out->own_id = own != NULL ? (int64_t) own->id : -1;
  out->capabilities = CAPABILITIES | (own != NULL ? CAPABILITIES_OF_PEER : 0);
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *server, IvshmemPluginMemory *out)
{
  if (server->memory.fd < 0 || server->setting_up)
    return fail_format (server, IVSHMEM_PLUGIN_CLOSED, "there is no memory yet");

  out->flags = 0;
  out->handle = server->memory.fd;
  out->offset = 0;
  out->size = server->options->size;
  out->address = NULL;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
doorbell_handle (IvshmemPluginInstance *server, uint32_t id, uint32_t vector, IvshmemPluginHandle *handle)
{
  const DbsPeer *peer = dbs_roster_find (&server->roster, id);

  if (peer == NULL)
    return fail_format (server, IVSHMEM_PLUGIN_NOT_FOUND, "there is no peer %u", id);
  if (vector >= peer->n_vectors)
    return fail_format (server, IVSHMEM_PLUGIN_OUT_OF_RANGE, "peer %u has vectors 0 to %u, not %u", id,
                        peer->n_vectors - 1, vector);
  *handle = peer->eventfds[vector];
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
ring (IvshmemPluginInstance *server, uint32_t id, uint32_t vector)
{
  IvshmemPluginHandle eventfd = IVSHMEM_PLUGIN_NO_HANDLE;
  IvshmemPluginStatus status = doorbell_handle (server, id, vector, &eventfd);

  return status < 0 ? status : server->host->signal (server->region, eventfd);
}

static IvshmemPluginStatus
vector_handle (IvshmemPluginInstance *server, uint32_t vector, IvshmemPluginHandle *handle)
{
  const DbsPeer *own = server->roster.own;

  if (own == NULL)
    return fail_format (server, IVSHMEM_PLUGIN_NOT_SUPPORTED, "the daemon is no peer here (own-id=none)");
  if (vector >= own->n_vectors)
    return fail_format (server, IVSHMEM_PLUGIN_OUT_OF_RANGE, "there are vectors 0 to %u, not %u",
                        own->n_vectors - 1, vector);
  *handle = own->eventfds[vector];
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
join (IvshmemPluginInstance *server, const IvshmemPluginCredentials *credentials, IvshmemPluginHandle *handle)
{
  g_autoptr (GError) error = NULL;
  g_auto (DbsCredentials) own = { .pid = -1, .uid = -1, .gid = -1 };
  int fd;

  if (credentials != NULL)
    {
      own.pid = credentials->pid;
      own.uid = credentials->uid;
      own.gid = credentials->gid;
      own.executable = g_strdup (credentials->executable);
    }
  fd = dbs_server_join (server, &own, &error);
  if (fd < 0)
    return fail_with (server->host, server->region, error);
  *handle = fd;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
kick (IvshmemPluginInstance *server, uint32_t id)
{
  DbsPeer *peer = dbs_roster_find (&server->roster, id);

  if (peer == NULL)
    return fail_format (server, IVSHMEM_PLUGIN_NOT_FOUND, "there is no peer %u", id);
  if (peer == server->roster.own)
    return fail_format (server, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                        "%u is the daemon's own id: detach the region instead", id);
  if (server->state != DBS_SERVER_READY)
    return fail_format (server, IVSHMEM_PLUGIN_CLOSED, "the server is stopping");
  dbs_roster_kick (&server->roster, peer);
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
detach (IvshmemPluginInstance *server, uint32_t keep)
{
  return dbs_server_stop (server, keep != 0) ? IVSHMEM_PLUGIN_OK : IVSHMEM_PLUGIN_PENDING;
}

static const IvshmemPluginOps ops = {
  .struct_size = sizeof ops,
  .create = create,
  .describe = describe,
  .memory = memory,
  .ring = ring,
  .vector_handle = vector_handle,
  .join = join,
  .kick = kick,
  .detach = detach,
  .destroy = dbs_server_free,
  .doorbell_handle = doorbell_handle,
};

IVSHMEM_PLUGIN_EXPORT const IvshmemPlugin ivshmem_plugin_v1 = {
  .struct_size = sizeof ivshmem_plugin_v1,
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .name = "doorbell-server",
  .version = IVD_VERSION,
  .license = "LGPL-3.0-or-later",
  .description = "serves a region to QEMU and others, with doorbells",
  .capabilities = CAPABILITIES | CAPABILITIES_OF_PEER,
  .options = dbs_option_table,
  .n_options = DBS_OPTION_COUNT,
  .option_size = sizeof (IvshmemPluginOption),
  .ops = &ops,
};
