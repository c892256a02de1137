/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The outlet [web]: a page to watch and search, and what it is made of by HTTP.
 *
 * outlet    the table for `bitmar watch`; events come from the cameras' threads and are queued for the server's
 * settings  the section's values
 * listen    connections, their number and their time
 * guard     who may ask what: names, tokens, origins; what every answer says
 * routes    which path is whose
 * api, search, alerts, metrics   answers
 * log, history                   the thread of the disk; the alerts that are kept there
 * stream, replay, pictures       what goes on, over a channel, which holds little for a reader that is slow; what a reader has missed
 *
 * Everything runs in the server's thread but what says otherwise. */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include "bitmar-watch-outlet.h"
#include "settings.h"

G_BEGIN_DECLS

#define WEB_NAME "web"
#define WEB_API_VERSION 1
#define WEB_RING 1024          /* events that a reader who was away can catch up on */
#define WEB_RECENT_ALERTS 256
#define WEB_QUEUE 4096         /* events that wait for the server's thread */

typedef struct {
  guint64 number;              /* of this process, the next always greater */
  char *camera, *name, *sentence;
  gint64 start, end;           /* ns since 1970; end -1: it goes on, or is not known */
  gdouble score, peak;
  gint64 event;                /* its start in the log; 0: not found there yet */
  gboolean active;
  gboolean cut;                /* ended because the camera went away */
} WebAlert;

typedef struct {
  const char *name;
  char *state, *why;
  gint64 since;
  char *caption;               /* the last; NULL: none yet */
  gint64 caption_utc;
  gdouble confidence, novelty;
  guint64 captions, alerts, losses;
} WebCamera;

typedef struct _Web Web;
typedef struct _WebLog WebLog;
typedef struct _WebHistory WebHistory;
typedef struct _WebPictures WebPictures;
typedef struct _WebRing WebRing;

struct _Web {
  const BwoHost *host;
  WebSettings *settings;
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  SoupServer *server;
  GSocketService *service;
  guint port;                  /* that it listens at */
  guint *connections;          /* an rc box of their own: the last may end later than this */
  GPtrArray *channels;
  guint64 requests, refused, dropped;  /* dropped: events that a slow server or reader missed */
  guint8 secret[32];           /* signs cookies as long as this process lives */
  gint64 started;              /* ns since 1970 */

  GMutex lock;                 /* of the queue alone */
  GQueue queue;                /* WebEvent */
  gboolean scheduled, lost;

  WebCamera *cameras;          /* [host->n_cameras] */
  GPtrArray *alerts;           /* WebAlert, the oldest first */
  guint64 last_alert;          /* number */
  WebRing *ring;
  WebLog *log;
  WebHistory *history;
  WebPictures *pictures;
  /* How the log does, looked at once in a while. */
  guint64 log_written;
  gint64 log_moved_us;
};

/* A copy of a BwoEvent. */
typedef struct {
  BwoKind kind;
  guint camera;
  gint64 utc;
  char *json, *state, *why;
  GstStructure *fields;
} WebEvent;

typedef struct {
  Web *web;
  SoupServerMessage *message;
  const char *path;            /* behind the route's */
  GHashTable *query;           /* may be NULL */
} WebRequest;

/* ---- respond.c --------------------------------------------------------------------------------------- */
void web_respond (SoupServerMessage *message, guint status, const char *type, const char *text, gssize length);
void web_respond_json (SoupServerMessage *message, guint status, JsonObject *object);     /* takes the object */
/* As JSON: {"version":1,"error":{"status":…,"message":…}}. */
void web_fail (SoupServerMessage *message, guint status, const char *format, ...) G_GNUC_PRINTF (3, 4);
JsonObject *web_json_new (void);
void web_json_set_text (JsonObject *object, const char *name, const char *text);  /* null where there is none */
void web_json_set_time (JsonObject *object, const char *name, gint64 utc);        /* null for -1 */
double web_rounded (double x);
char *web_time (gint64 utc);   /* ISO 8601, UTC, milliseconds. (transfer full) */
/* FALSE: answered. NULL and its default where it is not given. */
gboolean web_only_has (const WebRequest *request, const char *const *names);
const char *web_parameter (const WebRequest *request, const char *name);
/* n_cameras: not there. */
guint web_find_camera (const Web *web, const char *name);

/* ---- listen.c ---------------------------------------------------------------------------------------- */
gboolean web_listen (Web *web, GError **error);
char *web_address (const Web *web);    /* http://… (transfer full) */
/* At once; whoever reads or writes there is told that it is over. */
void web_hang_up (SoupServerMessage *message);

/* ---- guard.c ----------------------------------------------------------------------------------------- */
typedef enum {
  WEB_OPEN,                    /* for anybody */
  WEB_PAGE,                    /* without a token: to the login form */
  WEB_DATA                     /* without a token: 401 */
} WebAccess;

/* Before anything else; FALSE: answered. */
gboolean web_guard_headers (Web *web, SoupServerMessage *message);
gboolean web_guard_access (Web *web, SoupServerMessage *message, WebAccess access);
void web_login (WebRequest *request);
void web_logout (WebRequest *request);

