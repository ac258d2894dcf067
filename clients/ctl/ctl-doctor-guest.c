/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-doctor.h"

#include <string.h>

#include "guest-linux/candidates.h"

#include "ctl-region.h"
#include "ctl-size.h"

/*
 * The ivshmem devices of a guest, as the plugin guest-linux lists them: by the
 * daemon, or by the plugin's own sources here. Why a way is closed and what
 * opens it is said there and only passed on.
 */

#define OPEN "open"
#define DOMAIN_ZERO "0000:"

/* NULL: the way is open. Else why not; ret_remedy: what to do, if anything.
 * (transfer full) */
static char *
read_way (GVariant *candidate, const char *name, char **ret_remedy)
{
  const char *text = NULL;
  const char *split;

  *ret_remedy = NULL;
  if (!g_variant_lookup (candidate, name, "&s", &text))
    return g_strdup ("this daemon does not say");
  if (g_str_equal (text, OPEN))
    return NULL;
  split = strstr (text, PCI_CANDIDATE_REMEDY);
  if (split == NULL)
    return g_strdup (text);
  *ret_remedy = g_strdup (split + strlen (PCI_CANDIDATE_REMEDY));
  return g_strndup (text, (gsize) (split - text));
}

/* Interrupts come through vfio only. TRUE: the way is open. */
static gboolean
check_vfio (CtlDoctor *doctor, const char *check, GVariant *candidate, gboolean doorbell)
{
  static const char *const others[] = { "vfio-noiommu", "iommufd" };
  g_autofree char *remedy = NULL;
  g_autofree char *reason = read_way (candidate, "vfio", &remedy);

  if (!doorbell)
    ctl_doctor_add (doctor, CTL_FINDING_OK, check, NULL, "has no interrupts: an ivshmem-plain has none");
  else if (reason == NULL)
    ctl_doctor_add (doctor, CTL_FINDING_OK, check, NULL, "vfio is open: interrupts can be had");
  else
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, check, remedy, "interrupts cannot be received by vfio: %s",
                    reason);
  for (gsize i = 0; doorbell && reason != NULL && i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *unused = NULL;
      g_autofree char *why = read_way (candidate, others[i], &unused);

      if (why != NULL)
        ctl_doctor_add (doctor, CTL_FINDING_OK, check, NULL, "nor by %s: %s", others[i], why);
    }
  return reason == NULL;
}

static void
check_sysfs (CtlDoctor *doctor, const char *check, GVariant *candidate, gboolean vfio)
{
  g_autofree char *remedy = NULL;
  g_autofree char *reason = read_way (candidate, "sysfs", &remedy);

  if (reason == NULL)
    ctl_doctor_add (doctor, CTL_FINDING_OK, check, NULL, "sysfs is open: its memory can be mapped");
  else if (vfio)
    ctl_doctor_add (doctor, CTL_FINDING_OK, check, NULL, "vfio gives its memory; sysfs does not: %s", reason);
  else
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, check, remedy, "its memory cannot be reached: %s", reason);
}

static void
check_candidate (CtlDoctor *doctor, GVariant *candidate)
{
  const char *address = ctl_region_text (candidate, "name");
  const char *fault = NULL;
  gboolean doorbell = g_str_equal (ctl_region_text (candidate, "type"), "doorbell");
  guint64 vectors = ctl_region_number (candidate, "vectors", 0);
  g_autofree char *size = ctl_size_format (ctl_region_number (candidate, "size", 0));
  g_autofree char *check = g_strconcat (
      "PCI ", g_str_has_prefix (address, DOMAIN_ZERO) ? address + strlen (DOMAIN_ZERO) : address, NULL);
  g_autofree char *count
      = vectors > 0 ? g_strdup_printf (" and %" G_GUINT64_FORMAT " vector%s", vectors, ctl_plural (vectors))
                    : NULL;

  if (g_variant_lookup (candidate, "fault", "&s", &fault))
    {
      g_autofree char *remedy = NULL;
      g_autofree char *reason = read_way (candidate, "sysfs", &remedy);

      ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, check, remedy, "cannot be used: %s", fault);
      return;
    }
  ctl_doctor_add (doctor, CTL_FINDING_OK, check, NULL, "is an ivshmem-%s of %s%s",
                  doorbell ? "doorbell" : "plain", size, count != NULL ? count : "");
  if (ctl_region_number (candidate, "revision", 1) == 0)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, check,
                    "use ivshmem-plain or ivshmem-doorbell of QEMU 2.6 or later",
                    "is of revision 0, as before QEMU 2.6");
  check_sysfs (doctor, check, candidate, check_vfio (doctor, check, candidate, doorbell));
}

void
ctl_doctor_check_candidates (CtlDoctor *doctor, GVariant *candidates)
{
  for (gsize i = 0; i < g_variant_n_children (candidates); i++)
    {
      g_autoptr (GVariant) candidate = g_variant_get_child_value (candidates, i);

      check_candidate (doctor, candidate);
    }
  if (g_variant_n_children (candidates) == 0)
    ctl_doctor_add (doctor, CTL_FINDING_OK, "guest", NULL,
                    "this machine itself has no ivshmem device (PCI 1af4:1110)");
}

static GVariant *
field_to_variant (const IvshmemPluginField *field)
{
  switch (field->type)
    {
    case IVSHMEM_PLUGIN_FIELD_NUMBER:
      return g_variant_new_uint64 (field->number);
    case IVSHMEM_PLUGIN_FIELD_BOOLEAN:
      return g_variant_new_boolean (field->number != 0);
    default:
      return g_variant_new_string (field->text);
    }
}

/* Stands in for the daemon: probe is a builder of aa{sv}. */
static void
take_candidate (IvshmemPluginProbe *probe, const IvshmemPluginField *fields, uint32_t n_fields)
{
  GVariantBuilder *candidates = (GVariantBuilder *) probe;

  g_variant_builder_open (candidates, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < n_fields; i++)
    g_variant_builder_add (candidates, "{sv}", fields[i].name, field_to_variant (&fields[i]));
  g_variant_builder_close (candidates);
}

/* What it warns of can be seen from its list. */
static void
ignore_log (IvshmemPluginRegion *region, int32_t level, const char *message)
{
}

void
ctl_doctor_check_guest (CtlDoctor *doctor, const char *sysfs, const char *dev)
{
  const IvshmemPluginHost host
      = { .struct_size = sizeof host, .log = ignore_log, .candidate = take_candidate };
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GVariant) candidates = NULL;

  if (pci_candidates_list (&host, (IvshmemPluginProbe *) &builder, sysfs, dev) != IVSHMEM_PLUGIN_OK)
    return;
  candidates = g_variant_ref_sink (g_variant_builder_end (&builder));
  ctl_doctor_check_candidates (doctor, candidates);
}
