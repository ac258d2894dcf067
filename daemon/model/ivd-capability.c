/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-capability.h"

#include "base/ivd-error.h"

static const char *const names[IVD_CAP_COUNT] = {
  "read",
  "write",
  "atomic",
  "atomic16",
  "ring",
  "receive",
  "own-id",
  "peers",
  "peer-vectors",
  "memory-fd",
  "vector-fd",
  "join",
};

const char *
ivd_capability_name (IvdCapability capability)
{
  gint bit = g_bit_nth_lsf (capability, -1);

  g_return_val_if_fail (bit >= 0 && bit < IVD_CAP_COUNT, "unknown");
  return names[bit];
}

const char **
ivd_capability_names (guint capabilities)
{
  const char **list = g_new0 (const char *, IVD_CAP_COUNT + 1);
  guint n = 0;

  for (guint bit = 0; bit < IVD_CAP_COUNT; bit++)
    if (capabilities & (1u << bit))
      list[n++] = names[bit];
  return list;
}

gboolean
ivd_capability_check (guint capabilities, IvdCapability wanted, const char *region, const char *plugin,
                      const char *reason, GError **error)
{
  if (capabilities & wanted)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
               "region '%s' has not the capability '%s' (plugin %s)%s%s", region, ivd_capability_name (wanted),
               plugin, reason != NULL ? ": " : "", reason != NULL ? reason : "");
  return FALSE;
}
