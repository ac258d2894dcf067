/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

/*
 * A GVariant as JSON by one rule: dictionaries are objects with snake_case
 * keys, whole numbers beyond 2^53 are strings of digits, bytes (ay) are
 * base64, what is not finite is null, a variant is what is in it. Any thread.
 */

/* Adds value where the builder stands: as a member's value, an element or the
 * root. */
void ivd_json_add_variant (JsonBuilder *builder, GVariant *value);
/* The same with keys as they are: a region's options have their own. */
void ivd_json_add_options (JsonBuilder *builder, GVariant *value);
/* A whole number; json-glib alone knows signed ones only. */
void ivd_json_add_uint64 (JsonBuilder *builder, guint64 value);

/* "PeerCount", "peer-count" → "peer_count". (transfer full) */
char *ivd_json_key (const char *name);
