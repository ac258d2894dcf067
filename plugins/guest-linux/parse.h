/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What is in the files that sysfs has of a PCI device. The bytes may be any:
 * nothing here reads beyond length, wants a NUL at the end, or trusts a number.
 */

/* Six BARs; sysfs has a line for the ROM and the windows of a bridge besides. */
#define PCI_N_BARS 6
/* The part of the configuration space that everybody may read. */
#define PCI_CONFIG_HEADER_BYTES 64
/* All of it. */
#define PCI_CONFIG_BYTES 256

/* DDDD:BB:DD.F, four to eight digits of domain as the kernel gives them. */
typedef struct
{
  guint32 domain;
  guint8 bus, device, function;
} PciAddress;

/* The domain may be left out: it is 0 then. */
gboolean pci_address_parse (const char *text, PciAddress *ret_address) G_GNUC_WARN_UNUSED_RESULT;
/* As the kernel writes it. (transfer full) */
char *pci_address_format (const PciAddress *address);
gint pci_address_compare (const PciAddress *a, const PciAddress *b);

/* One number, decimal or 0x...; nothing but blanks after it. */
gboolean pci_parse_number (const char *text, gsize length, guint64 *ret_number) G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  guint64 address[PCI_N_BARS]; /* where it begins in memory; 0: nowhere */
  guint64 bytes[PCI_N_BARS];   /* 0: not there, or without an address */
  guint unassigned;            /* a bit for each BAR that is there without an address */
} PciBars;

/* The file "resource": a line "FIRST LAST FLAGS" for each BAR. A line that is
 * odd, or that is missing, is a BAR that is not there. */
void pci_parse_resource (const char *text, gsize length, PciBars *ret_bars);

typedef struct
{
  gboolean memory_enabled; /* Command: Memory Space */
  guint revision;
  guint unassigned; /* a bit for each memory BAR whose type is there and whose address is 0 */
  gint vectors;     /* MSI-X; 0: none; -1: its capability is beyond what is known */
} PciConfig;

/* The file "config", or as much of it as one may read. FALSE: not even the
 * header, or nobody answers any more. */
gboolean pci_parse_config (const guint8 *bytes, gsize length,
                           PciConfig *ret_config) G_GNUC_WARN_UNUSED_RESULT;

/* "none [integrity] confidentiality": what is in the brackets. NULL: nothing is
 * that is a word. (transfer full) */
char *pci_parse_lockdown (const char *text, gsize length);
