/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "config/ivd-config-http.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "base/ivd-path.h"
#include "platform/ivd-account.h"
#include "platform/ivd-certificate.h"
#include "platform/ivd-paths.h"

#define DEFAULT_SOCKET "http.sock"
#define DEFAULT_MODE 0660
#define OCTAL 8
#define MODE_MAX 0777
#define MODE_DIGITS_MAX 4
#define ITEM_SEPARATOR ","
#define PATH_SEPARATOR ":"
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-."
#define OPTION "--http"
#define OPTION_NONE "none"
#define CREDENTIAL "ivshmemd.tokens"

typedef gboolean (*HttpSetFunc) (IvdConfigHttp *http, const char *value, GError **error);

typedef struct
{
  const char *key;
  HttpSetFunc set;
} HttpKeyRow;

IvdConfigHttp *
ivd_config_http_new (const char *runtime_dir)
{
  IvdConfigHttp *self = g_new0 (IvdConfigHttp, 1);

  self->enabled = TRUE;
  self->listen = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_listen_address_free);
  self->default_path = g_build_filename (runtime_dir, DEFAULT_SOCKET, NULL);
  self->socket_mode = DEFAULT_MODE;
  self->socket_gid = -1;
  self->sessions = TRUE;
  return self;
}

void
ivd_config_http_free (IvdConfigHttp *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->listen);
  g_free (self->default_path);
  g_strfreev (self->token_files);
  g_free (self->tls_certificate);
  g_free (self->tls_key);
  g_strfreev (self->allowed_hosts);
  g_clear_pointer (&self->tokens, ivd_tokens_unref);
  g_clear_object (&self->certificate);
  g_free (self->listen_place);
  g_free (self->tokens_place);
  g_free (self->certificate_place);
  g_free (self->key_place);
  g_free (self);
}

/* --- addresses --- */

static gboolean
same_address (const IvdListenAddress *a, const IvdListenAddress *b)
{
  g_autofree char *first = ivd_listen_address_format (a);
  g_autofree char *second = ivd_listen_address_format (b);

  /* Of port 0 each is another one. */
  return strcmp (first, second) == 0
         && (a->address == NULL || g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (a->address)) != 0);
}

static gboolean
add_address (IvdConfigHttp *self, const char *text, GError **error)
{
  g_autoptr (IvdListenAddress) address = ivd_listen_address_parse (text, error);

  if (address == NULL)
    return FALSE;
  if (self->listen->len >= IVD_LIMIT_HTTP_ADDRESSES)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "'%s' is one address too many: at most %d", text,
                   IVD_LIMIT_HTTP_ADDRESSES);
      return FALSE;
    }
  for (guint i = 0; i < self->listen->len; i++)
    {
      if (!same_address (g_ptr_array_index (self->listen, i), address))
        continue;
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "'%s' is there twice: keep one", text);
      return FALSE;
    }
  g_ptr_array_add (self->listen, g_steal_pointer (&address));
  return TRUE;
}

static gboolean
set_listen (IvdConfigHttp *self, const char *value, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (value, ITEM_SEPARATOR, -1);

  for (gsize i = 0; parts[i] != NULL; i++)
    {
      if (!add_address (self, g_strstrip (parts[i]), error))
        return FALSE;
    }
  return TRUE;
}

gboolean
ivd_config_http_override (IvdConfigHttp *self, const char *const *addresses, GError **error)
{
  gboolean none = addresses[1] == NULL && strcmp (addresses[0], OPTION_NONE) == 0;

  g_ptr_array_set_size (self->listen, 0);
  g_free (self->listen_place);
  self->listen_place = g_strdup (OPTION);
  /* Who asks for it on the command line wants it. */
  self->enabled = !none;
  for (; !none && *addresses != NULL; addresses++)
    {
      if (add_address (self, *addresses, error))
        continue;
      g_prefix_error (error, OPTION ": ");
      return FALSE;
    }
  return TRUE;
}

/* --- the other keys --- */

static gboolean
set_enabled (IvdConfigHttp *self, const char *value, GError **error)
{
  return ivd_key_file_parse_boolean (value, &self->enabled, error);
}

