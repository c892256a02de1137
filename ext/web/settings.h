/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The values of the section [web]. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  GSocketAddress *address;
  gboolean loopback;
  char *token;                 /* NULL: none is asked for */
  char *token_file;            /* it came from */
  GTlsCertificate *certificate;        /* NULL: no TLS */
  char **hosts;                /* names, lower case, that it may be asked by besides addresses and localhost */
  guint clients;               /* connections at a time */
  guint timeout;               /* s */
  guint picture_side, picture_rate;
} WebSettings;

extern const char *const web_keys[];

/* Opens nothing but the files that are named. On NULL, *key is what is wrong. (transfer full) */
WebSettings *web_settings_read (GHashTable *values, const char **key, GError **error);
void web_settings_free (WebSettings *settings);

G_END_DECLS
