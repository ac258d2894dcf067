/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "base/ivd-error.h"
#include "export/http/ivd-query.h"
#include "fuzz.h"

/*
 * The query of a URL. What is refused is refused with a reason that may be
 * shown; text that is taken is UTF-8, and the same after it was escaped and
 * read again.
 */

static void
check_error (const GError *error)
{
  g_assert_true (g_error_matches (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT)
                 || g_error_matches (error, IVD_ERROR, IVD_ERROR_TOO_LARGE));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
check_taken (gboolean taken, GError *take_error)
{
  g_autoptr (GError) error = take_error;

  g_assert_true (taken == (error == NULL));
  if (error != NULL)
    check_error (error);
}

static void
check_text (const char *text)
{
  g_autofree char *escaped = g_uri_escape_string (text, NULL, FALSE);
  g_autofree char *encoded = g_strconcat ("text=", escaped, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdQuery) query = NULL;
  g_autofree char *again = NULL;

  g_assert_true (g_utf8_validate (text, -1, NULL));
  query = ivd_query_new (encoded, &error);
  if (query == NULL)
    {
      /* Escapes have made it too long. */
      g_assert_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE);
      return;
    }
  g_assert_true (ivd_query_take_text (query, "text", &again, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (again, ==, text);
}

static void
check_texts (IvdQuery *query)
{
  g_auto (GStrv) texts = NULL;
  GError *error = NULL;
  gboolean taken = ivd_query_take_texts (query, "r", &texts, &error);

  check_taken (taken, error);
  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    {
      g_assert_cmpstr (texts[i], !=, "");
      check_text (texts[i]);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *encoded = g_strndup ((const char *) data, size);
  g_autofree char *text = NULL;
  g_autoptr (IvdQuery) query = NULL;
  GError *error = NULL;
  gboolean taken, flag;
  guint64 number;

  query = ivd_query_new (encoded, &error);
  check_taken (query != NULL, g_steal_pointer (&error));
  if (query == NULL)
    return 0;
  taken = ivd_query_take_uint64 (query, "n", &number, &error);
  check_taken (taken, g_steal_pointer (&error));
  taken = ivd_query_take_boolean (query, "f", &flag, &error);
  check_taken (taken, g_steal_pointer (&error));
  taken = ivd_query_take_text (query, "t", &text, &error);
  check_taken (taken, g_steal_pointer (&error));
  if (text != NULL)
    check_text (text);
  check_texts (query);
  taken = ivd_query_end (query, &error);
  check_taken (taken, g_steal_pointer (&error));
  return 0;
}
