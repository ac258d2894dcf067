/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "access/ivd-caller.h"
#include "base/ivd-token-line.h"

/*
 * IvdTokens: the tokens that programs present over HTTP, by the hashes of their
 * secrets. Files are read into it, then it is immutable and can be asked on any
 * thread.
 */

typedef struct _IvdTokens IvdTokens;

/* None yet. (transfer full) */
IvdTokens *ivd_tokens_new (void);
IvdTokens *ivd_tokens_ref (IvdTokens *tokens);
void ivd_tokens_unref (IvdTokens *tokens);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdTokens, ivd_tokens_unref)

/* While it is built. Lines of IvdTokenLine, empty ones, and comments after '#'.
 * The file must be such that only root and we can write it. Errors name file
 * and line; after one the tokens are of no use. */
gboolean ivd_tokens_read (IvdTokens *tokens, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for a text that is there already; name: for messages. */
gboolean ivd_tokens_read_text (IvdTokens *tokens, const char *name, const char *text, gsize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

guint ivd_tokens_count (const IvdTokens *tokens);

/* NULL: it is none of them. How long that takes tells nothing of those that
 * there are. (transfer none) */
const IvdTokenLine *ivd_tokens_find (const IvdTokens *tokens, const char *secret);

/* "token NAME", with what its role and pattern grant. (transfer full) */
IvdCaller *ivd_token_make_caller (const IvdTokenLine *token);
