/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-capability.h"

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
