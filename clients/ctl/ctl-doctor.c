/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-doctor.h"

#include "ctl-size.h"

#define LEVEL_WIDTH 8
#define CHECK_WIDTH 16
#define TEXT_COLUMN (LEVEL_WIDTH + 1 + CHECK_WIDTH + 1)
/* Narrower than this there is no use in keeping to columns. */
#define WRAP_COLUMNS_MIN (TEXT_COLUMN + 20)

typedef struct
{
  CtlFindingLevel level;
  char *check, *finding, *remedy;
} Finding;

struct _CtlDoctor
{
  GPtrArray *findings;
};

static const char *const level_names[] = {
  [CTL_FINDING_OK] = "ok",
  [CTL_FINDING_WARNING] = "warning",
  [CTL_FINDING_PROBLEM] = "problem",
};

static void
finding_free (gpointer data)
{
  Finding *finding = data;

  g_free (finding->check);
  g_free (finding->finding);
  g_free (finding->remedy);
  g_free (finding);
}

CtlDoctor *
ctl_doctor_new (void)
{
  CtlDoctor *doctor = g_new0 (CtlDoctor, 1);

  doctor->findings = g_ptr_array_new_with_free_func (finding_free);
  return doctor;
}

void
ctl_doctor_free (CtlDoctor *doctor)
{
  if (doctor == NULL)
    return;
  g_ptr_array_unref (doctor->findings);
  g_free (doctor);
}

void
ctl_doctor_add (CtlDoctor *doctor,
                CtlFindingLevel level,
                const char *check,
                const char *remedy,
                const char *format,
                ...)
{
  Finding *finding = g_new0 (Finding, 1);
  va_list args;

  va_start (args, format);
  finding->finding = g_strdup_vprintf (format, args);
  va_end (args);
  finding->level = level;
  finding->check = g_strdup (check);
  finding->remedy = g_strdup (remedy);
  g_ptr_array_add (doctor->findings, finding);
}

guint
ctl_doctor_count (CtlDoctor *doctor, CtlFindingLevel level)
{
  guint n = 0;

  for (guint i = 0; i < doctor->findings->len; i++)
    {
      const Finding *finding = g_ptr_array_index (doctor->findings, i);

      n += finding->level == level ? 1 : 0;
    }
  return n;
}

/* Text from outside must not steer the terminal. */
static char *
make_safe (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (g_unichar_iscntrl (c))
        g_string_append_printf (out, "\\x%02x", c);
      else
        g_string_append_unichar (out, c);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* The cursor is at TEXT_COLUMN, where every line of the text begins. */
static void
append_wrapped (GString *out, const char *text, guint columns)
{
  g_autofree char *safe = make_safe (text);
  g_auto (GStrv) words = g_strsplit (safe, " ", -1);
  glong used = TEXT_COLUMN;

  for (char **word = words; *word != NULL; word++)
    {
      glong length = g_utf8_strlen (*word, -1);

      if (word > words && columns > WRAP_COLUMNS_MIN && used + 1 + length > (glong) columns)
        {
          g_string_append_printf (out, "\n%*s", TEXT_COLUMN, "");
          used = TEXT_COLUMN;
        }
      else if (word > words)
        {
          g_string_append_c (out, ' ');
          used++;
        }
      g_string_append (out, *word);
      used += length;
    }
  g_string_append_c (out, '\n');
}

static void
append_finding (GString *out, const Finding *finding, guint columns)
{
  g_autofree char *remedy = NULL;

  g_string_append_printf (out, "%-*s %-*s ", LEVEL_WIDTH, level_names[finding->level], CHECK_WIDTH,
                          finding->check);
  append_wrapped (out, finding->finding, columns);
  if (finding->remedy == NULL)
    return;
  remedy = g_strconcat ("-> ", finding->remedy, NULL);
  g_string_append_printf (out, "%*s", TEXT_COLUMN, "");
  append_wrapped (out, remedy, columns);
}

char *
ctl_doctor_to_text (CtlDoctor *doctor, guint columns)
{
  g_autoptr (GString) out = g_string_new (NULL);
  guint n_problems = ctl_doctor_count (doctor, CTL_FINDING_PROBLEM);
  guint n_warnings = ctl_doctor_count (doctor, CTL_FINDING_WARNING);

  for (guint i = 0; i < doctor->findings->len; i++)
    append_finding (out, g_ptr_array_index (doctor->findings, i), columns);
  g_string_append_printf (out, "\n%u problem%s, %u warning%s\n", n_problems, ctl_plural (n_problems),
                          n_warnings, ctl_plural (n_warnings));
  return g_string_free (g_steal_pointer (&out), FALSE);
}

void
ctl_doctor_write_json (CtlDoctor *doctor, CtlJson *json)
{
  ctl_json_begin_object (json, NULL);
  ctl_json_begin_array (json, "findings");
  for (guint i = 0; i < doctor->findings->len; i++)
    {
      const Finding *finding = g_ptr_array_index (doctor->findings, i);

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "level", level_names[finding->level]);
      ctl_json_string (json, "check", finding->check);
      ctl_json_string (json, "finding", finding->finding);
      ctl_json_string (json, "remedy", finding->remedy);
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
  ctl_json_uint (json, "problems", ctl_doctor_count (doctor, CTL_FINDING_PROBLEM));
  ctl_json_uint (json, "warnings", ctl_doctor_count (doctor, CTL_FINDING_WARNING));
  ctl_json_end_object (json);
}

char *
ctl_doctor_read_file (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  return g_strchomp (g_steal_pointer (&text));
}
