/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-head.h"

#include <string.h>

#include <libsoup/soup.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

static gboolean refuse (IvdHttpHead *head, guint status, IvdErrorCode code, GError **error, const char *format, ...)
    G_GNUC_PRINTF (5, 6);

static gboolean
refuse (IvdHttpHead *head, guint status, IvdErrorCode code, GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  head->status = status;
  g_set_error_literal (error, IVD_ERROR, (gint) code, message);
  return FALSE;
}

static gboolean
refuse_form (IvdHttpHead *head, const char *why, GError **error)
{
  return refuse (head, SOUP_STATUS_BAD_REQUEST, IVD_ERROR_INVALID_ARGUMENT, error, "the request's head: %s", why);
}

/* tchar of RFC 9110 5.6.2 */
static gboolean
is_token (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && (text[i] == '\0' || strchr ("!#$%&'*+-.^_`|~", text[i]) == NULL))
      return FALSE;
  return length > 0;
}

static gboolean
is_word (const char *text, gsize length, const char *word)
{
  return length == strlen (word) && memcmp (text, word, length) == 0;
}

/* --- the request line --- */

static gboolean
check_version (IvdHttpHead *head, const char *version, gsize length, GError **error)
{
  static const char name[] = "HTTP/";
  gsize prefix = strlen (name);

  if (length != strlen ("HTTP/1.1") || memcmp (version, name, prefix) != 0 || !g_ascii_isdigit (version[prefix])
      || version[prefix + 1] != '.' || !g_ascii_isdigit (version[prefix + 2]))
    return refuse_form (head, "its first line is not 'METHOD /path HTTP/1.1'", error);
  if (version[prefix] != '1' || version[prefix + 2] > '1')
    return refuse (head, SOUP_STATUS_HTTP_VERSION_NOT_SUPPORTED, IVD_ERROR_NOT_SUPPORTED, error,
                   "HTTP/%.3s is not spoken here: use HTTP/1.1", version + prefix);
  head->minor = (guint) (version[prefix + 2] - '0');
  return TRUE;
}

/* What is no plain character comes as %XX. */
static gboolean
is_plain (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isgraph (text[i]) || text[i] == '#'
        || (text[i] == '%'
            && (length - i < 3 || !g_ascii_isxdigit (text[i + 1]) || !g_ascii_isxdigit (text[i + 2]))))
      return FALSE;
  return length > 0;
}

/* "http://host/path", as proxies are asked; any server must take it. */
static gboolean
is_absolute (const char *text, gsize length)
{
  g_autofree char *copy = g_strndup (text, length);
  g_autoptr (GUri) uri = g_uri_parse (copy, SOUP_HTTP_URI_FLAGS, NULL);
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;

  return host != NULL && *host != '\0' && g_uri_get_userinfo (uri) == NULL && *g_uri_get_path (uri) == '/'
         && (strcmp (g_uri_get_scheme (uri), "http") == 0 || strcmp (g_uri_get_scheme (uri), "https") == 0);
}

static gboolean
check_target (IvdHttpHead *head, const char *method, gsize method_length, const char *target, gsize length,
              GError **error)
{
  if (is_word (method, method_length, "CONNECT"))
    return refuse (head, SOUP_STATUS_NOT_IMPLEMENTED, IVD_ERROR_NOT_SUPPORTED, error, "this is no proxy: no CONNECT");
  head->query = memchr (target, '?', length) != NULL;
  if (is_plain (target, length)
      && (target[0] == '/' || (is_word (method, method_length, "OPTIONS") && is_word (target, length, "*"))
          || is_absolute (target, length)))
    return TRUE;
  return refuse_form (head, "what is asked for is not a path that begins with '/', with %XX for odd characters", error);
}

static gboolean
check_request_line (IvdHttpHead *head, const char *line, gsize length, GError **error)
{
  const char *end = line + length;
  const char *method_end = memchr (line, ' ', length);
  const char *target_end = method_end != NULL ? memchr (method_end + 1, ' ', (gsize) (end - method_end) - 1) : NULL;

  if (target_end == NULL || !is_token (line, (gsize) (method_end - line)))
    return refuse_form (head, "its first line is not 'METHOD /path HTTP/1.1', with one blank between them", error);
  return check_target (head, line, (gsize) (method_end - line), method_end + 1, (gsize) (target_end - method_end) - 1,
                       error)
         && check_version (head, target_end + 1, (gsize) (end - target_end) - 1, error);
}

/* --- fields --- */

static gboolean
is_name (const char *line, gsize length, const char *name)
{
  return length == strlen (name) && g_ascii_strncasecmp (line, name, length) == 0;
}

static gboolean
check_length_field (IvdHttpHead *head, const char *value, GError **error)
{
  if (head->has_length)
    return refuse_form (head, "there is more than one Content-Length: send one", error);
  /* As a number of bytes in a file, which is how libsoup takes it. */
  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT64, &head->length, NULL))
    return refuse_form (head, "Content-Length is no number of bytes", error);
  head->has_length = TRUE;
  return TRUE;
}

