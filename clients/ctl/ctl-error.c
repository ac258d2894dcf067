/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-error.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

#include "ctl-json.h"

#define FREEDESKTOP "org.freedesktop.DBus.Error."

typedef struct
{
  const char *name; /* without its prefix */
  gboolean no_daemon;
  IvdErrorCode code;
} BusError;

/* What the bus itself or a D-Bus library may answer in the daemon's place. */
static const BusError bus_errors[] = {
  { "ServiceUnknown", TRUE },
  { "NameHasNoOwner", TRUE },
  { "NoServer", TRUE },
  { "NoNetwork", TRUE },
  { "Disconnected", TRUE },
  { "AccessDenied", FALSE, IVD_ERROR_DENIED },
  { "AuthFailed", FALSE, IVD_ERROR_DENIED },
  { "InteractiveAuthorizationRequired", FALSE, IVD_ERROR_DENIED },
  { "UnknownObject", FALSE, IVD_ERROR_NOT_FOUND },
  { "UnknownMethod", FALSE, IVD_ERROR_NOT_SUPPORTED },
  { "UnknownInterface", FALSE, IVD_ERROR_NOT_SUPPORTED },
  { "UnknownProperty", FALSE, IVD_ERROR_NOT_SUPPORTED },
  { "NotSupported", FALSE, IVD_ERROR_NOT_SUPPORTED },
  { "InvalidArgs", FALSE, IVD_ERROR_INVALID_ARGUMENT },
  { "InvalidSignature", FALSE, IVD_ERROR_INVALID_ARGUMENT },
  { "NoReply", FALSE, IVD_ERROR_TIMEOUT },
  { "Timeout", FALSE, IVD_ERROR_TIMEOUT },
  { "TimedOut", FALSE, IVD_ERROR_TIMEOUT },
  { "LimitsExceeded", FALSE, IVD_ERROR_LIMIT },
  { "NoMemory", FALSE, IVD_ERROR_LIMIT },
  { "IOError", FALSE, IVD_ERROR_IO },
};

G_DEFINE_QUARK (ctl_error, ctl_error)

CtlExit
ctl_error_exit (const GError *error)
{
  g_return_val_if_fail (error != NULL, CTL_EXIT_DONE);

  if (g_error_matches (error, CTL_ERROR, CTL_ERROR_USAGE))
    return CTL_EXIT_USAGE;
  if (g_error_matches (error, CTL_ERROR, CTL_ERROR_NO_DAEMON))
    return CTL_EXIT_NO_DAEMON;
  if (g_error_matches (error, IVD_ERROR, IVD_ERROR_DENIED)
      || g_error_matches (error, IVD_ERROR, IVD_ERROR_UNAUTHENTICATED))
    return CTL_EXIT_DENIED;
  return CTL_EXIT_FAILED;
}

const char *
ctl_error_name (const GError *error)
{
  g_return_val_if_fail (error != NULL, NULL);

  if (g_error_matches (error, CTL_ERROR, CTL_ERROR_USAGE))
    return "usage";
  if (g_error_matches (error, CTL_ERROR, CTL_ERROR_NO_DAEMON))
    return "no-daemon";
  return ivd_error_info ((gint) ivd_error_code (error))->name;
}

static GError *
new_for_bus_error (const char *name, const char *message)
{
  if (g_str_has_prefix (name, "Spawn."))
    return g_error_new (CTL_ERROR, CTL_ERROR_NO_DAEMON, "the bus could not start ivshmemd: %s", message);

  for (gsize i = 0; i < G_N_ELEMENTS (bus_errors); i++)
    {
      const BusError *row = &bus_errors[i];

      if (g_strcmp0 (row->name, name) != 0)
        continue;
      if (row->no_daemon)
        return g_error_new (CTL_ERROR, CTL_ERROR_NO_DAEMON, "no ivshmemd on this bus: %s", message);
      if (row->code == IVD_ERROR_DENIED)
        return g_error_new (IVD_ERROR, IVD_ERROR_DENIED,
                            "the bus lets you not reach ivshmemd (on the system bus be root or in the group "
                            "ivshmem): %s",
                            message);
      return g_error_new_literal (IVD_ERROR, (gint) row->code, message);
    }
  return g_error_new (IVD_ERROR, IVD_ERROR_INTERNAL, FREEDESKTOP "%s: %s", name, message);
}

