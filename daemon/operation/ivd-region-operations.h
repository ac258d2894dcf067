/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "operation/ivd-request.h"

/* The functions behind the rows of the table; nobody else calls them. */

/* ivd-memory-operations.c */
void ivd_operation_read (IvdRequest *request);
void ivd_operation_write (IvdRequest *request);
void ivd_operation_fill (IvdRequest *request);
void ivd_operation_atomic (IvdRequest *request);
void ivd_operation_wait (IvdRequest *request);

/* ivd-peer-operations.c */
void ivd_operation_ring (IvdRequest *request);
void ivd_operation_list_peers (IvdRequest *request);
void ivd_operation_kick (IvdRequest *request);
void ivd_operation_join (IvdRequest *request);

/* ivd-handover.c */
void ivd_operation_open_memory (IvdRequest *request);
void ivd_operation_open_vector (IvdRequest *request);
void ivd_operation_open_doorbell (IvdRequest *request);

/* ivd-watches.c */
void ivd_operation_watch (IvdRequest *request);
void ivd_operation_unwatch (IvdRequest *request);
void ivd_operation_list_watches (IvdRequest *request);

/* ivd-subscriptions.c */
void ivd_operation_subscribe (IvdRequest *request);
void ivd_operation_unsubscribe (IvdRequest *request);

/* ivd-login.c */
void ivd_operation_create_login (IvdRequest *request);

/* ivd-attach.c */
void ivd_operation_attach (IvdRequest *request);
void ivd_operation_detach (IvdRequest *request);
void ivd_operation_list_candidates (IvdRequest *request);
