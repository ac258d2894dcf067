/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

#include "base/ivd-error.h"

#include "ctl-error.h"

static void
test_exit_codes (void)
{
  for (gint code = 0; code < IVD_ERROR_COUNT; code++)
    {
      g_autoptr (GError) error = g_error_new_literal (IVD_ERROR, code, "x");
      gboolean denied = code == IVD_ERROR_DENIED || code == IVD_ERROR_UNAUTHENTICATED;

      g_assert_cmpint (ctl_error_exit (error), ==, denied ? CTL_EXIT_DENIED : CTL_EXIT_FAILED);
      g_assert_cmpstr (ctl_error_name (error), ==, ivd_error_info (code)->name);
    }

  g_autoptr (GError) usage = g_error_new_literal (CTL_ERROR, CTL_ERROR_USAGE, "x");
  g_autoptr (GError) no_daemon = g_error_new_literal (CTL_ERROR, CTL_ERROR_NO_DAEMON, "x");
  g_autoptr (GError) other = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "x");

  g_assert_cmpint (CTL_EXIT_DONE, ==, 0);
  g_assert_cmpint (CTL_EXIT_FAILED, ==, 1);
  g_assert_cmpint (CTL_EXIT_USAGE, ==, 2);
  g_assert_cmpint (CTL_EXIT_NO_DAEMON, ==, 3);
  g_assert_cmpint (CTL_EXIT_DENIED, ==, 4);
  g_assert_cmpint (ctl_error_exit (usage), ==, CTL_EXIT_USAGE);
  g_assert_cmpint (ctl_error_exit (no_daemon), ==, CTL_EXIT_NO_DAEMON);
  g_assert_cmpint (ctl_error_exit (other), ==, CTL_EXIT_FAILED);
  g_assert_cmpstr (ctl_error_name (usage), ==, "usage");
  g_assert_cmpstr (ctl_error_name (no_daemon), ==, "no-daemon");
}

/* Every code finds its way back from its D-Bus name. */
static void
test_dbus_names (void)
{
  for (gint code = 0; code < IVD_ERROR_COUNT; code++)
    {
      g_autoptr (GError) error
          = ctl_error_new_for_dbus (ivd_error_info (code)->dbus_name, "as the daemon says");

      g_assert_error (error, IVD_ERROR, code);
      g_assert_cmpstr (error->message, ==, "as the daemon says");
    }
}

static void
test_bus_names (void)
{
  static const struct
  {
    const char *name;
    CtlExit exit;
    const char *code;
  } rows[] = {
    { "org.freedesktop.DBus.Error.ServiceUnknown", CTL_EXIT_NO_DAEMON, "no-daemon" },
    { "org.freedesktop.DBus.Error.NameHasNoOwner", CTL_EXIT_NO_DAEMON, "no-daemon" },
    { "org.freedesktop.DBus.Error.Spawn.ChildExited", CTL_EXIT_NO_DAEMON, "no-daemon" },
    { "org.freedesktop.DBus.Error.AccessDenied", CTL_EXIT_DENIED, "denied" },
    { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", CTL_EXIT_DENIED, "denied" },
    { "org.freedesktop.DBus.Error.NoReply", CTL_EXIT_FAILED, "timeout" },
    { "org.freedesktop.DBus.Error.UnknownObject", CTL_EXIT_FAILED, "not-found" },
    { "org.freedesktop.DBus.Error.UnknownMethod", CTL_EXIT_FAILED, "not-supported" },
    { "org.freedesktop.DBus.Error.LimitsExceeded", CTL_EXIT_FAILED, "limit" },
    { "org.freedesktop.DBus.Error.SomethingNew", CTL_EXIT_FAILED, "internal" },
    { "org.ivshmem.Error.FromTheFuture", CTL_EXIT_FAILED, "internal" },
    { NULL, CTL_EXIT_FAILED, "io" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = ctl_error_new_for_dbus (rows[i].name, "message");

      g_assert_cmpint (ctl_error_exit (error), ==, rows[i].exit);
      g_assert_cmpstr (ctl_error_name (error), ==, rows[i].code);
      g_assert_nonnull (strstr (error->message, "message"));
    }
}

static void
test_text (void)
{
  g_autoptr (GError) range = g_error_new_literal (IVD_ERROR, IVD_ERROR_OUT_OF_RANGE, "too far");
  g_autoptr (GError) lost = g_error_new_literal (IVD_ERROR, IVD_ERROR_REGION_LOST, "gone");
  g_autoptr (GError) usage = g_error_new_literal (CTL_ERROR, CTL_ERROR_USAGE, "what?");
  g_autofree char *range_text = ctl_error_format (range, FALSE);
  g_autofree char *lost_text = ctl_error_format (lost, FALSE);
  g_autofree char *usage_text = ctl_error_format (usage, FALSE);
  g_autofree char *json = ctl_error_format (range, TRUE);

  g_assert_cmpstr (range_text, ==, "ivshmemctl: too far (out-of-range)\n");
  g_assert_true (g_str_has_prefix (lost_text, "ivshmemctl: gone (region-lost)\nivshmemctl: "));
  g_assert_cmpstr (usage_text, ==, "ivshmemctl: what?\n");
  g_assert_cmpstr (json, ==, "{\"error\":{\"code\":\"out-of-range\",\"detail\":\"too far\"}}\n");
}

/* A file that may not be opened is a failure, not the daemon's refusal. */
static void
test_errno (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) nameless = NULL;

  ctl_error_set_errno (&error, EACCES, "open", "/a\nb");
  g_assert_cmpint (ctl_error_exit (error), ==, CTL_EXIT_FAILED);
  g_assert_cmpstr (error->message, ==, "cannot open '/a\\x0ab': Permission denied");
  ctl_error_set_errno (&nameless, ENOSPC, "write", NULL);
  g_assert_cmpstr (nameless->message, ==, "cannot write: No space left on device");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/error/exit-codes", test_exit_codes);
  g_test_add_func ("/ctl/error/dbus-names", test_dbus_names);
  g_test_add_func ("/ctl/error/bus-names", test_bus_names);
  g_test_add_func ("/ctl/error/text", test_text);
  g_test_add_func ("/ctl/error/errno", test_errno);
  return g_test_run ();
}
