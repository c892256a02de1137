/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tokenizer.h"

#include <string.h>

#include "bitmar.h"

typedef struct {
  guint32 rank;
  gint32 id;                   /* of the merged token */
} Merge;

struct _BitmarTokenizer {
  gsize n, n_special;
  guint32 *at;                 /* [n + 1] offsets into bytes */
  guint8 *bytes;               /* every token's bytes, one after the other */
  gint32 byte_id[256];
  GHashTable *merges;          /* (left << 32 | right) -> Merge */
};

/* GPT-2's alphabet: printable bytes stand for themselves, the rest for U+0100 onwards, in order. */
static gboolean
is_printable_byte (guint b)
{
  return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
}

static void
fill_alphabet (gint16 *byte_of)        /* [512], -1: no byte */
{
  guint next = 256;

  memset (byte_of, 0xff, 512 * sizeof *byte_of);
  for (guint b = 0; b < 256; b++)
    byte_of[is_printable_byte (b) ? b : next++] = b;
}

/* Turns a string of the alphabet into bytes; -1 when a character is not of it. out: at least n bytes. */
static gssize
to_bytes (const gint16 *byte_of, const char *s, gsize n, guint8 *out)
{
  const char *end = s + n;
  gsize m = 0;

  if (!g_utf8_validate_len (s, n, NULL))
    return -1;
  for (; s < end; s = g_utf8_next_char (s)) {
    gunichar c = g_utf8_get_char (s);
    if (c >= 512 || byte_of[c] < 0)
      return -1;
    out[m++] = byte_of[c];
  }
  return m;
}

static gboolean
refuse (GError **error, const char *what, gsize i)
{
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_SHAPE, "the tokenizer's %s %" G_GSIZE_FORMAT " is not usable", what, i);
  return FALSE;
}

static gboolean
no_memory (GError **error)
{
  g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "not enough memory for the tokenizer");
  return FALSE;
}

static gboolean
read_tokens (BitmarTokenizer *t, const BitmarGgufValue *tokens, const gint16 *byte_of, GError **error)
{
  const guint8 *p = tokens->data;
  gsize length;

  t->bytes = g_try_malloc (MAX (tokens->size, 1));
  t->at = g_try_new0 (guint32, t->n + 1);
  if (!t->bytes || !t->at)
    return no_memory (error);
  for (gsize i = 0; i < t->n; i++) {
    const char *s = bitmar_gguf_next_string (&p, &length);
    gssize m = i < t->n_special ? 0 : to_bytes (byte_of, s, length, t->bytes + t->at[i]);
    if (m < 0 || (m == 0 && i >= t->n_special))
      return refuse (error, "token", i);
    t->at[i + 1] = t->at[i] + m;
    if (m == 1)
      t->byte_id[t->bytes[t->at[i]]] = i;
  }
  for (guint b = 0; b < 256; b++)
    if (t->byte_id[b] < 0)
      return refuse (error, "byte", b);
  return TRUE;
}

static GBytes *
token_bytes (const BitmarTokenizer *t, gsize i)
{
  return g_bytes_new_static (t->bytes + t->at[i], t->at[i + 1] - t->at[i]);
}

static gint64
pair_key (gint32 left, gint32 right)
{
  return ((gint64) left << 32) | (guint32) right;
}

static gint32
lookup (GHashTable *ids, const guint8 *bytes, gsize n)
{
  GBytes *key = g_bytes_new_static (bytes, n);
  gpointer id;
  gboolean found = n && g_hash_table_lookup_extended (ids, key, NULL, &id);

  g_bytes_unref (key);
  return found ? GPOINTER_TO_INT (id) : -1;
}

/* "left right" -> its Merge. scratch: room for the string's bytes. */
static gboolean
add_merge (BitmarTokenizer *t, GHashTable *ids, const gint16 *byte_of, const char *s, gsize n, guint8 *scratch,
    guint32 rank)
{
  const char *space = memchr (s, ' ', n);
  gssize l, r;
  Merge *m;
  gint64 *key;
  gint32 left, right, id;

  if (!space)
    return FALSE;
  l = to_bytes (byte_of, s, space - s, scratch);
  r = l < 0 ? -1 : to_bytes (byte_of, space + 1, n - (space - s) - 1, scratch + l);
  if (r < 0)
    return FALSE;
  left = lookup (ids, scratch, l);
  right = lookup (ids, scratch + l, r);
  id = lookup (ids, scratch, l + r);
  if (left < 0 || right < 0 || id < 0)
    return FALSE;
  key = g_new (gint64, 1);
  m = g_new (Merge, 1);
  *key = pair_key (left, right);
  *m = (Merge) { rank, id };
  g_hash_table_insert (t->merges, key, m);
  return TRUE;
}

static gboolean
read_merges (BitmarTokenizer *t, const BitmarGgufValue *merges, const gint16 *byte_of, GError **error)
{
  guint8 *scratch = g_try_malloc (MAX (merges->size, 1));
  const guint8 *p = merges->data;
  gboolean done = TRUE;
  GHashTable *ids;

  if (!scratch)
    return no_memory (error);
  ids = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  for (gsize i = t->n_special; i < t->n; i++)
    g_hash_table_insert (ids, token_bytes (t, i), GINT_TO_POINTER ((gint) i));
  for (guint64 i = 0; i < merges->n && done; i++) {
    gsize length;
    const char *s = bitmar_gguf_next_string (&p, &length);
    if (!add_merge (t, ids, byte_of, s, length, scratch, i))
      done = refuse (error, "merge", i);
  }
  g_free (scratch);
  g_hash_table_unref (ids);
  return done;
}

