/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The properties of bitmarcaption: what they are, and how a change takes effect while the stream runs. */

#include "gstbitmarcaption-private.h"

#define DEFAULT_MAX_INTERVAL (60 * GST_SECOND)
#define DEFAULT_CHANGE_THRESHOLD 0.1
#define DEFAULT_MIN_CONFIDENCE 0.77

enum {
  PROP_0, PROP_PROMPT, PROP_BEAM_SIZE, PROP_MAX_TOKENS, PROP_LENGTH_PENALTY, PROP_REPETITION_PENALTY, PROP_TEMPERATURE, PROP_TOP_K, PROP_TOP_P,
  PROP_SEED, PROP_MIN_INTERVAL, PROP_MAX_INTERVAL, PROP_CHANGE_THRESHOLD, PROP_REPEAT, PROP_MIN_CONFIDENCE,
  PROP_FALLBACK_TEXT,
  PROP_TEXT_MODE, PROP_LATENCY, PROP_LATENESS, PROP_MAX_OBSERVED_DELAY, PROP_POST_MESSAGES, PROP_STATS
};

static GstStructure *
make_stats (GstBitmarCaption *self)
{
  GstStructure *s;

  g_mutex_lock (&self->lock);
  s = gst_structure_new ("bitmarcaption-stats", "frames-in", G_TYPE_UINT64, self->frames,
      "episodes", G_TYPE_UINT64, self->episodes, "captions", G_TYPE_UINT64, self->captions,
      "unchanged", G_TYPE_UINT64, self->unchanged, "repeats", G_TYPE_UINT64, self->repeats,
      "skipped", G_TYPE_UINT64, self->skipped, "unsure", G_TYPE_UINT64, self->unsure,
      "late", G_TYPE_UINT64, self->late, "max-delay", G_TYPE_UINT64, self->max_delay, NULL);
  if (self->writer)
    bitmar_writer_add_stats (self->writer, s);
  g_mutex_unlock (&self->lock);
  return s;
}

/* -1 is the model's and 0 none, as of length-penalty; in the parameters 0 is the model's and below 0 none, so that those of older callers are
 * the model's. */
static float
penalty_to_params (double value)
{
  return value < 0 ? 0 : value > 0 ? (float) value : -1;
}

static double
penalty_of_params (float penalty)
{
  return penalty < 0 ? 0 : penalty > 0 ? penalty : -1;
}

/* The settings take effect with the next caption, or are refused and stay as they were. */
static void
change_settings (GstBitmarCaption *self, guint id, const GValue *value)
{
  BitmarWriterSettings settings = { 0 };
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  bitmar_writer_settings_copy (&settings, &self->settings);
  GST_OBJECT_UNLOCK (self);
  switch (id) {
    case PROP_PROMPT:
      g_free (settings.prompt);
      settings.prompt = g_value_dup_string (value);
      break;
    case PROP_BEAM_SIZE:
      settings.params.beam_size = g_value_get_uint (value);
      break;
    case PROP_MAX_TOKENS:
      settings.params.max_tokens = g_value_get_uint (value);
      break;
    case PROP_LENGTH_PENALTY:
      settings.params.length_penalty = g_value_get_double (value);
      break;
    case PROP_REPETITION_PENALTY:
      settings.params.repetition_penalty = penalty_to_params (g_value_get_double (value));
      break;
    case PROP_TEMPERATURE:
      settings.params.temperature = g_value_get_double (value);
      break;
    case PROP_TOP_K:
      settings.params.top_k = g_value_get_uint (value);
      break;
    case PROP_TOP_P:
      settings.params.top_p = g_value_get_double (value);
      break;
    default:
      settings.params.seed = g_value_get_uint64 (value);
      break;
  }
  g_mutex_lock (&self->lock);
  if (!self->writer || bitmar_writer_set (self->writer, &settings, &error)) {
    GST_OBJECT_LOCK (self);
    bitmar_writer_settings_copy (&self->settings, &settings);
    GST_OBJECT_UNLOCK (self);
  }
  g_mutex_unlock (&self->lock);
  g_free (settings.prompt);
  if (error)
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("The new value is refused, the former stays."),
        ("%s", error->message));
  g_clear_error (&error);
}

/* Changes one time; the others stay. */
static void
change_timing (GstBitmarCaption *self, guint id, const GValue *value)
{
  BitmarChannelTiming timing = bitmar_channels_get_timing (&self->channels), former = timing;

  if (id == PROP_LATENCY)
    timing.latency = g_value_get_uint64 (value);
  else if (id == PROP_LATENESS)
    timing.lateness = g_value_get_uint64 (value);
  else
    timing.cue = g_value_get_enum (value) == GST_BITMAR_TEXT_MODE_CUE;
  bitmar_channels_set_timing (&self->channels, &timing);
  if (timing.latency != former.latency)
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
}

