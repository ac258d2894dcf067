/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "access/ivd-access.h"
#include "config/ivd-config-http.h"
#include "config/ivd-config-region.h"
#include "platform/ivd-log.h"

/*
 * IvdConfig: what the config files say, checked and typed. Immutable; a reload
 * makes a new one. Whatever is not known is an error that names file and line.
 */

typedef struct _IvdConfig IvdConfig;

typedef struct
{
  const char *file;
  gboolean file_may_miss; /* it is the default place */
  const char *directory;  /* its *.conf are read after file, in the order of the C locale */
  gboolean directory_may_miss;
  const char *runtime_dir;        /* paths below it may be opened */
  const char *const *http_listen; /* --http, which replaces listen; NULL: not given */
} IvdConfigSource;

/* (transfer full) */
IvdConfig *ivd_config_load (const IvdConfigSource *source, GError **error);
/* Of what was read already; of source only what is no file counts. Touches no
 * file: what [http] names is loaded by ivd_config_load alone. (transfer full) */
IvdConfig *ivd_config_new (const IvdKeyFile *key_file, const IvdConfigSource *source, GError **error);
IvdConfig *ivd_config_ref (IvdConfig *config);
void ivd_config_unref (IvdConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdConfig, ivd_config_unref)

/* [daemon] */

/* NULL: the default place. */
const char *ivd_config_get_state_dir (const IvdConfig *config);
/* FALSE: not given. */
gboolean ivd_config_get_log_level (const IvdConfig *config, IvdLogLevel *ret_level);

/* [dbus] */

gboolean ivd_config_get_dbus_enabled (const IvdConfig *config);
/* "system", "session" or an address; NULL: as the command line says. */
const char *ivd_config_get_bus (const IvdConfig *config);

/* [http] (transfer none) */
const IvdConfigHttp *ivd_config_get_http (const IvdConfig *config);

/* [region NAME] */

/* In the order of the files; those with rules only included. (transfer none, of IvdConfigRegion *) */
const GPtrArray *ivd_config_get_regions (const IvdConfig *config);

/* All allow-PERMISSION keys, and allowed-dirs. (transfer none) */
IvdAccess *ivd_config_get_access (const IvdConfig *config);
