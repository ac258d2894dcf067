/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

/*
 * The JSON of a daemon, as the GVariants that the verbs work with. The daemon
 * may be anybody's, far away: nothing in it is taken for granted.
 */

/* Deeper nesting is refused, before the recursion of a parser finds out. */
#define CTL_JSON_DEPTH_MAX 32

/* A JSON object. Errors: io, saying that it is none. (transfer full) */
JsonNode *ctl_json_read (const char *text, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The member as a value of this type, floating; NULL if there is none or it
 * cannot be one. Types: s b y u t i as a{st} a{sv} aa{sv}. Numbers may be decimal
 * text; null is "" for s, and -1 for i. */
GVariant *ctl_json_read_member (JsonObject *object, const char *name, const char *type);

/* The member's text, or NULL. */
const char *ctl_json_read_text (JsonObject *object, const char *name);

/* a{sv}: the properties of a region, as D-Bus calls them. Errors: io. */
GVariant *ctl_json_read_region (JsonObject *region, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* a{sa{sv}}: the regions of {"regions":[...]}. Errors: io. */
GVariant *ctl_json_read_regions (JsonObject *answer, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same with "_" in its keys, which are the daemon's, turned into "-". */
GVariant *ctl_json_dash_keys (GVariant *dictionaries);
