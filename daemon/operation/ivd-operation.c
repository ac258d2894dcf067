/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-operation.h"

#include "model/ivd-statistics.h"
#include "operation/ivd-region-operations.h"

/* Those of the daemon check their permission themselves: it depends on the name
 * that is asked for, or on what may be seen at all. */
static const IvdOperation operations[] = {
  {
      .name = "attach",
      .method = "Attach",
      .scope = IVD_SCOPE_DAEMON,
      .permission = IVD_PERMISSION_ATTACH,
      .in = { { "plugin", "s" }, { "name", "s" }, { "options", "a{sv}" } },
      .out = { { "region", "o" } },
      .run = ivd_operation_attach,
  },
  {
      .name = "detach",
      .method = "Detach",
      .scope = IVD_SCOPE_DAEMON,
      .permission = IVD_PERMISSION_ATTACH,
      .in = { { "name", "s" }, { "options", "a{sv}" } },
      .run = ivd_operation_detach,
  },
  {
      .name = "list-candidates",
      .method = "ListCandidates",
      .scope = IVD_SCOPE_DAEMON,
      .permission = IVD_PERMISSION_SEE,
      .in = { { "plugin", "s" } },
      .out = { { "candidates", "aa{sv}" } },
      .run = ivd_operation_list_candidates,
  },
  {
      .name = "create-login",
      .method = "CreateLogin",
      .scope = IVD_SCOPE_DAEMON,
      .permission = IVD_PERMISSION_SEE,
      .out = { { "token", "s" }, { "lifetime_usec", "t" } },
      .run = ivd_operation_create_login,
  },
  {
      .name = "read",
      .method = "Read",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_READ,
      .capability = IVD_CAP_READ,
      .in = { { "offset", "t" }, { "length", "t" } },
      .out = { { "bytes", "ay" } },
      .run = ivd_operation_read,
  },
  {
      .name = "write",
      .method = "Write",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_WRITE,
      .capability = IVD_CAP_WRITE,
      .in = { { "offset", "t" }, { "bytes", "ay" } },
      .run = ivd_operation_write,
  },
  {
      .name = "fill",
      .method = "Fill",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_WRITE,
      .capability = IVD_CAP_WRITE,
      .in = { { "offset", "t" }, { "length", "t" }, { "value", "y" } },
      .run = ivd_operation_fill,
  },
  {
      .name = "atomic",
      .method = "Atomic",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_WRITE,
      .capability = IVD_CAP_ATOMIC,
      .in = {
          { "op", "s" },
          { "offset", "t" },
          { "width", "u" },
          { "value", "s" },
          { "expected", "s" },
      },
      .out = { { "old", "s" }, { "done", "b" } },
      .run = ivd_operation_atomic,
  },
  {
      .name = "wait",
      .method = "Wait",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_READ,
      .capability = IVD_CAP_READ,
      .in = {
          { "offset", "t" },
          { "width", "u" },
          { "op", "s" },
          { "value", "s" },
          { "timeout_usec", "t" },
          { "options", "a{sv}" },
      },
      .out = { { "met", "b" }, { "value", "s" } },
      .run = ivd_operation_wait,
  },
  {
      .name = "ring",
      .method = "Ring",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_RING,
      .capability = IVD_CAP_RING,
      .in = { { "peer", "u" }, { "vector", "u" } },
      .out = { { "sent", "u" } },
      .run = ivd_operation_ring,
  },
  {
      .name = "list-peers",
      .method = "ListPeers",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_SEE,
      .out = { { "peers", "aa{sv}" } },
      .run = ivd_operation_list_peers,
  },
  {
      .name = "kick",
      .method = "Kick",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_ADMIN,
      .capability = IVD_CAP_PEERS,
      .in = { { "id", "u" } },
      .run = ivd_operation_kick,
  },
  {
      .name = "join",
      .method = "Join",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_HANDOVER,
      .capability = IVD_CAP_JOIN,
      .out = { { "socket", "h" } },
      .run = ivd_operation_join,
  },
  {
      .name = "open-memory",
      .method = "OpenMemory",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_HANDOVER,
      .capability = IVD_CAP_MEMORY_FD,
      .in = { { "options", "a{sv}" } },
      .out = { { "memory", "h" }, { "offset", "t" }, { "size", "t" } },
      .run = ivd_operation_open_memory,
  },
  {
      .name = "open-vector",
      .method = "OpenVector",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_HANDOVER,
      .capability = IVD_CAP_RECEIVE,
      .in = { { "vector", "u" }, { "options", "a{sv}" } },
      .out = { { "eventfd", "h" } },
      .run = ivd_operation_open_vector,
  },
  {
      .name = "open-doorbell",
      .method = "OpenDoorbell",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_HANDOVER,
      .capability = IVD_CAP_RING,
      .in = { { "peer", "u" }, { "vector", "u" } },
      .out = { { "eventfd", "h" } },
      .run = ivd_operation_open_doorbell,
  },
  {
      .name = "watch",
      .method = "Watch",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_READ,
      .capability = IVD_CAP_READ,
      .in = { { "offset", "t" }, { "length", "t" }, { "min_interval_usec", "t" } },
      .out = { { "watch", "u" } },
      .run = ivd_operation_watch,
  },
  {
      .name = "unwatch",
      .method = "Unwatch",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_READ,
      .in = { { "watch", "u" } },
      .run = ivd_operation_unwatch,
  },
  {
      .name = "list-watches",
      .method = "ListWatches",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_READ,
      .out = { { "watches", "aa{sv}" } },
      .run = ivd_operation_list_watches,
  },
  {
      .name = "subscribe",
      .method = "Subscribe",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_SEE,
      .run = ivd_operation_subscribe,
  },
  {
      .name = "unsubscribe",
      .method = "Unsubscribe",
      .scope = IVD_SCOPE_REGION,
      .permission = IVD_PERMISSION_SEE,
      .run = ivd_operation_unsubscribe,
  },
};

const IvdOperation *
ivd_operations (guint *ret_count)
{
  *ret_count = G_N_ELEMENTS (operations);
  return operations;
}

G_STATIC_ASSERT (G_N_ELEMENTS (operations) <= IVD_STATISTICS_OPERATIONS);

guint
ivd_operation_index (const IvdOperation *operation)
{
  return (guint) (operation - operations);
}

const IvdOperation *
ivd_operation_find (IvdScope scope, const char *method)
{
  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    if (operations[i].scope == scope && g_str_equal (operations[i].method, method))
      return &operations[i];
  return NULL;
}
