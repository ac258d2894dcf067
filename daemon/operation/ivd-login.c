/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "operation/ivd-region-operations.h"

/* Whoever may see nothing has nothing to show in a browser, and shall not push
 * the logins of others out. */
static gboolean
check (IvdContext *context, IvdCaller *caller, GError **error)
{
  if (context->logins == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                           "there is nothing to log in to: the daemon serves no HTTP, or takes no sessions "
                           "(enabled= and sessions= in [http] of its config, option --http)");
      return FALSE;
    }
  return ivd_access_sees_anything (context->access, caller)
         || ivd_access_check (context->access, caller, IVD_PERMISSION_SEE, NULL, error);
}

void
ivd_operation_create_login (IvdRequest *request)
{
  IvdContext *context = ivd_request_context (request);
  IvdCaller *caller = ivd_request_caller (request);
  g_autofree char *secret = NULL;
  GError *error = NULL;

  if (check (context, caller, &error))
    secret = ivd_logins_create (context->logins, caller, g_get_monotonic_time (), &error);
  if (secret == NULL)
    ivd_request_fail (request, error);
  else
    ivd_request_return (request, g_variant_new ("(st)", secret, (guint64) IVD_LIMIT_LOGIN_USEC));
}
