/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What Home Assistant finds a camera's entities by, as its MQTT integration documents it. */
#pragma once

#include "board.h"
#include "options.h"

G_BEGIN_DECLS

void mqtt_discovery_of_camera (MqttBoard *board, const MqttOptions *options, const char *camera);
/* Rules are not known before they have an alert. */
void mqtt_discovery_of_rule (MqttBoard *board, const MqttOptions *options, const char *camera, const char *rule);

G_END_DECLS
