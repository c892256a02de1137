/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libbitmar: the engine without GStreamer. A #BitmarModel is read-only once loaded and shared by any number of
 * encoders, memories and captioners; each of those belongs to one stream and is used by one thread at a time.
 * After construction nothing here allocates per frame or per token. */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* Public symbols; everything else in the library is hidden. */
#ifdef BITMAR_COMPILATION
#define BITMAR_API __attribute__ ((visibility ("default")))
#else
#define BITMAR_API
#endif

#define BITMAR_ERROR (bitmar_error_quark ())
BITMAR_API GQuark bitmar_error_quark (void);

/**
 * BitmarError:
 * @BITMAR_ERROR_OPEN: the file is missing or cannot be read
 * @BITMAR_ERROR_FORMAT: not a GGUF file, or damaged structure (truncated, overlapping, absurd sizes)
 * @BITMAR_ERROR_ARCHITECTURE: a sound GGUF file, but of another architecture or a newer format
 * @BITMAR_ERROR_CORRUPT: the checksum does not match, an illegal ternary code, a non-finite scale
 * @BITMAR_ERROR_SHAPE: a tensor or key is missing or has a shape the kernels do not allow
 * @BITMAR_ERROR_NO_MEMORY: not enough memory
 * @BITMAR_ERROR_ENCODING: text is not UTF-8
 * @BITMAR_ERROR_TOO_LONG: text has more tokens than the model's context
 * @BITMAR_ERROR_IMAGE: a picture with no pixels, too large, or with missing planes
 * @BITMAR_ERROR_PARAMETER: a caption parameter out of range, an alert rule that cannot be read
 * @BITMAR_ERROR_MISMATCH: an episode, or a saved memory, of another model
 * @BITMAR_ERROR_CANCELLED: bitmar_captioner_cancel() was called
 * @BITMAR_ERROR_MODULE: a part that is installed apart is missing, or of another version
 * @BITMAR_ERROR_FULL: no room: the disk's, or a queue's
 * @BITMAR_ERROR_BUSY: another program holds the file for too long
 * @BITMAR_ERROR_READ_ONLY: the file may not be written
 * @BITMAR_ERROR_IO: reading or writing failed
 */
typedef enum {
  BITMAR_ERROR_OPEN,
  BITMAR_ERROR_FORMAT,
  BITMAR_ERROR_ARCHITECTURE,
  BITMAR_ERROR_CORRUPT,
  BITMAR_ERROR_SHAPE,
  BITMAR_ERROR_NO_MEMORY,
  BITMAR_ERROR_ENCODING,
  BITMAR_ERROR_TOO_LONG,
  BITMAR_ERROR_IMAGE,
  BITMAR_ERROR_PARAMETER,
  BITMAR_ERROR_MISMATCH,
  BITMAR_ERROR_CANCELLED,
  BITMAR_ERROR_MODULE,
  BITMAR_ERROR_FULL,
  BITMAR_ERROR_BUSY,
  BITMAR_ERROR_READ_ONLY,
  BITMAR_ERROR_IO
} BitmarError;

/* ---- Model -------------------------------------------------------------------------------------- */

#define BITMAR_TYPE_MODEL (bitmar_model_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarModel, bitmar_model, BITMAR, MODEL, GObject)

/* Loads, or shares: a file (device, inode, size, mtime) that is loaded in this process is loaded once. Blocks for the load
 * (tens of milliseconds); thread-safe. (transfer full) */
BITMAR_API BitmarModel *bitmar_model_load (const char *path, GError **error);
/* The model used when none is named: $BITMAR_MODEL, else the installed default. Never NULL; the file may be missing. */
BITMAR_API const char *bitmar_model_default_path (void);

