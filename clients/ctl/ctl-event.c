/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-event.h"

#include "base/ivd-name.h"

#include "ctl-json.h"

static const CtlSignalRow signal_rows[] = {
  { "Interrupt", "interrupt", "(ut)", { "vector", "count" } },
  { "PeerConnected", "peer-connected", "(uu)", { "id", "vectors" } },
  { "PeerDisconnected", "peer-disconnected", "(u)", { "id" } },
  { "StateChanged", "state-changed", "(s)", { "state" } },
  { "Changed", "changed", "(utt)", { "watch", "offset", "length" } },
  { "CandidateAdded", "candidate-added", "(ss)", { "plugin", "candidate" }, TRUE },
  { "CandidateRemoved", "candidate-removed", "(ss)", { "plugin", "candidate" }, TRUE },
  /* HTTP only: on D-Bus nothing of the kind is known. */
  { "Lost", "lost", "(t)", { "count" } },
};

struct _CtlEventLine
{
  GString *text; /* for people */
  CtlJson *json; /* or this */
};

static char *
now_text (void)
{
  gint64 now = g_get_real_time ();
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (now / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");

  return g_strdup_printf ("%s.%06dZ", text, (gint) (now % G_USEC_PER_SEC));
}

CtlEventLine *
ctl_event_line_new (gboolean json, const char *region, const char *type)
{
  CtlEventLine *line = g_new0 (CtlEventLine, 1);
  g_autofree char *now = now_text ();
  g_autofree char *safe = region != NULL ? ivd_text_safe (region) : NULL;

  if (json)
    {
      line->json = ctl_json_new ();
      ctl_json_begin_object (line->json, NULL);
      ctl_json_string (line->json, "time", now);
      if (region != NULL)
        ctl_json_string (line->json, "region", region);
      ctl_json_string (line->json, "type", type);
      return line;
    }
  line->text = g_string_new (now);
  g_string_append_printf (line->text, " %s %s", safe != NULL ? safe : "-", type);
  return line;
}

void
ctl_event_line_free (CtlEventLine *line)
{
  if (line == NULL)
    return;
  if (line->text != NULL)
    g_string_free (line->text, TRUE);
  ctl_json_free (line->json);
  g_free (line);
}

void
ctl_event_line_uint (CtlEventLine *line, const char *key, guint64 value)
{
  if (line->json != NULL)
    ctl_json_uint (line->json, key, value);
  else
    g_string_append_printf (line->text, " %s=%" G_GUINT64_FORMAT, key, value);
}

void
ctl_event_line_string (CtlEventLine *line, const char *key, const char *value)
{
  g_autofree char *safe = ivd_text_safe (value);

  if (line->json != NULL)
    ctl_json_string (line->json, key, value);
  else
    g_string_append_printf (line->text, " %s=%s", key, safe);
}

char *
ctl_event_line_finish (CtlEventLine *line)
{
  if (line->json == NULL)
    return g_strconcat (line->text->str, "\n", NULL);
  ctl_json_end_object (line->json);
  return ctl_json_to_line (line->json);
}

static void
add_argument (CtlEventLine *line, const char *name, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    ctl_event_line_string (line, name, g_variant_get_string (value, NULL));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    ctl_event_line_uint (line, name, g_variant_get_uint64 (value));
  else
    ctl_event_line_uint (line, name, g_variant_get_uint32 (value));
}

const CtlSignalRow *
ctl_event_row_of_type (const char *type)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signal_rows); i++)
    if (g_str_equal (signal_rows[i].type, type))
      return &signal_rows[i];
  return NULL;
}

CtlEventLine *
ctl_event_line_new_for_signal (gboolean json, const CtlEvent *event)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signal_rows); i++)
    {
      const CtlSignalRow *row = &signal_rows[i];
      CtlEventLine *line;

      if (!g_str_equal (row->signal, event->signal)
          || !g_variant_is_of_type (event->parameters, G_VARIANT_TYPE (row->arguments)))
        continue;
      line = ctl_event_line_new (json, event->region, row->type);
      for (gsize j = 0; j < g_variant_n_children (event->parameters); j++)
        {
          g_autoptr (GVariant) value = g_variant_get_child_value (event->parameters, j);

          add_argument (line, row->names[j], value);
        }
      return line;
    }
  return NULL;
}
