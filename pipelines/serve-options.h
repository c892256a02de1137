/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the command line of `bitmar serve` says. */
#pragma once

#include "cli.h"

G_BEGIN_DECLS

typedef struct {
  char *address, *user, *password_file, *certificate, *key, *model_path, *prompt;
  char **alerts;
  gint port, max_clients;
  double min_confidence, interval;
  gboolean quiet, burn_in;
  /* Of these, by serve_options_read(). */
  char *password, *rules;
} ServeOptions;

#define SERVE_OPTIONS_INIT { .port = 8554, .max_clients = 32, .min_confidence = CLI_UNSET }

void serve_options_add (ServeOptions *options, GOptionContext *context);
/* Reads the password's file, too. NULL: all is well, and the address is in numbers. (transfer full) */
char *serve_options_read (ServeOptions *options);
void serve_options_clear (ServeOptions *options);

G_END_DECLS
