/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-json.h"

/*
 * What the doctor finds: each finding says of one thing that it is well, odd
 * or wrong, and what to do about it. The checks are in files of their own;
 * they look at this machine and change nothing.
 */

typedef enum
{
  CTL_FINDING_OK,
  CTL_FINDING_WARNING, /* works, but not for everybody or not for ever */
  CTL_FINDING_PROBLEM, /* cannot work */
} CtlFindingLevel;

typedef struct _CtlDoctor CtlDoctor;

CtlDoctor *ctl_doctor_new (void);
void ctl_doctor_free (CtlDoctor *doctor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlDoctor, ctl_doctor_free)

/* remedy: NULL when there is nothing to do. */
void ctl_doctor_add (CtlDoctor *doctor,
                     CtlFindingLevel level,
                     const char *check,
                     const char *remedy,
                     const char *format,
                     ...) G_GNUC_PRINTF (5, 6);

guint ctl_doctor_count (CtlDoctor *doctor, CtlFindingLevel level);

/* columns: of the terminal; 0: lines are not wrapped. (transfer full) */
char *ctl_doctor_to_text (CtlDoctor *doctor, guint columns);
/* {"findings":[{"level","check","finding","remedy"}],"problems","warnings"} */
void ctl_doctor_write_json (CtlDoctor *doctor, CtlJson *json);

/* This machine: memory, descriptors, QEMU, security modules. */
void ctl_doctor_check_host (CtlDoctor *doctor);

/* The ivshmem devices of a guest, by what the daemon's plugin guest-linux says
 * of them (aa{sv}): its rights count, and not the user's. */
void ctl_doctor_check_candidates (CtlDoctor *doctor, GVariant *candidates);
/* The same by a look of our own at this machine. sysfs, dev: "/sys" and "/dev",
 * or a test's. */
void ctl_doctor_check_guest (CtlDoctor *doctor, const char *sysfs, const char *dev);

/* One region: what its properties (a{sv}) and the files that they name say,
 * and its peers (aa{sv}, or NULL when they are not known). */
void ctl_doctor_check_region (CtlDoctor *doctor, GVariant *properties, GVariant *peers);

/* What a small file of the kernel says, without blanks at its end; NULL when
 * it cannot be read. (transfer full) */
char *ctl_doctor_read_file (const char *directory, const char *name);
