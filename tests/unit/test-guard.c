/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/ivt-shared.h"
#include "platform/ivd-guard.h"

#define PAGE 4096
#define CHILD_OPTION "--child"
#define CHILD_CODE 42

/* A page that is there and one behind it that is not. */
typedef struct
{
  guint8 *good, *bad;
} Pages;

static Pages
pages_new (void)
{
  int fd = ivt_shared_fd (2 * PAGE);
  guint8 *address = mmap (NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

  g_assert_true (address != MAP_FAILED);
  g_assert_cmpint (ftruncate (fd, PAGE), ==, 0);
  close (fd);
  return (Pages){ address, address + PAGE };
}

static void
pages_clear (Pages *pages)
{
  munmap (pages->good, 2 * PAGE);
}

static void
touch (gpointer data)
{
  volatile guint8 *byte = data;

  *byte = (guint8) (*byte + 1);
}

static void
test_whole (void)
{
  Pages pages = pages_new ();
  IvdGuardFault fault;

  g_assert_true (ivd_guard_run (pages.good, PAGE, touch, pages.good + 7, &fault));
  g_assert_cmpuint (pages.good[7], ==, 1);
  pages_clear (&pages);
}

static void
test_fault (void)
{
  Pages pages = pages_new ();
  IvdGuardFault fault = { 0 };
  sigset_t mask;

  for (guint i = 0; i < 100; i++)
    {
      g_assert_false (ivd_guard_run (pages.good, 2 * PAGE, touch, pages.bad + i, &fault));
      g_assert_cmphex (fault.address, ==, (guintptr) pages.bad + i);
      g_assert_false (fault.hardware);
    }
  /* Leaving the handler left nothing blocked. */
  g_assert_cmpint (pthread_sigmask (SIG_BLOCK, NULL, &mask), ==, 0);
  g_assert_cmpint (sigismember (&mask, SIGBUS), ==, 0);
  pages_clear (&pages);
}

/* A range that begins within the page: the kernel may tell only the page. */
static void
test_fault_at_range_inside_page (void)
{
  Pages pages = pages_new ();
  IvdGuardFault fault;

  g_assert_false (ivd_guard_run (pages.bad + 100, 8, touch, pages.bad + 100, &fault));
  pages_clear (&pages);
}

typedef struct
{
  Pages pages;
  const guint8 *inner_range;
  guint8 *inner_touch;
  guint steps;
} Nested;

static void
nested_outer (gpointer data)
{
  Nested *nested = data;
  IvdGuardFault fault;

  nested->steps++;
  if (!ivd_guard_run (nested->inner_range, PAGE, touch, nested->inner_touch, &fault))
    nested->steps += 10;
  nested->steps += 100;
}

static void
test_nested_inner_ends (void)
{
  Nested nested = { .pages = pages_new () };
  IvdGuardFault fault;

  nested.inner_range = nested.inner_touch = nested.pages.bad;
  g_assert_true (ivd_guard_run (nested.pages.good, PAGE, nested_outer, &nested, &fault));
  g_assert_cmpuint (nested.steps, ==, 111);
  pages_clear (&nested.pages);
}

static void
test_nested_outer_ends (void)
{
  Nested nested = { .pages = pages_new () };
  IvdGuardFault fault;

  nested.inner_range = nested.pages.good;
  nested.inner_touch = nested.pages.bad;
  g_assert_false (ivd_guard_run (nested.pages.bad, PAGE, nested_outer, &nested, &fault));
  g_assert_cmpuint (nested.steps, ==, 1);

  /* The inner one went with it: both still work from the beginning. */
  nested.inner_range = nested.pages.bad;
  g_assert_true (ivd_guard_run (nested.pages.good, PAGE, nested_outer, &nested, &fault));
  g_assert_cmpuint (nested.steps, ==, 112);
  pages_clear (&nested.pages);
}

static gpointer
fault_often (gpointer data)
{
  Pages *pages = data;
  IvdGuardFault fault;

  for (guint i = 0; i < 500; i++)
    {
      g_assert_false (ivd_guard_run (pages->bad, PAGE, touch, pages->bad + i, &fault));
      g_assert_cmphex (fault.address, ==, (guintptr) pages->bad + i);
    }
  return NULL;
}

static void
test_every_thread (void)
{
  Pages pages[8];
  GThread *threads[G_N_ELEMENTS (pages)];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      pages[i] = pages_new ();
      threads[i] = g_thread_new ("fault", fault_often, &pages[i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_thread_join (threads[i]);
      pages_clear (&pages[i]);
    }
}

/*
 * What is none of our faults. Each case is a process of its own, this program
 * with --child CASE.
 */

static void
on_signal (int signo)
{
  _exit (CHILD_CODE + (signo == SIGBUS ? 0 : 1));
}

static void
on_signal_info (int signo, siginfo_t *info, void *context)
{
  _exit (info->si_addr != NULL && context != NULL ? CHILD_CODE : 1);
}

static void
on_signal_return (int signo)
{
  sigset_t mask;

  /* It was installed without SA_NODEFER and with a mask, and is owed both. */
  pthread_sigmask (SIG_BLOCK, NULL, &mask);
  if (sigismember (&mask, SIGBUS) != 1 || sigismember (&mask, SIGUSR2) != 1)
    _exit (1);
}

static void
set_previous (void (*handler) (int))
{
  struct sigaction action = { .sa_handler = handler };

  sigaddset (&action.sa_mask, SIGUSR2);
  sigaction (SIGBUS, &action, NULL);
}

static int
child_send (void (*handler) (int))
{
  sigset_t mask;

  set_previous (handler);
  ivd_guard_install ();
  if (kill (getpid (), SIGBUS) != 0)
    return 1;
  pthread_sigmask (SIG_BLOCK, NULL, &mask);
  return sigismember (&mask, SIGBUS) == 0 && sigismember (&mask, SIGUSR2) == 0 ? CHILD_CODE : 1;
}

static int
child_main (const char *name)
{
  struct sigaction with_info = { .sa_sigaction = on_signal_info, .sa_flags = SA_SIGINFO };
  struct rlimit no_core = { 0, 0 };
  Pages pages = pages_new ();
  IvdGuardFault fault;

  setrlimit (RLIMIT_CORE, &no_core);
  signal (SIGSEGV, SIG_DFL);
  set_previous (SIG_DFL);

  if (g_str_equal (name, "outside-default"))
    {
      ivd_guard_install ();
      touch (pages.bad);
    }
  else if (g_str_equal (name, "outside-ignored"))
    {
      set_previous (SIG_IGN);
      ivd_guard_install ();
      touch (pages.bad);
    }
  else if (g_str_equal (name, "outside-handler"))
    {
      set_previous (on_signal);
      ivd_guard_install ();
      touch (pages.bad);
    }
  else if (g_str_equal (name, "other-range"))
    {
      sigaction (SIGBUS, &with_info, NULL);
      g_assert_true (ivd_guard_run (pages.good, PAGE, touch, pages.bad, &fault));
    }
  else if (g_str_equal (name, "after-guard"))
    {
      set_previous (on_signal);
      g_assert_false (ivd_guard_run (pages.bad, PAGE, touch, pages.bad, &fault));
      touch (pages.bad);
    }
  else if (g_str_equal (name, "segv"))
    {
      munmap (pages.bad, PAGE);
      g_assert_true (ivd_guard_run (pages.bad, PAGE, touch, pages.bad, &fault));
    }
  else if (g_str_equal (name, "sent-default"))
    return child_send (SIG_DFL);
  else if (g_str_equal (name, "sent-ignored"))
    return child_send (SIG_IGN);
  else if (g_str_equal (name, "sent-handler"))
    return child_send (on_signal_return);
  return 1;
}

typedef struct
{
  const char *name;
  int signal, code; /* one of them */
} Child;

static const Child children[] = {
  { "outside-default", SIGBUS, 0 },
  { "outside-ignored", SIGBUS, 0 },
  { "outside-handler", 0, CHILD_CODE },
  { "other-range", 0, CHILD_CODE },
  { "after-guard", 0, CHILD_CODE },
  { "segv", SIGSEGV, 0 },
  { "sent-default", SIGBUS, 0 },
  { "sent-ignored", 0, CHILD_CODE },
  { "sent-handler", 0, CHILD_CODE },
};

static void
test_child (gconstpointer data)
{
  const Child *child = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "/proc/self/exe",
                                                      CHILD_OPTION, child->name, NULL);

  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait (process, NULL, &error));
  if (child->signal != 0)
    {
      g_assert_true (g_subprocess_get_if_signaled (process));
      g_assert_cmpint (g_subprocess_get_term_sig (process), ==, child->signal);
    }
  else
    {
      g_assert_true (g_subprocess_get_if_exited (process));
      g_assert_cmpint (g_subprocess_get_exit_status (process), ==, child->code);
    }
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], CHILD_OPTION))
    return child_main (argv[2]);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/guard/whole", test_whole);
  g_test_add_func ("/ivd/guard/fault", test_fault);
  g_test_add_func ("/ivd/guard/fault-at-range-inside-page", test_fault_at_range_inside_page);
  g_test_add_func ("/ivd/guard/nested-inner-ends", test_nested_inner_ends);
  g_test_add_func ("/ivd/guard/nested-outer-ends", test_nested_outer_ends);
  g_test_add_func ("/ivd/guard/every-thread", test_every_thread);
  for (gsize i = 0; i < G_N_ELEMENTS (children); i++)
    {
      g_autofree char *path = g_strdup_printf ("/ivd/guard/previous/%s", children[i].name);

      g_test_add_data_func (path, &children[i], test_child);
    }
  return g_test_run ();
}
