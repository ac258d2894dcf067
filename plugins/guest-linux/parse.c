/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/parse.h"

#include <linux/pci_regs.h>
#include <string.h>

/* Linux's flag of a resource that could not be given an address. */
#define RESOURCE_UNSET G_GUINT64_CONSTANT (0x20000000)
#define RESOURCE_MEMORY G_GUINT64_CONSTANT (0x00000200)

/* What reads find where no device answers. */
#define VENDOR_GONE 0xffff

#define DOMAIN_DIGITS_MIN 4
#define DOMAIN_DIGITS_MAX 8
#define DEVICE_MAX 0x1f
#define FUNCTION_MAX 7
/* A capability has at least four bytes: more than this is a circle. */
#define CAPABILITIES_MAX ((PCI_CONFIG_BYTES - PCI_CONFIG_HEADER_BYTES) / 4)
#define LOCKDOWN_BYTES_MAX 32

static guint
count_hex (const char *text)
{
  guint n = 0;

  while (g_ascii_isxdigit (text[n]))
    n++;
  return n;
}

/* Exactly two hexadecimal digits. */
static gboolean
read_pair (const char **text, guint *ret_value)
{
  if (count_hex (*text) != 2)
    return FALSE;
  *ret_value = (guint) g_ascii_xdigit_value ((*text)[0]) * 16 + (guint) g_ascii_xdigit_value ((*text)[1]);
  *text += 2;
  return TRUE;
}

gboolean
pci_address_parse (const char *text, PciAddress *ret_address)
{
  guint digits = count_hex (text);
  guint64 domain = 0;
  guint bus, device;

  if (digits >= DOMAIN_DIGITS_MIN && digits <= DOMAIN_DIGITS_MAX && text[digits] == ':')
    {
      domain = g_ascii_strtoull (text, NULL, 16);
      text += digits + 1;
    }
  if (!read_pair (&text, &bus) || *text++ != ':' || !read_pair (&text, &device) || *text++ != '.')
    return FALSE;
  if (device > DEVICE_MAX || *text < '0' || *text > '0' + FUNCTION_MAX || text[1] != '\0')
    return FALSE;
  *ret_address = (PciAddress){
    .domain = (guint32) domain,
    .bus = (guint8) bus,
    .device = (guint8) device,
    .function = (guint8) (*text - '0'),
  };
  return TRUE;
}

char *
pci_address_format (const PciAddress *address)
{
  return g_strdup_printf ("%04x:%02x:%02x.%x", address->domain, address->bus, address->device,
                          address->function);
}

gint
pci_address_compare (const PciAddress *a, const PciAddress *b)
{
  guint64 left
      = ((guint64) a->domain << 32) | ((guint64) a->bus << 16) | ((guint64) a->device << 8) | a->function;
  guint64 right
      = ((guint64) b->domain << 32) | ((guint64) b->bus << 16) | ((guint64) b->device << 8) | b->function;

  return left < right ? -1 : left > right ? 1
                                          : 0;
}

static gsize
skip_blanks (const char *text, gsize length, gsize at)
{
  while (at < length && g_ascii_isspace (text[at]))
    at++;
  return at;
}

/* A number that begins at *at, which is moved past it; FALSE: there is none, or
 * it needs more than 64 bits. */
static gboolean
read_number (const char *text, gsize length, gsize *at, guint64 *ret_number)
{
  gboolean hexadecimal = *at + 2 < length && text[*at] == '0' && (text[*at + 1] | 0x20) == 'x';
  guint64 base = hexadecimal ? 16 : 10;
  gsize start = *at + (hexadecimal ? 2 : 0);
  gsize i;
  guint64 number = 0;

  for (i = start; i < length; i++)
    {
      gint digit = hexadecimal ? g_ascii_xdigit_value (text[i]) : g_ascii_digit_value (text[i]);

      if (digit < 0)
        break;
      if (!g_uint64_checked_mul (&number, number, base)
          || !g_uint64_checked_add (&number, number, (guint64) digit))
        return FALSE;
    }
  if (i == start)
    return FALSE;
  *at = i;
  *ret_number = number;
  return TRUE;
}

gboolean
pci_parse_number (const char *text, gsize length, guint64 *ret_number)
{
  gsize at = skip_blanks (text, length, 0);
  guint64 number;

  if (!read_number (text, length, &at, &number) || skip_blanks (text, length, at) != length)
    return FALSE;
  *ret_number = number;
  return TRUE;
}