static gboolean
set_insecure (IvdConfigHttp *self, const char *value, GError **error)
{
  return ivd_key_file_parse_boolean (value, &self->insecure, error);
}

static gboolean
set_sessions (IvdConfigHttp *self, const char *value, GError **error)
{
  return ivd_key_file_parse_boolean (value, &self->sessions, error);
}

static gboolean
set_socket_mode (IvdConfigHttp *self, const char *value, GError **error)
{
  g_autofree char *safe = NULL;
  guint64 mode;

  if (strlen (value) <= MODE_DIGITS_MAX && g_ascii_isdigit (value[0])
      && g_ascii_string_to_unsigned (value, OCTAL, 0, MODE_MAX, &mode, NULL))
    {
      self->socket_mode = (guint) mode;
      return TRUE;
    }
  safe = ivd_text_safe (value);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no mode of a socket: octal digits from 0 to 0777, such as 0660", safe);
  return FALSE;
}

static gboolean
set_socket_group (IvdConfigHttp *self, const char *value, GError **error)
{
  guint32 gid;

  if (!ivd_account_find_group (value, &gid, error))
    return FALSE;
  self->socket_gid = gid;
  return TRUE;
}

static gboolean
set_tokens (IvdConfigHttp *self, const char *value, GError **error)
{
  self->token_files = g_strsplit (value, PATH_SEPARATOR, -1);
  for (gsize i = 0; self->token_files[i] != NULL; i++)
    {
      if (!ivd_path_check (g_strstrip (self->token_files[i]), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
set_tls_certificate (IvdConfigHttp *self, const char *value, GError **error)
{
  self->tls_certificate = g_strdup (value);
  return ivd_path_check (value, error);
}

static gboolean
set_tls_key (IvdConfigHttp *self, const char *value, GError **error)
{
  self->tls_key = g_strdup (value);
  return ivd_path_check (value, error);
}

static gboolean
check_host (const char *host, GError **error)
{
  gsize length = strlen (host);
  g_autofree char *safe = NULL;

  if (length > 0 && length <= IVD_LIMIT_HTTP_HOST_BYTES && strspn (host, HOST_CHARACTERS) == length
      && g_ascii_isalnum (host[0]))
    return TRUE;
  safe = ivd_text_safe (host);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no name of a host: a-z 0-9 - and ., without a port, separated by commas", safe);
  return FALSE;
}

static gboolean
set_allowed_hosts (IvdConfigHttp *self, const char *value, GError **error)
{
  g_autoptr (GStrvBuilder) hosts = g_strv_builder_new ();
  g_auto (GStrv) parts = g_strsplit (value, ITEM_SEPARATOR, -1);

  if (g_strv_length (parts) > IVD_LIMIT_HTTP_HOSTS)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%u names are too many: at most %d",
                   g_strv_length (parts), IVD_LIMIT_HTTP_HOSTS);
      return FALSE;
    }
  for (gsize i = 0; parts[i] != NULL; i++)
    {
      g_autofree char *host = g_ascii_strdown (g_strstrip (parts[i]), -1);

      if (!check_host (host, error))
        return FALSE;
      g_strv_builder_add (hosts, host);
    }
  self->allowed_hosts = g_strv_builder_end (hosts);
  return TRUE;
}

static const HttpKeyRow keys[] = {
  { "allowed-hosts", set_allowed_hosts },
  { "enabled", set_enabled },
  { "insecure", set_insecure },
  { "listen", set_listen },
  { "sessions", set_sessions },
  { "socket-group", set_socket_group },
  { "socket-mode", set_socket_mode },
  { "tls-certificate", set_tls_certificate },
  { "tls-key", set_tls_key },
  { "tokens", set_tokens },
};

static const HttpKeyRow *
find_key (const char *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      if (strcmp (keys[i].key, key) == 0)
        return &keys[i];
    }
  return NULL;
}

static gboolean
fail_unknown_key (const IvdKeyFileGroup *group, const IvdKeyFileEntry *entry, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", keys[i].key);
  return ivd_key_file_fail (error, group->file, entry->line, "unknown key '%s' in [http]: known are %s", entry->key,
                            known->str);
}

/* Remembers where those are that are looked at again later. */
static void
note_place (IvdConfigHttp *self, const HttpKeyRow *row, const char *place)
{
  char **noted = row->set == set_listen            ? &self->listen_place
                 : row->set == set_tokens          ? &self->tokens_place
                 : row->set == set_tls_certificate ? &self->certificate_place
                 : row->set == set_tls_key         ? &self->key_place
                                                   : NULL;

  if (noted == NULL)
    return;
  g_free (*noted);
  *noted = g_strdup (place);
}

gboolean
ivd_config_http_parse (IvdConfigHttp *self, const IvdKeyFileGroup *group, GError **error)
{
  for (guint i = 0; i < group->entries->len; i++)
    {
      const IvdKeyFileEntry *entry = g_ptr_array_index (group->entries, i);
      const HttpKeyRow *row = find_key (entry->key);
      g_autofree char *place = g_strdup_printf ("%s:%u: %s", group->file, entry->line, entry->key);

      if (row == NULL)
        return fail_unknown_key (group, entry, error);
      if (entry->value[0] == '\0')
        return ivd_key_file_fail (error, group->file, entry->line,
                                  "%s: there is no value: give one, or leave the key out", entry->key);
      if (!row->set (self, entry->value, error))
        {
          g_prefix_error (error, "%s: ", place);
          return FALSE;
        }
      note_place (self, row, place);
    }
  return TRUE;
}

/* --- what keys have in common --- */

static gboolean
check_plaintext (const IvdConfigHttp *self, GError **error)
{
  if (self->tls_certificate != NULL || self->insecure)
    return TRUE;
  for (guint i = 0; i < self->listen->len; i++)
    {
      const IvdListenAddress *address = g_ptr_array_index (self->listen, i);
      g_autofree char *text = NULL;

      if (address->loopback)
        continue;
      text = ivd_listen_address_format (address);
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "%s: other machines can reach %s, where tokens and memory would pass in plaintext: give "
                   "tls-certificate and tls-key in [http], or insecure=true if you know better",
                   self->listen_place, text);
      return FALSE;
    }
  return TRUE;
}

