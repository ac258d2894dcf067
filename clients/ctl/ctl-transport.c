/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-transport.h"

void
ctl_transport_free (CtlTransport *transport)
{
  if (transport != NULL)
    transport->class->free (transport);
}

GVariant *
ctl_transport_call (CtlTransport *transport, const CtlCall *call, int *ret_fd, GError **error)
{
  return transport->class->call (transport, call, ret_fd, error);
}

GVariant *
ctl_transport_properties (CtlTransport *transport, const char *region, GError **error)
{
  return transport->class->properties (transport, region, error);
}

GVariant *
ctl_transport_regions (CtlTransport *transport, GError **error)
{
  return transport->class->regions (transport, error);
}

void
ctl_transport_follow (CtlTransport *transport, const char *const *names, CtlEventFunc func, gpointer data)
{
  transport->class->follow (transport, names, func, data);
}

GVariant *
ctl_transport_describe (CtlTransport *transport)
{
  g_auto (GVariantDict) description;

  g_variant_dict_init (&description, NULL);
  transport->class->describe (transport, &description);
  return g_variant_ref_sink (g_variant_dict_end (&description));
}
