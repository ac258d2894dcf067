/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-talk.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "export/http/ivd-http-call.h"
#include "export/http/ivd-http-parameters.h"
#include "export/http/ivd-http-problem.h"
#include "export/http/ivd-json-fields.h"
#include "export/http/ivd-json-variant.h"
#include "export/http/ivd-json.h"

#define OP "op"
#define ID "id"
#define REGION "region"
/* Parameters whose names mean something else in a request, and what they are
 * called there. */
static const struct
{
  const char *parameter;
  const char *field;
  gboolean optional; /* its own name will do as well */
} renamed[] = {
  { OP, "operator", FALSE },
  { ID, "peer", FALSE },
  { "name", REGION, TRUE },
};

/* What most answers are well below. */
#define SMALL_ANSWER 1024

struct _IvdHttpTalk
{
  guint references; /* one is the owner's, one each call's */
  IvdHttpService *service;
  IvdHttpFeeds *feeds;
  IvdCaller *caller;
  IvdHttpFeed *feed;
  const IvdHttpTalkFuncs *funcs; /* NULL once it has ended */
  gpointer data;
  guint in_flight;
  gsize expected;
};

/* One request of the client's. */
typedef struct
{
  gboolean has_id;
  guint64 id;
} TalkQuestion;

/* One that is being worked on. */
typedef struct
{
  IvdHttpTalk *talk;
  TalkQuestion question;
  const IvdOperation *operation;
  char *made; /* the region that it makes, which the bus calls by its path; NULL: none */
  gsize expected;
} TalkCall;

/* --- its life --- */

IvdHttpTalk *
ivd_http_talk_new (IvdHttpService *service, IvdHttpFeeds *feeds, IvdCaller *identity, const IvdHttpTalkFuncs *funcs,
                   gpointer data)
{
  IvdHttpTalk *self = g_new0 (IvdHttpTalk, 1);
  g_autofree char *label = g_strconcat (ivd_caller_get_label (identity), " on a stream", NULL);

  self->references = 1;
  self->service = ivd_http_service_ref (service);
  self->feeds = feeds;
  self->caller = ivd_caller_dup_identity (identity, label);
  self->funcs = funcs;
  self->data = data;
  return self;
}

static void
talk_unref (IvdHttpTalk *self)
{
  if (--self->references > 0)
    return;
  g_object_unref (self->caller);
  ivd_http_service_unref (self->service);
  g_free (self);
}

static void
leave_on_main (gpointer data)
{
  g_autoptr (IvdCaller) caller = data;

  ivd_caller_leave (caller);
}

void
ivd_http_talk_free (IvdHttpTalk *talk)
{
  if (talk == NULL)
    return;
  talk->funcs = NULL;
  g_clear_pointer (&talk->feed, ivd_http_feed_free);
  ivd_http_service_post_main (talk->service, leave_on_main, g_object_ref (talk->caller));
  talk_unref (talk);
}

IvdHttpFeed *
ivd_http_talk_get_feed (IvdHttpTalk *talk)
{
  return talk->feed;
}

gsize
ivd_http_talk_get_expected (IvdHttpTalk *talk)
{
  return talk->expected;
}

/* --- answers --- */

static GString *
begin_answer (const TalkQuestion *question)
{
  GString *text = g_string_new ("{");

  if (question->has_id)
    {
      g_string_append (text, "\"id\":");
      ivd_json_append_uint64 (text, question->id);
      g_string_append_c (text, ',');
    }
  return text;
}

static void
end_answer (IvdHttpTalk *self, GString *take_text)
{
  g_string_append_c (take_text, '}');
  self->funcs->say (take_text->str, take_text->len, self->data);
  g_string_free (take_text, TRUE);
}

static void
answer_error (IvdHttpTalk *self, const TalkQuestion *question, const GError *error)
{
  g_autoptr (GBytes) problem = ivd_http_problem_format (error, ivd_error_info (ivd_error_code (error))->http_status);
  GString *text = begin_answer (question);

  g_string_append (text, "\"error\":");
  g_string_append_len (text, g_bytes_get_data (problem, NULL), (gssize) g_bytes_get_size (problem));
  end_answer (self, text);
}

/* builder: an open object. */
static void
answer_result (IvdHttpTalk *self, const TalkQuestion *question, JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = NULL;
  GString *text;

  json_builder_end_object (builder);
  if (!question->has_id)
    return;
  root = json_builder_get_root (builder);
  text = begin_answer (question);
  g_string_append (text, "\"result\":");
  ivd_json_append_node (text, root);
  end_answer (self, text);
}

