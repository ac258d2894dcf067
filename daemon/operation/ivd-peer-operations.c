/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-region-operations.h"

/* Ring, list, kick, join: what has to do with the other participants. */

void
ivd_operation_ring (IvdRequest *request)
{
  guint peer, vector, sent;
  GError *error = NULL;

  g_variant_get (ivd_request_parameters (request), "(uu)", &peer, &vector);
  if (ivd_region_ring (ivd_request_region (request), peer, vector, &sent, &error))
    ivd_request_return (request, g_variant_new ("(u)", sent));
  else
    ivd_request_fail (request, error);
}

static void
add_peer (GVariantBuilder *list, const IvdPeer *peer)
{
  const IvdCredentials *who = &peer->credentials;

  g_variant_builder_open (list, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (list, "{sv}", "id", g_variant_new_uint32 (peer->id));
  g_variant_builder_add (list, "{sv}", "vectors", g_variant_new_uint32 (peer->vectors));
  if (who->pid >= 0)
    g_variant_builder_add (list, "{sv}", "pid", g_variant_new_uint32 ((guint32) who->pid));
  if (who->uid >= 0)
    g_variant_builder_add (list, "{sv}", "uid", g_variant_new_uint32 ((guint32) who->uid));
  if (who->gid >= 0)
    g_variant_builder_add (list, "{sv}", "gid", g_variant_new_uint32 ((guint32) who->gid));
  if (who->executable != NULL)
    g_variant_builder_add (list, "{sv}", "executable", g_variant_new_string (who->executable));
  g_variant_builder_close (list);
}

/* A region that is connecting or lost has no peers, and that is the answer. */
void
ivd_operation_list_peers (IvdRequest *request)
{
  IvdRegion *region = ivd_request_region (request);
  g_autoptr (GPtrArray) peers = ivd_region_get_peers (region);
  g_auto (GVariantBuilder) list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  GError *error = NULL;

  if (ivd_region_get_state (region) == IVD_REGION_READY
      && !ivd_region_check_capability (region, IVD_CAP_PEERS, &error))
    {
      ivd_request_fail (request, error);
      return;
    }

  for (guint i = 0; i < peers->len; i++)
    add_peer (&list, g_ptr_array_index (peers, i));
  ivd_request_return (request, g_variant_new ("(aa{sv})", &list));
}

void
ivd_operation_kick (IvdRequest *request)
{
  GError *error = NULL;
  guint id;

  g_variant_get (ivd_request_parameters (request), "(u)", &id);
  if (ivd_region_kick (ivd_request_region (request), id, &error))
    ivd_request_return (request, NULL);
  else
    ivd_request_fail (request, error);
}

/* A peer reads, writes and rings without us: who joins must be allowed all of
 * that, besides taking things over. */
static gboolean
check_join_rights (IvdRequest *request, GError **error)
{
  const IvdPermission needed[] = { IVD_PERMISSION_READ, IVD_PERMISSION_WRITE, IVD_PERMISSION_RING };
  const char *region = ivd_region_get_name (ivd_request_region (request));

  for (guint i = 0; i < G_N_ELEMENTS (needed); i++)
    if (!ivd_access_check (ivd_request_context (request)->access, ivd_request_caller (request), needed[i], region,
                           error))
      return FALSE;
  return TRUE;
}

void
ivd_operation_join (IvdRequest *request)
{
  GError *error = NULL;
  int fd = -1;

  if (check_join_rights (request, &error))
    fd = ivd_region_join (ivd_request_region (request), ivd_caller_get_credentials (ivd_request_caller (request)),
                          &error);
  if (fd >= 0)
    ivd_request_return_fd (request, g_variant_new ("(h)", 0), fd);
  else
    ivd_request_fail (request, error);
}
