/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/* One value of one option: from what a user, a program or a config file says
 * to what the plugin gets, and back. Main thread or any other; a user's or a
 * group's name may ask the machine's name service. */

/* "text" "path" "size" ...; NULL: there is no such type. */
const char *ivd_option_type_name (guint32 type);

/* value: a native type or text, as it came. ret_text: (transfer full), never
 * NULL. Errors (invalid-argument) name the option, the value and the rule. */
gboolean ivd_option_value_parse (const IvshmemPluginOption *option, GVariant *value, char **ret_text,
                                 guint64 *ret_number, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What ivd_option_value_parse makes the same of. (transfer floating) */
GVariant *ivd_option_value_to_variant (const IvshmemPluginOption *option, const char *text, guint64 number);
