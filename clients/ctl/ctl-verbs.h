/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-command.h"

/* The table of verbs: each is defined in its family's file and listed in
 * ctl-verbs.c, in the order of the help. */

extern const CtlVerb ctl_verb_status, ctl_verb_list, ctl_verb_show, ctl_verb_plugins, ctl_verb_candidates,
    ctl_verb_peers;
extern const CtlVerb ctl_verb_attach, ctl_verb_detach;
extern const CtlVerb ctl_verb_read, ctl_verb_write, ctl_verb_fill;
extern const CtlVerb ctl_verb_atomic, ctl_verb_wait, ctl_verb_ring;
extern const CtlVerb ctl_verb_monitor, ctl_verb_watch, ctl_verb_top, ctl_verb_join;
extern const CtlVerb ctl_verb_dump, ctl_verb_restore;
extern const CtlVerb ctl_verb_qemu_args, ctl_verb_libvirt_xml;
extern const CtlVerb ctl_verb_doctor;
extern const CtlVerb ctl_verb_web, ctl_verb_token;
extern const CtlVerb ctl_verb_complete;

/* All of them; NULL ends it. */
extern const CtlVerb *const ctl_verbs[];

/* NULL when there is none of that name. */
const CtlVerb *ctl_verb_find (const char *name);
/* The one that was probably meant, or NULL. */
const CtlVerb *ctl_verb_guess (const char *name);
