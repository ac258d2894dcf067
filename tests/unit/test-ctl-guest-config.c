/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"

#include "ctl-guest-config.h"

#define SERVER                                                                                       \
  "{'Name': <'demo'>, 'Plugin': <'doorbell-server'>, 'State': <'ready'>, 'Size': <uint64 4194304>, " \
  "'Vectors': <uint32 %s>, 'Options': <{'socket': <'%s'>, 'vectors': <'4'>}>}"
#define PLAIN                                                                               \
  "{'Name': <'glass'>, 'Plugin': <'host-plain'>, 'State': <'ready'>, 'Size': <uint64 %s>, " \
  "'Vectors': <uint32 0>, 'Options': <{'path': <'%s'>}>}"

static GVariant *
properties_of (const char *format, const char *first, const char *second)
{
  const char *at = strstr (format, "%s");
  g_autofree char *head = g_strndup (format, (gsize) (at - format));
  const char *tail = strstr (at + 2, "%s");
  g_autofree char *middle = g_strndup (at + 2, (gsize) (tail - at - 2));
  g_autofree char *text = g_strconcat (head, first, middle, second, tail + 2, NULL);
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return value;
}

static void
assert_qemu (const char *format, const char *first, const char *second, const char *expected)
{
  g_autoptr (GVariant) properties = properties_of (format, first, second);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = ctl_guest_config_qemu (properties, &error);
  g_autofree char *line = NULL;

  g_assert_no_error (error);
  line = g_strjoinv (" ", words);
  g_assert_cmpstr (line, ==, expected);
}

static void
test_qemu (void)
{
  assert_qemu (SERVER, "4", "/run/ivshmemd/demo.sock",
               "-chardev socket,path=/run/ivshmemd/demo.sock,id=ivshmem-demo "
               "-device ivshmem-doorbell,vectors=4,chardev=ivshmem-demo");
  /* The daemon itself has no vectors; its guests have. */
  assert_qemu (
      SERVER, "0", "/a,b",
      "-chardev socket,path=/a,,b,id=ivshmem-demo -device ivshmem-doorbell,vectors=4,chardev=ivshmem-demo");
  assert_qemu (PLAIN, "1048576", "/dev/shm/x,y",
               "-object memory-backend-file,id=ivshmem-glass,share=on,mem-path=/dev/shm/x,,y,size=1048576 "
               "-device ivshmem-plain,memdev=ivshmem-glass");
}

static void
assert_refused (const char *text, gint code, const char *complaint)
{
  g_autoptr (GVariant) properties = g_variant_ref_sink (g_variant_new_parsed (text));
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) libvirt_error = NULL;
  g_auto (GStrv) words = ctl_guest_config_qemu (properties, &error);
  g_autofree char *note = NULL;
  g_autofree char *xml = ctl_guest_config_libvirt (properties, &note, &libvirt_error);

  g_assert_null (words);
  g_assert_null (xml);
  g_assert_error (error, IVD_ERROR, code);
  g_assert_error (libvirt_error, IVD_ERROR, code);
  g_assert_nonnull (strstr (error->message, complaint));
}

static void
test_refused (void)
{
  assert_refused ("{'Name': <'g'>, 'Plugin': <'guest-linux'>, 'Size': <uint64 4096>}",
                  IVD_ERROR_NOT_SUPPORTED, "guest-linux");
  assert_refused ("{'Name': <'g'>, 'Plugin': <'host-plain'>, 'Size': <uint64 3145728>, "
                  "'Options': <{'path': <'/dev/shm/g'>}>}",
                  IVD_ERROR_INVALID_ARGUMENT, "powers of two");
  assert_refused ("{'Name': <'g'>, 'Plugin': <'host-plain'>, 'Size': <uint64 4096>}",
                  IVD_ERROR_NOT_SUPPORTED, "path");
  assert_refused ("{'Name': <'g'>, 'Plugin': <'doorbell'>, 'State': <'connecting'>, 'Size': <uint64 0>, "
                  "'Options': <{'socket': <'/s'>}>}",
                  IVD_ERROR_NOT_SUPPORTED, "connecting");
}

static void
assert_libvirt (
    const char *format, const char *first, const char *second, const char *expected, gboolean noted)
{
  g_autoptr (GVariant) properties = properties_of (format, first, second);
  g_autoptr (GError) error = NULL;
  g_autofree char *note = NULL;
  g_autofree char *xml = ctl_guest_config_libvirt (properties, &note, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (xml, ==, expected);
  g_assert_true (noted == (note != NULL));
}

static void
test_libvirt (void)
{
  assert_libvirt (SERVER, "4", "/run/a&b<c>.sock",
                  "<shmem name='demo'>\n"
                  "  <model type='ivshmem-doorbell'/>\n"
                  "  <server path='/run/a&amp;b&lt;c&gt;.sock'/>\n"
                  "  <msi vectors='4' ioeventfd='on'/>\n"
                  "</shmem>\n",
                  FALSE);
  assert_libvirt (PLAIN, "1048576", "/dev/shm/looking-glass",
                  "<shmem name='looking-glass'>\n"
                  "  <model type='ivshmem-plain'/>\n"
                  "  <size unit='KiB'>1024</size>\n"
                  "</shmem>\n",
                  FALSE);
}

/* What libvirt's own element cannot say goes to QEMU's command line. */
static void
test_libvirt_command_line (void)
{
  static const char *const paths[] = { "/dev/hugepages/x", "/dev/shm/dir/x" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autofree char *expected = g_strdup_printf (
          "<qemu:commandline>\n"
          "  <qemu:arg value='-object'/>\n"
          "  <qemu:arg value='memory-backend-file,id=ivshmem-glass,share=on,mem-path=%s,size=2097152'/>\n"
          "  <qemu:arg value='-device'/>\n"
          "  <qemu:arg value='ivshmem-plain,memdev=ivshmem-glass'/>\n"
          "</qemu:commandline>\n",
          paths[i]);

      assert_libvirt (PLAIN, "2097152", paths[i], expected, TRUE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/guest-config/qemu", test_qemu);
  g_test_add_func ("/ctl/guest-config/refused", test_refused);
  g_test_add_func ("/ctl/guest-config/libvirt", test_libvirt);
  g_test_add_func ("/ctl/guest-config/libvirt-command-line", test_libvirt_command_line);
  return g_test_run ();
}
