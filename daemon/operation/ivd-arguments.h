/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The a{sv} of an operation's options, taken key by key: native types or the
 * text of the command line. What is left over at the end is an error.
 */

typedef struct _IvdArguments IvdArguments;

/* options: a{sv}. Duplicate keys are an error. */
IvdArguments *ivd_arguments_new (GVariant *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ivd_arguments_free (IvdArguments *arguments);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdArguments, ivd_arguments_free)

/* ret_value is left alone when the key is not there. b, or "true"/"false". */
gboolean ivd_arguments_take_boolean (IvdArguments *arguments, const char *key, gboolean *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* NULL when the key is not there. (transfer full) */
gboolean ivd_arguments_take_text (IvdArguments *arguments, const char *key, char **ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The key's value as it is, NULL when it is not there. (transfer full) */
GVariant *ivd_arguments_take (IvdArguments *arguments, const char *key);

/* FALSE and an error that names the first key nobody has taken, and the known
 * ones. */
gboolean ivd_arguments_end (IvdArguments *arguments, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The keys nobody has taken: a{sv}. (transfer full) */
GVariant *ivd_arguments_rest (IvdArguments *arguments);