BITMAR_API const char *bitmar_model_get_id (BitmarModel *model);           /* the file's SHA-256, 64 hex digits */
BITMAR_API const char *bitmar_model_get_name (BitmarModel *model);
/* A metadata key of the file as text (numbers and arrays too), NULL when absent. (transfer full) */
BITMAR_API char *bitmar_model_dup_metadata (BitmarModel *model, const char *key);
/* All keys, in file order, NULL-terminated. (transfer full) */
BITMAR_API char **bitmar_model_list_metadata (BitmarModel *model);
BITMAR_API guint bitmar_model_get_memory_width (BitmarModel *model);       /* C */
BITMAR_API guint bitmar_model_get_memory_slots (BitmarModel *model);       /* K */
BITMAR_API guint bitmar_model_get_max_tokens (BitmarModel *model);
BITMAR_API guint bitmar_model_get_beam_size (BitmarModel *model);          /* the file's default */
BITMAR_API guint64 bitmar_model_get_parameters (BitmarModel *model);
BITMAR_API gsize bitmar_model_get_size (BitmarModel *model);               /* bytes resident */
/* Whether the file has a background of episodes: without one, alerts score by the cosine on a fixed scale, see
 * docs/alerts.md. */
BITMAR_API gboolean bitmar_model_has_background (BitmarModel *model);

/* Sentence -> unit vector [memory width], comparable by dot product with an episode's key. Thread-safe. Allocates. */
BITMAR_API gboolean bitmar_model_embed_text (BitmarModel *model, const char *text, float *embedding, GError **error);

/* ---- Picture ------------------------------------------------------------------------------------ */

typedef enum {
  BITMAR_FORMAT_GRAY8,
  BITMAR_FORMAT_RGB,
  BITMAR_FORMAT_BGR,
  BITMAR_FORMAT_RGBX,       /* also RGBA; the fourth byte is not read */
  BITMAR_FORMAT_BGRX,
  BITMAR_FORMAT_XRGB,
  BITMAR_FORMAT_XBGR,
  BITMAR_FORMAT_I420,
  BITMAR_FORMAT_YV12,
  BITMAR_FORMAT_NV12,
  BITMAR_FORMAT_NV21,
  BITMAR_FORMAT_YUY2,
  BITMAR_FORMAT_UYVY,
  BITMAR_FORMAT_Y42B,
  BITMAR_FORMAT_Y444
} BitmarFormat;

typedef enum {
  BITMAR_MATRIX_BT601,
  BITMAR_MATRIX_BT709,
  BITMAR_MATRIX_BT2020
} BitmarMatrix;

/* Plain memory, owned by the caller for the length of a call. Planes in the order the format's name gives (YV12: Y, V, U). */
typedef struct {
  BitmarFormat format;
  guint width, height;         /* pixels, 1..16384 */
  const guint8 *planes[3];
  gint strides[3];             /* bytes, may be negative */
  BitmarMatrix matrix;         /* YUV formats only */
  gboolean full_range;         /* YUV formats only */
} BitmarImage;

/* ---- Episode: what one frame became --------------------------------------------------------------- */

#define BITMAR_TYPE_EPISODE (bitmar_episode_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarEpisode, bitmar_episode, BITMAR, EPISODE, GObject)

/* NULL: not enough memory. */
BITMAR_API BitmarEpisode *bitmar_episode_new (BitmarModel *model);
/* Unit vector [memory width], borrowed. */
BITMAR_API const float *bitmar_episode_get_key (BitmarEpisode *episode, gsize *n);
BITMAR_API const float *bitmar_episode_get_content (BitmarEpisode *episode, gsize *n);
/* What memory recalled for it: zero until bitmar_memory_observe(). */
BITMAR_API const float *bitmar_episode_get_recalled (BitmarEpisode *episode, gsize *n);
BITMAR_API gfloat bitmar_episode_get_novelty (BitmarEpisode *episode);     /* 0..1, 1 until observed */
BITMAR_API gint bitmar_episode_get_slot (BitmarEpisode *episode);          /* slot written, -1 until observed */
/* What was said of it, for bitmar_memory_tell(). ENCODING, TOO_LONG. Allocates; takes as long as setting a prompt. Not part of the bytes. */
BITMAR_API gboolean bitmar_episode_set_caption (BitmarEpisode *episode, const char *text, GError **error);
/* Serialised form, bound to the model's id, little-endian, checksummed by nothing: for metas within one process. NULL: not enough memory. */
BITMAR_API GBytes *bitmar_episode_to_bytes (BitmarEpisode *episode);
/* Overwrites the episode. FORMAT: a bad length or magic, or what no encoder and no memory make, such as a key that is not of unit length; MISMATCH: of
 * another model. Then the episode is as it was. */
