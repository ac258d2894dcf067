/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "lib/ivt-shared.h"
#include "memory/ivd-memory.h"
#include "operation/ivd-request.h"
#include "operation/ivd-watches.h"

/* The watches that callers have, through the operation table. */

#define SIZE 65536
#define INTERVAL_USEC 1000

typedef struct
{
  IvdContext context;
  IvdMapping *mapping;
  IvdRegion *region;
  GPtrArray *callers; /* of IvdCaller */
  GArray *owners;     /* guint64: of the events */
} Fixture;

static const IvdRegionBackend no_backend = { 0 };

static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  if (event->type == IVD_EVENT_CHANGED)
    g_array_append_val (((Fixture *) data)->owners, event->owner);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  IvdContext *context = &fixture->context;
  g_autoptr (GError) error = NULL;

  context->registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  context->access = ivd_access_new (ivd_path_policy_new ("/run/ivt", NULL));
  context->pool = ivd_copy_pool_new ();
  context->watches = ivd_watches_new (context->registry, context->pool);
  fixture->mapping = ivt_shared_mapping (SIZE, 0, NULL);
  fixture->region = ivd_registry_create (context->registry, "r", "fake", g_variant_new ("a{sv}", NULL), &no_backend,
                                         fixture, &error);
  g_assert_no_error (error);
  ivd_registry_set_own (context->registry, fixture->region, -1, 0, IVD_CAP_READ);
  ivd_registry_set_memory (context->registry, fixture->region, fixture->mapping, TRUE);
  ivd_registry_publish (context->registry, fixture->region);
  fixture->callers = g_ptr_array_new_with_free_func (g_object_unref);
  fixture->owners = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_signal_connect (context->registry, "event", G_CALLBACK (on_event), fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < fixture->callers->len; i++)
    ivd_caller_leave (g_ptr_array_index (fixture->callers, i));
  ivd_registry_remove (fixture->context.registry, fixture->region, FALSE, NULL, NULL);
  ivd_watches_free (fixture->context.watches);
  ivd_copy_pool_free (fixture->context.pool);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_ptr_array_unref (fixture->callers);
  g_array_unref (fixture->owners);
  ivd_access_unref (fixture->context.access);
  g_assert_finalize_object (fixture->context.registry);
  ivd_mapping_unref (fixture->mapping);
}

static IvdCaller *
make_caller (Fixture *fixture)
{
  const IvdCredentials who = { getpid (), getuid (), getgid (), NULL };
  IvdCaller *caller = ivd_caller_new (":1.1", &who, NULL, 0);

  g_ptr_array_add (fixture->callers, caller);
  return caller;
}

typedef struct
{
  GVariant *result;
  gint code; /* -1: no error */
} Answer;

static void
on_answer (GVariant *result, int take_fd, const GError *error, gpointer data)
{
  Answer *answer = data;

  answer->result = result != NULL ? g_variant_ref (result) : NULL;
  answer->code = error != NULL ? error->code : -1;
}

static Answer
call (Fixture *fixture, IvdCaller *caller, const char *method, GVariant *parameters)
{
  Answer answer = { NULL, -2 };

  ivd_request_start (&fixture->context, ivd_operation_find (IVD_SCOPE_REGION, method), caller, "r", parameters, NULL,
                     on_answer, &answer);
  while (answer.code == -2)
    g_main_context_iteration (NULL, TRUE);
  return answer;
}

/* Its number; 0 and an error. */
static guint
watch (Fixture *fixture, IvdCaller *caller, guint64 offset, gint *ret_code)
{
  Answer answer = call (fixture, caller, "Watch", g_variant_new ("(ttt)", offset, (guint64) 64, (guint64) INTERVAL_USEC));
  g_autoptr (GVariant) result = answer.result;
  guint number = 0;

  if (result != NULL)
    g_variant_get (result, "(u)", &number);
  *ret_code = answer.code;
  return number;
}

static gsize
count_listed (Fixture *fixture, IvdCaller *caller)
{
  Answer answer = call (fixture, caller, "ListWatches", g_variant_new ("()"));
  g_autoptr (GVariant) result = answer.result;
  g_autoptr (GVariant) list = g_variant_get_child_value (result, 0);

  return g_variant_n_children (list);
}

