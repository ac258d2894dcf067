/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

/*
 * JSON text to json-glib's tree and back. In: strictly RFC 8259 within our
 * limits (ivd-json-check.h). Out: by our own hand, as json-glib 1.6 writes
 * what is no JSON for 0x1f, for 1e20 and for what is not UTF-8. Any thread.
 */

/* data: one JSON object, of at most IVD_LIMIT_JSON_BYTES. Errors are
 * invalid-argument or too-large. (transfer full) */
JsonObject *ivd_json_parse (const char *data, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Compact, with a newline at the end. (transfer full) */
GBytes *ivd_json_to_bytes (JsonNode *node);
/* The same of what was built; the builder is done with. */
GBytes *ivd_json_builder_to_bytes (JsonBuilder *builder);

/* --- pieces of text, for whoever writes by hand --- */

/* "text", quoted and escaped; what is not UTF-8 in it becomes U+FFFD. NULL: null. */
void ivd_json_append_text (GString *json, const char *text);
/* A number up to 2^53, above its digits as a string. */
void ivd_json_append_uint64 (GString *json, guint64 value);
void ivd_json_append_int64 (GString *json, gint64 value);
/* What is not finite is null. */
void ivd_json_append_double (GString *json, double value);
/* Compact, without a newline. */
void ivd_json_append_node (GString *json, JsonNode *node);
