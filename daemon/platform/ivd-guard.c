/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Faults are told by page: a range reaches back to where its page begins. */
#define PAGE_MASK ((guintptr) 4095)

typedef struct _Guard Guard;

struct _Guard
{
  Guard *outer;
  guintptr start;
  gsize length;
  volatile guintptr fault_address;
  volatile gboolean fault_hardware;
  sigjmp_buf env;
};

/*
 * A signal's disposition belongs to the process and a handler gets no pointer
 * of ours, hence the two variables: what was there before us, written once
 * before the handler can run, and each thread's guards. The model is named
 * since a handler must not be the one to allocate its thread's variables.
 */
static struct sigaction previous;
static __thread Guard *volatile innermost __attribute__ ((tls_model ("initial-exec")));

static gboolean
is_memory_fault (const siginfo_t *info)
{
  return info->si_code == BUS_ADRERR || info->si_code == BUS_OBJERR || info->si_code == BUS_MCEERR_AR;
}

/* The mask is put back here, where it costs only who faults: ours blocks
 * nothing, but a thread sanitizer runs every handler with all blocked. */
static void
leave_guard_at (const siginfo_t *info, const ucontext_t *context)
{
  guintptr address = (guintptr) info->si_addr;
  Guard *guard;

  for (guard = innermost; guard != NULL; guard = guard->outer)
    {
      if (address - guard->start >= guard->length)
        continue;
      guard->fault_address = address;
      guard->fault_hardware = info->si_code == BUS_MCEERR_AR;
      innermost = guard->outer;
      pthread_sigmask (SIG_SETMASK, &context->uc_sigmask, NULL);
      siglongjmp (guard->env, 1);
    }
}

/* The default action, as if we had never been there: a fault comes again by
 * itself when the instruction is repeated, a signal that was sent does not. */
static void
let_default_act (int signo, siginfo_t *info)
{
  struct sigaction action = { .sa_handler = SIG_DFL };

  sigaction (signo, &action, NULL);
  if (info->si_code <= 0)
    syscall (SYS_rt_tgsigqueueinfo, getpid (), syscall (SYS_gettid), signo, info);
}

static void
call_previous (int signo, siginfo_t *info, void *context)
{
  sigset_t mask = previous.sa_mask, old;

  if ((previous.sa_flags & SA_NODEFER) == 0)
    sigaddset (&mask, signo);
  pthread_sigmask (SIG_BLOCK, &mask, &old);
  if ((previous.sa_flags & SA_SIGINFO) != 0)
    previous.sa_sigaction (signo, info, context);
  else
    previous.sa_handler (signo);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
}

static void
on_sigbus (int signo, siginfo_t *info, void *context)
{
  gboolean is_action = previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN;

  if (is_memory_fault (info))
    leave_guard_at (info, context);

  if ((previous.sa_flags & SA_SIGINFO) != 0 || !is_action)
    call_previous (signo, info, context);
  else if (previous.sa_handler == SIG_DFL || info->si_code > 0)
    let_default_act (signo, info); /* the kernel ignores no real fault either */
}

void
ivd_guard_install (void)
{
  static gsize installed = 0;

  if (g_once_init_enter (&installed))
    {
      struct sigaction action = { .sa_sigaction = on_sigbus };

      action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
      sigemptyset (&action.sa_mask);
      if (sigaction (SIGBUS, NULL, &previous) != 0 || sigaction (SIGBUS, &action, NULL) != 0)
        g_error ("cannot handle SIGBUS");
      g_once_init_leave (&installed, 1);
    }
}

gboolean
ivd_guard_run (const volatile void *address,
               gsize length,
               IvdGuardFunc func,
               gpointer data,
               IvdGuardFault *ret_fault)
{
  Guard guard;

  ivd_guard_install ();

  guard.outer = innermost;
  guard.start = (guintptr) address & ~PAGE_MASK;
  guard.length = length + ((guintptr) address & PAGE_MASK);
  if (sigsetjmp (guard.env, 0) != 0)
    {
      ret_fault->address = guard.fault_address;
      ret_fault->hardware = guard.fault_hardware;
      return FALSE;
    }

  innermost = &guard;
  func (data);
  innermost = guard.outer;
  return TRUE;
}
