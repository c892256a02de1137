/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bitmar.h"

#define VERSION 3
#define DEFAULT_ALIGNMENT 32
#define MAX_KEY 65535
#define MAX_NAME 255
/* The least a record takes in the file: what bounds a count before anything is allocated for it. */
#define MIN_VALUE_SIZE (8 + 1 + 4 + 1)
#define MIN_TENSOR_SIZE (8 + 1 + 4 + 8 + 4 + 8)

struct _BitmarGguf {
  char *path;
  guint8 *data;                /* the whole file; the part before the tensors once those were dropped */
  gsize size, header;
  GArray *values;              /* of BitmarGgufValue */
  GArray *tensors;             /* of BitmarGgufTensor */
  GHashTable *keys, *names;    /* name (owned) -> index + 1 */
};

typedef struct {
  BitmarGguf *file;
  gsize at;
  GError **error;
} Cursor;

static gboolean G_GNUC_PRINTF (2, 3)
broken (Cursor *c, const char *format, ...)
{
  va_list args;
  char *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (c->error, BITMAR_ERROR, BITMAR_ERROR_FORMAT, "%s: %s (at byte %" G_GSIZE_FORMAT ")", c->file->path,
      text, c->at);
  g_free (text);
  return FALSE;
}

static gsize
left (const Cursor *c)
{
  return c->file->size - c->at;
}

static gboolean
take (Cursor *c, gsize n, const guint8 **data)
{
  if (n > left (c)) {
    broken (c, "truncated: %" G_GSIZE_FORMAT " bytes wanted, %" G_GSIZE_FORMAT " left", n, left (c));
    return FALSE;
  }
  *data = c->file->data + c->at;
  c->at += n;
  return TRUE;
}

static guint32
read32 (const guint8 *p)
{
  guint32 v;
  memcpy (&v, p, sizeof v);
  return GUINT32_FROM_LE (v);
}

static guint64
read64 (const guint8 *p)
{
  guint64 v;
  memcpy (&v, p, sizeof v);
  return GUINT64_FROM_LE (v);
}

static gboolean
take32 (Cursor *c, guint32 *v)
{
  const guint8 *p;

  if (!take (c, 4, &p))
    return FALSE;
  *v = read32 (p);
  return TRUE;
}

static gboolean
take64 (Cursor *c, guint64 *v)
{
  const guint8 *p;

  if (!take (c, 8, &p))
    return FALSE;
  *v = read64 (p);
  return TRUE;
}

/* A name of 1..limit bytes of UTF-8 without NUL, copied. */
static char *
take_name (Cursor *c, gsize limit)
{
  const guint8 *p;
  guint64 n;

  if (!take64 (c, &n))
    return NULL;
  if (n == 0 || n > limit) {
    broken (c, "a name of %" G_GUINT64_FORMAT " bytes", n);
    return NULL;
  }
  if (!take (c, n, &p))
    return NULL;
  if (!g_utf8_validate_len ((const char *) p, n, NULL)) {
    broken (c, "a name that is not UTF-8");
    return NULL;
  }
  return g_strndup ((const char *) p, n);
}

