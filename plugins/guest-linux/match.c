/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/match.h"

#include <string.h>

#include "guest-linux/error.h"
#include "guest-linux/sysfs.h"

#define PREFIX_SIZE "size:"
#define PREFIX_INDEX "index:"
/* How many devices an error names. */
#define NAMED_MAX 8

static gboolean
parse_decimal (const char *text, const char **ret_end, guint64 *ret_number)
{
  gsize digits = strspn (text, "0123456789");

  if (digits == 0 || !pci_parse_number (text, digits, ret_number))
    return FALSE;
  *ret_end = text + digits;
  return TRUE;
}

static gboolean
parse_size (const char *text, guint64 *ret_size)
{
  static const char suffixes[] = "KMGT";
  const char *end, *suffix;
  guint64 number;
  guint shift = 0;

  if (!parse_decimal (text, &end, &number) || number == 0)
    return FALSE;
  if (*end != '\0')
    {
      suffix = strchr (suffixes, g_ascii_toupper (*end));
      if (suffix == NULL || end[1] != '\0')
        return FALSE;
      shift = 10 * (guint) (suffix - suffixes + 1);
    }
  return g_uint64_checked_mul (ret_size, number, G_GUINT64_CONSTANT (1) << shift);
}

static gboolean
parse_index (const char *text, guint *ret_index)
{
  const char *end;
  guint64 number;

  if (!parse_decimal (text, &end, &number) || *end != '\0' || number >= PCI_LIMIT_DEVICES)
    return FALSE;
  *ret_index = (guint) number;
  return TRUE;
}

gboolean
pci_match_parse (const char *text, PciMatch *ret_match, GError **error)
{
  g_autofree char *shown = NULL;
  PciMatch match = { .kind = PCI_MATCH_ONLY };
  gboolean good;

  if (text == NULL)
    good = TRUE;
  else if (g_str_has_prefix (text, PREFIX_SIZE))
    {
      match.kind = PCI_MATCH_SIZE;
      good = parse_size (text + strlen (PREFIX_SIZE), &match.size);
    }
  else if (g_str_has_prefix (text, PREFIX_INDEX))
    {
      match.kind = PCI_MATCH_INDEX;
      good = parse_index (text + strlen (PREFIX_INDEX), &match.index);
    }
  else
    {
      match.kind = PCI_MATCH_ADDRESS;
      good = pci_address_parse (text, &match.address);
    }
  if (good)
    {
      *ret_match = match;
      return TRUE;
    }
  shown = pci_sysfs_clean (text);
  g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
               "device='%s' is neither a PCI address such as 0000:00:05.0 nor size:N with K, M, G or T "
               "nor index:N below %d",
               shown, PCI_LIMIT_DEVICES);
  return FALSE;
}

/* "there is 0000:00:05.0 (ivshmem-doorbell, 4M), ..." */
static char *
name_devices (GPtrArray *devices)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (devices->len == 0)
    return g_strdup ("this machine has no ivshmem device (PCI 1af4:1110)");
  g_string_append (out, devices->len == 1 ? "there is " : "there are ");
  for (guint i = 0; i < MIN (devices->len, NAMED_MAX); i++)
    {
      g_autofree char *device = pci_device_describe (g_ptr_array_index (devices, i));

      g_string_append_printf (out, "%s%s", i > 0 ? ", " : "", device);
    }
  if (devices->len > NAMED_MAX)
    g_string_append_printf (out, " and %u more", devices->len - NAMED_MAX);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
fits (const PciMatch *match, const PciDevice *device, guint index)
{
  PciAddress address;

  switch (match->kind)
    {
    case PCI_MATCH_ADDRESS:
      return pci_address_parse (device->address, &address)
             && pci_address_compare (&address, &match->address) == 0;
    case PCI_MATCH_SIZE:
      return device->bar_bytes[PCI_BAR_MEMORY] == match->size;
    case PCI_MATCH_INDEX:
      return index == match->index;
    case PCI_MATCH_ONLY:
    default:
      return TRUE;
    }
}

static PciDevice *
take_only (GPtrArray *devices, GPtrArray *fitting, const char *text, GError **error)
{
  g_autofree char *names = name_devices (fitting->len > 1 ? fitting : devices);

  if (fitting->len == 1)
    {
      guint index = 0;

      /* The list gives it away. */
      if (g_ptr_array_find (devices, g_ptr_array_index (fitting, 0), &index))
        return g_ptr_array_steal_index (devices, index);
    }
  if (fitting->len > 1)
    g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_BUSY, "%u devices fit%s%s: %s; say which by device=ADDRESS",
                 fitting->len, text != NULL ? " device=" : "", text != NULL ? text : "", names);
  else if (text != NULL)
    g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_FOUND, "no ivshmem device fits device=%s: %s", text,
                 names);
  else
    g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_FOUND, "%s", names);
  return NULL;
}

PciDevice *
pci_match_find (const char *sysfs, const char *text, GError **error)
{
  g_autoptr (GPtrArray) devices = NULL;
  g_autoptr (GPtrArray) fitting = g_ptr_array_new ();
  g_autoptr (GError) wrong = NULL;
  PciMatch match;

  devices = pci_device_list (sysfs);
  if (!pci_match_parse (text, &match, &wrong))
    {
      g_autofree char *names = name_devices (devices);

      g_set_error (error, PCI_ERROR, wrong->code, "%s: %s", wrong->message, names);
      return NULL;
    }
  for (guint i = 0; i < devices->len; i++)
    {
      PciDevice *device = g_ptr_array_index (devices, i);

      if (fits (&match, device, i))
        g_ptr_array_add (fitting, device);
    }
  return take_only (devices, fitting, text, error);
}