static JsonBuilder *
begin_result (void)
{
  JsonBuilder *builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  return builder;
}

/* --- operations --- */

static void
add_result (JsonBuilder *builder, const TalkCall *call, GVariant *result)
{
  if (call->made == NULL)
    {
      ivd_http_parameters_add_result (builder, call->operation, result);
      return;
    }
  json_builder_set_member_name (builder, REGION);
  json_builder_add_string_value (builder, call->made);
}

static void
on_result (GVariant *result, const GError *error, gpointer data)
{
  g_autofree TalkCall *call = data;
  IvdHttpTalk *self = call->talk;
  g_autoptr (JsonBuilder) builder = NULL;

  self->in_flight--;
  self->expected -= call->expected;
  if (self->funcs != NULL && error != NULL)
    {
      answer_error (self, &call->question, error);
    }
  else if (self->funcs != NULL)
    {
      builder = begin_result ();
      add_result (builder, call, result);
      answer_result (self, &call->question, builder);
    }
  if (self->funcs != NULL)
    self->funcs->settled (self->data);
  talk_unref (self);
  g_free (call->made);
}

/* About how many bytes the answer will have. */
static gboolean
estimate (const IvdOperation *operation, GVariant *parameters, gsize *ret_bytes, GError **error)
{
  const char *type = operation->out[0].name != NULL ? operation->out[0].type : "";
  guint64 length;

  *ret_bytes = SMALL_ANSWER;
  if (type[0] == 'a' && strcmp (type, "ay") != 0)
    *ret_bytes = IVD_LIMIT_STREAM_ANSWER_BYTES;
  if (strcmp (type, "ay") != 0)
    return TRUE;
  g_variant_get_child (parameters, 1, "t", &length);
  if (length <= IVD_LIMIT_STREAM_READ_BYTES)
    {
      *ret_bytes += length * 4 / 3;
      return TRUE;
    }
  g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE,
               "length %" G_GUINT64_FORMAT ": at most %d bytes at a time on a stream; GET /v1/regions/…/memory "
               "gives any number",
               length, IVD_LIMIT_STREAM_READ_BYTES);
  return FALSE;
}

static const IvdOperation *
find_operation (const char *name, GError **error)
{
  g_autofree char *safe = NULL;
  const IvdOperation *operations;
  guint count;

  operations = ivd_operations (&count);
  for (guint i = 0; i < count; i++)
    {
      if (strcmp (operations[i].name, name) != 0)
        continue;
      if (ivd_http_parameters_possible (&operations[i]))
        return &operations[i];
      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                   "'%s' hands out a descriptor, which needs D-Bus on the same machine", name);
      return NULL;
    }
  safe = ivd_text_safe (name);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "there is no operation '%s'", safe);
  return NULL;
}

static gboolean
require (IvdJsonFields *fields, const char *key, GError **error)
{
  const char *const keys[] = { key, NULL };

  return ivd_json_fields_require (fields, keys, error);
}

static gboolean
takes (const IvdOperation *operation, const char *parameter)
{
  for (const IvdParameter *in = operation->in; in->name != NULL; in++)
    if (strcmp (in->name, parameter) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
rename_fields (const IvdOperation *operation, IvdJsonFields *fields, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (renamed); i++)
    {
      if (!takes (operation, renamed[i].parameter))
        continue;
      if (!renamed[i].optional && !require (fields, renamed[i].field, error))
        return FALSE;
      ivd_json_fields_rename (fields, renamed[i].field, renamed[i].parameter);
    }
  return TRUE;
}

static gboolean
take_region (const IvdOperation *operation, IvdJsonFields *fields, char **ret_region, GError **error)
{
  return operation->scope == IVD_SCOPE_DAEMON
         || (require (fields, REGION, error) && ivd_json_fields_take_text (fields, REGION, ret_region, error));
}

static gboolean
check_room (IvdHttpTalk *self, GError **error)
{
  if (self->in_flight < IVD_LIMIT_STREAM_REQUESTS)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "%u requests are in flight on this stream, the most there can be",
               self->in_flight);
  return FALSE;
}