static void
parse_bar (const char *line, gsize length, guint bar, PciBars *bars)
{
  guint64 numbers[3];
  gsize at = 0;

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      at = skip_blanks (line, length, at);
      if (!read_number (line, length, &at, &numbers[i]))
        return;
    }
  if (skip_blanks (line, length, at) != length || (numbers[2] & RESOURCE_MEMORY) == 0)
    return;
  if ((numbers[2] & RESOURCE_UNSET) != 0 || numbers[0] == 0)
    bars->unassigned |= 1u << bar;
  else if (numbers[1] > numbers[0])
    {
      bars->address[bar] = numbers[0];
      bars->bytes[bar] = numbers[1] - numbers[0] + 1;
    }
}

void
pci_parse_resource (const char *text, gsize length, PciBars *ret_bars)
{
  PciBars bars = { 0 };

  for (guint bar = 0; bar < PCI_N_BARS && length > 0; bar++)
    {
      const char *end = memchr (text, '\n', length);
      gsize line = end != NULL ? (gsize) (end - text) : length;
      gsize taken = end != NULL ? line + 1 : line;

      parse_bar (text, line, bar, &bars);
      text += taken;
      length -= taken;
    }
  *ret_bars = bars;
}

static guint
get_16 (const guint8 *bytes, gsize at)
{
  return (guint) bytes[at] | ((guint) bytes[at + 1] << 8);
}

/* A BAR's type is there whether or not it has an address; that of a 32-bit one
 * is 0, and then nothing can be said. */
static guint
find_unassigned (const guint8 *bytes)
{
  guint unassigned = 0;

  for (guint bar = 0; bar < PCI_N_BARS; bar++)
    {
      gsize at = PCI_BASE_ADDRESS_0 + 4 * bar;
      guint32 low = get_16 (bytes, at) | ((guint32) get_16 (bytes, at + 2) << 16);
      gboolean wide
          = (low & (PCI_BASE_ADDRESS_SPACE | PCI_BASE_ADDRESS_MEM_TYPE_MASK)) == PCI_BASE_ADDRESS_MEM_TYPE_64;
      guint32 high = 0;

      if (!wide || bar + 1 == PCI_N_BARS)
        continue;
      high = get_16 (bytes, at + 4) | ((guint32) get_16 (bytes, at + 6) << 16);
      if ((low & (guint32) PCI_BASE_ADDRESS_MEM_MASK) == 0 && high == 0)
        unassigned |= 1u << bar;
      bar++;
    }
  return unassigned;
}

static gint
find_vectors (const guint8 *bytes, gsize length)
{
  guint at;

  if ((get_16 (bytes, PCI_STATUS) & PCI_STATUS_CAP_LIST) == 0)
    return 0;
  at = bytes[PCI_CAPABILITY_LIST] & ~3u;
  for (guint n = 0; n < CAPABILITIES_MAX && at != 0; n++)
    {
      if (at < PCI_CONFIG_HEADER_BYTES)
        return 0;
      if ((gsize) at + PCI_MSIX_FLAGS + 2 > length)
        return -1;
      if (bytes[at + PCI_CAP_LIST_ID] == PCI_CAP_ID_MSIX)
        return (gint) (get_16 (bytes, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1;
      at = bytes[at + PCI_CAP_LIST_NEXT] & ~3u;
    }
  return 0;
}

gboolean
pci_parse_config (const guint8 *bytes, gsize length, PciConfig *ret_config)
{
  if (length < PCI_CONFIG_HEADER_BYTES || get_16 (bytes, PCI_VENDOR_ID) == VENDOR_GONE)
    return FALSE;
  *ret_config = (PciConfig){
    .memory_enabled = (get_16 (bytes, PCI_COMMAND) & PCI_COMMAND_MEMORY) != 0,
    .revision = bytes[PCI_REVISION_ID],
    .unassigned = find_unassigned (bytes),
    .vectors = find_vectors (bytes, length),
  };
  return TRUE;
}

char *
pci_parse_lockdown (const char *text, gsize length)
{
  const char *begin = memchr (text, '[', length);
  const char *end = begin != NULL ? memchr (begin, ']', length - (gsize) (begin - text)) : NULL;
  g_autofree char *word = NULL;
  gsize bytes;

  if (end == NULL)
    return NULL;
  bytes = (gsize) (end - begin) - 1;
  if (bytes == 0 || bytes > LOCKDOWN_BYTES_MAX)
    return NULL;
  word = g_strndup (begin + 1, bytes);
  for (gsize i = 0; i < bytes; i++)
    if (!g_ascii_islower (word[i]))
      return NULL;
  return g_steal_pointer (&word);
}