void
gst_bitmar_caption_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (object);

  if (id <= PROP_SEED) {
    change_settings (self, id, value);
    return;
  }
  if (id == PROP_TEXT_MODE || id == PROP_LATENCY || id == PROP_LATENESS) {
    change_timing (self, id, value);
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MIN_INTERVAL:
      self->rule.min_interval = g_value_get_uint64 (value);
      break;
    case PROP_MAX_INTERVAL:
      self->rule.max_interval = g_value_get_uint64 (value);
      break;
    case PROP_CHANGE_THRESHOLD:
      self->rule.threshold = g_value_get_double (value);
      break;
    case PROP_REPEAT:
      self->repeat = g_value_get_enum (value);
      break;
    case PROP_MIN_CONFIDENCE:
      self->min_confidence = g_value_get_double (value);
      break;
    case PROP_FALLBACK_TEXT:
      g_free (self->fallback_text);
      self->fallback_text = g_value_dup_string (value);
      break;
    case PROP_POST_MESSAGES:
      self->post_messages = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static GstClockTime
get_max_delay (GstBitmarCaption *self)
{
  GstClockTime delay;

  g_mutex_lock (&self->lock);
  delay = self->max_delay;
  g_mutex_unlock (&self->lock);
  return delay;
}

static void
get_setting (GstBitmarCaption *self, guint id, GValue *value)
{
  const BitmarCaptionParams *params = &self->settings.params;

  switch (id) {
    case PROP_PROMPT:
      g_value_set_string (value, self->settings.prompt);
      break;
    case PROP_BEAM_SIZE:
      g_value_set_uint (value, params->beam_size);
      break;
    case PROP_MAX_TOKENS:
      g_value_set_uint (value, params->max_tokens);
      break;
    case PROP_LENGTH_PENALTY:
      g_value_set_double (value, params->length_penalty);
      break;
    case PROP_REPETITION_PENALTY:
      g_value_set_double (value, penalty_of_params (params->repetition_penalty));
      break;
    case PROP_TEMPERATURE:
      g_value_set_double (value, params->temperature);
      break;
    case PROP_TOP_K:
      g_value_set_uint (value, params->top_k);
      break;
    case PROP_TOP_P:
      g_value_set_double (value, params->top_p);
      break;
    default:
      g_value_set_uint64 (value, params->seed);
      break;
  }
}

void
gst_bitmar_caption_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (object);
  BitmarChannelTiming timing = bitmar_channels_get_timing (&self->channels);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  if (id == PROP_MAX_OBSERVED_DELAY) {
    g_value_set_uint64 (value, get_max_delay (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MIN_INTERVAL:
      g_value_set_uint64 (value, self->rule.min_interval);
      break;
    case PROP_MAX_INTERVAL:
      g_value_set_uint64 (value, self->rule.max_interval);
      break;
    case PROP_CHANGE_THRESHOLD:
      g_value_set_double (value, self->rule.threshold);
      break;
    case PROP_REPEAT:
      g_value_set_enum (value, self->repeat);
      break;
    case PROP_MIN_CONFIDENCE:
      g_value_set_double (value, self->min_confidence);
      break;
    case PROP_FALLBACK_TEXT:
      g_value_set_string (value, self->fallback_text);
      break;
    case PROP_TEXT_MODE:
      g_value_set_enum (value, timing.cue ? GST_BITMAR_TEXT_MODE_CUE : GST_BITMAR_TEXT_MODE_LIVE);
      break;
    case PROP_LATENCY:
      g_value_set_uint64 (value, timing.latency);
      break;
    case PROP_LATENESS:
      g_value_set_uint64 (value, timing.lateness);
      break;
    case PROP_POST_MESSAGES:
      g_value_set_boolean (value, self->post_messages);
      break;
    default:
      if (id <= PROP_SEED)
        get_setting (self, id, value);
      else
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

void
gst_bitmar_caption_init_properties (GstBitmarCaption *self)
{
  self->settings.params.length_penalty = -1;
  self->settings.params.top_p = 1;
  self->rule = (BitmarChangeRule) { 0, DEFAULT_MAX_INTERVAL, DEFAULT_CHANGE_THRESHOLD };
  self->min_confidence = DEFAULT_MIN_CONFIDENCE;
  self->post_messages = TRUE;
}

#define RW (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define ANY_TIME (RW | GST_PARAM_MUTABLE_PLAYING)

static void
install_settings (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_PROMPT,
      g_param_spec_string ("prompt", "Prompt",
          "Words that steer what captions look at, such as \"red car\". Words that are too many for the model are "
          "refused. Unset: captions look at all", NULL,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_BEAM_SIZE,
      g_param_spec_uint ("beam-size", "Beam size",
          "How many wordings of a caption are followed at a time. 1 is the fastest, more are a little better and slower"
          " in proportion. 0: the value of the model. With a temperature it must be 0 or 1",
          0, 8, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_MAX_TOKENS,
      g_param_spec_uint ("max-tokens", "Maximum tokens",
          "How long a caption may be, in tokens; a token is a word or a part of one. Lower it where captions take too "
          "long. 0: the value of the model, which is also the most it can do", 0, 256, 0,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_LENGTH_PENALTY,
      g_param_spec_double ("length-penalty", "Length penalty",
          "What long captions are worth beside short ones, where beam-size is more than 1: the score of a wording is "
          "divided by its length to this power, so that higher values write longer captions. -1: the value of the model", -1, 4, -1,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_REPETITION_PENALTY,
      g_param_spec_double ("repetition-penalty", "Repetition penalty",
          "How unwilling a caption is to name a thing twice: what is taken off the log-probability of a word that it has said "
          "already, function words excepted. 0: nothing. -1: the value of the model", -1, 10, -1,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_TEMPERATURE,
      g_param_spec_double ("temperature", "Temperature",
          "How much chance there is in the wording. 0 takes the best one, always the same; up to 1 words vary, above "
          "that captions get wild", 0, 10, 0,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_TOP_K,
      g_param_spec_uint ("top-k", "Top k",
          "With a temperature, how many of the likeliest next tokens may be drawn. 0: any of them", 0, 65536, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_TOP_P,
      g_param_spec_double ("top-p", "Top p",
          "With a temperature, the likeliest next tokens that together have this probability may be drawn. 1: any of "
          "them",
          0.01, 1, 1, ANY_TIME));
  g_object_class_install_property (klass, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed",
          "With a temperature, the start of the random numbers: with the same seed and settings the same video gets the"
          " same captions", 0,
          G_MAXUINT64, 0, ANY_TIME));
}

static void
install_policy (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_MIN_INTERVAL,
      g_param_spec_uint64 ("min-interval", "Minimum interval",
          "Time in nanoseconds of running time that passes from one caption to the next, at least. Raise it where "
          "captions change too often to be read", 0,
          G_MAXINT64, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_MAX_INTERVAL,
      g_param_spec_uint64 ("max-interval", "Maximum interval",
          "Time in nanoseconds of running time after which a new caption is written, though the picture has not "
          "changed. 0: never", 0, G_MAXINT64,
          DEFAULT_MAX_INTERVAL, ANY_TIME));
  g_object_class_install_property (klass, PROP_CHANGE_THRESHOLD,
      g_param_spec_double ("change-threshold", "Change threshold",
          "How much the picture must change for a new caption: 0 captions every look, 0.1 overlooks light and noise, 0.3 "
          "waits for another scene. It is 1 less the cosine of the keys of the two looks", 0, 2, DEFAULT_CHANGE_THRESHOLD, ANY_TIME));
  g_object_class_install_property (klass, PROP_REPEAT,
      g_param_spec_enum ("repeat", "Repeat",
          "What becomes of a caption that says the same as the one before it",
          GST_TYPE_BITMAR_REPEAT, GST_BITMAR_REPEAT_SUPPRESS, ANY_TIME));
  g_object_class_install_property (klass, PROP_MIN_CONFIDENCE,
      g_param_spec_double ("min-confidence", "Minimum confidence",
          "Captions that are less sure than this are withheld: 0.77 means that 77 in 100 of the things that it names "
          "are expected to be there. 0 shows all of them", 0, 1,
          DEFAULT_MIN_CONFIDENCE, ANY_TIME));
  g_object_class_install_property (klass, PROP_FALLBACK_TEXT,
      g_param_spec_string ("fallback-text", "Fallback text",
          "What is said in place of a caption that is withheld, such as \"something moves\". Unset: nothing is said", NULL, ANY_TIME));
}

static void
install_channels (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_TEXT_MODE,
      g_param_spec_enum ("text-mode", "Text mode",
          "How the pad text_src divides time: in short pieces, for what shows text on video, or in one piece per "
          "caption, for what writes subtitles", GST_TYPE_BITMAR_TEXT_MODE,
          GST_BITMAR_TEXT_MODE_LIVE, RW | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (klass, PROP_LATENCY,
      g_param_spec_uint64 ("latency", "Latency",
          "Time in nanoseconds by which text follows its video, so that a caption is shown with the frame it is about. "
          "Set it to what max-observed-delay tells; it is counted in the LATENCY query", 0, 60 * GST_SECOND, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_LATENESS,
      g_param_spec_uint64 ("lateness", "Lateness",
          "How much later than latency, in nanoseconds, a caption may come and still be shown as text. The default "
          "shows it however late it is", 0, G_MAXUINT64,
          GST_CLOCK_TIME_NONE, ANY_TIME));
  g_object_class_install_property (klass, PROP_MAX_OBSERVED_DELAY,
      g_param_spec_uint64 ("max-observed-delay", "Maximum observed delay",
          "The longest time in nanoseconds so far from a frame of a camera to its caption; what latency should be", 0, G_MAXUINT64, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (klass, PROP_POST_MESSAGES,
      g_param_spec_boolean ("post-messages", "Post messages",
          "Whether each caption is posted on the bus, as an element message bitmar-caption",
          TRUE, ANY_TIME));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What was done since the start: how many frames and looks (episodes) came in, how many captions were written,"
          " and how many not since the picture was unchanged, they repeated the former, a newer look overtook them "
          "(skipped), they were unsure or too late; the time in microseconds of a caption, its first token and a "
          "further one (median, 95th percentile, longest); the longest delay in nanoseconds",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void
gst_bitmar_caption_install_properties (GObjectClass *klass)
{
  install_settings (klass);
  install_policy (klass);
  install_channels (klass);
}
