/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Byte-level BPE (MODEL.md, "Tokenizer"). Read-only once made: any thread.
 *
 *   text -> ASCII lower case -> pieces (letters | digits | other | spaces) -> bytes -> merges by rank -> ids */
#pragma once

#include "gguf.h"

G_BEGIN_DECLS

typedef struct _BitmarTokenizer BitmarTokenizer;

/* tokens, merges: string arrays in GPT-2's byte alphabet. The first `n_special` tokens are never part of a text.
 * SHAPE when a byte has no token, or a merge's parts or result are no tokens; NO_MEMORY. */
BitmarTokenizer *bitmar_tokenizer_new (const BitmarGgufValue *tokens, const BitmarGgufValue *merges, gsize n_special,
    GError **error);
void bitmar_tokenizer_free (BitmarTokenizer *tokenizer);

/* text: valid UTF-8. Writes up to `max` ids; returns how many the text has in all, which may be more. */
gsize bitmar_tokenizer_encode (const BitmarTokenizer *tokenizer, const char *text, gint32 *ids, gsize max);
/* NUL-terminated valid UTF-8 of at most size - 1 bytes: broken sequences become U+FFFD, outer spaces go, special and
 * unknown ids are skipped. Allocates nothing. */
void bitmar_tokenizer_decode (const BitmarTokenizer *tokenizer, const gint32 *ids, gsize n, char *text, gsize size);

G_END_DECLS
