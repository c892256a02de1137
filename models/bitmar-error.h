/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

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

/**
 * bitmar_error_quark:
 *
 * The domain of the errors of libbitmar, `BITMAR_ERROR` in C. Thread-safe.
 *
 * Returns: the domain
 */
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
 * @BITMAR_ERROR_PARAMETER: a parameter out of range, an alert rule that cannot be read
 * @BITMAR_ERROR_MISMATCH: an episode, an event or a saved memory of another model
 * @BITMAR_ERROR_CANCELLED: [method@Bitmar.Captioner.cancel] was called
 * @BITMAR_ERROR_MODULE: a part that is installed apart is missing, or of another version
 * @BITMAR_ERROR_FULL: no room: the disk's, or a queue's
 * @BITMAR_ERROR_BUSY: another program holds the file for too long
 * @BITMAR_ERROR_READ_ONLY: the file may not be written
 * @BITMAR_ERROR_IO: reading or writing failed
 *
 * What can go wrong, for all functions of libbitmar that have a `GError`. The message names the file, the value or the place; it is English, meant for
 * a log.
 *
 * Values that later versions add come at the end.
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

G_END_DECLS
