/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * IvdHttpStage: the body of an upload, kept aside until all of it is there.
 * IvdHttpStages: the room that all of them share. HTTP thread.
 */

typedef struct _IvdHttpStage IvdHttpStage;
typedef struct _IvdHttpStages IvdHttpStages;

/* room: bytes for all stages together; share: for those of one holder. Must
 * outlive each of them. */
IvdHttpStages *ivd_http_stages_new (guint64 room, guint64 share);
void ivd_http_stages_free (IvdHttpStages *stages);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpStages, ivd_http_stages_free)
/* What is taken of the room. */
guint64 ivd_http_stages_get_taken (IvdHttpStages *stages);

/* Takes room for expected bytes; it grows when more come. holder: whose it is,
 * by the caller's id. limit: there is no room just now. */
IvdHttpStage *ivd_http_stage_new (IvdHttpStages *stages, guint64 holder, gsize expected,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Gives its room back. NULL is fine. */
void ivd_http_stage_free (IvdHttpStage *stage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpStage, ivd_http_stage_free)

/* limit: there is no room for so many more. Nothing has been added then. */
gboolean ivd_http_stage_add (IvdHttpStage *stage, GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What has been added, without a copy: nothing may be added while somebody
 * holds it, and the stage must be kept as long. (transfer full) */
GBytes *ivd_http_stage_get_bytes (IvdHttpStage *stage);
