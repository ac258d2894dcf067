/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "operation/ivd-handover.h"
#include "operation/ivd-request.h"
#include "operation/ivd-subscriptions.h"
#include "platform/ivd-eventfd.h"

/* What callers hold of a region: subscriptions, fed and exclusive vectors.
 * Through the operation table, with a backend that only remembers. */

#define N_VECTORS 64

typedef struct
{
  IvdContext context;
  IvdRegion *region;
  IvdCaller *caller;
  int vectors[N_VECTORS]; /* the backend's real eventfds */
  gboolean paused[N_VECTORS];
  GArray *told; /* of Told: what the subscriber was sent */
} Fixture;

typedef struct
{
  IvdEventType type;
  guint vector;
  guint64 count;
  gint64 when;
} Told;

static int
fake_open_vector (gpointer data, guint vector, GError **error)
{
  return dup (((Fixture *) data)->vectors[vector]);
}

static void
fake_pause_vector (gpointer data, guint vector, gboolean paused)
{
  ((Fixture *) data)->paused[vector] = paused;
}

static int
fake_open_doorbell (gpointer data, guint peer, guint vector, GError **error)
{
  return dup (((Fixture *) data)->vectors[vector]);
}

static const IvdRegionBackend fake_ops = {
  .open_vector = fake_open_vector,
  .open_doorbell = fake_open_doorbell,
  .pause_vector = fake_pause_vector,
};

static void
on_told (IvdCaller *caller, IvdRegion *region, const IvdEvent *event, gpointer data)
{
  Fixture *fixture = data;
  Told told = { event->type, event->vector, event->count, event->monotonic_usec };

  g_assert_true (caller == fixture->caller);
  g_array_append_val (fixture->told, told);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdPathPolicy) paths = ivd_path_policy_new ("/run/ivt", NULL);
  IvdCredentials who = { getpid (), getuid (), getgid (), NULL };
  g_autoptr (IvdMapping) mapping = NULL;
  g_autoptr (GError) error = NULL;
  int fd = memfd_create ("ivt", MFD_CLOEXEC);

  fixture->context.registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  fixture->context.access = ivd_access_new (g_steal_pointer (&paths));
  fixture->context.handover = ivd_handover_new (fixture->context.registry);
  fixture->context.subscriptions = ivd_subscriptions_new (fixture->context.registry);
  fixture->told = g_array_new (FALSE, FALSE, sizeof (Told));
  ivd_subscriptions_set_func (fixture->context.subscriptions, on_told, fixture);
  fixture->caller = ivd_caller_new (":1.1", &who, NULL, 0);

  g_assert_cmpint (ftruncate (fd, 4096), ==, 0);
  mapping = ivd_mapping_new (fd, 0, 4096, 0, &error);
  g_assert_no_error (error);
  close (fd);
  for (guint v = 0; v < N_VECTORS; v++)
    fixture->vectors[v] = ivd_eventfd_new (NULL);
  fixture->region = ivd_registry_create (fixture->context.registry, "r", "fake", g_variant_new ("a{sv}", NULL),
                                         &fake_ops, fixture, &error);
  g_assert_no_error (error);
  ivd_registry_set_own (fixture->context.registry, fixture->region, 255, N_VECTORS, IVD_CAP_ALL);
  ivd_registry_set_memory (fixture->context.registry, fixture->region, mapping, TRUE);
  ivd_registry_publish (fixture->context.registry, fixture->region);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  if (fixture->region != NULL)
    ivd_registry_remove (fixture->context.registry, fixture->region, FALSE, NULL, NULL);
  ivd_caller_leave (fixture->caller);
  ivd_subscriptions_free (fixture->context.subscriptions);
  ivd_handover_free (fixture->context.handover);
  ivd_access_unref (fixture->context.access);
  g_assert_finalize_object (fixture->context.registry);
  g_assert_finalize_object (fixture->caller);
  for (guint v = 0; v < N_VECTORS; v++)
    close (fixture->vectors[v]);
  g_array_unref (fixture->told);
}

typedef struct
{
  gboolean answered;
  int fd;
  gint code; /* -1: no error */
} Answer;

static void
on_answer (GVariant *result, int take_fd, const GError *error, gpointer data)
{
  Answer *answer = data;

  g_assert_false (answer->answered);
  answer->answered = TRUE;
  answer->fd = take_fd;
  answer->code = error != NULL ? error->code : -1;
}

static Answer
call_as (Fixture *fixture, IvdCaller *caller, const char *method, GVariant *parameters)
{
  Answer answer = { FALSE, -1, -1 };

  ivd_request_start (&fixture->context, ivd_operation_find (IVD_SCOPE_REGION, method), caller, "r", parameters, NULL,
                     on_answer, &answer);
  g_assert_true (answer.answered);
  return answer;
}

