/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "export/http/ivd-http-page.h"

static const char *const paths[]
    = { "/", "/index.html", "/app.js", "/app.css", "/favicon.svg", "/licenses.txt" };

static char *
text_of (const char *path)
{
  g_autoptr (IvdPageFile) file = ivd_http_page_find (path);

  g_assert_nonnull (file);
  return g_strndup (g_bytes_get_data (file->bytes, NULL), g_bytes_get_size (file->bytes));
}

static void
test_files (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (IvdPageFile) file = ivd_http_page_find (paths[i]);
      g_autoptr (IvdPageFile) again = ivd_http_page_find (paths[i]);

      g_assert_nonnull (file);
      g_assert_nonnull (file->content_type);
      g_assert_true (g_str_has_prefix (file->etag, "\"") && g_str_has_suffix (file->etag, "\""));
      g_assert_cmpuint (strlen (file->etag), ==, 34);
      g_assert_cmpstr (file->etag, ==, again->etag);
      /* Not copies. */
      g_assert_true (g_bytes_get_data (file->bytes, NULL) == g_bytes_get_data (again->bytes, NULL));
      g_assert_cmpint (file->gzip != NULL, ==, file->gzip_etag != NULL);
    }
}

static void
test_gzip (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (IvdPageFile) file = ivd_http_page_find (paths[i]);
      g_autoptr (GConverter) inflate = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
      g_autoptr (GInputStream) packed = NULL;
      g_autoptr (GInputStream) plain = NULL;
      g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
      g_autoptr (GBytes) bytes = NULL;
      GError *error = NULL;

      if (file->gzip == NULL)
        continue;
      g_assert_cmpstr (file->etag, !=, file->gzip_etag);
      packed = g_memory_input_stream_new_from_bytes (file->gzip);
      plain = g_converter_input_stream_new (packed, inflate);
      g_output_stream_splice (memory, plain, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, &error);
      g_assert_no_error (error);
      bytes = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
      g_assert_true (g_bytes_equal (bytes, file->bytes));
    }
}

static void
test_not_there (void)
{
  const char *bad[] = { "", "app.js", "/app.js.gz", "/App.js", "/../app.js", "//app.js", "/app.js/", "/web", "/app.js?a" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (ivd_http_page_find (bad[i]));
}

/* What the policy forbids is not in it, and every file that it names is there. */
static void
test_policy (void)
{
  g_autofree char *html = text_of ("/");
  g_autoptr (GRegex) inline_code = g_regex_new ("<style|\\sstyle=|\\son[a-z]+=|<script(?![^>]*\\ssrc=)", 0, 0, NULL);
  g_autoptr (GRegex) name = g_regex_new ("(?:src|href)=\"([^\"]*)\"", 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  guint names = 0;

  g_assert_false (g_regex_match (inline_code, html, 0, NULL));
  for (g_regex_match (name, html, 0, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *target = g_match_info_fetch (match, 1);
      g_autofree char *path = g_strconcat ("/", target, NULL);
      g_autoptr (IvdPageFile) file = ivd_http_page_find (path);

      /* The page that stands in for one that was not built points at the API. */
      g_assert_true (file != NULL || g_str_has_prefix (target, "v1/"));
      names++;
    }
  g_assert_cmpuint (names, >=, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http-page/files", test_files);
  g_test_add_func ("/http-page/gzip", test_gzip);
  g_test_add_func ("/http-page/not-there", test_not_there);
  g_test_add_func ("/http-page/policy", test_policy);
  return g_test_run ();
}
