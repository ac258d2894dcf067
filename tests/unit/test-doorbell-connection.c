/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "doorbell/connection.h"

#define CREDENTIALS_LIKE 0x02 /* SCM_CREDENTIALS */

/* Puts a control message behind those that are there. */
static void
append_control (struct msghdr *message, int level, int type, const void *data, gsize length)
{
  struct cmsghdr *control = (struct cmsghdr *) ((char *) message->msg_control + message->msg_controllen);

  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN (length);
  memcpy (CMSG_DATA (control), data, length);
  message->msg_controllen += CMSG_SPACE (length);
}

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) != -1;
}

/* The seed took anything but SCM_RIGHTS of a wrong level for a descriptor. */
static void
test_other_control_messages (void)
{
  union
  {
    char bytes[512];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr message = { .msg_control = control.bytes };
  int open_fd = eventfd (0, EFD_CLOEXEC), innocent = eventfd (0, EFD_CLOEXEC);
  int fake[3] = { innocent, innocent, innocent };
  DoorbellDescriptor descriptors[4];

  append_control (&message, SOL_SOCKET, CREDENTIALS_LIKE, fake, sizeof fake);
  append_control (&message, SOL_SOCKET + 1, SCM_RIGHTS, fake, sizeof fake);
  append_control (&message, SOL_SOCKET, SCM_RIGHTS, &open_fd, sizeof open_fd);
  append_control (&message, SOL_SOCKET, SO_TIMESTAMP, fake, sizeof fake);
  append_control (&message, SOL_SOCKET, SCM_RIGHTS, fake, 0);

  g_assert_cmpuint (doorbell_take_descriptors (&message, descriptors, 4), ==, 1);
  g_assert_cmpint (descriptors[0].fd, ==, open_fd);
  g_assert_cmpint (descriptors[0].kind, ==, DOORBELL_KIND_EVENTFD);
  g_assert_true (is_open (innocent));
  close (innocent);
  close (open_fd);
}

static void
test_surplus_is_closed (void)
{
  union
  {
    char bytes[512];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr message = { .msg_control = control.bytes };
  int fds[4];
  DoorbellDescriptor descriptors[2];

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = eventfd (0, EFD_CLOEXEC);
  append_control (&message, SOL_SOCKET, SCM_RIGHTS, fds, 3 * sizeof *fds);
  append_control (&message, SOL_SOCKET, SCM_RIGHTS, fds + 3, sizeof *fds);

  g_assert_cmpuint (doorbell_take_descriptors (&message, descriptors, 2), ==, 2);
  g_assert_true (is_open (fds[0]));
  g_assert_true (is_open (fds[1]));
  g_assert_false (is_open (fds[2]));
  g_assert_false (is_open (fds[3]));
  close (fds[0]);
  close (fds[1]);
}

static DoorbellDescriptor
look_at (int fd)
{
  union
  {
    char bytes[64];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr message = { .msg_control = control.bytes };
  DoorbellDescriptor descriptor;

  append_control (&message, SOL_SOCKET, SCM_RIGHTS, &fd, sizeof fd);
  g_assert_cmpuint (doorbell_take_descriptors (&message, &descriptor, 1), ==, 1);
  close (fd);
  return descriptor;
}

static void
test_kinds (void)
{
  int memory = memfd_create ("kinds", MFD_CLOEXEC | MFD_ALLOW_SEALING), pipe_fds[2];
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", memory);
  DoorbellDescriptor descriptor;

  g_assert_cmpint (ftruncate (memory, 12288), ==, 0);
  descriptor = look_at (dup (memory));
  g_assert_cmpint (descriptor.kind, ==, DOORBELL_KIND_FILE);
  g_assert_cmpuint (descriptor.size, ==, 12288);
  g_assert_false (descriptor.read_only);

  descriptor = look_at (open (self, O_RDONLY | O_CLOEXEC));
  g_assert_cmpint (descriptor.kind, ==, DOORBELL_KIND_FILE);
  g_assert_true (descriptor.read_only);

  g_assert_cmpint (fcntl (memory, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), ==, 0);
  descriptor = look_at (memory);
  g_assert_cmpint (descriptor.kind, ==, DOORBELL_KIND_FILE);
  g_assert_true (descriptor.read_only);

  g_assert_cmpint (pipe2 (pipe_fds, O_CLOEXEC), ==, 0);
  g_assert_cmpint (look_at (pipe_fds[0]).kind, ==, DOORBELL_KIND_OTHER);
  g_assert_cmpint (look_at (pipe_fds[1]).kind, ==, DOORBELL_KIND_OTHER);
  g_assert_cmpint (look_at (open ("/dev/null", O_RDWR | O_CLOEXEC)).kind, ==, DOORBELL_KIND_OTHER);
  g_assert_cmpint (look_at (open ("/dev", O_RDONLY | O_CLOEXEC)).kind, ==, DOORBELL_KIND_OTHER);
  g_assert_cmpint (look_at (eventfd (0, EFD_SEMAPHORE | EFD_CLOEXEC)).kind, ==, DOORBELL_KIND_EVENTFD);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/doorbell-connection/a6-1-other-control-messages", test_other_control_messages);
  g_test_add_func ("/doorbell-connection/a6-1-surplus-is-closed", test_surplus_is_closed);
  g_test_add_func ("/doorbell-connection/kinds", test_kinds);
  return g_test_run ();
}
