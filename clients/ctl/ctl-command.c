/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-command.h"

#include <signal.h>
#include <stdio.h>

#include "ctl-transport-dbus.h"
#include "ctl-transport-http.h"

const CtlOption ctl_global_options[] = {
  { "session", CTL_VALUE_NONE, NULL, "look for the daemon on the session bus" },
  { "system", CTL_VALUE_NONE, NULL, "look for the daemon on the system bus" },
  { "bus-address", CTL_VALUE_TEXT, "ADDRESS", "look for the daemon on the bus at ADDRESS" },
  { "url", CTL_VALUE_TEXT, "URL", "speak HTTP with the daemon at http(s)://HOST:PORT or unix:/PATH" },
  { "token-file", CTL_VALUE_FILE, "FILE", "for --url: the token; else that of the variable IVSHMEM_TOKEN" },
  { "ca-file", CTL_VALUE_FILE, "FILE", "for --url: certificates to trust, and no others" },
  { "json", CTL_VALUE_NONE, NULL, "answer in JSON, errors too" },
  { "quiet", CTL_VALUE_NONE, NULL, "no remarks and no progress, only answers and errors (-q)" },
  { "help", CTL_VALUE_NONE, NULL, "show help (-h)" },
  { "version", CTL_VALUE_NONE, NULL, "show the version" },
  { NULL },
};

static gboolean
check_place (CtlArguments *arguments, GError **error)
{
  gboolean url = ctl_arguments_has (arguments, "url");

  if (ctl_arguments_has (arguments, "session") + ctl_arguments_has (arguments, "system")
          + ctl_arguments_has (arguments, "bus-address") + url
      > 1)
    {
      g_set_error_literal (error, CTL_ERROR, CTL_ERROR_USAGE,
                           "--session, --system, --bus-address and --url exclude each other");
      return FALSE;
    }
  if (url || (!ctl_arguments_has (arguments, "token-file") && !ctl_arguments_has (arguments, "ca-file")))
    return TRUE;
  g_set_error_literal (error, CTL_ERROR, CTL_ERROR_USAGE, "--token-file and --ca-file go with --url");
  return FALSE;
}

static CtlBus
choose_bus (CtlArguments *arguments)
{
  if (ctl_arguments_has (arguments, "session"))
    return CTL_BUS_SESSION;
  if (ctl_arguments_has (arguments, "system"))
    return CTL_BUS_SYSTEM;
  return ctl_arguments_has (arguments, "bus-address") ? CTL_BUS_ADDRESS : CTL_BUS_ANY;
}

CtlTransport *
ctl_command_connect (CtlCommand *command, GError **error)
{
  CtlArguments *arguments = command->arguments;
  const CtlHttpOptions http = {
    .url = ctl_arguments_text (arguments, "url", NULL),
    .token_file = ctl_arguments_text (arguments, "token-file", NULL),
    .ca_file = ctl_arguments_text (arguments, "ca-file", NULL),
  };

  if (command->transport != NULL)
    return command->transport;
  if (!check_place (arguments, error))
    return NULL;

  if (http.url != NULL)
    command->transport = ctl_transport_http_new (&http, error);
  else
    command->transport = ctl_transport_dbus_new (choose_bus (arguments),
                                                 ctl_arguments_text (arguments, "bus-address", NULL), error);
  /* GIO ignores it. A reader of our output that has enough shall end us as it
   * ends any other program, and what join starts shall begin with the default. */
  signal (SIGPIPE, SIG_DFL);
  return command->transport;
}

static GVariant *
call (CtlCommand *command,
      const char *region,
      const char *method,
      GVariant *parameters,
      const char *answer,
      gint timeout_ms,
      GError **error)
{
  g_autoptr (GVariant) held = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  CtlTransport *transport = ctl_command_connect (command, error);
  CtlCall what = { .region = region, .method = method, .parameters = held, .timeout_ms = timeout_ms };

  if (transport == NULL)
    return NULL;
  what.answer = answer != NULL ? G_VARIANT_TYPE (answer) : NULL;
  return ctl_transport_call (transport, &what, NULL, error);
}

GVariant *
ctl_command_call (CtlCommand *command,
                  const char *region,
                  const char *method,
                  GVariant *parameters,
                  const char *answer,
                  GError **error)
{
  return call (command, region, method, parameters, answer, CTL_TIMEOUT_DEFAULT, error);
}

GVariant *
ctl_command_call_patiently (CtlCommand *command,
                            const char *region,
                            const char *method,
                            GVariant *parameters,
                            const char *answer,
                            GError **error)
{
  return call (command, region, method, parameters, answer, CTL_TIMEOUT_NONE, error);
}

GVariant *
ctl_command_region (CtlCommand *command, const char *region, GError **error)
{
  CtlTransport *transport = ctl_command_connect (command, error);

  return transport != NULL ? ctl_transport_properties (transport, region, error) : NULL;
}

const char *
ctl_command_word (CtlCommand *command, guint index)
{
  return ctl_arguments_word (command->arguments, index);
}

void
ctl_command_note (CtlCommand *command, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (command->quiet || command->json)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  /* In the order in which it happened. */
  fflush (stdout);
  g_printerr ("ivshmemctl: %s\n", text);
}
