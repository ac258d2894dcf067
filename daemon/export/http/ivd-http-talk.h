/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-feed.h"
#include "export/http/ivd-http-service.h"

/*
 * IvdHttpTalk: what is said on one /v1/stream: operations of the table and
 * subscriptions in, answers out, as JSON texts; whoever carries them is another.
 * It has a caller of its own: watches and waits that it began end with it. HTTP
 * thread.
 *
 *   {"id":1,"op":"ring","region":"r","peer":2,"vector":0}   → {"id":1,"result":{"sent":1}}
 *   {"id":2,"op":"subscribe","region":["r"],"type":"…","after":7}
 *   {"op":"unsubscribe"}                                    without an id: no answer but errors
 *
 * Fields are those of REST, path and query included; but what wait and atomic
 * have as "op" is "operator" here, and whom kick ends is "peer".
 */

typedef struct _IvdHttpTalk IvdHttpTalk;

typedef struct
{
  /* One answer; text need not live on. Must not end the talk. */
  void (*say) (const char *text, gsize length, gpointer data);
  /* An operation has been answered: there is room for others. May end it. */
  void (*settled) (gpointer data);
} IvdHttpTalkFuncs;

/* identity: as whom it acts. funcs must outlive it. */
IvdHttpTalk *ivd_http_talk_new (IvdHttpService *service, IvdHttpFeeds *feeds, IvdCaller *identity,
                                const IvdHttpTalkFuncs *funcs, gpointer data);
/* What is under way is answered to nobody. */
void ivd_http_talk_free (IvdHttpTalk *talk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpTalk, ivd_http_talk_free)

/* The client has said something: UTF-8. */
void ivd_http_talk_hear (IvdHttpTalk *talk, const char *text, gsize length);
/* What it subscribed to; NULL: nothing. It stays with the talk. */
IvdHttpFeed *ivd_http_talk_get_feed (IvdHttpTalk *talk);
/* About how many bytes the answers to what is under way will come to. */
gsize ivd_http_talk_get_expected (IvdHttpTalk *talk);