/* ---- routes.c ---------------------------------------------------------------------------------------- */
void web_add_routes (Web *web);

/* ---- api.c, alerts.c, metrics.c ------------------------------------------------------------------------ */
void web_get_cameras (WebRequest *request);
void web_get_live (WebRequest *request);
void web_get_ready (WebRequest *request);
void web_get_info (WebRequest *request);
void web_get_metrics (WebRequest *request);
void web_get_alerts (WebRequest *request);
/* Whether the log takes what it is given. */
gboolean web_log_works (Web *web);
void web_alerts_note (Web *web, const WebEvent *event);
/* The program ends, and what goes on with it. */
void web_alerts_finish (Web *web);
void web_alerts_add (Web *web, WebAlert *alert);       /* takes it */
void web_alert_free (gpointer alert);

/* ---- log.c --------------------------------------------------------------------------------------------- */
/* In the thread of the disk. log NULL: it can't be opened, for that reason. FALSE: something is wrong with it, and it is opened anew the next time. */
typedef gboolean (*WebLogWork) (BitmarEventLog *log, const GError *error, gpointer data);
/* In the server's. */
typedef void (*WebLogDone) (gpointer data);
WebLog *web_log_new (Web *web);
void web_log_free (WebLog *log);
/* FALSE: too many wait already, and nothing is done; else the data is taken, and freed in the end. */
gboolean web_log_run (WebLog *log, WebLogWork work, WebLogDone done, GDestroyNotify free, gpointer data);
gboolean web_log_is_there (const Web *web);

/* ---- history.c ----------------------------------------------------------------------------------------- */
/* Reads what an earlier process has left into web->alerts. */
WebHistory *web_history_new (Web *web);
/* Writes what there is. Behind web_log_free. */
void web_history_free (WebHistory *history);
void web_history_changed (WebHistory *history);

/* ---- search.c ---------------------------------------------------------------------------------------- */
void web_get_events (WebRequest *request);
void web_get_event (WebRequest *request);

/* ---- channel.c: an answer without an end --------------------------------------------------------------- */
typedef struct _WebChannel WebChannel;
typedef void (*WebChannelFunc) (WebChannel *channel, gpointer data);
/* Answers the request, with 503 and NULL when there are too many. drained: what was sent is on its way; gone: the last call, the channel is freed
 * behind it. */
WebChannel *web_channel_new (Web *web, SoupServerMessage *message, const char *type, WebChannelFunc drained, WebChannelFunc gone, gpointer data);
void web_channel_send (WebChannel *channel, GBytes *bytes);
void web_channel_send_text (WebChannel *channel, const char *text);
gsize web_channel_get_waiting (const WebChannel *channel);     /* bytes that are not on their way */
/* When all is sent. */
void web_channel_end (WebChannel *channel);
/* All, at once. */
void web_channels_break (Web *web);

/* ---- stream.c ---------------------------------------------------------------------------------------- */
WebRing *web_ring_new (Web *web);
void web_ring_free (WebRing *ring);
void web_ring_add (WebRing *ring, const WebEvent *event);
/* Events were lost before they came here. */
void web_ring_resync (WebRing *ring);
void web_get_stream (WebRequest *request);

/* ---- replay.c ------------------------------------------------------------------------------------------ */
typedef struct {
  guint64 number;              /* of what was told in this process; 0: it is from the log */
  gint64 utc;
  char *id, *camera;
  GBytes *bytes;               /* as it is sent */
} WebPiece;

typedef struct {
  char *id, *camera;
  gint64 utc;
} WebMark;

/* What was told once has the same id in each process, so that a reader knows what it has: UTC/CAMERA/caption, start:NAME, end:NAME or state. */
WebPiece *web_piece_new (const char *type, const char *what, gint64 utc, const char *camera, const char *json);
WebPiece *web_piece_of (const Web *web, const WebEvent *event);
void web_piece_free (gpointer piece);
/* FALSE: no id of ours. */
gboolean web_mark_read (WebMark *mark, const char *id);
void web_mark_clear (WebMark *mark);
/* Whether a reader that had the event of the mark last may not have had this one. */
gboolean web_mark_is_before (const WebMark *mark, gint64 utc, const char *camera, const char *id);

/* pieces: WebPiece, the oldest first; NULL: they can't be had, or are too many. The callee's. */
typedef void (*WebReplayFunc) (GPtrArray *pieces, gpointer data);
/* The log's captions and starts of alerts behind the mark, and the ends that are known. FALSE: too many ask. */
gboolean web_replay (Web *web, const WebMark *mark, WebReplayFunc func, gpointer data);
/* As it is now, as it is sent. (transfer full) */
GBytes *web_state_bytes (const WebCamera *camera);

/* ---- pictures.c -------------------------------------------------------------------------------------- */
WebPictures *web_pictures_new (Web *web);
void web_pictures_free (WebPictures *pictures);
void web_get_camera_pictures (WebRequest *request);    /* /cameras/NAME.mjpeg and .jpg */
void web_get_pictures (WebRequest *request);           /* of several cameras in one answer */
guint web_pictures_count (const WebPictures *pictures, guint camera);

G_END_DECLS
