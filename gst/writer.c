/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "writer.h"

#include "series.h"

struct _BitmarWriter {
  BitmarModel *model;
  BitmarCaptioner *captioner;
  BitmarEpisode *episode;
  BitmarCaption result;
  guint delay_ms;              /* for tests: how slow a model may be */
  gint cancelled;              /* atomic */
  GMutex lock;                 /* of what follows */
  BitmarWriterSettings next;
  gboolean new_prompt;
  guint64 captions, tokens;
  BitmarSeries whole, first, token;
};

void
bitmar_writer_settings_copy (BitmarWriterSettings *to, const BitmarWriterSettings *from)
{
  char *prompt = g_strdup (from->prompt);

  g_free (to->prompt);
  *to = *from;
  to->prompt = prompt;
}

static gboolean
check_prompt (BitmarModel *model, const char *prompt, GError **error)
{
  float *embedding = bitmar_model_embed_text (model, prompt ? prompt : "", NULL, error);

  g_free (embedding);
  return embedding != NULL;
}

static gboolean
check (BitmarModel *model, const BitmarWriterSettings *settings, GError **error)
{
  const BitmarCaptionParams *p = &settings->params;

  if (p->max_tokens > bitmar_model_get_max_tokens (model))
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "max-tokens is %u, the model writes at most %u",
        p->max_tokens, bitmar_model_get_max_tokens (model));
  else if (p->temperature > 0 && p->beam_size > 1)
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER,
        "beam-size is %u, but sampling (temperature > 0) has no beams", p->beam_size);
  else
    return check_prompt (model, settings->prompt, error);
  return FALSE;
}

BitmarWriter *
bitmar_writer_new (BitmarModel *model, const BitmarWriterSettings *settings, GError **error)
{
  const char *delay = g_getenv ("BITMAR_TEST_DELAY_MS");
  BitmarWriter *writer;
  BitmarCaptioner *captioner;
  BitmarEpisode *episode;

  if (!check (model, settings, error) || !(captioner = bitmar_captioner_new (model, error)))
    return NULL;
  if (!bitmar_captioner_set_prompt (captioner, settings->prompt, error) || !(episode = bitmar_episode_new (model, error))) {
    g_object_unref (captioner);
    return NULL;
  }
  writer = g_new0 (BitmarWriter, 1);
  writer->model = g_object_ref (model);
  writer->captioner = captioner;
  writer->episode = episode;
  writer->delay_ms = delay ? g_ascii_strtoull (delay, NULL, 10) : 0;
  g_mutex_init (&writer->lock);
  bitmar_writer_settings_copy (&writer->next, settings);
  return writer;
}

void
bitmar_writer_free (BitmarWriter *writer)
{
  g_object_unref (writer->captioner);
  g_object_unref (writer->episode);
  g_object_unref (writer->model);
  g_free (writer->next.prompt);
  g_mutex_clear (&writer->lock);
  g_free (writer);
}

gboolean
bitmar_writer_set (BitmarWriter *writer, const BitmarWriterSettings *settings, GError **error)
{
  if (!check (writer->model, settings, error))
    return FALSE;
  g_mutex_lock (&writer->lock);
  writer->new_prompt |= g_strcmp0 (writer->next.prompt, settings->prompt) != 0;
  bitmar_writer_settings_copy (&writer->next, settings);
  g_mutex_unlock (&writer->lock);
  return TRUE;
}

void
bitmar_writer_cancel (BitmarWriter *writer, gboolean cancel)
{
  g_atomic_int_set (&writer->cancelled, cancel);
  if (cancel)
    bitmar_captioner_cancel (writer->captioner);
  else
    bitmar_captioner_uncancel (writer->captioner);
}

void
bitmar_writer_reset (BitmarWriter *writer)
{
  bitmar_captioner_reset (writer->captioner);
}

static gboolean
take_settings (BitmarWriter *writer, BitmarCaptionParams *params, GError **error)
{
  char *prompt = NULL;
  gboolean new_prompt, good = TRUE;

  g_mutex_lock (&writer->lock);
  *params = writer->next.params;
  new_prompt = writer->new_prompt;
  if (new_prompt)
    prompt = g_strdup (writer->next.prompt);
  writer->new_prompt = FALSE;
  g_mutex_unlock (&writer->lock);
  if (new_prompt)
    good = bitmar_captioner_set_prompt (writer->captioner, prompt, error);
  g_free (prompt);
  return good;
}

static void
test_delay (BitmarWriter *writer)
{
  gint64 end = g_get_monotonic_time () + writer->delay_ms * (gint64) 1000;

  while (g_get_monotonic_time () < end && !g_atomic_int_get (&writer->cancelled))
    g_usleep (5000);
}

static void
measure (BitmarWriter *writer)
{
  const BitmarCaption *r = &writer->result;

  g_mutex_lock (&writer->lock);
  writer->captions++;
  writer->tokens += r->tokens;
  bitmar_series_add (&writer->whole, r->decode_ns / 1000);
  bitmar_series_add (&writer->first, r->first_token_ns / 1000);
  if (r->tokens > 1)
    bitmar_series_add (&writer->token, (r->decode_ns - r->first_token_ns) / 1000 / (r->tokens - 1));
  g_mutex_unlock (&writer->lock);
}

GstBitmarCaptionInfo *
bitmar_writer_write (BitmarWriter *writer, GBytes *episode, GError **error)
{
  BitmarCaptionParams params;
  GstBitmarCaptionInfo *caption;

  if (!take_settings (writer, &params, error) || !bitmar_episode_set_bytes (writer->episode, episode, error))
    return NULL;
  if (writer->delay_ms)
    test_delay (writer);
  if (!bitmar_captioner_caption (writer->captioner, writer->episode, &params, &writer->result, error))
    return NULL;
  measure (writer);
  caption = gst_bitmar_caption_info_new ();
  caption->text = g_strdup (writer->result.text);
  caption->confidence = writer->result.confidence;
  caption->novelty = bitmar_episode_get_novelty (writer->episode);
  caption->slot = bitmar_episode_get_slot (writer->episode);
  caption->model = g_strdup (bitmar_model_get_id (writer->model));
  return caption;
}

static void
add_series (GstStructure *stats, const char *name, const BitmarSeries *series)
{
  char *p50 = g_strdup_printf ("%s-p50", name), *p95 = g_strdup_printf ("%s-p95", name);
  char *max = g_strdup_printf ("%s-max", name);

  gst_structure_set (stats, p50, G_TYPE_UINT, bitmar_series_percentile (series, 50),
      p95, G_TYPE_UINT, bitmar_series_percentile (series, 95), max, G_TYPE_UINT, series->max, NULL);
  g_free (p50);
  g_free (p95);
  g_free (max);
}

void
bitmar_writer_add_stats (BitmarWriter *writer, GstStructure *stats)
{
  g_mutex_lock (&writer->lock);
  gst_structure_set (stats, "written", G_TYPE_UINT64, writer->captions, "tokens", G_TYPE_UINT64, writer->tokens, NULL);
  add_series (stats, "caption", &writer->whole);
  add_series (stats, "first-token", &writer->first);
  add_series (stats, "token", &writer->token);
  g_mutex_unlock (&writer->lock);
  gst_structure_set (stats, "model-bytes", G_TYPE_UINT64, (guint64) bitmar_model_get_size (writer->model), NULL);
}
