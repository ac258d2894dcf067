/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-region-operations.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "memory/ivd-memory.h"
#include "operation/ivd-arguments.h"

/* Read, write, fill, atomic, wait: requests in, memory/ does it, answers out. */

/* What a request that waits for memory/ needs to remember. */
typedef struct
{
  IvdRequest *request;
  guint64 length;
  IvdStat stat;
} Transfer;

static Transfer *
transfer_new (IvdRequest *request, guint64 length, IvdStat stat)
{
  Transfer *transfer = g_new (Transfer, 1);

  *transfer = (Transfer){ request, length, stat };
  return transfer;
}

/* Ends the request, counting the bytes that went through. */
static void
transfer_end (Transfer *take_transfer, GVariant *result, GError *take_error)
{
  g_autofree Transfer *transfer = take_transfer;

  if (take_error != NULL)
    {
      ivd_request_fail (transfer->request, take_error);
      return;
    }
  ivd_statistics_add (ivd_region_get_statistics (ivd_request_region (transfer->request)), transfer->stat,
                      transfer->length);
  ivd_request_return (transfer->request, result);
}

/* The range first, then how much one message may carry. */
static gboolean
check_transfer (IvdMapping *mapping, guint64 offset, guint64 length, GError **error)
{
  if (!ivd_memory_check_range (ivd_mapping_get_size (mapping), offset, length, error))
    return FALSE;
  if (length <= IVD_LIMIT_TRANSFER_BYTES)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE,
               "%" G_GUINT64_FORMAT " bytes at once: at most %d; OpenMemory hands over the memory itself",
               length, IVD_LIMIT_TRANSFER_BYTES);
  return FALSE;
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (GBytes) bytes = ivd_copy_read_finish (result, &error);
  GVariant *answer = NULL;

  if (bytes != NULL)
    {
      GVariant *array = g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);

      answer = g_variant_new_tuple (&array, 1);
    }
  transfer_end (data, answer, error);
}