static gboolean
check_coding_field (IvdHttpHead *head, const char *value, GError **error)
{
  if (head->chunked)
    return refuse_form (head, "there is more than one Transfer-Encoding: send one", error);
  if (g_ascii_strcasecmp (value, "chunked") != 0)
    return refuse (head, SOUP_STATUS_NOT_IMPLEMENTED, IVD_ERROR_NOT_SUPPORTED, error,
                   "the request's head: Transfer-Encoding can be 'chunked' only");
  head->chunked = TRUE;
  return TRUE;
}

/* After the host; 0 to 65535, or not there at all. */
static gboolean
is_port (const char *text)
{
  guint64 port;

  return *text == '\0' || (*text == ':' && g_ascii_string_to_unsigned (text + 1, 10, 0, G_MAXUINT16, &port, NULL));
}

static gboolean
is_host (const char *value)
{
  g_autofree char *address = NULL;
  const char *end;
  gsize length = strspn (value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~");

  if (length > 0)
    return is_port (value + length);
  end = value[0] == '[' ? strchr (value, ']') : NULL;
  if (end == NULL)
    return FALSE;
  address = g_strndup (value + 1, (gsize) (end - value) - 1);
  return strchr (address, ':') != NULL && strchr (address, '%') == NULL && g_hostname_is_ip_address (address)
         && is_port (end + 1);
}

static gboolean
check_host_field (IvdHttpHead *head, const char *value, GError **error)
{
  if (head->hosts++ > 0)
    return refuse_form (head, "there is more than one Host: send one", error);
  return is_host (value) || refuse_form (head, "Host is not a name or an address, and a port", error);
}

static gboolean
check_expect_field (IvdHttpHead *head, const char *value, GError **error)
{
  if (g_ascii_strcasecmp (value, "100-continue") == 0)
    return TRUE;
  return refuse (head, SOUP_STATUS_EXPECTATION_FAILED, IVD_ERROR_INVALID_ARGUMENT, error,
                 "the request's head: Expect can be '100-continue' only");
}

static gboolean
check_value (IvdHttpHead *head, const char *value, gsize length, GError **error)
{
  for (gsize i = 0; i < length; i++)
    if (g_ascii_iscntrl (value[i]) && value[i] != '\t')
      return refuse_form (head, "a control character is in it", error);
  return TRUE;
}

typedef gboolean (*FieldFunc) (IvdHttpHead *head, const char *value, GError **error);

/* What says where the request ends, for whom it is, and what it waits for. */
static const struct
{
  const char *name;
  FieldFunc check;
} meanings[] = {
  { "Content-Length", check_length_field },
  { "Transfer-Encoding", check_coding_field },
  { "Host", check_host_field },
  { "Expect", check_expect_field },
};

static gboolean
check_meaning (IvdHttpHead *head, const char *line, gsize name_length, gsize length, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (is_name (line, name_length, meanings[i].name))
      {
        g_autofree char *value = g_strndup (line + name_length + 1, length - name_length - 1);

        return meanings[i].check (head, g_strstrip (value), error);
      }
  return TRUE;
}

static gboolean
check_field (IvdHttpHead *head, const char *line, gsize length, GError **error)
{
  const char *colon = memchr (line, ':', length);
  gsize name_length = colon != NULL ? (gsize) (colon - line) : 0;

  if (head->lines > IVD_LIMIT_HTTP_HEAD_FIELDS)
    return refuse (head, IVD_HTTP_STATUS_HEAD_TOO_LARGE, IVD_ERROR_TOO_LARGE, error,
                   "the request's head: more than %d fields", IVD_LIMIT_HTTP_HEAD_FIELDS);
  if (line[0] == ' ' || line[0] == '\t')
    return refuse_form (head, "a field is folded over two lines: write it on one", error);
  if (!is_token (line, name_length))
    return refuse_form (head, "a line is not 'Name: value', without a blank before the colon", error);
  return check_value (head, colon + 1, length - name_length - 1, error)
         && check_meaning (head, line, name_length, length, error);
}

gboolean
ivd_http_head_add_line (IvdHttpHead *head, const char *line, gsize length, GError **error)
{
  gboolean good = head->lines == 0 ? check_request_line (head, line, length, error)
                                   : check_field (head, line, length, error);

  head->lines++;
  return good;
}

gboolean
ivd_http_head_end (IvdHttpHead *head, GError **error)
{
  if (head->lines == 0)
    return refuse_form (head, "there is none", error);
  if (head->chunked && head->has_length)
    return refuse_form (head, "there are both Content-Length and Transfer-Encoding: send one of them", error);
  if (head->chunked && head->minor == 0)
    return refuse_form (head, "HTTP/1.0 knows no Transfer-Encoding: use HTTP/1.1", error);
  /* Without one libsoup takes the query for a part of the path. */
  if (head->hosts == 0 && (head->minor > 0 || head->query))
    return refuse_form (head, "there is no Host", error);
  return TRUE;
}