static gsize
element_size (guint32 type)
{
  static const guint8 sizes[BITMAR_GGUF_N_TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

  return type < BITMAR_GGUF_N_TYPES ? sizes[type] : 0;
}

static gboolean
skip_strings (Cursor *c, guint64 n)
{
  const guint8 *p;
  guint64 length;

  if (n > left (c) / 8)
    return broken (c, "%" G_GUINT64_FORMAT " strings do not fit into the file", n);
  while (n-- > 0)
    if (!take64 (c, &length) || !take (c, MIN (length, G_MAXSIZE), &p))
      return FALSE;
  return TRUE;
}

static gboolean
take_elements (Cursor *c, BitmarGgufValue *v)
{
  gsize each = element_size (v->type), start = c->at;
  const guint8 *p;

  v->data = c->file->data + c->at;
  if (v->type == BITMAR_GGUF_STRING) {
    if (!skip_strings (c, v->n))
      return FALSE;
  } else {
    if (v->n > left (c) / each)
      return broken (c, "key %s: %" G_GUINT64_FORMAT " elements do not fit into the file", v->key, v->n);
    if (!take (c, v->n * each, &p))
      return FALSE;
  }
  v->size = c->at - start;
  return TRUE;
}

static gboolean
take_value (Cursor *c, BitmarGgufValue *v)
{
  guint32 type;

  if (!take32 (c, &type))
    return FALSE;
  v->n = 1;
  v->is_array = type == BITMAR_GGUF_ARRAY;
  if (v->is_array && (!take32 (c, &type) || !take64 (c, &v->n)))
    return FALSE;
  if (type != BITMAR_GGUF_STRING && element_size (type) == 0)
    return broken (c, "key %s: type %u", v->key, type);
  v->type = type;
  return take_elements (c, v);
}

static gboolean
take_values (Cursor *c, guint64 n)
{
  if (n > left (c) / MIN_VALUE_SIZE)
    return broken (c, "%" G_GUINT64_FORMAT " keys do not fit into the file", n);
  for (guint64 i = 0; i < n; i++) {
    BitmarGgufValue v = { 0 };
    char *key = take_name (c, MAX_KEY);
    if (!key)
      return FALSE;
    v.key = key;
    if (!g_hash_table_insert (c->file->keys, key, GSIZE_TO_POINTER (c->file->values->len + 1)))
      return broken (c, "a key stands twice");
    if (!take_value (c, &v))
      return FALSE;
    g_array_append_val (c->file->values, v);
  }
  return TRUE;
}

static gsize
tensor_element_size (guint32 type)
{
  switch (type) {
    case BITMAR_TENSOR_I8:
      return 1;
    case BITMAR_TENSOR_F16:
      return 2;
    case BITMAR_TENSOR_F32:
    case BITMAR_TENSOR_I32:
      return 4;
    default:
      return 0;
  }
}

/* dims and size of one tensor record; the offset goes to *offset. */
static gboolean
take_shape (Cursor *c, BitmarGgufTensor *t, guint64 *offset)
{
  guint64 size;
  guint32 type;

  if (!take32 (c, &t->n_dims))
    return FALSE;
  if (t->n_dims < 1 || t->n_dims > 4)
    return broken (c, "tensor %s: %u dimensions", t->name, t->n_dims);
  for (guint i = 0; i < t->n_dims; i++)
    if (!take64 (c, &t->dims[i]))
      return FALSE;
  if (!take32 (c, &type) || !take64 (c, offset))
    return FALSE;
  size = tensor_element_size (type);
  if (size == 0)
    return broken (c, "tensor %s: type %u is not one of F32, F16, I8, I32", t->name, type);
  for (guint i = 0; i < t->n_dims; i++)
    if (t->dims[i] == 0 || !g_uint64_checked_mul (&size, size, t->dims[i]) || size > c->file->size)
      return broken (c, "tensor %s: its dimensions do not fit into the file", t->name);
  t->type = type;
  t->size = size;
  return TRUE;
}

static gboolean
take_tensors (Cursor *c, guint64 n, GArray *offsets)
{
  if (n > left (c) / MIN_TENSOR_SIZE)
    return broken (c, "%" G_GUINT64_FORMAT " tensors do not fit into the file", n);
  for (guint64 i = 0; i < n; i++) {
    BitmarGgufTensor t = { .dims = { 1, 1, 1, 1 } };
    char *name = take_name (c, MAX_NAME);
    guint64 offset;
    if (!name)
      return FALSE;
    t.name = name;
    if (!g_hash_table_insert (c->file->names, name, GSIZE_TO_POINTER (c->file->tensors->len + 1)))
      return broken (c, "a tensor name stands twice");
    if (!take_shape (c, &t, &offset))
      return FALSE;
    g_array_append_val (c->file->tensors, t);
    g_array_append_val (offsets, offset);
  }
  return TRUE;
}

static gboolean
alignment_of (Cursor *c, guint64 *alignment)
{
  const BitmarGgufValue *v = bitmar_gguf_value (c->file, "general.alignment");

  *alignment = DEFAULT_ALIGNMENT;
  if (!v)
    return TRUE;
  if (v->is_array || v->type != BITMAR_GGUF_UINT32)
    return broken (c, "general.alignment is not a 32-bit number");
  *alignment = read32 (v->data);
  if (*alignment < 8 || *alignment > 65536 || (*alignment & (*alignment - 1)))
    return broken (c, "an alignment of %" G_GUINT64_FORMAT, *alignment);
  return TRUE;
}

static int
by_address (gconstpointer a, gconstpointer b)
{
  const BitmarGgufTensor *x = *(BitmarGgufTensor *const *) a, *y = *(BitmarGgufTensor *const *) b;

  return x->data < y->data ? -1 : x->data > y->data;
}

static gboolean
check_overlap (Cursor *c)
{
  GPtrArray *order = g_ptr_array_new ();
  gboolean sound = TRUE;

  for (guint i = 0; i < c->file->tensors->len; i++)
    g_ptr_array_add (order, &g_array_index (c->file->tensors, BitmarGgufTensor, i));
  g_ptr_array_sort (order, by_address);
  for (guint i = 1; i < order->len && sound; i++) {
    BitmarGgufTensor *a = order->pdata[i - 1], *b = order->pdata[i];
    if ((gsize) (b->data - a->data) < a->size)
      sound = broken (c, "tensors %s and %s overlap", a->name, b->name);
  }
  g_ptr_array_free (order, TRUE);
  return sound;
}

/* Turns offsets into addresses once the place of the data section is known. */
static gboolean
place_tensors (Cursor *c, GArray *offsets)
{
  guint64 alignment, start;

  if (!alignment_of (c, &alignment))
    return FALSE;
  start = (c->at + alignment - 1) / alignment * alignment;
  for (guint i = 0; i < offsets->len; i++) {
    BitmarGgufTensor *t = &g_array_index (c->file->tensors, BitmarGgufTensor, i);
    guint64 offset = g_array_index (offsets, guint64, i), end;
    if (offset % alignment)
      return broken (c, "tensor %s: offset %" G_GUINT64_FORMAT " is not aligned", t->name, offset);
    if (!g_uint64_checked_add (&end, offset, start) || !g_uint64_checked_add (&end, end, t->size)
        || end > c->file->size)
      return broken (c, "tensor %s reaches past the end of the file", t->name);
    t->data = c->file->data + start + offset;
  }
  c->file->header = MIN (start, c->file->size);
  return check_overlap (c);
}

static gboolean
parse (Cursor *c)
{
  const guint8 *magic;
  guint32 version;
  guint64 n_tensors, n_values;
  GArray *offsets;
  gboolean done;

  if (c->file->size < 4 || !take (c, 4, &magic) || memcmp (magic, "GGUF", 4))
    return broken (c, "not a GGUF file");
  if (!take32 (c, &version))
    return FALSE;
  if (version != VERSION) {
    g_set_error (c->error, BITMAR_ERROR, BITMAR_ERROR_ARCHITECTURE, "%s: GGUF version %u, this reads version %d",
        c->file->path, version, VERSION);
    return FALSE;
  }
  if (!take64 (c, &n_tensors) || !take64 (c, &n_values))
    return FALSE;
  offsets = g_array_new (FALSE, FALSE, sizeof (guint64));
  done = take_values (c, n_values) && take_tensors (c, n_tensors, offsets) && place_tensors (c, offsets);
  g_array_free (offsets, TRUE);
  return done;
}

static gboolean
fail_errno (BitmarGguf *file, const char *what, GError **error)
{
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "%s: %s: %s", file->path, what, g_strerror (errno));
  return FALSE;
}

