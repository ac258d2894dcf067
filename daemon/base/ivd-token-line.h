/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "base/ivd-digest.h"
#include "base/ivd-pattern.h"
#include "base/ivd-role.h"

/*
 * IvdTokenLine: one line of a file of tokens. The daemon reads them,
 * ivshmemctl writes them:
 *
 *   NAME sha256:HEX64 ROLE [REGION-PATTERN]
 */

/* What the secret of a token begins with; 43 characters follow. */
#define IVD_TOKEN_PREFIX "ivs_"

typedef struct
{
  char *name;
  IvdDigest digest;
  IvdRole role;
  char *pattern; /* IVD_PATTERN_ALL unless said */
} IvdTokenLine;

void ivd_token_line_free (IvdTokenLine *line);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdTokenLine, ivd_token_line_free)

/* Without the newline; no comment and not empty. invalid-argument, saying which
 * word is no good, but never quoting what could be a secret. (transfer full) */
IvdTokenLine *ivd_token_line_parse (const char *text, GError **error);

/* Without the newline. (transfer full) */
char *ivd_token_line_format (const IvdTokenLine *line);
