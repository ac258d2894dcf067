/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-progress.h"

#include <unistd.h>

#include "ctl-size.h"

#define INTERVAL_USEC (G_USEC_PER_SEC / 10)
#define PERCENT 100

struct _CtlProgress
{
  char *what;
  guint64 total;
  gint64 began, shown;
  gboolean silent;
};

CtlProgress *
ctl_progress_new (CtlCommand *command, const char *what, guint64 total)
{
  CtlProgress *progress = g_new0 (CtlProgress, 1);

  progress->what = g_strdup (what);
  progress->total = total;
  progress->began = g_get_monotonic_time ();
  progress->shown = progress->began;
  progress->silent = command->quiet || command->json || !isatty (STDERR_FILENO);
  return progress;
}

void
ctl_progress_update (CtlProgress *progress, guint64 done)
{
  gint64 now = g_get_monotonic_time ();
  g_autofree char *done_text = NULL;
  g_autofree char *total_text = NULL;
  g_autofree char *rate_text = NULL;
  gdouble share, rate;

  if (progress->silent || now - progress->shown < INTERVAL_USEC)
    return;
  progress->shown = now;
  share = progress->total > 0 ? (gdouble) done / (gdouble) progress->total : 1;
  rate = (gdouble) done * G_USEC_PER_SEC / (gdouble) (now - progress->began);
  done_text = ctl_size_format (done);
  total_text = ctl_size_format (progress->total);
  rate_text = ctl_size_format ((guint64) rate);
  g_printerr ("\r\033[K%s: %d %%, %s of %s, %s/s", progress->what, (gint) (share * PERCENT), done_text,
              total_text, rate_text);
}

void
ctl_progress_free (CtlProgress *progress)
{
  if (progress == NULL)
    return;
  if (!progress->silent && progress->shown != progress->began)
    g_printerr ("\r\033[K");
  g_free (progress->what);
  g_free (progress);
}
