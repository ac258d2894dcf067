/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "platform/ivd-notify.h"

#define WATCHDOG_USEC 40000
#define GIVE_UP_SECONDS 20

/* A service manager that only listens. */
typedef struct
{
  char *dir, *path;
  int socket;
} Manager;

static void
manager_set_up (Manager *manager, gconstpointer data)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  manager->dir = g_dir_make_tmp ("ivd-notify-XXXXXX", NULL);
  manager->path = g_build_filename (manager->dir, "socket", NULL);
  g_assert_cmpuint (strlen (manager->path), <, sizeof address.sun_path);
  strcpy (address.sun_path, manager->path);
  manager->socket = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  g_assert_no_errno (bind (manager->socket, (struct sockaddr *) &address, sizeof address));
  g_setenv ("NOTIFY_SOCKET", manager->path, TRUE);
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
}

static void
manager_tear_down (Manager *manager, gconstpointer data)
{
  g_unsetenv ("NOTIFY_SOCKET");
  close (manager->socket);
  g_assert_no_errno (g_unlink (manager->path));
  g_assert_no_errno (g_rmdir (manager->dir));
  g_free (manager->path);
  g_free (manager->dir);
}

/* NULL: nothing was said. */
static char *
take (const Manager *manager)
{
  char buffer[4096];
  gssize n = recv (manager->socket, buffer, sizeof buffer, 0);

  return n < 0 ? NULL : g_strndup (buffer, (gsize) n);
}

static void
assert_took (const Manager *manager, const char *expected)
{
  g_autofree char *text = take (manager);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_states (Manager *manager, gconstpointer data)
{
  g_autoptr (IvdNotify) notify = ivd_notify_new ();

  assert_took (manager, NULL);
  ivd_notify_ready (notify);
  assert_took (manager, "READY=1");
  ivd_notify_status (notify, "3 regions\nREADY=1");
  assert_took (manager, "STATUS=3 regions\\x0aREADY=1");
  ivd_notify_stopping (notify);
  assert_took (manager, "STOPPING=1");
}

static gboolean
give_up (gpointer data)
{
  g_error ("the watchdog was not fed");
  return G_SOURCE_REMOVE;
}

static void
test_watchdog (Manager *manager, gconstpointer data)
{
  guint limit = g_timeout_add_seconds (GIVE_UP_SECONDS, give_up, NULL);
  g_autofree char *usec = g_strdup_printf ("%d", WATCHDOG_USEC);
  g_autoptr (IvdNotify) notify = NULL;
  gint64 start = g_get_monotonic_time ();

  g_setenv ("WATCHDOG_USEC", usec, TRUE);
  notify = ivd_notify_new ();
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *text = NULL;

      while (text == NULL)
        {
          g_main_context_iteration (NULL, TRUE);
          text = take (manager);
        }
      g_assert_cmpstr (text, ==, "WATCHDOG=1");
    }
  /* Not more often than twice in that time. */
  g_assert_cmpint (g_get_monotonic_time () - start, >=, WATCHDOG_USEC - 1000);
  g_clear_pointer (&notify, ivd_notify_free);
  g_source_remove (limit);
  g_assert_false (g_main_context_pending (NULL));
}

/* Not asked for, or asked of somebody else: the daemon need not wake up. */
static void
test_no_watchdog (Manager *manager, gconstpointer data)
{
  g_autofree char *other = g_strdup_printf ("%d", getppid ());
  g_autoptr (IvdNotify) unasked = ivd_notify_new ();
  g_autoptr (IvdNotify) others = NULL;
  GMainContext *context = g_main_context_default ();
  gint timeout = 0;
  GPollFD fds[8];
  gint priority;

  g_setenv ("WATCHDOG_USEC", "1000", TRUE);
  g_setenv ("WATCHDOG_PID", other, TRUE);
  others = ivd_notify_new ();
  g_assert_true (g_main_context_acquire (context));
  g_main_context_prepare (context, &priority);
  g_main_context_query (context, G_MAXINT, &timeout, fds, G_N_ELEMENTS (fds));
  g_main_context_release (context);
  g_assert_cmpint (timeout, ==, -1);
}

static void
test_nobody (void)
{
  g_autoptr (IvdNotify) notify = ivd_notify_new ();

  ivd_notify_ready (notify);
  ivd_notify_status (notify, "x");
  ivd_notify_stopping (notify);
}

static void
add_test (const char *name, void (*func) (Manager *, gconstpointer))
{
  g_test_add (name, Manager, NULL, manager_set_up, func, manager_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_unsetenv ("NOTIFY_SOCKET");
  if (IVD_WITH_SYSTEMD)
    {
      add_test ("/ivd/notify/states", test_states);
      add_test ("/ivd/notify/watchdog", test_watchdog);
      add_test ("/ivd/notify/no-watchdog", test_no_watchdog);
    }
  g_test_add_func ("/ivd/notify/nobody", test_nobody);
  return g_test_run ();
}
