/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-error.h"

#include "ctl-doctor.h"
#include "ctl-output.h"
#include "ctl-plugins.h"
#include "ctl-region.h"
#include "ctl-verbs.h"

/* Why a thing cannot work: doctor. */

static void
check_plugins (CtlDoctor *doctor, CtlCommand *command)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) plugins = ctl_plugins_list (command, &error);
  guint n_loaded = 0;

  if (plugins == NULL)
    {
      ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "plugins", NULL, "%s", error->message);
      return;
    }
  for (gsize i = 0; i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);
      const char *failure = ctl_plugins_failure (plugin);

      if (failure == NULL)
        n_loaded++;
      else
        ctl_doctor_add (doctor, CTL_FINDING_WARNING, "plugins",
                        "install the version that belongs to this daemon", "%s is not loaded: %s",
                        ctl_region_text (plugin, "name"), failure);
    }
  if (n_loaded == 0)
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "plugins",
                    "install them, or start ivshmemd with --plugin-dir", "none is loaded");
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, "plugins", NULL, "%u loaded", n_loaded);
}

static void
check_daemon (CtlDoctor *doctor, CtlCommand *command)
{
  g_autoptr (GVariant) daemon = ctl_transport_describe (command->transport);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = ctl_transport_properties (command->transport, NULL, &error);

  if (properties == NULL)
    {
      ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "daemon", ctl_error_hint (error), "%s", error->message);
      return;
    }
  if (g_variant_lookup (daemon, "bus", "&s", NULL))
    ctl_doctor_add (doctor, CTL_FINDING_OK, "daemon", NULL, "ivshmemd %s answers on the %s bus",
                    ctl_region_text (properties, "Version"), ctl_region_text (daemon, "bus"));
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, "daemon", NULL, "ivshmemd %s answers at %s",
                    ctl_region_text (properties, "Version"), ctl_region_text (daemon, "address"));
  check_plugins (doctor, command);
}

static void
check_region (CtlDoctor *doctor, CtlCommand *command, GVariant *properties)
{
  const char *name = ctl_region_text (properties, "Name");
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) peers = NULL;

  if (ctl_region_can (properties, "peers"))
    answer = ctl_command_call (command, name, "ListPeers", NULL, "(aa{sv})", NULL);
  if (answer != NULL)
    peers = g_variant_get_child_value (answer, 0);
  ctl_doctor_check_region (doctor, properties, peers);
}

static void
check_all_regions (CtlDoctor *doctor, CtlCommand *command)
{
  g_autoptr (GVariant) regions = ctl_transport_regions (command->transport, NULL);
  GVariantIter iter;
  GVariant *properties;

  if (regions == NULL)
    return;
  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", NULL, &properties))
    check_region (doctor, command, properties);
}

/* The daemon's rights decide there; without its plugin, those of whoever asks. */
static void
check_guest (CtlDoctor *doctor, CtlCommand *command)
{
  g_autoptr (GVariant) candidates = NULL;

  if (command->transport != NULL)
    candidates = ctl_plugins_candidates (command, "guest-linux", NULL);
  if (candidates != NULL)
    ctl_doctor_check_candidates (doctor, candidates);
  else
    ctl_doctor_check_guest (doctor, "/sys", "/dev");
}

static gboolean
check_connection (CtlDoctor *doctor, CtlCommand *command, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (ctl_command_connect (command, &local_error) != NULL)
    {
      check_daemon (doctor, command);
      return TRUE;
    }
  if (g_error_matches (local_error, CTL_ERROR, CTL_ERROR_USAGE))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, "daemon", ctl_error_hint (local_error), "%s",
                  local_error->message);
  return TRUE;
}

static void
check_named_region (CtlDoctor *doctor, CtlCommand *command, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = ctl_command_region (command, name, &error);

  if (properties != NULL)
    check_region (doctor, command, properties);
  else
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name, "attach it", "%s", error->message);
}

static gboolean
run_doctor (CtlCommand *command, GError **error)
{
  const char *name = ctl_command_word (command, 0);
  g_autoptr (CtlDoctor) doctor = ctl_doctor_new ();

  if (!check_connection (doctor, command, error))
    return FALSE;
  if (name != NULL && command->transport != NULL)
    check_named_region (doctor, command, name);
  else if (command->transport != NULL)
    check_all_regions (doctor, command);
  if (name == NULL)
    {
      ctl_doctor_check_host (doctor);
      check_guest (doctor, command);
    }

  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_doctor_write_json (doctor, json);
      ctl_output_json (json);
    }
  else
    {
      guint columns = 0, rows;
      g_autofree char *text = NULL;

      ctl_output_terminal (&columns, &rows);
      text = ctl_doctor_to_text (doctor, columns);
      ctl_output_text (text);
    }
  if (ctl_doctor_count (doctor, CTL_FINDING_PROBLEM) > 0)
    command->exit = CTL_EXIT_FAILED;
  return TRUE;
}

static const CtlParameter parameters[] = { { "NAME", CTL_PARAMETER_REGION, .optional = TRUE }, { NULL } };

const CtlVerb ctl_verb_doctor = {
  .name = "doctor",
  .summary = "say what does not work, why, and what helps",
  .parameters = parameters,
  .text = "Looks at the daemon, its regions (or the one named), this machine and, if it is a guest, its\n"
          "ivshmem devices, with the daemon's rights if it answers. Each finding is ok, a warning or a\n"
          "problem, with what helps. Exits with 1 if there is a problem. Changes nothing.\n",
  .example = "ivshmemctl doctor\nivshmemctl doctor demo\n",
  .run = run_doctor,
};
