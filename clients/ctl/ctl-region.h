/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-json.h"

/* What is known of a region, as a{sv}: the properties of the daemon's Region
 * interface. A daemon may have more or fewer than this client knows. */

/* "-" when it is not there. Borrowed from properties. */
const char *ctl_region_text (GVariant *properties, const char *property);
/* There is something to say of its state: why it is lost, or why a ready one can
 * do less than its kind. */
gboolean ctl_region_has_reason (GVariant *properties);
/* Of any integer type; fallback when it is not there. */
guint64 ctl_region_number (GVariant *properties, const char *property, guint64 fallback);

/* Its state is "ready". */
gboolean ctl_region_is_ready (GVariant *properties);
gboolean ctl_region_can (GVariant *properties, const char *capability);

/* One of the options that it was attached with (or their defaults), as text;
 * NULL when there is none. (transfer full) */
char *ctl_region_option (GVariant *properties, const char *option);

/* One of its counters; 0 when there is none. */
guint64 ctl_region_statistic (GVariant *properties, const char *name);

/* OwnId, or "-" for none. (transfer full) */
char *ctl_region_own_id (GVariant *properties);

/* An object with every property, by the rule of names. Options keep the names
 * that attach takes. */
void ctl_region_write_json (CtlJson *json, const char *key, GVariant *properties);

/* A value as people read it, without quotes and types. (transfer full) */
char *ctl_region_value_text (GVariant *value);
