/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-registry.h"
#include "modules/fake.h"
#include "plugin/ivd-backend.h"
#include "plugin/ivd-plugin-host.h"
#include "plugin/ivd-plugin-store.h"

/*
 * The daemon's plugin room with a registry, a poller and a pool of its own,
 * and, unless it is bare, the plugin "fake" loaded: what a test does with
 * regions of it.
 */

typedef struct
{
  IvdPoller *poller;
  IvdCopyPool *pool;
  IvdRegistry *registry;
  IvdPluginHost *host;
  IvdPlugin *fake;
  FakeControl *control;
  GString *events; /* of all regions: "state-changed ready; interrupt 1 2; ..." */
} IvtBackend;

void ivt_backend_set_up (IvtBackend *self, gconstpointer data);
/* Without "fake". */
void ivt_backend_set_up_bare (IvtBackend *self, const char *runtime_dir);
/* Detaches what is there, and fails when an instance is left over. */
void ivt_backend_tear_down (IvtBackend *self, gconstpointer data);

/* Attaches a region of the fake and waits for the answer. (transfer none) */
IvdRegion *ivt_backend_attach (IvtBackend *self, const char *name, const char *script, GError **error);
IvdRegion *ivt_backend_attach_or_die (IvtBackend *self, const char *name, const char *script);
/* With any plugin. options: a{sv}. */
IvdRegion *ivt_backend_attach_options (IvtBackend *self, IvdPlugin *plugin, const char *name,
                                       GVariant *options, GError **error);
/* The same with the options as text. */
IvdRegion *ivt_backend_attach_plugin (IvtBackend *self, IvdPlugin *plugin, const char *name,
                                      const char *options, GError **error);
/* Detaches it and waits until it is gone. */
void ivt_backend_detach (IvtBackend *self, IvdRegion *region);
/* Runs commands on the instance of that region, and what follows from it. */
void ivt_backend_run (IvtBackend *self, const char *name, const char *commands);
/* Lets the main loop do what it has to do now. */
void ivt_backend_iterate (void);

/* Runs the main loop until condition holds; fails after 20 s. */
#define ivt_wait_until(condition)                                                     \
  G_STMT_START                                                                        \
  {                                                                                   \
    gint64 ivt_end_ = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;                  \
                                                                                      \
    while (!(condition))                                                              \
      if (!ivt_backend_iterate_until (ivt_end_))                                      \
        g_error ("%s:%d: this never came to be: %s", __FILE__, __LINE__, #condition); \
  }                                                                                   \
  G_STMT_END

/* FALSE when it is later than end. */
gboolean ivt_backend_iterate_until (gint64 end);
