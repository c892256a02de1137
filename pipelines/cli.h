/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the parts of the command-line tool share. Everything runs in the main thread. */
#pragma once

#include <gst/gst.h>

#include "bitmar.h"

G_BEGIN_DECLS

typedef enum {
  CLI_OK = 0,
  CLI_SKIPPED = 1,             /* an input failed, the others are done; or the output was closed */
  CLI_USAGE = 2,
  CLI_MODEL = 3,
  CLI_INTERRUPTED = 130
} CliStatus;

#define CLI_UNSET (-G_MAXDOUBLE)

typedef struct {
  gboolean json, quiet;
  char *model_path, *prompt;
  gint beam, max_tokens;       /* 0: the model's */
  gdouble interval;            /* seconds, 0: the elements' default */
  gdouble min_confidence;      /* CLI_UNSET: the element's default for videos, every picture gets its caption */
  BitmarModel *model;
  CliStatus status;
  gboolean stop;               /* SIGINT came, or nobody reads our output any more */
  guint done, total;           /* inputs, for the progress */
} Cli;

/* What is printed of a caption. */
typedef struct {
  const char *input;           /* as the user gave it */
  gboolean is_uri;
  GstClockTime pts;            /* NONE for pictures */
  const char *text;
  gdouble confidence, novelty;
  gint slot;                   /* -1: no memory */
  gint tokens;                 /* -1: not known */
} CliLine;

/* cli-print.c */
/* Valid UTF-8 on one line: what a model, a log or a file's name says gives no orders to a terminal. (transfer full) */
char *cli_harmless (const char *text);
/* As scores are printed: four digits say all there is. */
double cli_rounded (double x);
void cli_print_caption (Cli *cli, const CliLine *line);
/* Told on stderr even with --quiet; the exit status becomes SKIPPED. */
void cli_skip (Cli *cli, const char *input, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* Told on stderr, but with --quiet. */
void cli_note (Cli *cli, const char *input, const char *format, ...) G_GNUC_PRINTF (3, 4);
void cli_progress (Cli *cli, const char *text);
void cli_progress_end (Cli *cli);

/* cli-picture.c */
typedef struct _CliPictures CliPictures;
CliPictures *cli_pictures_new (Cli *cli, GError **error);
void cli_pictures_free (CliPictures *pictures);
/* Whether the file's first bytes are those of a picture we decode. */
gboolean cli_is_picture (const guint8 *data, gsize size);
/* `input` is how the user named the file at `path`. */
void cli_pictures_caption (CliPictures *pictures, const char *input, gboolean is_uri, const char *path);

/* cli-stream.c: a video file, a camera or an address. */
void cli_stream_caption (Cli *cli, const char *input, gboolean is_uri);

/* cli-watch.c: argv[0] is the command's name. */
int cli_watch (int argc, char **argv);

/* cli-record.c: argv[0] is the command's name. */
int cli_record (int argc, char **argv);

/* cli-serve.c: argv[0] is the command's name. */
int cli_serve (int argc, char **argv);

/* bitmar.c: where GStreamer does not look by itself, too. */
void cli_find_plugin (void);

/* cli-info.c */
CliStatus cli_info (const char *path, gboolean json);

/* cli-bench.c: argv[0] is the command's name. */
int cli_bench (int argc, char **argv);

/* cli-search.c: argv[0] is "search" or "forget". */
int cli_search (int argc, char **argv);

/* cli-time.c: ns since 1970, of a date, a time of today or an age such as "-2h". */
gboolean cli_parse_time (const char *text, gint64 *ns);
/* Local, ISO 8601. (transfer full) */
char *cli_format_time (gint64 ns);

G_END_DECLS
