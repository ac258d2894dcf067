/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-verbs.h"

#include <string.h>

const CtlVerb *const ctl_verbs[] = {
  &ctl_verb_status, &ctl_verb_list, &ctl_verb_show, &ctl_verb_peers, &ctl_verb_plugins, &ctl_verb_candidates,
  &ctl_verb_attach, &ctl_verb_detach,
  &ctl_verb_read, &ctl_verb_write, &ctl_verb_fill, &ctl_verb_atomic, &ctl_verb_wait, &ctl_verb_dump,
  &ctl_verb_restore,
  &ctl_verb_ring, &ctl_verb_join, &ctl_verb_monitor, &ctl_verb_watch, &ctl_verb_top,
  &ctl_verb_qemu_args, &ctl_verb_libvirt_xml, &ctl_verb_doctor,
  &ctl_verb_web, &ctl_verb_token,
  &ctl_verb_complete, NULL
};

const CtlVerb *
ctl_verb_find (const char *name)
{
  for (const CtlVerb *const *verb = ctl_verbs; *verb != NULL; verb++)
    {
      if (g_str_equal ((*verb)->name, name))
        return *verb;
    }
  return NULL;
}

/* How many letters must be changed, dropped or put in; a large number is
 * answered for what is too long to be a slip. */
static guint
distance (const char *a, const char *b)
{
  guint row[24], previous, above;
  gsize n = strlen (a), m = strlen (b);

  if (n >= G_N_ELEMENTS (row) || m >= G_N_ELEMENTS (row))
    return G_MAXUINT;
  for (guint j = 0; j <= m; j++)
    row[j] = j;
  for (guint i = 1; i <= n; i++)
    {
      previous = row[0];
      row[0] = i;
      for (guint j = 1; j <= m; j++)
        {
          above = row[j];
          row[j] = MIN (MIN (above, row[j - 1]) + 1, previous + (a[i - 1] != b[j - 1]));
          previous = above;
        }
    }
  return row[m];
}

const CtlVerb *
ctl_verb_guess (const char *name)
{
  const CtlVerb *best = NULL;
  guint best_distance = 3;

  for (const CtlVerb *const *verb = ctl_verbs; *verb != NULL; verb++)
    {
      guint d = distance (name, (*verb)->name);

      if ((*verb)->hidden || d >= best_distance || d >= strlen ((*verb)->name))
        continue;
      best = *verb;
      best_distance = d;
    }
  return best;
}
