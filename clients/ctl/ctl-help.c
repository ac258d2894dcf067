/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-help.h"

#include "ctl-verbs.h"

#define TEXT_COLUMN 24

static void
append_options (GString *out, const CtlOption *options)
{
  for (const CtlOption *option = options; option != NULL && option->name != NULL; option++)
    {
      g_autofree char *left = g_strconcat ("--", option->name, option->metavar != NULL ? " " : "",
                                           option->metavar != NULL ? option->metavar : "", NULL);

      g_string_append_printf (out, "  %-*s %s\n", TEXT_COLUMN - 3, left, option->help);
    }
}

static void
append_parameter (GString *out, const CtlParameter *parameter)
{
  const char *dots = parameter->repeated ? "..." : "";

  if (parameter->optional)
    g_string_append_printf (out, " [%s%s]", parameter->name, dots);
  else
    g_string_append_printf (out, " %s%s", parameter->name, dots);
}

static void
append_option (GString *out, const CtlOption *option)
{
  const char *open = option->required ? "" : "[";
  const char *close = option->required ? "" : "]";

  if (option->metavar != NULL)
    g_string_append_printf (out, " %s--%s %s%s", open, option->name, option->metavar, close);
  else
    g_string_append_printf (out, " %s--%s%s", open, option->name, close);
}

char *
ctl_help_synopsis (const CtlVerb *verb)
{
  g_autoptr (GString) out = g_string_new (verb->name);
  const CtlParameter *parameter = verb->parameters;

  for (; parameter != NULL && parameter->name != NULL && !parameter->optional; parameter++)
    append_parameter (out, parameter);
  for (const CtlOption *option = verb->options; option != NULL && option->name != NULL; option++)
    append_option (out, option);
  for (; parameter != NULL && parameter->name != NULL; parameter++)
    append_parameter (out, parameter);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
append_indented (GString *out, const char *lines)
{
  g_auto (GStrv) parts = g_strsplit (lines, "\n", -1);

  for (char **p = parts; *p != NULL; p++)
    {
      if (**p != '\0')
        g_string_append_printf (out, "  %s\n", *p);
    }
}

char *
ctl_help_verb (const CtlVerb *verb)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *synopsis = ctl_help_synopsis (verb);

  g_string_append_printf (out, "Usage: ivshmemctl %s\n\n%s\n", synopsis, verb->text);
  if (verb->options != NULL)
    {
      g_string_append (out, "Options:\n");
      append_options (out, verb->options);
      g_string_append_c (out, '\n');
    }
  g_string_append (out, "Global options:\n");
  append_options (out, ctl_global_options);
  if (verb->example != NULL)
    {
      g_string_append (out, "\nExample:\n");
      append_indented (out, verb->example);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
ctl_help_general (void)
{
  g_autoptr (GString) out = g_string_new ("Usage: ivshmemctl [OPTION...] VERB [ARGUMENT...]\n\n"
                                          "Shows and operates the shared memory regions of ivshmemd.\n\n"
                                          "Verbs:\n");

  for (const CtlVerb *const *verb = ctl_verbs; *verb != NULL; verb++)
    {
      if (!(*verb)->hidden)
        g_string_append_printf (out, "  %-*s %s\n", TEXT_COLUMN - 3, (*verb)->name, (*verb)->summary);
    }
  g_string_append (out, "\nGlobal options, before or after the verb:\n");
  append_options (out, ctl_global_options);
  g_string_append (out,
                   "\n`ivshmemctl VERB --help` shows a verb's options and an example.\n"
                   "Without --session, --system, --bus-address or --url the daemon is looked for on the\n"
                   "session bus, then on the system bus. Sizes and offsets take K, M, G and T, or 0x.\n"
                   "Exit codes: 0 done, 1 failed, 2 usage, 3 no daemon, 4 denied.\n\n"
                   "Example:\n"
                   "  ivshmemctl attach doorbell-server demo size=4M vectors=4\n"
                   "  echo hello | ivshmemctl write demo --offset 0\n"
                   "  ivshmemctl read demo --length 64\n");
  return g_string_free (g_steal_pointer (&out), FALSE);
}
