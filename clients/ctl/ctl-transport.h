/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * The way to a daemon, as the verbs see it. They speak in the daemon's own
 * words (the methods, properties and signals of org.ivshmem.Daemon1.xml, as
 * GVariants) and name regions by their names; what carries that is behind this
 * interface. Today it is D-Bus (ctl-transport-dbus.h).
 *
 * Calls wait for their answer; events come on the default main context.
 */

typedef struct _CtlTransport CtlTransport;

/* Waits for its answer for ever. */
#define CTL_TIMEOUT_NONE G_MAXINT
/* As long as the transport finds reasonable. */
#define CTL_TIMEOUT_DEFAULT (-1)

typedef struct
{
  const char *region; /* NULL: the daemon's manager */
  const char *method;
  GVariant *parameters;       /* a tuple; floating is consumed, NULL is () */
  const GVariantType *answer; /* NULL: () */
  gint timeout_ms;            /* CTL_TIMEOUT_... or milliseconds */
} CtlCall;

typedef enum
{
  CTL_EVENT_FOUND, /* a region that was there from the start */
  CTL_EVENT_READY, /* everything that was there from the start is followed now */
  CTL_EVENT_ADDED, /* a region that came later */
  CTL_EVENT_REMOVED,
  CTL_EVENT_SIGNAL,
  CTL_EVENT_REFUSED, /* a region may not be followed: error */
  CTL_EVENT_DAEMON_GONE,
  CTL_EVENT_DAEMON_BACK,
  CTL_EVENT_CLOSED, /* nothing will follow: error */
} CtlEventType;

typedef struct
{
  CtlEventType type;
  const char *region;
  GVariant *properties; /* a{sv} of a region found or added */
  const char *signal;   /* its name, and what it carries */
  GVariant *parameters;
  const GError *error;
} CtlEvent;

typedef void (*CtlEventFunc) (const CtlEvent *event, gpointer data);

typedef struct
{
  void (*free) (CtlTransport *transport);
  GVariant *(*call) (CtlTransport *transport, const CtlCall *call, int *ret_fd, GError **error);
  GVariant *(*properties) (CtlTransport *transport, const char *region, GError **error);
  GVariant *(*regions) (CtlTransport *transport, GError **error);
  void (*follow) (CtlTransport *transport, const char *const *names, CtlEventFunc func, gpointer data);
  void (*describe) (CtlTransport *transport, GVariantDict *description);
} CtlTransportClass;

struct _CtlTransport
{
  const CtlTransportClass *class;
};

void ctl_transport_free (CtlTransport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlTransport, ctl_transport_free)

/* The answer, a tuple. ret_fd: the descriptor that came with it; NULL when the
 * method answers with none. Errors: those of the daemon, and no-daemon. */
GVariant *ctl_transport_call (CtlTransport *transport, const CtlCall *call, int *ret_fd, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* a{sv}: the properties of a region, or of the manager (NULL). */
GVariant *ctl_transport_properties (CtlTransport *transport, const char *region, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* a{sa{sv}}: every region that the caller may see, and its properties. */
GVariant *ctl_transport_regions (CtlTransport *transport, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Tells func what happens to these regions (NULL: all of them), also to those
 * that come later, and goes on when the daemon has been away. Once per
 * transport, until it is freed. */
void ctl_transport_follow (CtlTransport *transport,
                           const char *const *names,
                           CtlEventFunc func,
                           gpointer data);

/* a{sv} for people: where the daemon is (bus, address) and who (pid, uid). */
GVariant *ctl_transport_describe (CtlTransport *transport);
