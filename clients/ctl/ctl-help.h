/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-command.h"

/* Help, made from the tables. (transfer full) */
char *ctl_help_general (void);
char *ctl_help_verb (const CtlVerb *verb);

/* "read NAME [--offset N] [--length N]". (transfer full) */
char *ctl_help_synopsis (const CtlVerb *verb);