BITMAR_API gboolean bitmar_episode_set_bytes (BitmarEpisode *episode, GBytes *bytes, GError **error);
BITMAR_API void bitmar_episode_copy (BitmarEpisode *dest, BitmarEpisode *src);   /* of the same model */

/* ---- Encoder: picture -> episode -------------------------------------------------------------------- */

#define BITMAR_TYPE_ENCODER (bitmar_encoder_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarEncoder, bitmar_encoder, BITMAR, ENCODER, GObject)

BITMAR_API BitmarEncoder *bitmar_encoder_new (BitmarModel *model, GError **error);
/* Fills `episode` (recalled becomes zero). A change of the picture's size re-plans the resampler, which allocates. */
BITMAR_API gboolean bitmar_encoder_encode (BitmarEncoder *encoder, const BitmarImage *image, BitmarEpisode *episode,
    GError **error);

/* ---- Memory: episodes in, recalled vectors out ------------------------------------------------------ */

#define BITMAR_TYPE_MEMORY (bitmar_memory_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarMemory, bitmar_memory, BITMAR, MEMORY, GObject)

/* slots: up to 65536; 0: the model's number. merge_threshold: the cosine from which an episode merges into the slot it resembles,
 * -1 (always) to 1 (hardly ever); below -1: the model's. It is not the model's recall threshold, which may exceed 1. PARAMETER. */
BITMAR_API BitmarMemory *bitmar_memory_new (BitmarModel *model, guint slots, gfloat merge_threshold, GError **error);
/* Reads (sets the episode's recalled vector and novelty), then writes the episode. */
BITMAR_API gboolean bitmar_memory_observe (BitmarMemory *memory, BitmarEpisode *episode, guint64 time_ns, GError **error);
/* What was said of an episode that was observed (bitmar_episode_set_caption()) becomes what its slot recalls, so that it is said again when the camera
 * comes back to it. FALSE: the slot has another episode by now, or nothing was said of this one. Quick. */
BITMAR_API gboolean bitmar_memory_tell (BitmarMemory *memory, BitmarEpisode *episode);
BITMAR_API void bitmar_memory_clear (BitmarMemory *memory);
BITMAR_API guint bitmar_memory_get_used (BitmarMemory *memory);
BITMAR_API guint bitmar_memory_get_slots (BitmarMemory *memory);
/* Empties the slots whose first and last write both lie in from_ns <= t < to_ns, of the times given to observe; slots
 * may move to other numbers. What was merged into a slot that was also written at other times stays in it. Returns how
 * many. */
BITMAR_API guint bitmar_memory_forget (BitmarMemory *memory, guint64 from_ns, guint64 to_ns);

/* A snapshot: the slots in use, bound to the model's id, little-endian, checksummed (docs/memory.md). Restored with the
 * same merge_threshold and as many slots, a memory goes on exactly as the saved one would. */

/* Touches no disk: milliseconds for 512 slots. NULL: not enough memory. (transfer full) */
BITMAR_API GBytes *bitmar_memory_to_bytes (BitmarMemory *memory);
/* Replaces the file, mode 0600, or leaves it: whoever reads it, and whatever dies meanwhile, it is the old one or the
 * new one, whole. Where PATH is a link, what it names is replaced. Blocks on the disk; any thread. While this runs PATH.part is beside it; what a killed process left of
 * that is overwritten the next time. OPEN: no such folder; READ_ONLY, FULL, IO: the old file is as it was. (Only where
 * IO says that the folder can't be synced it is the new one, which a power cut might still undo.) */
BITMAR_API gboolean bitmar_memory_write_bytes (GBytes *bytes, const char *path, GError **error);
/* Both; NO_MEMORY. */
BITMAR_API gboolean bitmar_memory_save (BitmarMemory *memory, const char *path, GError **error);
/* Replaces what the memory holds. OPEN: the file is missing or can't be read; FORMAT: not a snapshot, or a newer
 * version's; CORRUPT; MISMATCH: of another model; SHAPE: it has more slots in use than the memory has, or another
 * width; NO_MEMORY. Then the memory is as it was; the file always is. */
BITMAR_API gboolean bitmar_memory_load (BitmarMemory *memory, const char *path, GError **error);

/* ---- Captioner: episode -> words -------------------------------------------------------------------- */

