/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/parse.h"

#include <linux/pci_regs.h>
#include <string.h>

static void
test_addresses (void)
{
  static const struct
  {
    const char *text, *proper; /* proper: NULL: it is none */
  } cases[] = {
    { "0000:00:05.0", "0000:00:05.0" },
    { "00:05.0", "0000:00:05.0" },
    { "0000:aB:1F.7", "0000:ab:1f.7" },
    { "AB:1f.7", "0000:ab:1f.7" },
    { "10000:00:05.0", "10000:00:05.0" },
    { "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
    { "fffffffff:ff:1f.7", NULL },
    { "000:00:05.0", NULL },
    { "00:20.0", NULL },
    { "00:05.8", NULL },
    { "00:05", NULL },
    { "00:05.", NULL },
    { "00:05.0 ", NULL },
    { " 00:05.0", NULL },
    { "00:5.0", NULL },
    { "000:05.0", NULL },
    { "0000:00:05.00", NULL },
    { "0000:0000:00:05.0", NULL },
    { "0000:", NULL },
    { "zz:05.0", NULL },
    { "", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      PciAddress address;
      g_autofree char *proper
          = pci_address_parse (cases[i].text, &address) ? pci_address_format (&address) : NULL;

      g_test_message ("'%s'", cases[i].text);
      g_assert_cmpstr (proper, ==, cases[i].proper);
    }
}

static void
test_address_order (void)
{
  static const char *const sorted[] = { "0000:00:05.0", "0000:00:05.1", "0000:00:06.0", "0000:01:00.0",
                                        "0001:00:00.0", "ffff:00:00.0", "10000:00:00.0", "ffffffff:00:00.0" };

  for (gsize i = 0; i < G_N_ELEMENTS (sorted); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (sorted); j++)
      {
        PciAddress a, b;

        g_assert_true (pci_address_parse (sorted[i], &a));
        g_assert_true (pci_address_parse (sorted[j], &b));
        g_assert_cmpint (pci_address_compare (&a, &b), ==, i < j ? -1 : i > j ? 1
                                                                              : 0);
      }
}

static void
assert_number (const char *text, gboolean good, guint64 expected)
{
  guint64 number = 77;

  g_test_message ("'%s'", text);
  g_assert_cmpint (pci_parse_number (text, strlen (text), &number), ==, good);
  g_assert_cmpuint (number, ==, good ? expected : 77);
}

static void
test_numbers (void)
{
  assert_number ("0", TRUE, 0);
  assert_number (" 12\n", TRUE, 12);
  assert_number ("0x1af4\n", TRUE, 0x1af4);
  assert_number ("0X1AF4", TRUE, 0x1af4);
  assert_number ("18446744073709551615", TRUE, G_MAXUINT64);
  assert_number ("18446744073709551616", FALSE, 0);
  assert_number ("0xffffffffffffffff", TRUE, G_MAXUINT64);
  assert_number ("0x10000000000000000", FALSE, 0);
  assert_number ("", FALSE, 0);
  assert_number ("\n", FALSE, 0);
  assert_number ("0x", FALSE, 0);
  assert_number ("-1", FALSE, 0);
  assert_number ("+1", FALSE, 0);
  assert_number ("1 2", FALSE, 0);
  assert_number ("12a", FALSE, 0);
  assert_number ("zwölf", FALSE, 0);
}

static PciBars
parse (const char *text)
{
  PciBars bars;

  memset (&bars, 0xff, sizeof bars);
  pci_parse_resource (text, strlen (text), &bars);
  return bars;
}

static void
test_resource (void)
{
  PciBars bars = parse ("0x00000000febf1000 0x00000000febf10ff 0x0000000000040200\n"
                        "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
                        "0x000000fe00000000 0x000000fe003fffff 0x000000000014220c\n");

  g_assert_cmpuint (bars.bytes[0], ==, 256);
  g_assert_cmphex (bars.address[1], ==, 0);
  g_assert_cmpuint (bars.bytes[1], ==, 0);
  g_assert_cmpuint (bars.bytes[2], ==, 4 * 1024 * 1024);
  g_assert_cmpuint (bars.bytes[3], ==, 0);
  g_assert_cmpuint (bars.unassigned, ==, 0);
}

static void
test_odd_resources (void)
{
  static const char *const nothing[] = {
    "",
    "\n\n\n\n\n\n\n\n",
    "0x1000",
    "0x1000 0x1fff",
    "0x1000 0x1fff\n",
    "0x1000 0x1fff flags\n",
    "0x1000 0x1fff 0x200 more\n",
    "0x1000 0x0fff 0x200\n", /* ends before it begins */
    "0x1000 0x1000 0x200\n",
    "0x1000 0x1fff 0x100\n", /* ports */
    "0x1000 0x10000000000000fff 0x200\n",
    "-1 0x1fff 0x200\n",
    "\xff\xfe\x01",
  };
  PciBars bars;

  for (gsize i = 0; i < G_N_ELEMENTS (nothing); i++)
    {
      bars = parse (nothing[i]);
      g_test_message ("case %zu", i);
      g_assert_cmpuint (bars.bytes[0], ==, 0);
      g_assert_cmpuint (bars.unassigned, ==, 0);
    }

  /* The last line has no end; seven BARs are one too many. */
  bars = parse ("\n\n\n\n\n0x1000 0x1fff 0x200");
  g_assert_cmpuint (bars.bytes[5], ==, 0x1000);
  bars = parse ("\n\n\n\n\n\n0x1000 0x1fff 0x200");
  g_assert_cmpuint (bars.bytes[5], ==, 0);
  bars = parse ("0x1 0xffffffffffffffff 0x200");
  g_assert_cmpuint (bars.bytes[0], ==, G_MAXUINT64);

  bars = parse ("\n\n0x0000000000000000 0x00000000003fffff 0x000000002014220c\n");
  g_assert_cmpuint (bars.bytes[2], ==, 0);
  g_assert_cmpuint (bars.unassigned, ==, 1u << 2);
}

typedef struct
{
  guint8 bytes[PCI_CONFIG_BYTES];
} Space;

static Space
make_space (void)
{
  Space space = { { 0xf4, 0x1a, 0x10, 0x11, [PCI_COMMAND] = 0x03, [PCI_REVISION_ID] = 1 } };

  space.bytes[PCI_STATUS] = PCI_STATUS_CAP_LIST;
  space.bytes[PCI_CAPABILITY_LIST] = 0x40;
  space.bytes[0x40] = PCI_CAP_ID_PM;
  space.bytes[0x41] = 0x60;
  space.bytes[0x60] = PCI_CAP_ID_MSIX;
  space.bytes[0x60 + PCI_MSIX_FLAGS] = 0xff;
  space.bytes[0x60 + PCI_MSIX_FLAGS + 1] = 0xc7;
  return space;
}

static gint
vectors_of (const Space *space, gsize length)
{
  PciConfig config;

  g_assert_true (pci_parse_config (space->bytes, length, &config));
  return config.vectors;
}

static void
test_config (void)
{
  Space space = make_space ();
  PciConfig config;

  g_assert_true (pci_parse_config (space.bytes, sizeof space.bytes, &config));
  g_assert_true (config.memory_enabled);
  g_assert_cmpuint (config.revision, ==, 1);
  g_assert_cmpint (config.vectors, ==, 2048);
  g_assert_cmpuint (config.unassigned, ==, 0);

  space.bytes[PCI_COMMAND] = 0x05;
  g_assert_true (pci_parse_config (space.bytes, PCI_CONFIG_HEADER_BYTES, &config));
  g_assert_false (config.memory_enabled);
  /* Of a capability that is beyond what one may read, nothing is known. */
  g_assert_cmpint (config.vectors, ==, -1);
  g_assert_cmpint (vectors_of (&space, 0x63), ==, -1);
  g_assert_cmpint (vectors_of (&space, 0x64), ==, 2048);
  g_assert_false (pci_parse_config (space.bytes, PCI_CONFIG_HEADER_BYTES - 1, &config));

  memset (&space, 0xff, sizeof space);
  g_assert_false (pci_parse_config (space.bytes, sizeof space.bytes, &config));
}

static void
test_odd_capabilities (void)
{
  Space space = make_space ();

  /* That it has none, everybody may know. */
  space.bytes[PCI_STATUS] = 0;
  g_assert_cmpint (vectors_of (&space, PCI_CONFIG_HEADER_BYTES), ==, 0);

  space = make_space ();
  space.bytes[0x61] = 0x40; /* a circle */
  space.bytes[0x60] = PCI_CAP_ID_PM;
  g_assert_cmpint (vectors_of (&space, sizeof space.bytes), ==, 0);
  space.bytes[0x61] = 0x10; /* back into the header */
  g_assert_cmpint (vectors_of (&space, sizeof space.bytes), ==, 0);
  space.bytes[0x61] = 0xff; /* the last one that there can be */
  space.bytes[0xfc] = PCI_CAP_ID_MSIX;
  g_assert_cmpint (vectors_of (&space, sizeof space.bytes), ==, 1);
  space.bytes[PCI_CAPABILITY_LIST] = 0;
  g_assert_cmpint (vectors_of (&space, sizeof space.bytes), ==, 0);
}

static void
test_unassigned (void)
{
  Space space = make_space ();
  PciConfig config;

  space.bytes[PCI_BASE_ADDRESS_2] = 0x0c;
  g_assert_true (pci_parse_config (space.bytes, sizeof space.bytes, &config));
  g_assert_cmpuint (config.unassigned, ==, 1u << 2);
  /* An address above 4 GiB is in the upper half. */
  space.bytes[PCI_BASE_ADDRESS_3] = 0xfe;
  g_assert_true (pci_parse_config (space.bytes, sizeof space.bytes, &config));
  g_assert_cmpuint (config.unassigned, ==, 0);
  /* The last one has no upper half. */
  space.bytes[PCI_BASE_ADDRESS_5] = 0x0c;
  g_assert_true (pci_parse_config (space.bytes, sizeof space.bytes, &config));
  g_assert_cmpuint (config.unassigned, ==, 0);
}

static void
assert_lockdown (const char *text, const char *expected)
{
  g_autofree char *word = pci_parse_lockdown (text, strlen (text));

  g_assert_cmpstr (word, ==, expected);
}

static void
test_lockdown (void)
{
  assert_lockdown ("[none] integrity confidentiality\n", "none");
  assert_lockdown ("none [integrity] confidentiality\n", "integrity");
  assert_lockdown ("none integrity [confidentiality]", "confidentiality");
  assert_lockdown ("none integrity confidentiality\n", NULL);
  assert_lockdown ("", NULL);
  assert_lockdown ("[", NULL);
  assert_lockdown ("[]", NULL);
  assert_lockdown ("]none[", NULL);
  assert_lockdown ("[two words]", NULL);
  assert_lockdown ("[abcdefghijklmnopqrstuvwxyzabcdef]", "abcdefghijklmnopqrstuvwxyzabcdef");
  assert_lockdown ("[abcdefghijklmnopqrstuvwxyzabcdefg]", NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guest-linux/parse/addresses", test_addresses);
  g_test_add_func ("/guest-linux/parse/address-order", test_address_order);
  g_test_add_func ("/guest-linux/parse/numbers", test_numbers);
  g_test_add_func ("/guest-linux/parse/resource", test_resource);
  g_test_add_func ("/guest-linux/parse/odd-resources", test_odd_resources);
  g_test_add_func ("/guest-linux/parse/config", test_config);
  g_test_add_func ("/guest-linux/parse/odd-capabilities", test_odd_capabilities);
  g_test_add_func ("/guest-linux/parse/unassigned", test_unassigned);
  g_test_add_func ("/guest-linux/parse/lockdown", test_lockdown);
  return g_test_run ();
}