GError *
ctl_error_new_for_dbus (const char *name, const char *message)
{
  if (name == NULL)
    return g_error_new_literal (IVD_ERROR, IVD_ERROR_IO, message);
  if (g_str_has_prefix (name, FREEDESKTOP))
    return new_for_bus_error (name + strlen (FREEDESKTOP), message);

  for (gint code = 0; code < IVD_ERROR_COUNT; code++)
    {
      if (g_str_equal (ivd_error_info (code)->dbus_name, name))
        return g_error_new_literal (IVD_ERROR, code, message);
    }
  return g_error_new (IVD_ERROR, IVD_ERROR_INTERNAL, "%s: %s", name, message);
}

const char *
ctl_error_hint (const GError *error)
{
  g_return_val_if_fail (error != NULL, NULL);

  if (g_error_matches (error, CTL_ERROR, CTL_ERROR_NO_DAEMON))
    return "start one: `systemctl start ivshmemd`, or `ivshmemd --session` for yourself; or say where it "
           "is with "
           "--bus-address or --url";
  if (error->domain == CTL_ERROR)
    return NULL;
  switch (ivd_error_code (error))
    {
    case IVD_ERROR_REGION_LOST:
      return "what is behind the region has gone; `ivshmemctl doctor REGION` says more, "
             "detaching and attaching makes it anew";
    case IVD_ERROR_LIMIT:
      return "try again with less at a time, or raise the limit that is named";
    case IVD_ERROR_INTERNAL:
      return "this is a fault of ivshmemd; its log says more (journalctl -u ivshmemd)";
    case IVD_ERROR_UNAUTHENTICATED:
      return "a token says who you are: --token-file FILE, or the variable IVSHMEM_TOKEN";
    case IVD_ERROR_DENIED:
    case IVD_ERROR_INVALID_ARGUMENT:
    case IVD_ERROR_MISALIGNED:
    case IVD_ERROR_NOT_FOUND:
    case IVD_ERROR_EXISTS:
    case IVD_ERROR_CLOSED:
    case IVD_ERROR_BUSY:
    case IVD_ERROR_PRECONDITION:
    case IVD_ERROR_TOO_LARGE:
    case IVD_ERROR_OUT_OF_RANGE:
    case IVD_ERROR_NOT_SUPPORTED:
    case IVD_ERROR_IO:
    case IVD_ERROR_TIMEOUT:
    case IVD_ERROR_NO_SPACE:
    default:
      return NULL;
    }
}

static char *
format_json (const GError *error)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_begin_object (json, NULL);
  ctl_json_begin_object (json, "error");
  ctl_json_string (json, "code", ctl_error_name (error));
  ctl_json_string (json, "detail", error->message);
  ctl_json_end_object (json);
  ctl_json_end_object (json);
  return ctl_json_to_line (json);
}

char *
ctl_error_format (const GError *error, gboolean json)
{
  g_autoptr (GString) out = NULL;
  const char *hint;

  g_return_val_if_fail (error != NULL, NULL);

  if (json)
    return format_json (error);
  out = g_string_new (NULL);
  g_string_append_printf (out, "ivshmemctl: %s", error->message);
  if (error->domain != CTL_ERROR)
    g_string_append_printf (out, " (%s)", ctl_error_name (error));
  g_string_append_c (out, '\n');
  hint = ctl_error_hint (error);
  if (hint != NULL)
    g_string_append_printf (out, "ivshmemctl: %s\n", hint);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

void
ctl_error_set_errno (GError **error, int saved_errno, const char *what, const char *path)
{
  g_autofree char *safe = path != NULL ? ivd_text_safe (path) : NULL;

  /* Never denied: that word is for what the daemon refuses. */
  if (safe == NULL)
    g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot %s: %s", what, g_strerror (saved_errno));
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot %s '%s': %s", what, safe, g_strerror (saved_errno));
}