void
ivd_operation_read (IvdRequest *request)
{
  g_autoptr (IvdMapping) mapping = NULL;
  guint64 offset, length;
  GError *error = NULL;

  g_variant_get (ivd_request_parameters (request), "(tt)", &offset, &length);
  mapping = ivd_region_ref_mapping (ivd_request_region (request), &error);
  if (mapping == NULL || !check_transfer (mapping, offset, length, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  ivd_copy_read (ivd_request_context (request)->pool, mapping, offset, length, on_read,
                 transfer_new (request, length, IVD_STAT_READ_BYTES));
}

/* For write and fill. */
static void
on_written (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  (void) !ivd_copy_finish (result, &error);
  transfer_end (data, NULL, error);
}

void
ivd_operation_write (IvdRequest *request)
{
  g_autoptr (GVariant) array = g_variant_get_child_value (ivd_request_parameters (request), 1);
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (array);
  g_autoptr (IvdMapping) mapping = NULL;
  guint64 offset;
  GError *error = NULL;

  g_variant_get_child (ivd_request_parameters (request), 0, "t", &offset);
  mapping = ivd_region_ref_mapping (ivd_request_region (request), &error);
  if (mapping == NULL || !check_transfer (mapping, offset, g_bytes_get_size (bytes), &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  ivd_copy_write (ivd_request_context (request)->pool, mapping, offset, bytes, on_written,
                  transfer_new (request, g_bytes_get_size (bytes), IVD_STAT_WRITTEN_BYTES));
}

void
ivd_operation_fill (IvdRequest *request)
{
  g_autoptr (IvdMapping) mapping = NULL;
  guint64 offset, length;
  GError *error = NULL;
  guint8 value;

  g_variant_get (ivd_request_parameters (request), "(tty)", &offset, &length, &value);
  mapping = ivd_region_ref_mapping (ivd_request_region (request), &error);
  if (mapping == NULL || !ivd_memory_check_range (ivd_mapping_get_size (mapping), offset, length, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  ivd_copy_fill (ivd_request_context (request)->pool, mapping, offset, length, value, on_written,
                 transfer_new (request, length, IVD_STAT_WRITTEN_BYTES));
}

/* The place of text among names, or an error that lists them. */
static gboolean
parse_choice (const char *what, const char *text, const char *const *names, guint n_names, guint *ret_index,
              GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);
  g_autofree char *safe = NULL;

  for (guint i = 0; i < n_names; i++)
    {
      if (g_str_equal (names[i], text))
        {
          *ret_index = i;
          return TRUE;
        }
      g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", names[i]);
    }
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%s '%s': it is one of %s", what, safe, known->str);
  return FALSE;
}

static gboolean
check_width (guint width, guint widest, GError **error)
{
  if (width != 0 && width <= widest && (width & (width - 1)) == 0)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "width %u: it is 1, 2, 4%s", width,
               widest == 16 ? ", 8 or 16 bytes" : " or 8 bytes");
  return FALSE;
}

static gboolean
parse_atomic (GVariant *parameters, guint *op, guint64 *offset, guint *width, IvdWord *value, IvdWord *expected,
              GError **error)
{
  const char *op_text, *value_text, *expected_text;

  g_variant_get (parameters, "(&stu&s&s)", &op_text, offset, width, &value_text, &expected_text);
  if (!parse_choice ("op", op_text, ivd_atomic_op_names, IVD_ATOMIC_OP_COUNT, op, error)
      || !check_width (*width, 16, error)
      || !ivd_word_parse ("value", value_text, *width, value, error))
    return FALSE;
  /* Only one operation looks at it; the others take an empty one. */
  if (*op == IVD_ATOMIC_COMPARE_AND_SET || *expected_text != '\0')
    return ivd_word_parse ("expected", expected_text, *width, expected, error);
  return TRUE;
}

void
ivd_operation_atomic (IvdRequest *request)
{
  IvdRegion *region = ivd_request_region (request);
  g_autoptr (IvdMapping) mapping = NULL;
  g_autofree char *text = NULL;
  IvdWord value = { 0 }, expected = { 0 }, old = { 0 };
  guint op, width;
  guint64 offset;
  gboolean done = FALSE;
  GError *error = NULL;

  if (!parse_atomic (ivd_request_parameters (request), &op, &offset, &width, &value, &expected, &error)
      || (width == 16 && !ivd_region_check_capability (region, IVD_CAP_ATOMIC16, &error))
      || (mapping = ivd_region_ref_mapping (region, &error)) == NULL
      || !ivd_memory_atomic (mapping, (IvdAtomicOp) op, offset, width, value, expected, &old, &done, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  text = ivd_word_format (old);
  ivd_request_return (request, g_variant_new ("(sb)", text, done));
}

/* A wait ends early when its caller leaves or does not care any more. */
typedef struct
{
  IvdRequest *request;
  IvdCaller *caller;
  GCancellable *cancellable;
  gulong gone_id, unwanted_id;
  gint64 begun;
} PendingWait;

static void
on_waited (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree PendingWait *wait = data;
  IvdMetrics *metrics = ivd_request_context (wait->request)->metrics;
  g_autofree char *text = NULL;
  gboolean met;
  IvdWord value;
  GError *error = NULL;

  g_cancellable_disconnect (ivd_request_cancellable (wait->request), wait->unwanted_id);
  g_signal_handler_disconnect (wait->caller, wait->gone_id);
  ivd_caller_release (wait->caller, IVD_CHARGE_WAITS);
  g_object_unref (wait->caller);
  g_object_unref (wait->cancellable);
  if (!ivd_waiter_wait_finish (result, &met, &value, &error))
    {
      ivd_request_fail (wait->request, error);
      return;
    }
  if (met && metrics != NULL)
    ivd_histogram_observe (&metrics->waits, g_get_monotonic_time () - wait->begun);
  text = ivd_word_format (value);
  ivd_request_return (wait->request, g_variant_new ("(bs)", met, text));
}

/* On whatever thread says so. */
static void
on_unwanted (GCancellable *cancellable, gpointer data)
{
  g_cancellable_cancel (data);
}

static gboolean
parse_wait (GVariant *parameters, IvdWaitParams *params, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (IvdArguments) arguments = NULL;
  g_autofree char *set = NULL;
  const char *op_text, *value_text;
  guint op;

  g_variant_get (parameters, "(tu&s&st@a{sv})", &params->offset, &params->width, &op_text, &value_text,
                 &params->timeout_usec, &options);
  if (!parse_choice ("op", op_text, ivd_wait_op_names, IVD_WAIT_OP_COUNT, &op, error)
      || !check_width (params->width, 8, error)
      || !ivd_word_parse ("value", value_text, params->width, &params->value, error)
      || (arguments = ivd_arguments_new (options, error)) == NULL
      || !ivd_arguments_take_text (arguments, "set", &set, error)
      || !ivd_arguments_end (arguments, error))
    return FALSE;
  params->op = (IvdWaitOp) op;
  params->has_set = set != NULL;
  return set == NULL || ivd_word_parse ("set", set, params->width, &params->set, error);
}

/* Waiting only needs read; what swaps a value in writes. */
static gboolean
check_wait_rights (IvdRequest *request, const IvdWaitParams *params, GError **error)
{
  IvdRegion *region = ivd_request_region (request);

  if (!params->has_set)
    return TRUE;
  return ivd_access_check (ivd_request_context (request)->access, ivd_request_caller (request),
                           IVD_PERMISSION_WRITE, ivd_region_get_name (region), error)
         && ivd_region_check_capability (region, IVD_CAP_ATOMIC, error);
}

void
ivd_operation_wait (IvdRequest *request)
{
  IvdCaller *caller = ivd_request_caller (request);
  g_autoptr (IvdMapping) mapping = NULL;
  IvdWaitParams params = { 0 };
  GError *error = NULL;
  PendingWait *wait;

  if (!parse_wait (ivd_request_parameters (request), &params, &error)
      || !check_wait_rights (request, &params, &error)
      || (mapping = ivd_region_ref_mapping (ivd_request_region (request), &error)) == NULL
      || !ivd_caller_charge (caller, IVD_CHARGE_WAITS, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  wait = g_new0 (PendingWait, 1);
  wait->request = request;
  wait->caller = g_object_ref (caller);
  wait->cancellable = g_cancellable_new ();
  wait->gone_id = g_signal_connect_object (caller, "gone", G_CALLBACK (g_cancellable_cancel), wait->cancellable,
                                           G_CONNECT_SWAPPED);
  wait->begun = g_get_monotonic_time ();
  if (ivd_request_cancellable (request) != NULL)
    wait->unwanted_id = g_cancellable_connect (ivd_request_cancellable (request), G_CALLBACK (on_unwanted),
                                               g_object_ref (wait->cancellable), g_object_unref);
  ivd_waiter_wait (ivd_request_context (request)->waiter, mapping, &params, wait->cancellable, on_waited, wait);
}
