/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Touches memory that may vanish. A page of a mapping whose file was truncated,
 * or for which the file system has no room left, raises SIGBUS at the access;
 * under a guard that ends the guarded function, on its own thread only, and
 * nothing else happens.
 *
 * A fault of any other kind, at any other address, or on a thread that has no
 * guard there, goes on to whatever handled SIGBUS before. Guards nest: the
 * innermost one whose range holds the address ends. No thread may block SIGBUS
 * (the kernel then kills the process instead of asking).
 */

/* Runs under the guard. It may be left at any access to the range, as if by
 * longjmp: it must hold no lock, own nothing and call nothing that does. */
typedef void (*IvdGuardFunc) (gpointer data);

typedef struct
{
  guintptr address;  /* what could not be touched; at times only its page */
  gboolean hardware; /* the memory itself is broken (a machine check) */
} IvdGuardFault;

/* Puts the handler in place; once, later calls do nothing. ivd_guard_run()
 * calls it. A program calls it first where its threads have not begun. */
void ivd_guard_install (void);

/* Calls func. TRUE: it came to its end. FALSE: a fault within length bytes at
 * address ended it, told in ret_fault. Any thread. About 20 ns. */
gboolean ivd_guard_run (const volatile void *address,
                        gsize length,
                        IvdGuardFunc func,
                        gpointer data,
                        IvdGuardFault *ret_fault)
    G_GNUC_WARN_UNUSED_RESULT;