static Answer
open_vector (Fixture *fixture, IvdCaller *caller, guint vector, gboolean exclusive)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (exclusive)
    g_variant_dict_insert (&dict, "exclusive", "b", TRUE);
  return call_as (fixture, caller, "OpenVector", g_variant_new ("(u@a{sv})", vector, g_variant_dict_end (&dict)));
}

static void
interrupt (Fixture *fixture, guint vector, guint64 count)
{
  ivd_registry_interrupt (fixture->context.registry, fixture->region, vector, count);
}

static void
test_fed_copy_counts_exactly (Fixture *fixture, gconstpointer data)
{
  Answer first = open_vector (fixture, fixture->caller, 3, FALSE);
  Answer second = open_vector (fixture, fixture->caller, 3, FALSE);
  Answer other = open_vector (fixture, fixture->caller, 4, FALSE);

  interrupt (fixture, 3, 5);
  interrupt (fixture, 3, 2);
  g_assert_cmpuint (ivd_eventfd_take (first.fd), ==, 7);
  g_assert_cmpuint (ivd_eventfd_take (first.fd), ==, 0);
  g_assert_cmpuint (ivd_eventfd_take (second.fd), ==, 7);
  g_assert_cmpuint (ivd_eventfd_take (other.fd), ==, 0);
  close (first.fd);
  close (second.fd);
  close (other.fd);
}

static void
test_doorbell (Fixture *fixture, gconstpointer data)
{
  Answer own = call_as (fixture, fixture->caller, "OpenDoorbell", g_variant_new ("(uu)", 255, 1));

  g_assert_true (ivd_eventfd_add (own.fd, 2, NULL));
  g_assert_cmpuint (ivd_eventfd_take (fixture->vectors[1]), ==, 2);
  close (own.fd);
  g_assert_cmpint (call_as (fixture, fixture->caller, "OpenDoorbell", g_variant_new ("(uu)", 255, N_VECTORS)).code, ==,
                   IVD_ERROR_OUT_OF_RANGE);
  g_assert_cmpint (call_as (fixture, fixture->caller, "OpenDoorbell", g_variant_new ("(uu)", 9, 0)).code, ==,
                   IVD_ERROR_NOT_FOUND);
}

static void
test_fed_copy_ends_with_its_caller (Fixture *fixture, gconstpointer data)
{
  Answer answer = open_vector (fixture, fixture->caller, 0, FALSE);

  ivd_caller_leave (fixture->caller);
  interrupt (fixture, 0, 1);
  g_assert_cmpuint (ivd_eventfd_take (answer.fd), ==, 0);
  g_assert_cmpuint (ivd_caller_get_charged (fixture->caller, IVD_CHARGE_FEEDS), ==, 0);
  close (answer.fd);
}

static void
test_holder_who_never_reads_harms_nobody (Fixture *fixture, gconstpointer data)
{
  Answer full = open_vector (fixture, fixture->caller, 0, FALSE);
  Answer good = open_vector (fixture, fixture->caller, 0, FALSE);

  g_assert_cmpint (eventfd_write (full.fd, G_MAXUINT64 - 1), ==, 0);
  interrupt (fixture, 0, 9);
  g_assert_cmpuint (ivd_eventfd_take (good.fd), ==, 9);
  close (full.fd);
  close (good.fd);
}

static void
test_exclusive_is_the_real_one_and_for_one (Fixture *fixture, gconstpointer data)
{
  IvdCredentials who = { getpid (), getuid (), getgid (), NULL };
  g_autoptr (IvdCaller) rival = ivd_caller_new (":1.2", &who, NULL, 0);
  Answer answer = open_vector (fixture, fixture->caller, 5, TRUE);

  g_assert_cmpint (answer.code, ==, -1);
  g_assert_true (fixture->paused[5]);
  g_assert_cmpint (eventfd_write (fixture->vectors[5], 3), ==, 0);
  g_assert_cmpuint (ivd_eventfd_take (answer.fd), ==, 3);
  g_assert_cmpint (open_vector (fixture, rival, 5, TRUE).code, ==, IVD_ERROR_BUSY);
  g_assert_true (fixture->paused[5]);
  ivd_caller_leave (fixture->caller);
  g_assert_false (fixture->paused[5]);
  close (answer.fd);

  answer = open_vector (fixture, rival, 5, TRUE);
  g_assert_cmpint (answer.code, ==, -1);
  close (answer.fd);
  ivd_caller_leave (rival);
}