static gboolean
read_all (BitmarGguf *file, int fd, GError **error)
{
  gsize done = 0;

  while (done < file->size) {
    ssize_t n = read (fd, file->data + done, file->size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno (file, "cannot be read", error);
    if (n == 0)
      file->size = done;       /* it shrank while it was read: the structure will not fit */
    done += n;
  }
  return TRUE;
}

/* Before anything is allocated: a film named by mistake is not read to its end. */
static gboolean
check_magic (BitmarGguf *file, int fd, GError **error)
{
  char magic[4];
  ssize_t n;

  do
    n = pread (fd, magic, sizeof magic, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return fail_errno (file, "cannot be read", error);
  if (n == sizeof magic && memcmp (magic, "GGUF", 4) == 0)
    return TRUE;
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT, "%s: not a GGUF file", file->path);
  return FALSE;
}

/* Opened without waiting: a pipe that nobody writes into would hold the caller forever.
 * Read rather than mapped: a mapped file that somebody truncates later would raise SIGBUS in the host application. */
static gboolean
slurp (BitmarGguf *file, GError **error)
{
  struct stat st;
  gboolean done = FALSE;
  int fd = open (file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0)
    return fail_errno (file, "cannot be opened", error);
  if (fstat (fd, &st) < 0)
    fail_errno (file, "cannot be examined", error);
  else if (!S_ISREG (st.st_mode))
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "%s: not a regular file", file->path);
  else if (check_magic (file, fd, error)) {
    file->size = st.st_size;
    file->data = g_try_malloc (MAX (file->size, 1));
    if (file->data)
      done = read_all (file, fd, error);
    else
      g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "%s: %" G_GSIZE_FORMAT " bytes do not fit into memory",
          file->path, file->size);
  }
  close (fd);
  return done;
}

BitmarGguf *
bitmar_gguf_open (const char *path, GError **error)
{
  BitmarGguf *file = g_new0 (BitmarGguf, 1);
  Cursor c = { .file = file, .error = error };

  file->path = g_strdup (path);
  file->values = g_array_new (FALSE, FALSE, sizeof (BitmarGgufValue));
  file->tensors = g_array_new (FALSE, FALSE, sizeof (BitmarGgufTensor));
  file->keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  file->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (slurp (file, error) && parse (&c))
    return file;
  bitmar_gguf_free (file);
  return NULL;
}

void
bitmar_gguf_free (BitmarGguf *file)
{
  g_hash_table_unref (file->keys);
  g_hash_table_unref (file->names);
  g_array_free (file->values, TRUE);
  g_array_free (file->tensors, TRUE);
  g_free (file->data);
  g_free (file->path);
  g_free (file);
}

