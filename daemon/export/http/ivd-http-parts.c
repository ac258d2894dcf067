/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-parts.h"

#include <string.h>

#include "memory/ivd-memory.h"

/* Text of our own, or bytes of the region. */
typedef struct
{
  char *text; /* NULL: of the region, from offset */
  guint64 offset, length;
} Segment;

struct _IvdHttpParts
{
  guint64 length, left;
  guint64 done; /* of the segment that is next */
  guint next, count;
  Segment segments[];
};

static IvdHttpParts *
parts_alloc (guint max)
{
  return g_malloc0 (sizeof (IvdHttpParts) + max * sizeof (Segment));
}

static void
add (IvdHttpParts *self, char *take_text, guint64 offset, guint64 length)
{
  self->segments[self->count++] = (Segment){ take_text, offset, length };
  self->length += length;
  self->left += length;
}

static void
add_text (IvdHttpParts *self, char *take_text)
{
  add (self, take_text, 0, strlen (take_text));
}

IvdHttpParts *
ivd_http_parts_new (guint64 offset, guint64 length)
{
  IvdHttpParts *self = parts_alloc (1);

  add (self, NULL, offset, length);
  return self;
}

IvdHttpParts *
ivd_http_parts_new_multipart (const IvdRanges *ranges, guint64 size, const char *boundary)
{
  IvdHttpParts *self = parts_alloc (2 * ranges->n + 1);

  for (guint i = 0; i < ranges->n; i++)
    {
      const IvdRange *range = &ranges->ranges[i];
      g_autofree char *content_range = ivd_range_content_range (range, size);

      add_text (self, g_strdup_printf ("%s--%s\r\nContent-Type: application/octet-stream\r\nContent-Range: %s\r\n\r\n",
                                       i > 0 ? "\r\n" : "", boundary, content_range));
      add (self, NULL, range->offset, range->length);
    }
  add_text (self, g_strdup_printf ("\r\n--%s--\r\n", boundary));
  return self;
}

void
ivd_http_parts_free (IvdHttpParts *parts)
{
  if (parts == NULL)
    return;
  for (guint i = 0; i < parts->count; i++)
    g_free (parts->segments[i].text);
  g_free (parts);
}

guint64
ivd_http_parts_get_length (const IvdHttpParts *parts)
{
  return parts->length;
}

guint64
ivd_http_parts_get_left (const IvdHttpParts *parts)
{
  return parts->left;
}

gboolean
ivd_http_parts_read (IvdHttpParts *parts, IvdMapping *mapping, guint8 *buffer, gsize size, gsize *ret_got,
                     gsize *ret_touched, GError **error)
{
  gsize got = 0, touched = 0;

  while (got < size && parts->next < parts->count)
    {
      const Segment *segment = &parts->segments[parts->next];
      gsize step = (gsize) MIN (size - got, segment->length - parts->done);

      if (segment->text != NULL)
        memcpy (buffer + got, segment->text + parts->done, step);
      else if (!ivd_memory_read (mapping, segment->offset + parts->done, buffer + got, step, error))
        return FALSE;
      else
        touched += step;
      got += step;
      parts->done += step;
      if (parts->done < segment->length)
        continue;
      parts->done = 0;
      parts->next++;
    }
  parts->left -= got;
  *ret_got = got;
  *ret_touched = touched;
  return TRUE;
}