gboolean
ivd_config_http_check (const IvdConfigHttp *self, GError **error)
{
  if ((self->tls_certificate == NULL) != (self->tls_key == NULL))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "%s: tls-certificate and tls-key need each other (one file may be both)",
                   self->tls_certificate != NULL ? self->certificate_place : self->key_place);
      return FALSE;
    }
  return !self->enabled || check_plaintext (self, error);
}

/* --- files --- */

static gboolean
load_tokens (IvdConfigHttp *self, GError **error)
{
  g_autofree char *credential = ivd_paths_find_credential (CREDENTIAL);

  self->tokens = ivd_tokens_new ();
  for (gsize i = 0; self->token_files != NULL && self->token_files[i] != NULL; i++)
    {
      if (ivd_tokens_read (self->tokens, self->token_files[i], error))
        continue;
      g_prefix_error (error, "%s: ", self->tokens_place);
      return FALSE;
    }
  if (credential == NULL || ivd_tokens_read (self->tokens, credential, error))
    return TRUE;
  g_prefix_error (error, "credential " CREDENTIAL ": ");
  return FALSE;
}

static gboolean
load_certificate (IvdConfigHttp *self, GError **error)
{
  if (self->tls_certificate == NULL)
    return TRUE;
  if (!ivd_certificate_check_file (self->tls_key, error))
    {
      g_prefix_error (error, "%s: ", self->key_place);
      return FALSE;
    }
  self->certificate = ivd_certificate_load (self->tls_certificate, self->tls_key, error);
  if (self->certificate != NULL)
    return TRUE;
  g_prefix_error (error, "%s: ", self->certificate_place);
  return FALSE;
}

gboolean
ivd_config_http_load (IvdConfigHttp *self, GError **error)
{
  return !self->enabled || (load_tokens (self, error) && load_certificate (self, error));
}
