/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-loop.h"

#include <glib-unix.h>
#include <signal.h>

#include "ctl-output.h"

struct _CtlLoop
{
  GMainLoop *main;
  guint interrupt_source, terminate_source;
  gboolean over;
  GError *error;
};

static gboolean
on_signal (gpointer data)
{
  CtlLoop *loop = data;

  loop->over = TRUE;
  g_main_loop_quit (loop->main);
  return G_SOURCE_CONTINUE;
}

CtlLoop *
ctl_loop_new (void)
{
  CtlLoop *loop = g_new0 (CtlLoop, 1);

  loop->main = g_main_loop_new (NULL, FALSE);
  loop->interrupt_source = g_unix_signal_add (SIGINT, on_signal, loop);
  loop->terminate_source = g_unix_signal_add (SIGTERM, on_signal, loop);
  return loop;
}

void
ctl_loop_free (CtlLoop *loop)
{
  if (loop == NULL)
    return;
  g_source_remove (loop->interrupt_source);
  g_source_remove (loop->terminate_source);
  g_main_loop_unref (loop->main);
  g_clear_error (&loop->error);
  g_free (loop);
}

gboolean
ctl_loop_run (CtlLoop *loop, GError **error)
{
  if (!loop->over)
    g_main_loop_run (loop->main);
  if (loop->error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&loop->error));
  return FALSE;
}

gboolean
ctl_loop_is_over (CtlLoop *loop)
{
  return loop->over;
}

void
ctl_loop_end (CtlLoop *loop, const GError *error)
{
  if (error != NULL && loop->error == NULL)
    loop->error = g_error_copy (error);
  loop->over = TRUE;
  g_main_loop_quit (loop->main);
}

void
ctl_loop_flush_output (CtlLoop *loop)
{
  g_autoptr (GError) error = NULL;

  if (!ctl_output_flush (&error))
    ctl_loop_end (loop, error);
}
