/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-hotplug.h"

#include "base/ivd-complaints.h"
#include "base/ivd-error.h"
#include "operation/ivd-attach.h"
#include "platform/ivd-log.h"

typedef struct
{
  grefcount references; /* the table's, and that of what is on its way */
  IvdHotplug *owner;
  gboolean ended; /* in no table any more */
  char *name;
  char *plugin;
  GVariant *options; /* as Attach takes them */
  IvdRegion *region; /* NULL: none that we know of */
  gboolean busy;     /* it is being attached or detached */
  gboolean again;    /* there was a new list meanwhile: */
  guint changes;     /* with these IvdCandidatesChange bits */
  gboolean waiting;  /* the log has it that no device is there */
  gboolean missed;   /* the last try found no device, or it went meanwhile */
  IvdComplaints *complaints;
  void (*done) (gpointer data); /* of the first try; NULL: told */
  gpointer done_data;
} Rule;

/* Held by whoever made it, and by each rule: some may still be on their way
 * when it has been freed. */
struct _IvdHotplug
{
  IvdContext *context;
  GHashTable *rules; /* name → Rule */
  gboolean stopped;
};

static void evaluate (Rule *rule, guint changes);

static Rule *
rule_ref (Rule *rule)
{
  g_ref_count_inc (&rule->references);
  return rule;
}

static void
rule_unref (Rule *rule)
{
  if (!g_ref_count_dec (&rule->references))
    return;
  g_free (rule->name);
  g_free (rule->plugin);
  g_variant_unref (rule->options);
  g_clear_object (&rule->region);
  ivd_complaints_free (rule->complaints);
  g_rc_box_release (rule->owner);
  g_free (rule);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Rule, rule_unref)

static void
rule_end (gpointer data)
{
  Rule *rule = data;

  rule->ended = TRUE;
  rule_unref (rule);
}

static Rule *
add_rule (IvdHotplug *self, const char *plugin, const char *name, GVariant *options)
{
  Rule *rule = g_new0 (Rule, 1);

  g_ref_count_init (&rule->references);
  rule->owner = g_rc_box_acquire (self);
  rule->name = g_strdup (name);
  rule->plugin = g_strdup (plugin);
  rule->options = g_variant_ref (options);
  rule->complaints = ivd_complaints_new ();
  g_hash_table_replace (self->rules, rule->name, rule);
  return rule;
}

/* --- attaching --- */

