/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * IvdHttpInput: what libsoup reads of a connection: only whole and good heads,
 * and bodies that end where they say. libsoup 3.2 takes much else, answers
 * what it does not take without a word, and drops lines that it does not
 * understand. HTTP thread.
 */

#define IVD_TYPE_HTTP_INPUT (ivd_http_input_get_type ())
G_DECLARE_FINAL_TYPE (IvdHttpInput, ivd_http_input, IVD, HTTP_INPUT, GInputStream)

/* The first byte of a request has come. */
typedef void (*IvdHttpBegunFunc) (gpointer data);
/* A head is refused: to be answered now with status, past libsoup, which does
 * not know of the request and will see the end of the connection. */
typedef void (*IvdHttpRefusedFunc) (guint status, const GError *error, gpointer data);

/* The other side has ended. TRUE: nobody is to see that yet; until
 * ivd_http_input_let_end () it looks as if nothing comes. */
typedef gboolean (*IvdHttpEndedFunc) (gpointer data);

/* base: pollable. */
IvdHttpInput *ivd_http_input_new (GInputStream *base, IvdHttpBegunFunc begun, IvdHttpRefusedFunc refused,
                                  IvdHttpEndedFunc ended, gpointer data);
/* Who reads now may see the end. */
void ivd_http_input_let_end (IvdHttpInput *input);
/* From here on everything is passed as it comes: it is no HTTP any more. */
void ivd_http_input_set_raw (IvdHttpInput *input);

/* Calls nobody any more. */
void ivd_http_input_detach (IvdHttpInput *input);
