/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/candidates.h"

#include <string.h>

#include <glib.h>

#include "guest-linux/device.h"
#include "guest-linux/way.h"

/* The host takes no more of one candidate. */
#define FIELDS_MAX 32
#define TEXT_CUT "..."

/* Fields as they come; the texts that were made for them live as long. */
typedef struct
{
  IvshmemPluginField fields[FIELDS_MAX];
  guint n;
  GPtrArray *texts;
} Fields;

static IvshmemPluginField *
add_field (Fields *fields, const char *name, guint32 type)
{
  IvshmemPluginField *field = &fields->fields[fields->n];

  g_assert (fields->n < FIELDS_MAX);
  fields->n++;
  field->struct_size = sizeof *field;
  field->type = type;
  field->name = name;
  return field;
}

/* text: NULL: the field is left out. What the host would find too long is cut
 * between two characters. */
static void
add_text (Fields *fields, const char *name, const char *text)
{
  char *copy;

  if (text == NULL)
    return;
  copy = g_utf8_make_valid (text, -1);
  if (strlen (copy) > PCI_LIMIT_FIELD_BYTES)
    {
      char *end = g_utf8_find_prev_char (copy, copy + PCI_LIMIT_FIELD_BYTES - strlen (TEXT_CUT) + 1);

      strcpy (end, TEXT_CUT);
    }
  g_ptr_array_add (fields->texts, copy);
  add_field (fields, name, IVSHMEM_PLUGIN_FIELD_TEXT)->text = copy;
}

static void
add_number (Fields *fields, const char *name, guint64 number)
{
  add_field (fields, name, IVSHMEM_PLUGIN_FIELD_NUMBER)->number = number;
}

static void
add_boolean (Fields *fields, const char *name, gboolean yes)
{
  add_field (fields, name, IVSHMEM_PLUGIN_FIELD_BOOLEAN)->number = yes ? 1 : 0;
}

static void
add_group (Fields *fields, const PciDevice *device)
{
  g_autoptr (GString) members = g_string_new (NULL);

  if (device->iommu_group < 0)
    return;
  add_number (fields, "iommu-group", (guint64) device->iommu_group);
  for (guint i = 0; i < device->group_members->len && members->len <= PCI_LIMIT_FIELD_BYTES; i++)
    {
      const PciGroupMember *member = g_ptr_array_index (device->group_members, i);

      g_string_append_printf (members, "%s%s (%s)", i > 0 ? ", " : "", member->address,
                              member->driver != NULL ? member->driver : "no driver");
    }
  if (members->len > 0)
    add_text (fields, "group-members", members->str);
}

static void
add_device (Fields *fields, const PciDevice *device)
{
  g_autofree char *fault = pci_device_explain_bars (device);

  add_text (fields, "name", device->address);
  add_text (fields, "address", device->address);
  add_number (fields, "size", device->bar_bytes[PCI_BAR_MEMORY]);
  if (device->revision != PCI_REVISION_UNKNOWN)
    add_number (fields, "revision", device->revision);
  add_text (fields, "type", pci_device_is_doorbell (device) ? "doorbell" : "plain");
  if (device->vectors != PCI_VECTORS_UNKNOWN)
    add_number (fields, "vectors", (guint64) device->vectors);
  add_number (fields, "bar0-bytes", device->bar_bytes[PCI_BAR_REGISTERS]);
  add_number (fields, "bar1-bytes", device->bar_bytes[PCI_BAR_MSIX]);
  add_number (fields, "bar2-bytes", device->bar_bytes[PCI_BAR_MEMORY]);
  add_text (fields, "fault", fault);
  add_text (fields, "driver", device->driver);
  add_group (fields, device);
  add_boolean (fields, "enabled", device->enabled);
  add_boolean (fields, "write-combined", device->has_write_combined);
}

static void
add_ways (Fields *fields, const PciMachine *machine, const PciDevice *device, const char *sysfs,
          const char *dev)
{
  PciWay ways[PCI_N_WAYS];
  g_autofree char *no_interrupts = NULL;
  gint best;

  pci_ways_read (ways, machine, device, sysfs, dev);
  best = pci_ways_best (ways);
  no_interrupts = pci_ways_explain_interrupts (ways, device);
  add_text (fields, "lockdown", machine->lockdown);
  add_text (fields, "best-way", best >= 0 ? pci_way_names[best] : "none");
  add_boolean (fields, "interrupts", no_interrupts == NULL);
  for (guint i = 0; i < PCI_N_WAYS; i++)
    {
      const PciWay *way = &ways[i];
      g_autofree char *text = way->open ? g_strdup ("open")
                              : way->remedy == NULL
                                  ? g_strdup (way->reason)
                                  : g_strconcat (way->reason, PCI_CANDIDATE_REMEDY, way->remedy, NULL);

      add_text (fields, pci_way_names[i], text);
    }
  pci_ways_clear (ways);
}

IvshmemPluginStatus
pci_candidates_list (const IvshmemPluginHost *host, IvshmemPluginProbe *probe, const char *sysfs,
                     const char *dev)
{
  g_autoptr (GPtrArray) devices = pci_device_list (sysfs);
  g_autoptr (PciMachine) machine = pci_machine_read (sysfs, dev);

  if (devices->len == PCI_LIMIT_DEVICES)
    host->log (NULL, IVSHMEM_PLUGIN_LOG_WARNING,
               "guest-linux lists no more devices than " G_STRINGIFY (
                   PCI_LIMIT_DEVICES) ", in the order of their addresses");
  for (guint i = 0; i < devices->len; i++)
    {
      const PciDevice *device = g_ptr_array_index (devices, i);
      Fields fields = { .texts = g_ptr_array_new_with_free_func (g_free) };

      add_device (&fields, device);
      add_ways (&fields, machine, device, sysfs, dev);
      host->candidate (probe, fields.fields, fields.n);
      g_ptr_array_unref (fields.texts);
    }
  return IVSHMEM_PLUGIN_OK;
}

IvshmemPluginStatus
guest_linux_probe (const IvshmemPluginHost *host, IvshmemPluginProbe *probe)
{
  return pci_candidates_list (host, probe, PCI_SYSFS, PCI_DEV);
}
