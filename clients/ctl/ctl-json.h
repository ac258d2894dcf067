/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Writes one JSON document, on one line. Whatever is put in, what comes out is
 * valid: text that is no UTF-8 is repaired, numbers that a double cannot hold
 * (above 2^53) become decimal strings.
 *
 * key: the member's name within an object, NULL within an array and at the top.
 */

typedef struct _CtlJson CtlJson;

/* The largest number that is written as a number. */
#define CTL_JSON_NUMBER_MAX (G_GUINT64_CONSTANT (1) << 53)

CtlJson *ctl_json_new (void);
void ctl_json_free (CtlJson *json);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlJson, ctl_json_free)

void ctl_json_begin_object (CtlJson *json, const char *key);
void ctl_json_end_object (CtlJson *json);
void ctl_json_begin_array (CtlJson *json, const char *key);
void ctl_json_end_array (CtlJson *json);

/* text NULL is null. */
void ctl_json_string (CtlJson *json, const char *key, const char *text);
void ctl_json_uint (CtlJson *json, const char *key, guint64 value);
void ctl_json_int (CtlJson *json, const char *key, gint64 value);
void ctl_json_boolean (CtlJson *json, const char *key, gboolean value);
void ctl_json_null (CtlJson *json, const char *key);
/* With so many digits after the point, whatever the locale. */
void ctl_json_decimal (CtlJson *json, const char *key, gdouble value, guint digits);

/* Any value; dictionaries become objects, bytes lower-case hexadecimal text.
 * snake: the keys of dictionaries too become snake_case. */
void ctl_json_variant (CtlJson *json, const char *key, GVariant *value, gboolean snake);

/* What has been written, and a newline. Everything begun must be ended. (transfer full) */
char *ctl_json_to_line (CtlJson *json);

/* "PeerCount" and "peer-count" are "peer_count". (transfer full) */
char *ctl_json_snake_case (const char *name);