static void
test_lost_region_takes_everything_back (Fixture *fixture, gconstpointer data)
{
  Answer answer = open_vector (fixture, fixture->caller, 1, TRUE);

  ivd_registry_set_lost (fixture->context.registry, fixture->region, "gone");
  g_assert_false (fixture->paused[1]);
  g_assert_cmpuint (ivd_caller_get_charged (fixture->caller, IVD_CHARGE_FEEDS), ==, 0);
  g_assert_cmpint (open_vector (fixture, fixture->caller, 1, TRUE).code, ==, IVD_ERROR_REGION_LOST);
  close (answer.fd);
}

static void
test_vector_out_of_range (Fixture *fixture, gconstpointer data)
{
  Answer answer = open_vector (fixture, fixture->caller, N_VECTORS - 1, FALSE);

  g_assert_cmpint (answer.code, ==, -1);
  close (answer.fd);
  g_assert_cmpint (open_vector (fixture, fixture->caller, N_VECTORS, FALSE).code, ==, IVD_ERROR_OUT_OF_RANGE);
  g_assert_cmpint (open_vector (fixture, fixture->caller, G_MAXUINT32, TRUE).code, ==, IVD_ERROR_OUT_OF_RANGE);
}

static void
test_limit_of_feeds (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < IVD_LIMIT_FEEDS_PER_CALLER; i++)
    {
      Answer answer = open_vector (fixture, fixture->caller, 0, FALSE);

      g_assert_cmpint (answer.code, ==, -1);
      close (answer.fd);
    }
  g_assert_cmpint (open_vector (fixture, fixture->caller, 0, FALSE).code, ==, IVD_ERROR_LIMIT);
}