static void
test_list_has_ones_own_by_number (Fixture *fixture, gconstpointer data)
{
  IvdCaller *one = make_caller (fixture), *other = make_caller (fixture);
  g_autofree char *text = NULL;
  g_autofree char *expected = NULL;
  guint numbers[3];
  Answer answer;
  gint code;

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    numbers[i] = watch (fixture, i == 1 ? other : one, 128 * i, &code);
  answer = call (fixture, one, "ListWatches", g_variant_new ("()"));
  text = g_variant_print (answer.result, FALSE);
  expected = g_strdup_printf ("([{'watch': <uint32 %u>, 'offset': <uint64 0>, 'length': <uint64 64>, "
                              "'min_interval_usec': <uint64 1000>}, {'watch': <uint32 %u>, 'offset': <uint64 256>, "
                              "'length': <uint64 64>, 'min_interval_usec': <uint64 1000>}],)",
                              numbers[0], numbers[2]);
  g_assert_cmpstr (text, ==, expected);
  g_variant_unref (answer.result);
  g_assert_cmpuint (count_listed (fixture, other), ==, 1);
  g_assert_cmpint (call (fixture, one, "Unwatch", g_variant_new ("(u)", numbers[1])).code, ==, IVD_ERROR_NOT_FOUND);
  answer = call (fixture, one, "Unwatch", g_variant_new ("(u)", numbers[0]));
  g_assert_cmpint (answer.code, ==, -1);
  g_variant_unref (answer.result);
  g_assert_cmpuint (count_listed (fixture, one), ==, 1);
}

static void
test_events_name_the_owner (Fixture *fixture, gconstpointer data)
{
  IvdCaller *one = make_caller (fixture), *other = make_caller (fixture);
  guint8 byte = 1;
  gint code;

  watch (fixture, one, 0, &code);
  watch (fixture, other, 4096, &code);
  g_assert_true (ivd_memory_write (fixture->mapping, 4096, &byte, 1, NULL));
  while (fixture->owners->len == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fixture->owners->len, ==, 1);
  g_assert_cmpuint (g_array_index (fixture->owners, guint64, 0), ==, ivd_caller_get_id (other));
}

static void
test_limit_of_a_caller (Fixture *fixture, gconstpointer data)
{
  IvdCaller *caller = make_caller (fixture);
  gint code;

  for (guint i = 0; i < IVD_LIMIT_WATCHES_PER_CALLER; i++)
    {
      g_assert_cmpuint (watch (fixture, caller, 64 * i, &code), !=, 0);
      g_assert_cmpint (code, ==, -1);
    }
  g_assert_cmpuint (watch (fixture, caller, 0, &code), ==, 0);
  g_assert_cmpint (code, ==, IVD_ERROR_LIMIT);
  g_assert_cmpuint (count_listed (fixture, caller), ==, IVD_LIMIT_WATCHES_PER_CALLER);
}

static void
test_limit_of_a_region (Fixture *fixture, gconstpointer data)
{
  IvdCaller *caller = NULL, *last = make_caller (fixture);
  gint code;

  for (guint i = 0; i < IVD_LIMIT_WATCHES_PER_REGION; i++)
    {
      if (i % IVD_LIMIT_WATCHES_PER_CALLER == 0)
        caller = make_caller (fixture);
      g_assert_cmpuint (watch (fixture, caller, 64 * i, &code), !=, 0);
      g_assert_cmpint (code, ==, -1);
    }
  g_assert_cmpuint (watch (fixture, last, 0, &code), ==, 0);
  g_assert_cmpint (code, ==, IVD_ERROR_LIMIT);
  g_assert_cmpuint (ivd_caller_get_charged (last, IVD_CHARGE_WATCHES), ==, 0);
  ivd_caller_leave (caller);
  g_assert_cmpuint (watch (fixture, last, 0, &code), !=, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/ivd/watches/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("list-has-ones-own-by-number", test_list_has_ones_own_by_number);
  ADD ("events-name-the-owner", test_events_name_the_owner);
  ADD ("limit-of-a-caller", test_limit_of_a_caller);
  ADD ("limit-of-a-region", test_limit_of_a_region);
#undef ADD
  return g_test_run ();
}
