/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-event-stream.h"

#include <string.h>

#include "base/ivd-error.h"

struct _CtlEventStream
{
  CtlEventRecordFunc func;
  gpointer func_data;
  GString *line; /* until its end comes */
  gboolean after_return;
  GString *id;
  GString *data; /* of the record, each line with its newline */
};

CtlEventStream *
ctl_event_stream_new (CtlEventRecordFunc func, gpointer data)
{
  CtlEventStream *stream = g_new0 (CtlEventStream, 1);

  stream->func = func;
  stream->func_data = data;
  stream->line = g_string_new (NULL);
  stream->id = g_string_new (NULL);
  stream->data = g_string_new (NULL);
  return stream;
}

void
ctl_event_stream_free (CtlEventStream *stream)
{
  if (stream == NULL)
    return;
  g_string_free (stream->line, TRUE);
  g_string_free (stream->id, TRUE);
  g_string_free (stream->data, TRUE);
  g_free (stream);
}

static void
end_record (CtlEventStream *stream)
{
  CtlEventRecord record = { .id = stream->id->str, .data = stream->data->str };

  if (stream->data->len == 0)
    return;
  g_string_truncate (stream->data, stream->data->len - 1);
  stream->func (&record, stream->func_data);
  g_string_truncate (stream->data, 0);
}

/* "name: value", "name:value" or "name". */
static gboolean
take_field (const char *line, const char *name, const char **ret_value)
{
  gsize length = strlen (name);

  if (strncmp (line, name, length) != 0 || (line[length] != ':' && line[length] != '\0'))
    return FALSE;
  line += length;
  line += *line == ':' ? 1 : 0;
  line += *line == ' ' ? 1 : 0;
  *ret_value = line;
  return TRUE;
}

static void
end_line (CtlEventStream *stream)
{
  const char *value;

  if (stream->line->len == 0)
    end_record (stream);
  else if (take_field (stream->line->str, "data", &value))
    {
      g_string_append (stream->data, value);
      g_string_append_c (stream->data, '\n');
    }
  else if (take_field (stream->line->str, "id", &value))
    g_string_assign (stream->id, value);
  g_string_truncate (stream->line, 0);
}

gboolean
ctl_event_stream_feed (CtlEventStream *stream, const void *bytes, gsize length, GError **error)
{
  const char *p = bytes;

  for (const char *end = p + length; p < end; p++)
    {
      gboolean after_return = stream->after_return;

      stream->after_return = *p == '\r';
      if (*p == '\n' && after_return)
        continue;
      if (*p == '\n' || *p == '\r')
        end_line (stream);
      else
        g_string_append_c (stream->line, *p);
      if (stream->line->len + stream->data->len <= CTL_EVENT_STREAM_BYTES_MAX)
        continue;
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the daemon sent an event of more than %d bytes",
                   CTL_EVENT_STREAM_BYTES_MAX);
      return FALSE;
    }
  return TRUE;
}