static void
test_denied_without_a_rule (Fixture *fixture, gconstpointer data)
{
  IvdCredentials who = { 1, 54321, 54321, NULL };
  g_autoptr (IvdCaller) stranger = ivd_caller_new (":1.9", &who, NULL, 0);
  const struct
  {
    const char *method, *parameters;
  } calls[] = {
    { "Read", "(uint64 0, uint64 1)" },
    { "Write", "(uint64 0, [byte 1])" },
    { "Fill", "(uint64 0, uint64 1, byte 0)" },
    { "Atomic", "('add', uint64 0, uint32 4, '0x1', '')" },
    { "Wait", "(uint64 0, uint32 4, 'equals', '0x1', uint64 0, @a{sv} {})" },
    { "Ring", "(uint32 1, uint32 0)" },
    { "ListPeers", "()" },
    { "Kick", "(uint32 1,)" },
    { "Join", "()" },
    { "OpenMemory", "(@a{sv} {},)" },
    { "OpenVector", "(uint32 0, @a{sv} {})" },
    { "OpenDoorbell", "(uint32 1, uint32 0)" },
    { "Watch", "(uint64 0, uint64 1, uint64 1000)" },
    { "Unwatch", "(uint32 1,)" },
    { "ListWatches", "()" },
    { "Subscribe", "()" },
    { "Unsubscribe", "()" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    g_assert_cmpint (call_as (fixture, stranger, calls[i].method, g_variant_new_parsed (calls[i].parameters)).code, ==,
                     IVD_ERROR_DENIED);
  ivd_caller_leave (stranger);
}

/* --- subscriptions --- */

static guint64
sum_told (Fixture *fixture, guint vector)
{
  guint64 sum = 0;

  for (guint i = 0; i < fixture->told->len; i++)
    {
      const Told *told = &g_array_index (fixture->told, Told, i);

      if (told->type == IVD_EVENT_INTERRUPT && told->vector == vector)
        sum += told->count;
    }
  return sum;
}

static void
test_first_at_once_then_ten_a_second (Fixture *fixture, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time ();
  guint64 rung = 0;
  gdouble seconds;

  g_assert_cmpint (call_as (fixture, fixture->caller, "Subscribe", g_variant_new ("()")).code, ==, -1);
  interrupt (fixture, 2, 1);
  rung++;
  g_assert_cmpuint (fixture->told->len, ==, 1);
  while (g_get_monotonic_time () - begin < G_USEC_PER_SEC / 2)
    {
      interrupt (fixture, 2, 3);
      rung += 3;
      g_main_context_iteration (NULL, FALSE);
    }
  while (sum_told (fixture, 2) < rung)
    g_main_context_iteration (NULL, TRUE);
  seconds = (gdouble) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
  g_assert_cmpuint (sum_told (fixture, 2), ==, rung);
  g_assert_cmpfloat (fixture->told->len, <=, seconds * IVD_LIMIT_SIGNALS_PER_VECTOR_PER_SECOND + 1);
}

/* All vectors ring all the time: the region's ceiling holds in every second,
 * each vector gets its turn, and the sums are exact. */
static void
test_ceiling_of_a_region_and_nobody_starves (Fixture *fixture, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time ();
  guint told_in[3] = { 0 }, per_vector[N_VECTORS] = { 0 };
  guint64 rounds = 0;

  g_assert_cmpint (call_as (fixture, fixture->caller, "Subscribe", g_variant_new ("()")).code, ==, -1);
  while (g_get_monotonic_time () - begin < 2 * G_USEC_PER_SEC)
    {
      for (guint v = 0; v < N_VECTORS; v++)
        interrupt (fixture, v, 1);
      rounds++;
      g_usleep (2000);
      g_main_context_iteration (NULL, FALSE);
    }
  for (guint i = 0; i < fixture->told->len; i++)
    {
      const Told *told = &g_array_index (fixture->told, Told, i);

      told_in[MIN ((told->when - begin) / G_USEC_PER_SEC, 2)]++;
      per_vector[told->vector]++;
    }
  g_assert_cmpuint (told_in[0], <=, IVD_LIMIT_SIGNALS_PER_REGION_PER_SECOND);
  g_assert_cmpuint (told_in[0], >=, N_VECTORS);
  g_assert_cmpuint (told_in[1], <=, IVD_LIMIT_SIGNALS_PER_REGION_PER_SECOND);
  for (guint v = 0; v < N_VECTORS; v++)
    g_assert_cmpuint (per_vector[v], >=, 2);
  for (guint v = 0; v < N_VECTORS; v++)
    while (sum_told (fixture, v) < rounds)
      g_main_context_iteration (NULL, TRUE);
  for (guint v = 0; v < N_VECTORS; v++)
    g_assert_cmpuint (sum_told (fixture, v), ==, rounds);
}

static void
test_changes_are_for_their_owner_alone (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (call_as (fixture, fixture->caller, "Subscribe", g_variant_new ("()")).code, ==, -1);
  ivd_registry_changed (fixture->context.registry, fixture->region, 7, 1, 0, 64);
  g_assert_cmpuint (fixture->told->len, ==, 0);
}

static void
test_what_is_pending_is_told_before_the_end (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (call_as (fixture, fixture->caller, "Subscribe", g_variant_new ("()")).code, ==, -1);
  interrupt (fixture, 0, 1);
  interrupt (fixture, 0, 41);
  g_assert_cmpuint (sum_told (fixture, 0), ==, 1);
  ivd_registry_remove (fixture->context.registry, g_steal_pointer (&fixture->region), FALSE, NULL, NULL);
  g_assert_cmpuint (sum_told (fixture, 0), ==, 42);
}

static void
test_nothing_without_or_after_a_subscription (Fixture *fixture, gconstpointer data)
{
  interrupt (fixture, 0, 1);
  g_assert_cmpuint (fixture->told->len, ==, 0);
  call_as (fixture, fixture->caller, "Subscribe", g_variant_new ("()"));
  call_as (fixture, fixture->caller, "Subscribe", g_variant_new ("()"));
  interrupt (fixture, 0, 1);
  g_assert_cmpuint (fixture->told->len, ==, 1);
  call_as (fixture, fixture->caller, "Unsubscribe", g_variant_new ("()"));
  interrupt (fixture, 0, 1);
  ivd_registry_peer_connected (fixture->context.registry, fixture->region, 1, 1, NULL);
  g_assert_cmpuint (fixture->told->len, ==, 1);
  g_assert_cmpuint (ivd_caller_get_charged (fixture->caller, IVD_CHARGE_SUBSCRIPTIONS), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/ivd/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("handover/fed-copy-counts-exactly", test_fed_copy_counts_exactly);
  ADD ("handover/doorbell", test_doorbell);
  ADD ("handover/fed-copy-ends-with-its-caller", test_fed_copy_ends_with_its_caller);
  ADD ("handover/holder-who-never-reads-harms-nobody", test_holder_who_never_reads_harms_nobody);
  ADD ("handover/exclusive-is-the-real-one-and-for-one", test_exclusive_is_the_real_one_and_for_one);
  ADD ("handover/lost-region-takes-everything-back", test_lost_region_takes_everything_back);
  ADD ("handover/vector-out-of-range", test_vector_out_of_range);
  ADD ("handover/limit-of-feeds", test_limit_of_feeds);
  ADD ("handover/denied-without-a-rule", test_denied_without_a_rule);
  ADD ("subscriptions/first-at-once-then-ten-a-second", test_first_at_once_then_ten_a_second);
  ADD ("subscriptions/ceiling-of-a-region-and-nobody-starves", test_ceiling_of_a_region_and_nobody_starves);
  ADD ("subscriptions/changes-are-for-their-owner-alone", test_changes_are_for_their_owner_alone);
  ADD ("subscriptions/what-is-pending-is-told-before-the-end", test_what_is_pending_is_told_before_the_end);
  ADD ("subscriptions/nothing-without-or-after", test_nothing_without_or_after_a_subscription);
#undef ADD
  return g_test_run ();
}
