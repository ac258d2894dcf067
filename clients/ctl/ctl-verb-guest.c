/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "ctl-guest-config.h"
#include "ctl-output.h"
#include "ctl-verbs.h"

/* Configuration for virtual machines: qemu-args, libvirt-xml. */

static const CtlParameter region_parameter[] = { { "NAME", CTL_PARAMETER_REGION }, { NULL } };

/* Quoted only where the shell would see more than a word. */
static char *
shell_word (const char *word)
{
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=,./:@%";

  return word[strspn (word, safe)] == '\0' ? g_strdup (word) : g_shell_quote (word);
}

static void
print_words (CtlCommand *command, char **words)
{
  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_begin_array (json, "arguments");
      for (char **word = words; *word != NULL; word++)
        ctl_json_string (json, NULL, *word);
      ctl_json_end_array (json);
      ctl_json_end_object (json);
      ctl_output_json (json);
      return;
    }
  for (char **word = words; *word != NULL; word++)
    {
      g_autofree char *quoted = shell_word (*word);

      ctl_output_printf ("%s%s", word > words ? " " : "", quoted);
    }
  ctl_output_text ("\n");
}

static gboolean
run_qemu_args (CtlCommand *command, GError **error)
{
  g_autoptr (GVariant) properties = ctl_command_region (command, ctl_command_word (command, 0), error);
  g_auto (GStrv) words = NULL;

  if (properties == NULL)
    return FALSE;
  words = ctl_guest_config_qemu (properties, error);
  if (words == NULL)
    return FALSE;
  print_words (command, words);
  return TRUE;
}

const CtlVerb ctl_verb_qemu_args = {
  .name = "qemu-args",
  .summary = "print the QEMU arguments that give a region to a guest",
  .parameters = region_parameter,
  .text = "Prints the arguments for QEMU's command line that give a guest this region, on one line, quoted\n"
          "for the shell where that is needed. Never add reconnect= to the chardev: QEMU hangs on it.\n",
  .example = "qemu-system-x86_64 ... $(ivshmemctl qemu-args demo)\n",
  .run = run_qemu_args,
};

static gboolean
run_libvirt_xml (CtlCommand *command, GError **error)
{
  g_autoptr (GVariant) properties = ctl_command_region (command, ctl_command_word (command, 0), error);
  g_autofree char *xml = NULL;
  g_autofree char *note = NULL;

  if (properties == NULL)
    return FALSE;
  xml = ctl_guest_config_libvirt (properties, &note, error);
  if (xml == NULL)
    return FALSE;
  if (note != NULL)
    ctl_command_note (command, "%s", note);
  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "xml", xml);
      ctl_json_string (json, "note", note);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else
    ctl_output_text (xml);
  return TRUE;
}

const CtlVerb ctl_verb_libvirt_xml = {
  .name = "libvirt-xml",
  .summary = "print the libvirt XML that gives a region to a guest",
  .parameters = region_parameter,
  .text = "Prints the element for libvirt's <devices> that gives a guest this region. libvirt's guests run\n"
          "as their own user: the socket or file must be theirs to open (see owner, group and mode).\n",
  .example = "ivshmemctl libvirt-xml demo > demo.xml && virsh attach-device GUEST demo.xml --config\n",
  .run = run_libvirt_xml,
};