typedef struct {
  guint beam_size;         /* 1..8; 0: the model's. Ignored (must be 0 or 1) when temperature > 0 */
  guint max_tokens;        /* 1..the model's; 0: the model's */
  gfloat length_penalty;   /* >= 0; < 0: the model's */
  gfloat temperature;      /* 0: beam search; > 0: sampling */
  guint top_k;             /* 0: all */
  gfloat top_p;            /* 0 < p <= 1; 0: 1 */
  guint64 seed;
} BitmarCaptionParams;

#define BITMAR_CAPTION_TEXT_SIZE 1024

typedef struct {
  char text[BITMAR_CAPTION_TEXT_SIZE];   /* UTF-8, NUL-terminated, no leading or trailing space; may be empty */
  gfloat confidence;                     /* 0..1, calibrated: how many of the things it names are there; of this look, whatever was said before */
  guint tokens;                          /* ids written, eos not counted */
  gboolean finished;                     /* ended by eos, not by max_tokens */
  gint32 ids[256];
  gint64 first_token_ns, decode_ns;      /* monotonic time spent until the first step was done, and in all */
} BitmarCaption;

#define BITMAR_TYPE_CAPTIONER (bitmar_captioner_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarCaptioner, bitmar_captioner, BITMAR, CAPTIONER, GObject)

BITMAR_API BitmarCaptioner *bitmar_captioner_new (BitmarModel *model, GError **error);
/* NULL or "": none. ENCODING or TOO_LONG leaves the former prompt in place. */
BITMAR_API gboolean bitmar_captioner_set_prompt (BitmarCaptioner *captioner, const char *prompt, GError **error);
/* `params` may be NULL: all from the model. One thread at a time per captioner; threads that caption with several captioners of one
 * model at the same time share the decoder's steps, which cost little more for many than for one, and get the captions they would
 * get alone. */
BITMAR_API gboolean bitmar_captioner_caption (BitmarCaptioner *captioner, BitmarEpisode *episode,
    const BitmarCaptionParams *params, BitmarCaption *caption, GError **error);
/* The same for n different captioners of one model from one thread. captions: [n]. FALSE: the first error; captions that were
 * finished nevertheless are there, the others are empty. PARAMETER: a captioner twice; MISMATCH: of several models. */
BITMAR_API gboolean bitmar_captioner_caption_many (BitmarCaptioner *const *captioners, BitmarEpisode *const *episodes,
    const BitmarCaptionParams *params, BitmarCaption *captions, gsize n, GError **error);
/* Empties the attention window (a flush); sinks stay. */
BITMAR_API void bitmar_captioner_reset (BitmarCaptioner *captioner);
/* From any thread: a running caption() returns CANCELLED within one token; sticks until bitmar_captioner_uncancel(). */
BITMAR_API void bitmar_captioner_cancel (BitmarCaptioner *captioner);
BITMAR_API void bitmar_captioner_uncancel (BitmarCaptioner *captioner);

/* ---- Event log: what happened, on the disk, found by a sentence -------------------------------------- */

/* What one caption leaves behind. To append one it may be a plain struct with the caller's own pointers; those that
 * a query returns are counted and read-only. */
typedef struct {
  gint64 id;               /* 1.., in the order of appending, never used twice; not read by append */
  const char *camera;      /* NULL: "" */
  const char *text;
  const char *alert;       /* the rule's name, NULL: none */
  gint64 utc;              /* ns since 1970, 0 <= utc < G_MAXINT64 */
  guint64 pts, running_time;   /* ns, G_MAXUINT64: not known */
  gfloat confidence, novelty;  /* 0..1 */
  const float *embedding;  /* unit vector [memory width]: the episode's key; NULL in results */
  GBytes *thumbnail;       /* a JPEG of 1 MiB at most, which nothing here looks into; NULL: none */
  gfloat score;            /* in results: the cosine of text and picture, -1..1 */
} BitmarEvent;

#define BITMAR_TYPE_EVENT (bitmar_event_get_type ())
BITMAR_API GType bitmar_event_get_type (void);
/* Of results only. */
BITMAR_API BitmarEvent *bitmar_event_ref (BitmarEvent *event);
BITMAR_API void bitmar_event_unref (BitmarEvent *event);