/* FALSE: it is to be answered with the error. */
static gboolean
begin_operation (IvdHttpTalk *self, const TalkQuestion *question, const char *name, IvdJsonFields *fields, GError **error)
{
  const IvdOperation *operation = find_operation (name, error);
  g_autoptr (GVariant) parameters = NULL;
  g_autofree char *region = NULL;
  gsize expected;
  TalkCall *call;

  if (operation == NULL || !rename_fields (operation, fields, error)
      || !take_region (operation, fields, &region, error))
    return FALSE;
  parameters = ivd_http_parameters_from_json (operation, fields, error);
  if (parameters == NULL || !estimate (operation, parameters, &expected, error) || !check_room (self, error))
    return FALSE;
  call = g_new0 (TalkCall, 1);
  call->talk = self;
  call->question = *question;
  call->operation = operation;
  call->expected = expected;
  if (strcmp (operation->out[0].name != NULL ? operation->out[0].type : "", "o") == 0)
    g_variant_get_child (parameters, 1, "s", &call->made);
  self->references++;
  self->in_flight++;
  self->expected += expected;
  ivd_http_call_post (self->service, self->caller, operation, region, parameters, NULL, on_result, call);
  return TRUE;
}

/* --- subscriptions --- */

static gboolean
take_filter (IvdJsonFields *fields, IvdHttpFilter *filter, GError **error)
{
  g_auto (GStrv) regions = NULL;
  g_auto (GStrv) types = NULL;

  if (!ivd_json_fields_take_texts (fields, REGION, &regions, error)
      || !ivd_json_fields_take_texts (fields, "type", &types, error))
    return FALSE;
  for (guint i = 0; regions != NULL && regions[i] != NULL; i++)
    if (!ivd_http_filter_add_region (filter, regions[i], error))
      return FALSE;
  for (guint i = 0; types != NULL && types[i] != NULL; i++)
    if (!ivd_http_filter_add_type (filter, types[i], error))
      return FALSE;
  return TRUE;
}

/* Takes the place of what was subscribed before. The answer says after which
 * event it begins. */
static gboolean
subscribe (IvdHttpTalk *self, const TalkQuestion *question, IvdJsonFields *fields, GError **error)
{
  g_autoptr (IvdHttpFilter) filter = ivd_http_filter_new ();
  g_autoptr (JsonBuilder) builder = NULL;
  gboolean resume = ivd_json_fields_has (fields, "after");
  guint64 after = 0;

  if (!take_filter (fields, filter, error) || !ivd_json_fields_take_uint64 (fields, "after", &after, error)
      || !ivd_json_fields_end (fields, error))
    return FALSE;
  g_clear_pointer (&self->feed, ivd_http_feed_free);
  self->feed = ivd_http_feed_new (self->feeds, self->caller, filter, IVD_HTTP_FEED_FRAMES);
  if (resume)
    ivd_http_feed_set_serial (self->feed, after);
  builder = begin_result ();
  json_builder_set_member_name (builder, "after");
  ivd_json_add_uint64 (builder, ivd_http_feed_get_serial (self->feed));
  answer_result (self, question, builder);
  return TRUE;
}

static gboolean
unsubscribe (IvdHttpTalk *self, const TalkQuestion *question, IvdJsonFields *fields, GError **error)
{
  g_autoptr (JsonBuilder) builder = NULL;

  if (!ivd_json_fields_end (fields, error))
    return FALSE;
  g_clear_pointer (&self->feed, ivd_http_feed_free);
  builder = begin_result ();
  answer_result (self, question, builder);
  return TRUE;
}

/* --- what the client says --- */

static gboolean
obey (IvdHttpTalk *self, IvdJsonFields *fields, TalkQuestion *question, GError **error)
{
  gboolean has_id = ivd_json_fields_has (fields, ID);
  g_autofree char *name = NULL;

  if (!ivd_json_fields_take_uint64 (fields, ID, &question->id, error))
    return FALSE;
  question->has_id = has_id;
  if (!require (fields, OP, error) || !ivd_json_fields_take_text (fields, OP, &name, error))
    return FALSE;
  /* Of the table's own two the bus has need. */
  if (strcmp (name, "subscribe") == 0)
    return subscribe (self, question, fields, error);
  if (strcmp (name, "unsubscribe") == 0)
    return unsubscribe (self, question, fields, error);
  if (has_id)
    return begin_operation (self, question, name, fields, error);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "there is no id: an operation needs one for its answer");
  return FALSE;
}

void
ivd_http_talk_hear (IvdHttpTalk *talk, const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdJsonFields) fields = ivd_json_fields_parse (text, length, &error);
  TalkQuestion question = { 0 };

  if (fields == NULL || !obey (talk, fields, &question, &error))
    answer_error (talk, &question, error);
}