void
bitmar_gguf_drop_tensors (BitmarGguf *file)
{
  guint8 *kept = g_try_malloc (MAX (file->header, 1));

  g_array_set_size (file->tensors, 0);
  g_hash_table_remove_all (file->names);
  if (!kept)
    return;                    /* nothing is lost by keeping the rest */
  memcpy (kept, file->data, file->header);
  for (guint i = 0; i < file->values->len; i++) {
    BitmarGgufValue *v = &g_array_index (file->values, BitmarGgufValue, i);
    v->data = kept + (v->data - file->data);
  }
  g_free (file->data);
  file->data = kept;
  file->size = file->header;
}

const char *
bitmar_gguf_path (const BitmarGguf *file)
{
  return file->path;
}

const guint8 *
bitmar_gguf_bytes (const BitmarGguf *file, gsize *size)
{
  *size = file->size;
  return file->data;
}

gsize
bitmar_gguf_n_values (const BitmarGguf *file)
{
  return file->values->len;
}

const BitmarGgufValue *
bitmar_gguf_value_at (const BitmarGguf *file, gsize i)
{
  return &g_array_index (file->values, BitmarGgufValue, i);
}

const BitmarGgufValue *
bitmar_gguf_value (const BitmarGguf *file, const char *key)
{
  gsize i = GPOINTER_TO_SIZE (g_hash_table_lookup (file->keys, key));

  return i ? bitmar_gguf_value_at (file, i - 1) : NULL;
}

gsize
bitmar_gguf_n_tensors (const BitmarGguf *file)
{
  return file->tensors->len;
}

BitmarGgufTensor *
bitmar_gguf_tensor_at (const BitmarGguf *file, gsize i)
{
  return &g_array_index (file->tensors, BitmarGgufTensor, i);
}

BitmarGgufTensor *
bitmar_gguf_tensor (const BitmarGguf *file, const char *name)
{
  gsize i = GPOINTER_TO_SIZE (g_hash_table_lookup (file->names, name));

  return i ? bitmar_gguf_tensor_at (file, i - 1) : NULL;
}

double
bitmar_gguf_number (const BitmarGgufValue *value, guint64 i)
{
  const guint8 *p = value->data + i * element_size (value->type);
  union {
    guint32 u;
    float f;
  } w;
  union {
    guint64 u;
    double f;
  } l;

  switch (value->type) {
    case BITMAR_GGUF_UINT8:
    case BITMAR_GGUF_BOOL:
      return *p;
    case BITMAR_GGUF_INT8:
      return (gint8) *p;
    case BITMAR_GGUF_UINT16:
      return p[0] | p[1] << 8;
    case BITMAR_GGUF_INT16:
      return (gint16) (p[0] | p[1] << 8);
    case BITMAR_GGUF_UINT32:
      return read32 (p);
    case BITMAR_GGUF_INT32:
      return (gint32) read32 (p);
    case BITMAR_GGUF_FLOAT32:
      w.u = read32 (p);
      return w.f;
    case BITMAR_GGUF_UINT64:
      return (double) read64 (p);
    case BITMAR_GGUF_INT64:
      return (double) (gint64) read64 (p);
    case BITMAR_GGUF_FLOAT64:
      l.u = read64 (p);
      return l.f;
    default:
      return 0;
  }
}

const char *
bitmar_gguf_next_string (const guint8 **at, gsize *length)
{
  const char *s = (const char *) *at + 8;

  *length = read64 (*at);
  *at += 8 + *length;
  return s;
}

static void
append_element (GString *text, const BitmarGgufValue *value, guint64 i, const guint8 **at)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  const char *s;
  char *valid;
  gsize n;

  if (value->type != BITMAR_GGUF_STRING) {
    /* 9 digits bring every f32 back. */
    g_string_append (text, g_ascii_formatd (number, sizeof number, value->type == BITMAR_GGUF_FLOAT32 ? "%.9g"
            : "%.17g", bitmar_gguf_number (value, i)));
    return;
  }
  s = bitmar_gguf_next_string (at, &n);
  valid = g_utf8_make_valid (s, n);
  g_string_append (text, valid);
  g_free (valid);
}

char *
bitmar_gguf_value_to_text (const BitmarGgufValue *value)
{
  GString *text = g_string_new (value->is_array ? "[" : NULL);
  const guint8 *at = value->data;
  guint64 shown = MIN (value->n, 64);

  for (guint64 i = 0; i < shown; i++) {
    if (i)
      g_string_append (text, ", ");
    append_element (text, value, i, &at);
  }
  if (shown < value->n)
    g_string_append_printf (text, ", … %" G_GUINT64_FORMAT " in all", value->n);
  if (value->is_array)
    g_string_append_c (text, ']');
  return g_string_free (text, FALSE);
}
