/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plain structs of the API as boxed types, which other languages hold and free. Strings are in the same block as their struct. */
#include <string.h>

#include "bitmar.h"

static GType
boxed (gsize *type, const char *name, GBoxedCopyFunc copy, GBoxedFreeFunc release)
{
  if (g_once_init_enter (type))
    g_once_init_leave (type, g_boxed_type_register_static (name, copy, release));
  return *type;
}

/* What GLib's macro does, in ISO C. */
#define BOXED(Name, name) \
  GType \
  name##_get_type (void) \
  { \
    static gsize type; \
    return boxed (&type, #Name, (GBoxedCopyFunc) name##_copy, (GBoxedFreeFunc) name##_free); \
  }

BOXED (BitmarImage, bitmar_image)
BOXED (BitmarCaptionParams, bitmar_caption_params)
BOXED (BitmarCaption, bitmar_caption)
BOXED (BitmarAlertRule, bitmar_alert_rule)
BOXED (BitmarAlertEvent, bitmar_alert_event)

/* ---- Captions ------------------------------------------------------------------------------------ */

BitmarCaptionParams *
bitmar_caption_params_new (void)
{
  static const BitmarCaptionParams init = BITMAR_CAPTION_PARAMS_INIT;

  return bitmar_caption_params_copy (&init);
}

BitmarCaptionParams *
bitmar_caption_params_copy (const BitmarCaptionParams *params)
{
  return g_memdup2 (params, sizeof *params);
}

void
bitmar_caption_params_free (BitmarCaptionParams *params)
{
  g_free (params);
}

BitmarCaption *
bitmar_caption_new (void)
{
  return g_new0 (BitmarCaption, 1);
}

BitmarCaption *
bitmar_caption_copy (const BitmarCaption *caption)
{
  return g_memdup2 (caption, sizeof *caption);
}

void
bitmar_caption_free (BitmarCaption *caption)
{
  g_free (caption);
}

const char *
bitmar_caption_get_text (const BitmarCaption *caption)
{
  return caption->text;
}

const gint32 *
bitmar_caption_get_ids (const BitmarCaption *caption, gsize *n)
{
  if (n)
    *n = MIN (caption->tokens, BITMAR_CAPTION_MAX_TOKENS);
  return caption->ids;
}

/* ---- Alerts -------------------------------------------------------------------------------------- */

/* A struct, and two strings behind it. */
static gpointer
with_strings (gconstpointer from, gsize size, const char *a, const char *b, char **copy_a, char **copy_b)
{
  gsize a_size = a ? strlen (a) + 1 : 0, b_size = b ? strlen (b) + 1 : 0;
  char *copy = g_malloc (size + a_size + b_size);

  memcpy (copy, from, size);
  *copy_a = a ? memcpy (copy + size, a, a_size) : NULL;
  *copy_b = b ? memcpy (copy + size + a_size, b, b_size) : NULL;
  return copy;
}

BitmarAlertRule *
bitmar_alert_rule_copy (const BitmarAlertRule *rule)
{
  char *name, *sentence;
  BitmarAlertRule *copy = with_strings (rule, sizeof *rule, rule->name, rule->sentence, &name, &sentence);

  copy->name = name;
  copy->sentence = sentence;
  return copy;
}

void
bitmar_alert_rule_free (BitmarAlertRule *rule)
{
  g_free (rule);
}

BitmarAlertEvent *
bitmar_alert_event_copy (const BitmarAlertEvent *event)
{
  char *name, *sentence;
  BitmarAlertEvent *copy = with_strings (event, sizeof *event, event->name, event->sentence, &name, &sentence);

  copy->name = name;
  copy->sentence = sentence;
  return copy;
}

void
bitmar_alert_event_free (BitmarAlertEvent *event)
{
  g_free (event);
}
