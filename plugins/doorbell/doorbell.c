/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>

#include "doorbell/client.h"
#include "doorbell/connection.h"

/*
 * The plugin "doorbell": a client of any ivshmem server. What the host asks
 * is answered here from what the machine knows; what happens is client.c's.
 */

enum
{
  OPTION_SOCKET,
  OPTION_RECONNECT,
  N_OPTIONS,
};

struct IvshmemPluginInstance
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  char *path;
  DoorbellClient *client;
};

static void
destroy (IvshmemPluginInstance *self)
{
  doorbell_client_free (self->client);
  g_free (self->path);
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
  g_autofree char *text = NULL;
  IvshmemPluginStatus status;

  if (n_values < N_OPTIONS || !values[OPTION_SOCKET].present)
    return host->fail (region, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                       "socket=PATH is needed: where the server listens");

  self = g_new0 (IvshmemPluginInstance, 1);
  self->host = host;
  self->region = region;
  self->path = g_strdup (values[OPTION_SOCKET].text);
  self->client
      = doorbell_client_new (host, region, self->path,
                             values[OPTION_RECONNECT].present && values[OPTION_RECONNECT].number != 0);
  *instance = self;
  status = doorbell_client_start (self->client, &text);
  if (status < 0)
    {
      *instance = NULL;
      destroy (self);
      return host->fail (region, status, text);
    }
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *self, IvshmemPluginDescription *out)
{
  DoorbellProtocol *protocol = doorbell_client_get_protocol (self->client);
  const DoorbellDescriptor *memory = NULL;

  out->own_vectors = 0;
  out->own_id = -1;
  out->capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_RING | IVSHMEM_PLUGIN_CAP_OWN_ID
                      | IVSHMEM_PLUGIN_CAP_PEERS | IVSHMEM_PLUGIN_CAP_PEER_VECTORS
                      | IVSHMEM_PLUGIN_CAP_MEMORY_FD | IVSHMEM_PLUGIN_CAP_JOIN;
  if (protocol != NULL)
    {
      out->own_id = doorbell_protocol_get_own_id (protocol);
      out->own_vectors = doorbell_protocol_get_own_vectors (protocol);
      memory = doorbell_protocol_get_memory (protocol);
    }
  if (memory == NULL || !memory->read_only)
    out->capabilities |= IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC;
  if (out->own_vectors > 0)
    out->capabilities |= IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_VECTOR_FD;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *self, IvshmemPluginMemory *out)
{
  DoorbellProtocol *protocol = doorbell_client_get_protocol (self->client);
  const DoorbellDescriptor *descriptor = protocol == NULL ? NULL : doorbell_protocol_get_memory (protocol);

  if (descriptor == NULL)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_REGION_LOST,
                             "there is no connection to the server");

  out->flags = descriptor->read_only ? IVSHMEM_PLUGIN_MEMORY_READ_ONLY : 0;
  out->handle = descriptor->fd;
  out->offset = 0;
  out->size = descriptor->size;
  out->address = NULL;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
find_vector (IvshmemPluginInstance *self, uint32_t id, uint32_t vector, int *ret_fd)
{
  DoorbellProtocol *protocol = doorbell_client_get_protocol (self->client);
  g_autofree char *text = NULL;
  guint vectors;

  if (protocol == NULL)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_REGION_LOST,
                             "there is no connection to the server");

  vectors = doorbell_protocol_get_vectors (protocol, id);
  if (vectors == 0 && id != doorbell_protocol_get_own_id (protocol))
    {
      text = g_strdup_printf ("no peer has the id %u", id);
      return self->host->fail (self->region, IVSHMEM_PLUGIN_NOT_FOUND, text);
    }
  if (vector >= vectors)
    {
      text = vectors == 0 ? g_strdup_printf ("peer %u has no vectors, so no vector %u", id, vector)
                          : g_strdup_printf ("peer %u has the vectors 0..%u, and no vector %u", id,
                                             vectors - 1, vector);
      return self->host->fail (self->region, IVSHMEM_PLUGIN_OUT_OF_RANGE, text);
    }

  *ret_fd = doorbell_protocol_get_vector (protocol, id, vector);
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
ring (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector)
{
  int fd = -1;
  IvshmemPluginStatus status = find_vector (self, peer, vector, &fd);

  return status < 0 ? status : self->host->signal (self->region, fd);
}

static IvshmemPluginStatus
vector_handle (IvshmemPluginInstance *self, uint32_t vector, IvshmemPluginHandle *handle)
{
  DoorbellProtocol *protocol = doorbell_client_get_protocol (self->client);
  gint64 own_id = protocol == NULL ? -1 : doorbell_protocol_get_own_id (protocol);
  int fd = -1;
  IvshmemPluginStatus status = find_vector (self, (uint32_t) own_id, vector, &fd);

  if (status >= 0)
    *handle = fd;
  return status;
}

static IvshmemPluginStatus
doorbell_handle (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector, IvshmemPluginHandle *handle)
{
  int fd = -1;
  IvshmemPluginStatus status = find_vector (self, peer, vector, &fd);

  if (status >= 0)
    *handle = fd;
  return status;
}

/* The server sees our credentials on it, whoever uses it. */
static IvshmemPluginStatus
join (IvshmemPluginInstance *self, const IvshmemPluginCredentials *credentials, IvshmemPluginHandle *handle)
{
  g_autofree char *text = NULL;
  int fd = -1;
  IvshmemPluginStatus status = doorbell_connect (self->host, self->region, self->path, &fd, &text);

  if (status < 0)
    return self->host->fail (self->region, status, text);

  /* As a program expects a socket that it is given. */
  fcntl (fd, F_SETFL, 0);
  *handle = fd;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
detach (IvshmemPluginInstance *self, uint32_t keep)
{
  doorbell_client_stop (self->client);
  return IVSHMEM_PLUGIN_OK;
}

static const IvshmemPluginOption options[N_OPTIONS] = {
  [OPTION_SOCKET] = {
      .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_PATH,
      .flags = IVSHMEM_PLUGIN_OPTION_REQUIRED,
      .name = "socket",
      .description = "where the server listens",
  },
  [OPTION_RECONNECT] = {
      .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_BOOLEAN,
      .name = "reconnect",
      .default_text = "false",
      .description = "wait for a server that is not there, and for one that has gone",
  },
};

static const IvshmemPluginOps ops = {
  .struct_size = sizeof (IvshmemPluginOps),
  .create = create,
  .describe = describe,
  .memory = memory,
  .ring = ring,
  .vector_handle = vector_handle,
  .join = join,
  .detach = detach,
  .destroy = destroy,
  .doorbell_handle = doorbell_handle,
};

const IvshmemPlugin ivshmem_plugin_v1 = {
  .struct_size = sizeof (IvshmemPlugin),
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .name = "doorbell",
  .version = IVD_VERSION,
  .license = "LGPL-3.0-or-later",
  .description = "client of an ivshmem server: memory, peers and interrupts",
  .capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                  | IVSHMEM_PLUGIN_CAP_RING | IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_OWN_ID
                  | IVSHMEM_PLUGIN_CAP_PEERS | IVSHMEM_PLUGIN_CAP_PEER_VECTORS | IVSHMEM_PLUGIN_CAP_MEMORY_FD
                  | IVSHMEM_PLUGIN_CAP_VECTOR_FD | IVSHMEM_PLUGIN_CAP_JOIN,
  .options = options,
  .n_options = N_OPTIONS,
  .option_size = sizeof (IvshmemPluginOption),
  .ops = &ops,
};
