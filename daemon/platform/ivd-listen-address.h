/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * IvdListenAddress: where to listen, as text says it: "unix:PATH", "ADDR:PORT"
 * or "[V6]:PORT". Addresses are numbers, so that no name service decides who
 * can reach us; but "localhost" is 127.0.0.1. Immutable.
 */

#define IVD_LISTEN_UNIX_PREFIX "unix:"

typedef struct
{
  char *path;              /* absolute; NULL: it is TCP */
  GSocketAddress *address; /* a GInetSocketAddress; NULL: it is a unix socket */
  gboolean loopback;       /* nobody on another machine can reach it */
} IvdListenAddress;

/* invalid-argument, saying what it should look like. (transfer full) */
IvdListenAddress *ivd_listen_address_parse (const char *text, GError **error);
/* path must be one that ivd_listen_address_parse would take. (transfer full) */
IvdListenAddress *ivd_listen_address_new_unix (const char *path);
void ivd_listen_address_free (IvdListenAddress *address);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdListenAddress, ivd_listen_address_free)

/* The way back. (transfer full) */
char *ivd_listen_address_format (const IvdListenAddress *address);

/* "127.0.0.1:8086", "[::1]:8086". (transfer full) */
char *ivd_listen_address_format_inet (GInetSocketAddress *address);
