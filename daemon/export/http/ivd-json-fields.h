/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

/*
 * The fields of a JSON object from outside, taken one by one. What is left
 * over at the end is an error that names the known ones. Errors are
 * invalid-argument and name the field, its value and the rule. A field that is
 * not there leaves ret_value alone, and is no error; null is a value like any
 * other, and fits only where it says so. Any thread.
 */

typedef struct _IvdJsonFields IvdJsonFields;

/* As ivd_json_parse. */
IvdJsonFields *ivd_json_fields_parse (const char *data, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* object: is emptied. */
IvdJsonFields *ivd_json_fields_new (JsonObject *object);
void ivd_json_fields_free (IvdJsonFields *fields);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdJsonFields, ivd_json_fields_free)

/* TRUE: not taken yet, and there. */
gboolean ivd_json_fields_has (IvdJsonFields *fields, const char *key);
/* What is there as from is from now on there as to, if it is there. */
void ivd_json_fields_rename (IvdJsonFields *fields, const char *from, const char *to);
/* FALSE and an error that names the first of keys (ended by NULL) that is not
 * there. Before they are taken. */
gboolean ivd_json_fields_require (IvdJsonFields *fields, const char *const *keys, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A number up to 2^53, or its digits as a string up to 2^64-1. */
gboolean ivd_json_fields_take_uint64 (IvdJsonFields *fields, const char *key, guint64 *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean ivd_json_fields_take_uint32 (IvdJsonFields *fields, const char *key, guint32 *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* "all" is IVD_ALL, which no number gives. */
gboolean ivd_json_fields_take_uint32_or_all (IvdJsonFields *fields, const char *key, guint32 *ret_value,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ivd_json_fields_take_boolean (IvdJsonFields *fields, const char *key, gboolean *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Milliseconds, perhaps with a fraction, to the nearest microsecond; 0 to 2^53 of these. */
gboolean ivd_json_fields_take_msec (IvdJsonFields *fields, const char *key, guint64 *ret_usec, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* TRUE, and taken: it is there, and null. */
gboolean ivd_json_fields_take_null (IvdJsonFields *fields, const char *key);

/* What was in *ret_value is not freed. (transfer full) */
gboolean ivd_json_fields_take_text (IvdJsonFields *fields, const char *key, char **ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* "a" or ["a","b"]. (transfer full) */
gboolean ivd_json_fields_take_texts (IvdJsonFields *fields, const char *key, GStrv *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* base64, strictly: the standard alphabet, padded. (transfer full) */
gboolean ivd_json_fields_take_bytes (IvdJsonFields *fields, const char *key, GBytes **ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* An object as a{sv}, the options of a plugin: text is s, true and false b,
 * whole numbers t, or x below zero, an array of text and whole numbers as.
 * (transfer full) */
gboolean ivd_json_fields_take_options (IvdJsonFields *fields, const char *key, GVariant **ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* FALSE and an error that names the first field nobody has taken, and those
 * that somebody asked for. */
gboolean ivd_json_fields_end (IvdJsonFields *fields, GError **error) G_GNUC_WARN_UNUSED_RESULT;