typedef enum {
  BITMAR_EVENT_LOG_WRITE,
  BITMAR_EVENT_LOG_READ_ONLY
} BitmarEventLogMode;

/* Neither blocks nor is blocked by the disk. appended = written + dropped + forgotten + queued. */
typedef struct {
  guint64 appended;        /* calls of append with a legal event */
  guint64 written;         /* committed: they survive a crash of the machine */
  guint64 dropped;         /* the queue was full */
  guint64 forgotten;       /* before they were written */
  guint queued;
} BitmarEventLogCounts;

typedef struct {
  guint64 events, bytes;   /* in the file */
  gint64 first, last;      /* utc of the oldest and the newest, -1 when empty */
} BitmarEventLogInfo;

#define BITMAR_TYPE_EVENT_LOG (bitmar_event_log_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarEventLog, bitmar_event_log, BITMAR, EVENT_LOG, GObject)

/* Thread-safe throughout. Only append, get_counts, get_error and the setters never wait for the disk. Ranges of time
 * are from <= utc < to in ns since 1970; from 0 is the first event, to -1 the last. camera NULL: all. Other programs
 * may use the file at the same time. */

/* A file that is missing becomes a log of that model. model NULL: the log of whichever model that is there; it can
 * be forgotten from and pruned, but neither searched nor added to. MODULE, OPEN, FORMAT (no log of ours),
 * ARCHITECTURE (of a newer version), MISMATCH (of another model), CORRUPT; the file is then left as it is. */
BITMAR_API BitmarEventLog *bitmar_event_log_open (const char *path, BitmarModel *model, BitmarEventLogMode mode,
    GError **error);
/* Copies the event into a queue; a thread writes what is queued, in order. FULL: the queue was, and the event is
 * dropped. PARAMETER, ENCODING, TOO_LONG (text, camera or alert of 64 KiB, thumbnail of 1 MiB): not a legal event.
 * READ_ONLY. */
BITMAR_API gboolean bitmar_event_log_append (BitmarEventLog *log, const BitmarEvent *event, GError **error);
/* Waits until what was appended before is committed, or an attempt at it fails; it stays queued then and is tried
 * again, at the latest after 30 s. FULL, BUSY, IO and so on. */
BITMAR_API gboolean bitmar_event_log_flush (BitmarEventLog *log, GError **error);
/* Events the queue holds, 1..65536 (1024). Fewer than it does hold drops none. */
BITMAR_API void bitmar_event_log_set_queue_size (BitmarEventLog *log, guint events);
BITMAR_API void bitmar_event_log_get_counts (BitmarEventLog *log, BitmarEventLogCounts *counts);
/* Why the last attempt to write failed, NULL when it did not. (transfer full) */
BITMAR_API GError *bitmar_event_log_get_error (BitmarEventLog *log);
/* Called in the writing thread at each attempt that fails; must not call the log. */
typedef void (*BitmarEventLogErrorFunc) (BitmarEventLog *log, const GError *error, gpointer user_data);
BITMAR_API void bitmar_event_log_set_error_func (BitmarEventLog *log, BitmarEventLogErrorFunc func, gpointer user_data,
    GDestroyNotify destroy);

/* The k (1..1000) events whose pictures are nearest to `embedding` [memory width], best first, of equals the newest
 * first; NULL: just the newest first. Flushes first. (transfer full) (element-type BitmarEvent) */
BITMAR_API GPtrArray *bitmar_event_log_query (BitmarEventLog *log, const float *embedding, guint k, gint64 from,
    gint64 to, const char *camera, GError **error);
BITMAR_API GPtrArray *bitmar_event_log_query_text (BitmarEventLog *log, const char *text, guint k, gint64 from,
    gint64 to, const char *camera, GError **error);
/* One that a query has found. PARAMETER: there is none of that id, or no longer. (transfer full) */
BITMAR_API BitmarEvent *bitmar_event_log_get_event (BitmarEventLog *log, gint64 id, GError **error);
/* Deletes, queued events too. TRUE: no trace is left in the file or beside it. FULL, BUSY, IO: they are no longer
 * found, but parts may still be there; the next call tries again. Takes as long as writing the rest of the log anew.
 * n_forgotten may be NULL. */
