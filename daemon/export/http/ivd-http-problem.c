/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-problem.h"

#include "base/ivd-error.h"
#include "export/http/ivd-json.h"

#define TYPE_PREFIX "urn:ivshmem:error:"

/* "region-lost" as people read it: "Region lost". */
static char *
make_title (const char *code)
{
  char *title = g_strdup (code);

  title[0] = g_ascii_toupper (title[0]);
  return g_strdelimit (title, "-", ' ');
}

GBytes *
ivd_http_problem_format (const GError *error, guint status)
{
  const IvdErrorInfo *info = ivd_error_info (ivd_error_code (error));
  g_autofree char *type = g_strconcat (TYPE_PREFIX, info->name, NULL);
  g_autofree char *title = make_title (info->name);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "type");
  json_builder_add_string_value (builder, type);
  json_builder_set_member_name (builder, "title");
  json_builder_add_string_value (builder, title);
  json_builder_set_member_name (builder, "status");
  json_builder_add_int_value (builder, status != 0 ? status : info->http_status);
  json_builder_set_member_name (builder, "detail");
  json_builder_add_string_value (builder, error->message);
  json_builder_end_object (builder);
  return ivd_json_builder_to_bytes (builder);
}
