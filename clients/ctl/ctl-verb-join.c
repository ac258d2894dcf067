/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "platform/ivd-process.h"

#include "ctl-output.h"
#include "ctl-peer.h"
#include "ctl-region.h"
#include "ctl-verbs.h"

/* Being a peer: join. */

#define SOCKET_VARIABLE "IVSHMEM_SOCKET_FD"

/* Becomes the command: it has our place, our exit code is its own. */
static gboolean
become_command (const char *const *command, int take_fd, GError **error)
{
  g_autofree char *safe = ivd_text_safe (command[0]);
  g_autofree char *number = g_strdup_printf ("%d", take_fd);
  int saved_errno;

  if (fcntl (take_fd, F_SETFD, 0) == 0)
    {
      g_setenv (SOCKET_VARIABLE, number, TRUE);
      execvp (command[0], (char *const *) command);
    }
  saved_errno = errno;
  close (take_fd);
  g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot run '%s': %s", safe, g_strerror (saved_errno));
  return FALSE;
}

static gboolean
run_join (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  const char *const *program = ctl_arguments_command (command->arguments, "exec");
  CtlTransport *transport = ctl_command_connect (command, error);
  CtlCall call = {
    .region = region, .method = "Join", .answer = G_VARIANT_TYPE ("(h)"), .timeout_ms = CTL_TIMEOUT_DEFAULT
  };
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) properties = NULL;
  int fd = -1;

  if (transport == NULL)
    return FALSE;
  answer = ctl_transport_call (transport, &call, &fd, error);
  if (answer == NULL)
    return FALSE;
  if (program != NULL)
    return become_command (program, fd, error);

  properties = ctl_command_region (command, region, NULL);
  /* A descriptor for each vector of each peer will come. */
  ivd_process_raise_descriptor_limit ();
  return ctl_peer_run (command, region,
                       properties != NULL ? (guint) ctl_region_number (properties, "Vectors", 0) : 0, fd,
                       error);
}

static const CtlParameter parameters[] = { { "NAME", CTL_PARAMETER_REGION }, { NULL } };

static const CtlOption options[] = {
  { "exec", CTL_VALUE_COMMAND, "COMMAND...", "run COMMAND with the socket, instead of being the peer" },
  { NULL },
};

const CtlVerb ctl_verb_join = {
  .name = "join",
  .summary = "become a peer of a region, or run a program as one",
  .parameters = parameters,
  .options = options,
  .text = "Has the daemon make a new peer of the region. Prints its id, memory, peers and vectors, then a\n"
          "line for every interrupt that it gets and every peer that comes or goes, until Ctrl-C. With\n"
          "--json: one object a line.\n\n"
          "With --exec (which must be the last option) COMMAND is run in the place of ivshmemctl, with a\n"
          "connected socket that speaks the ivshmem protocol, the greeting still to be read, as the\n"
          "descriptor whose number is in the environment variable " SOCKET_VARIABLE ".\n\n"
          "Only D-Bus can hand the socket over, so there is no join with --url.\n",
  .example = "ivshmemctl join demo\n"
             "ivshmemctl join demo --exec sh -c 'my-peer --fd $" SOCKET_VARIABLE "'\n",
  .run = run_join,
};