BITMAR_API gboolean bitmar_event_log_forget (BitmarEventLog *log, gint64 from, gint64 to, const char *camera,
    guint64 *n_forgotten, GError **error);
BITMAR_API gboolean bitmar_event_log_clear (BitmarEventLog *log, GError **error);
/* From now on the writing thread deletes what is older than max_age ns (0: nothing is), then the oldest until the
 * file has max_bytes (0: any size): at once, with what it writes, and every minute. Traces may stay in the file
 * until the next forget. */
BITMAR_API void bitmar_event_log_set_retention (BitmarEventLog *log, guint64 max_age, guint64 max_bytes);
BITMAR_API gboolean bitmar_event_log_get_info (BitmarEventLog *log, BitmarEventLogInfo *info, GError **error);
/* Flushes and closes the file; after that every call fails with OPEN. FALSE: events were lost. Otherwise done with
 * the last reference. */
BITMAR_API gboolean bitmar_event_log_close (BitmarEventLog *log, GError **error);

/* ---- Alerts: sentences that score every look --------------------------------------------------------- */

/* The strings belong to the alerts. */
typedef struct {
  const char *name, *sentence;
  gfloat above, below;                     /* starts at `above` or more, ends below `below`; 0 < below <= above <= 1 */
  guint64 for_ns, hold_ns, cooldown_ns;
} BitmarAlertRule;

typedef struct {
  gboolean active;                         /* started and not ended */
  gfloat score;                            /* 0..1 of the last look; -1 before the first */
  gfloat peak;                             /* the highest score since start_ns, while active */
  guint64 start_ns;                        /* of the first look from which on the score was above, while active */
} BitmarAlertState;

typedef enum {
  BITMAR_ALERT_START,
  BITMAR_ALERT_END
} BitmarAlertKind;

typedef struct {
  BitmarAlertKind kind;
  const char *name, *sentence;             /* of the rule */
  gfloat score, peak;                      /* of this look; the highest since start_ns */
  guint64 time_ns;                         /* of the look that tells */
  guint64 start_ns;
} BitmarAlertEvent;

#define BITMAR_TYPE_ALERTS (bitmar_alerts_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarAlerts, bitmar_alerts, BITMAR, ALERTS, GObject)

/* Called from within the function it is given to, for each event in the order of the rules; must not call the same alerts.
 * The event lives as long as the call. */
typedef void (*BitmarAlertFunc) (const BitmarAlertEvent *event, gpointer user_data);

/* Whether the text can be read as rules; needs no model. PARAMETER with line, column and what was expected there. */
BITMAR_API gboolean bitmar_alerts_check_rules (const char *rules, GError **error);
/* rules: see docs/alerts.md; NULL or "": none. PARAMETER; TOO_LONG for a sentence of more tokens than the model reads. */
BITMAR_API BitmarAlerts *bitmar_alerts_new (BitmarModel *model, const char *rules, GError **error);
/* Scores the episode by every rule and tells what starts and ends. Does not allocate. Time that goes back is another stream:
 * what is active ends at the time of the look before, cooldowns are forgotten. func may be NULL. MISMATCH: an episode of
 * another model. */
BITMAR_API gboolean bitmar_alerts_observe (BitmarAlerts *alerts, BitmarEpisode *episode, guint64 time_ns,
    BitmarAlertFunc func, gpointer user_data, GError **error);
/* The end of the stream: ends what is active at the time of the last look, then resets. */
BITMAR_API void bitmar_alerts_finish (BitmarAlerts *alerts, BitmarAlertFunc func, gpointer user_data);
/* As new, and nobody is told. */
BITMAR_API void bitmar_alerts_reset (BitmarAlerts *alerts);
BITMAR_API guint bitmar_alerts_get_n_rules (BitmarAlerts *alerts);
/* Borrowed; NULL if i is out of range. */
BITMAR_API const BitmarAlertRule *bitmar_alerts_get_rule (BitmarAlerts *alerts, guint i);
/* FALSE if i is out of range. */
BITMAR_API gboolean bitmar_alerts_get_state (BitmarAlerts *alerts, guint i, BitmarAlertState *state);
/* Rules in full, a line each, that read the same. (transfer full) */
BITMAR_API char *bitmar_alerts_to_string (BitmarAlerts *alerts);

G_END_DECLS
