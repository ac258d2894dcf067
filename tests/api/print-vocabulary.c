/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <stdio.h>

#include "access/ivd-permission.h"
#include "base/ivd-error.h"
#include "model/ivd-capability.h"
#include "model/ivd-event.h"
#include "model/ivd-region.h"
#include "model/ivd-statistics.h"
#include "operation/ivd-operation.h"
#include "plugin/ivd-option-value.h"

/* Prints the operation table and the words of the daemon as JSON, for tests of
 * descriptions. None of it has a character that JSON would escape. */

static void
print_text (const char *name, const char *text)
{
  if (text != NULL)
    printf ("\"%s\":\"%s\",", name, text);
  else
    printf ("\"%s\":null,", name);
}

static void
print_parameters (const char *name, const IvdParameter *parameters, const char *end)
{
  printf ("\"%s\":[", name);
  for (guint i = 0; parameters[i].name != NULL; i++)
    printf ("%s[\"%s\",\"%s\"]", i > 0 ? "," : "", parameters[i].name, parameters[i].type);
  printf ("]%s", end);
}

static void
print_operations (void)
{
  guint count;
  const IvdOperation *operations = ivd_operations (&count);

  printf ("\"operations\":[");
  for (guint i = 0; i < count; i++)
    {
      const IvdOperation *row = &operations[i];

      printf ("%s{", i > 0 ? "," : "");
      print_text ("name", row->name);
      print_text ("method", row->method);
      print_text ("scope", row->scope == IVD_SCOPE_REGION ? "region" : "daemon");
      print_text ("permission", ivd_permission_name (row->permission));
      print_text ("capability", row->capability == IVD_CAP_NONE ? NULL : ivd_capability_name (row->capability));
      print_parameters ("in", row->in, ",");
      print_parameters ("out", row->out, "}");
    }
  printf ("],\n");
}

static void
print_errors (void)
{
  printf ("\"errors\":{");
  for (gint i = 0; i < IVD_ERROR_COUNT; i++)
    printf ("%s\"%s\":%u", i > 0 ? "," : "", ivd_error_info (i)->name, ivd_error_info (i)->http_status);
  printf ("},\n");
}

static const char *
permission_at (guint i)
{
  return i < IVD_PERMISSION_COUNT ? ivd_permission_name ((IvdPermission) i) : NULL;
}

static const char *
capability_at (guint i)
{
  return i < IVD_CAP_COUNT ? ivd_capability_name ((IvdCapability) (1u << i)) : NULL;
}

static const char *
event_at (guint i)
{
  return i < IVD_EVENT_TYPE_COUNT ? ivd_event_type_name ((IvdEventType) i) : NULL;
}

static const char *
state_at (guint i)
{
  return i <= IVD_REGION_CLOSED ? ivd_region_state_name ((IvdRegionState) i) : NULL;
}

static const char *
statistic_at (guint i)
{
  return i < IVD_STAT_COUNT ? ivd_stat_name ((IvdStat) i) : NULL;
}

static const char *
option_type_at (guint i)
{
  return ivd_option_type_name (i + 1);
}

static void
print_words (const char *name, const char *(*word_at) (guint i), const char *end)
{
  printf ("\"%s\":[", name);
  for (guint i = 0; word_at (i) != NULL; i++)
    printf ("%s\"%s\"", i > 0 ? "," : "", word_at (i));
  printf ("]%s\n", end);
}

int
main (void)
{
  printf ("{");
  print_operations ();
  print_errors ();
  print_words ("permissions", permission_at, ",");
  print_words ("capabilities", capability_at, ",");
  print_words ("events", event_at, ",");
  print_words ("states", state_at, ",");
  print_words ("statistics", statistic_at, ",");
  print_words ("option_types", option_type_at, "}");
  return 0;
}
