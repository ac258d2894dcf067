/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "config/ivd-key-file.h"

/*
 * IvdConfigRegion: one [region NAME], but for its rules, which go into
 * IvdAccess.
 */

/* One option of the plugin, and where it was said. */
typedef struct
{
  char *key;
  char *value;
  char *file; /* for messages; NULL when it comes from no file */
  guint line;
} IvdConfigOption;

typedef struct
{
  char *name;
  char *plugin; /* NULL: rules only, nothing to attach */
  gboolean persist;
  gboolean activity;
  gboolean hotplug;
  GPtrArray *options; /* of IvdConfigOption *, in order */
  char *file;         /* of its header; NULL when it comes from no file */
  guint line;
} IvdConfigRegion;

/* name and plugin must be good. (transfer full) */
IvdConfigRegion *ivd_config_region_new (const char *name, const char *plugin);
void ivd_config_region_free (IvdConfigRegion *region);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdConfigRegion, ivd_config_region_free)

/* One [region NAME] group; allow-PERMISSION keys are passed over. Errors say
 * file and line. (transfer full) */
IvdConfigRegion *ivd_config_region_parse (const IvdKeyFileGroup *group, GError **error);

/* NULL: not given. */
const IvdConfigOption *ivd_config_region_find (const IvdConfigRegion *region, const char *key);

/* The plugin's: a{sv} of texts. (transfer full, not floating) */
GVariant *ivd_config_region_dup_options (const IvdConfigRegion *region);
/* As Attach takes them: the daemon's own with them, but for persist. (transfer
 * full, not floating) */
GVariant *ivd_config_region_dup_attach_options (const IvdConfigRegion *region);
/* The way back: texts, booleans and integers. invalid-argument for others. */
gboolean ivd_config_region_add_options (IvdConfigRegion *region, GVariant *options, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "FILE:LINE: " before the message: of that option, or of the region when key
 * is NULL or not given; nothing when it comes from no file. */
void ivd_config_region_prefix_error (const IvdConfigRegion *region, const char *key, GError **error);
