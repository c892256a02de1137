/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What libmosquitto and OpenSSL say, in words. All (transfer full), without the broker's name. */
#pragma once

#include "options.h"

G_BEGIN_DECLS

/* result: libmosquitto's; error: errno, or getaddrinfo()'s; log: what libmosquitto logged, may be empty; greeting: before the broker's
 * first answer */
char *mqtt_words_of (const MqttOptions *options, int result, int error, const char *log, gboolean greeting);
/* The broker's answer to a CONNECT that it refuses. */
char *mqtt_words_of_answer (const MqttOptions *options, int answer);

G_END_DECLS