/* What is said of a try that failed: once. */
static void
note_failure (Rule *rule, const GError *error)
{
  rule->missed = g_error_matches (error, IVD_ERROR, IVD_ERROR_NOT_FOUND)
                 || g_error_matches (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  if (!g_error_matches (error, IVD_ERROR, IVD_ERROR_NOT_FOUND))
    {
      if (ivd_complaints_note (rule->complaints, error->message))
        ivd_log (IVD_LOG_ERROR, rule->name, "cannot attach it (until devices change): %s", error->message);
      return;
    }
  if (!rule->waiting)
    ivd_log (IVD_LOG_NOTICE, rule->name, "it is attached when a device that fits is there: %s", error->message);
  rule->waiting = TRUE;
}

static void
note_success (Rule *rule)
{
  rule->missed = FALSE;
  if (rule->waiting)
    ivd_log (IVD_LOG_NOTICE, rule->name, "attached: a device that fits is there");
  rule->waiting = FALSE;
  ivd_complaints_forget (rule->complaints);
}

static void
tell_done (Rule *rule)
{
  void (*done) (gpointer data) = rule->done;

  rule->done = NULL;
  if (done != NULL)
    done (rule->done_data);
}

static gboolean
is_over (const Rule *rule)
{
  return rule->owner->stopped || rule->ended;
}

/* What has changed while it was busy. */
static void
catch_up (Rule *rule)
{
  const guint changes = rule->changes;

  rule->busy = FALSE;
  rule->changes = 0;
  if (rule->again && !is_over (rule))
    evaluate (rule, changes);
}

static void
on_attached (IvdRegion *region, const GError *error, gpointer data)
{
  g_autoptr (Rule) rule = data;

  if (is_over (rule))
    {
      /* It was detached by hand while it was coming. */
      if (region != NULL && !rule->owner->stopped)
        {
          (void) ivd_hotplug_end (rule->owner, rule->name);
          ivd_registry_remove (rule->owner->context->registry, region, FALSE, NULL, NULL);
        }
    }
  else if (region != NULL)
    note_success (rule);
  else
    note_failure (rule, error);
  catch_up (rule);
  tell_done (rule);
}

static void
attach (Rule *rule)
{
  g_autoptr (IvdCaller) caller = ivd_caller_new_daemon ();

  rule->busy = TRUE;
  rule->again = FALSE;
  rule->changes = 0;
  ivd_attach (rule->owner->context, caller, rule->plugin, rule->name, rule->options, on_attached, rule_ref (rule));
}

/* --- when devices have changed --- */

static void
on_detached (gpointer data)
{
  g_autoptr (Rule) rule = data;

  g_clear_object (&rule->region);
  rule->busy = FALSE;
  if (!is_over (rule))
    attach (rule);
}

static void
replace (Rule *rule)
{
  rule->busy = TRUE;
  ivd_log (IVD_LOG_NOTICE, rule->name, "detached, as it was lost: it is attached anew");
  ivd_registry_remove (rule->owner->context->registry, rule->region, FALSE, on_detached, rule_ref (rule));
}

/* A device that is only gone helps no lost region. But the same list as before
 * may: the device was taken out and put in again; which may also have been
 * seen half-way, by a try that found nothing. One that found a device and
 * failed is not repeated: what it did to that device is what made the list. */
static void
evaluate (Rule *rule, guint changes)
{
  const IvdRegionState state = rule->region != NULL ? ivd_region_get_state (rule->region) : IVD_REGION_CLOSED;

  if (rule->busy)
    {
      rule->again = TRUE;
      rule->changes |= changes;
    }
  else if (state == IVD_REGION_LOST && changes != IVD_CANDIDATES_REMOVED)
    replace (rule);
  else if (state == IVD_REGION_CLOSED && (changes != 0 || rule->missed)
           && !ivd_registry_has (rule->owner->context->registry, rule->name))
    attach (rule);
}

static void
on_candidates (const char *plugin, guint changes, gpointer data)
{
  IvdHotplug *self = data;
  g_autoptr (GPtrArray) rules = g_ptr_array_new_with_free_func ((GDestroyNotify) rule_unref);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->rules);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (g_str_equal (((Rule *) value)->plugin, plugin))
      g_ptr_array_add (rules, rule_ref (value));
  for (guint i = 0; i < rules->len; i++)
    {
      Rule *rule = g_ptr_array_index (rules, i);

      if (!is_over (rule))
        evaluate (rule, changes);
    }
}

/* --- all of them --- */

IvdHotplug *
ivd_hotplug_new (IvdContext *context)
{
  IvdHotplug *self = g_rc_box_new0 (IvdHotplug);

  self->context = context;
  self->rules = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, rule_end);
  ivd_candidates_set_func (context->candidates, on_candidates, self);
  return self;
}

void
ivd_hotplug_stop (IvdHotplug *self)
{
  self->stopped = TRUE;
  ivd_candidates_set_func (self->context->candidates, NULL, NULL);
}

void
ivd_hotplug_free (IvdHotplug *self)
{
  if (self == NULL)
    return;
  ivd_hotplug_stop (self);
  g_clear_pointer (&self->rules, g_hash_table_unref);
  g_rc_box_release (self);
}

void
ivd_hotplug_start (IvdHotplug *self, const char *plugin, const char *name, GVariant *options,
                   void (*done) (gpointer data), gpointer data)
{
  Rule *rule = add_rule (self, plugin, name, options);

  rule->done = done;
  rule->done_data = data;
  attach (rule);
}

void
ivd_hotplug_keep (IvdHotplug *self, IvdRegion *region, GVariant *options)
{
  const char *name = ivd_region_get_name (region);
  Rule *rule = g_hash_table_lookup (self->rules, name);

  /* While it is busy the name is taken: so this is what it attached. */
  if (rule == NULL || !rule->busy)
    rule = add_rule (self, ivd_region_get_plugin (region), name, options);
  g_set_object (&rule->region, region);
}

gboolean
ivd_hotplug_end (IvdHotplug *self, const char *name)
{
  return g_hash_table_remove (self->rules, name);
}

gboolean
ivd_hotplug_has (IvdHotplug *self, const char *name)
{
  return g_hash_table_contains (self->rules, name);
}
