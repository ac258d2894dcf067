/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "fuzz.h"
#include "guest-linux/match.h"
#include "guest-linux/parse.h"
#include "guest-linux/sysfs.h"

/*
 * What sysfs says of a PCI device, and what a user calls one: the same bytes
 * are a file "resource", "config" and "lockdown", a number, a name, an address
 * and the option device=.
 */

#define VECTORS_MAX 2048

static void
read_files (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  g_autofree char *lockdown = pci_parse_lockdown (text, size);
  PciBars bars;
  PciConfig config;
  guint64 number;

  pci_parse_resource (text, size, &bars);
  for (guint bar = 0; bar < PCI_N_BARS; bar++)
    g_assert_true (bars.bytes[bar] == 0 || (bars.unassigned & (1u << bar)) == 0);
  g_assert_cmpuint (bars.unassigned, <, 1u << PCI_N_BARS);
  if (pci_parse_config (data, size, &config))
    {
      g_assert_cmpint (config.vectors, >=, -1);
      g_assert_cmpint (config.vectors, <=, VECTORS_MAX);
      g_assert_cmpuint (config.unassigned, <, 1u << PCI_N_BARS);
    }
  if (pci_parse_number (text, size, &number))
    g_assert_cmpuint (size, >, 0);
  if (lockdown != NULL)
    g_assert_true (g_str_is_ascii (lockdown));
}

static void
read_address (const char *text)
{
  PciAddress address, again;
  g_autofree char *proper = NULL;

  if (!pci_address_parse (text, &address))
    return;
  proper = pci_address_format (&address);
  g_assert_true (pci_address_parse (proper, &again));
  g_assert_cmpint (pci_address_compare (&address, &again), ==, 0);
}

static void
read_match (const char *text)
{
  g_autoptr (GError) error = NULL;
  PciMatch match;

  if (pci_match_parse (text, &match, &error))
    g_assert_no_error (error);
  else
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *name = pci_sysfs_clean (text);

  g_assert_cmpuint (strlen (name), <=, PCI_LIMIT_NAME_BYTES);
  g_assert_true (g_utf8_validate (name, -1, NULL));
  read_files (data, size);
  read_address (text);
  read_match (text);
  return 0;
}
