/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* What takes as long as the daemon's patience. */
#include "config.h"

#include "base/ivd-limits.h"
#include "ivt-backend.h"

static void
on_removed (gpointer data)
{
  *(gboolean *) data = TRUE;
}

/* It says that it will tell when it has detached, and never does. */
static void
test_never_detaches (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "stuck", "detach-later; ready");
  gint64 begin = g_get_monotonic_time (), usec;
  gboolean removed = FALSE;

  ivd_registry_remove (f->registry, region, FALSE, on_removed, &removed);
  while (!removed && ivt_backend_iterate_until (begin + 2 * IVD_LIMIT_DETACH_USEC))
    continue;
  usec = g_get_monotonic_time () - begin;
  g_assert_true (removed);
  g_assert_cmpint (usec, >=, IVD_LIMIT_DETACH_USEC);
  g_assert_cmpint (usec, <, IVD_LIMIT_DETACH_USEC + 10 * G_USEC_PER_SEC);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 1);
}

#define ADD(name, func) \
  g_test_add ("/ivd/backend-slow/" name, IvtBackend, NULL, ivt_backend_set_up, func, ivt_backend_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("never-detaches", test_never_detaches);
  return g_test_run ();
}