BitmarTokenizer *
bitmar_tokenizer_new (const BitmarGgufValue *tokens, const BitmarGgufValue *merges, gsize n_special, GError **error)
{
  BitmarTokenizer *t = g_new0 (BitmarTokenizer, 1);
  gint16 byte_of[512];

  fill_alphabet (byte_of);
  memset (t->byte_id, 0xff, sizeof t->byte_id);
  t->n = tokens->n;
  t->n_special = n_special;
  t->merges = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  if (read_tokens (t, tokens, byte_of, error) && read_merges (t, merges, byte_of, error))
    return t;
  bitmar_tokenizer_free (t);
  return NULL;
}

void
bitmar_tokenizer_free (BitmarTokenizer *t)
{
  if (!t)
    return;
  g_hash_table_unref (t->merges);
  g_free (t->at);
  g_free (t->bytes);
  g_free (t);
}

/* ---- Text -> ids ---------------------------------------------------------------------------------- */

enum { LETTER, DIGIT, SPACE, OTHER };

static int
class_of (guint8 c)
{
  if (g_ascii_isalpha (c) || c >= 0x80)
    return LETTER;
  if (g_ascii_isdigit (c))
    return DIGIT;
  return g_ascii_isspace (c) || c == '\v' ? SPACE : OTHER;
}

/* Length of the piece that starts at s: one space may lead a run of letters, digits or other characters. */
static gsize
piece_length (const guint8 *s, gsize n)
{
  gsize i = s[0] == ' ' && n > 1 && class_of (s[1]) != SPACE ? 1 : 0;
  int kind = class_of (s[i]);

  while (i < n && class_of (s[i]) == kind)
    i++;
  return i;
}

/* ids: [n] bytes' ids in, merged in place; returns how many are left. Quadratic in a piece, and pieces are words. */
static gsize
merge_piece (const BitmarTokenizer *t, gint32 *ids, gsize n)
{
  while (n > 1) {
    const Merge *best = NULL;
    gsize at = 0;
    for (gsize i = 0; i + 1 < n; i++) {
      gint64 key = pair_key (ids[i], ids[i + 1]);
      const Merge *m = g_hash_table_lookup (t->merges, &key);
      if (m && (!best || m->rank < best->rank)) {
        best = m;
        at = i;
      }
    }
    if (!best)
      break;
    ids[at] = best->id;
    memmove (ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
    n--;
  }
  return n;
}

/* A word longer than this is cut: it bounds the quadratic merging against hostile text. */
#define MAX_PIECE 256

gsize
bitmar_tokenizer_encode (const BitmarTokenizer *t, const char *text, gint32 *ids, gsize max)
{
  const guint8 *s = (const guint8 *) text;
  gsize left = strlen (text), count = 0;
  gint32 piece[MAX_PIECE];

  while (left) {
    gsize n = MIN (piece_length (s, left), MAX_PIECE), merged;
    for (gsize i = 0; i < n; i++)
      piece[i] = t->byte_id[(guint8) g_ascii_tolower (s[i])];
    merged = merge_piece (t, piece, n);
    for (gsize i = 0; i < merged; i++, count++)
      if (count < max)
        ids[count] = piece[i];
    s += n;
    left -= n;
  }
  return count;
}

/* ---- ids -> text ---------------------------------------------------------------------------------- */

typedef struct {
  char *text;
  gsize size, n;
  gboolean full;
} Out;

static void
put (Out *out, const char *s, gsize n)
{
  if (out->full || out->n + n >= out->size) {
    out->full = TRUE;
    return;
  }
  memcpy (out->text + out->n, s, n);
  out->n += n;
}

/* Bytes a UTF-8 sequence with this lead byte has; 0 when no sequence starts so. */
static gsize
sequence_length (guint8 lead)
{
  return lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
}

/* A window of up to four bytes over the token stream: what has not yet become a character. */
static void
flush_pending (Out *out, char *pending, gsize *n, gboolean end)
{
  while (*n) {
    gsize want = sequence_length (pending[0]), used = 1;
    if (want > *n && !end && g_utf8_get_char_validated (pending, *n) == (gunichar) -2)
      return;
    if (want && want <= *n && g_utf8_validate_len (pending, want, NULL)) {
      put (out, pending, want);
      used = want;
    } else {
      put (out, "\357\277\275", 3);
    }
    *n -= used;
    memmove (pending, pending + used, *n);
  }
}

void
bitmar_tokenizer_decode (const BitmarTokenizer *t, const gint32 *ids, gsize n, char *text, gsize size)
{
  Out out = { .text = text, .size = size };
  char pending[4];
  gsize held = 0;

  for (gsize i = 0; i < n; i++) {
    if (ids[i] < (gint32) t->n_special || (gsize) ids[i] >= t->n)
      continue;
    for (guint32 b = t->at[ids[i]]; b < t->at[ids[i] + 1]; b++) {
      pending[held++] = t->bytes[b];
      flush_pending (&out, pending, &held, FALSE);
    }
  }
  flush_pending (&out, pending, &held, TRUE);
  text[out.n] = '\0';
  g_strstrip (text);
}
