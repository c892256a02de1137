/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sizes of what callers allocate, and the last values of enumerations: a line each, for test-c.sh. */
#include <bitmar.h>
#include <stdio.h>

#define SIZE(type) printf ("%s %zu bytes\n", #type, sizeof (type))
#define MEMBER(type, member) printf ("%s.%s %zu\n", #type, #member, G_STRUCT_OFFSET (type, member) + (size_t) 0)
#define VALUE(name) printf ("%s %d\n", #name, name)

int
main (void)
{
  SIZE (BitmarImage);
  MEMBER (BitmarImage, full_range);
  SIZE (BitmarCaptionParams);
  MEMBER (BitmarCaptionParams, seed);
  SIZE (BitmarCaption);
  MEMBER (BitmarCaption, text);
  MEMBER (BitmarCaption, ids);
  SIZE (BitmarEvent);
  MEMBER (BitmarEvent, thumbnail);
  MEMBER (BitmarEvent, embedding);
  SIZE (BitmarEventLogCounts);
  MEMBER (BitmarEventLogCounts, queued);
  SIZE (BitmarEventLogInfo);
  MEMBER (BitmarEventLogInfo, last);
  SIZE (BitmarAlertState);
  MEMBER (BitmarAlertState, start_ns);
  MEMBER (BitmarAlertRule, cooldown_ns);
  MEMBER (BitmarAlertEvent, start_ns);
  VALUE (BITMAR_ERROR_IO);
  VALUE (BITMAR_FORMAT_Y444);
  VALUE (BITMAR_MATRIX_BT2020);
  VALUE (BITMAR_EVENT_LOG_READ_ONLY);
  VALUE (BITMAR_ALERT_END);
  return 0;
}
