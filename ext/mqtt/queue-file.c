/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* head      MAGIC, version, 0
 * record    MARK, size of the body, hash of it; the body: a type and
 *           ENTRY: kind, id, length of the camera's name, that, payload
 *           GONE: id, of an entry that stands before or after
 *           COUNTS: dropped captions, dropped alerts, in all
 * Numbers are little endian. A reader that finds no record where one should be looks for the next MARK. */
#include "queue-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../memory/little-endian.h"

#define MAGIC "BMMqttQ\n"
#define FORMAT 1
#define HEAD 16
#define MARK "BMqr"
#define RECORD 16              /* before the body */
#define ENTRY_BODY 12          /* before the camera's name */
#define SMALL 262144           /* bytes below which a file isn't worth being written anew */

enum { ENTRY = 1, GONE, COUNTS };

struct _MqttFile {
  char *path, *new_path;
  int fd;
  guint64 size;
  gboolean dirty;              /* since the last sync */
  guint64 dropped[MQTT_KINDS]; /* that the file tells */
};

static gboolean
fail (const MqttFile *f, GError **error)
{
  int reason = errno;

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (reason), "%s: %s", f->path, g_strerror (reason));
  return FALSE;
}

/* ---- Records ----------------------------------------------------------------------------------------- */

static guint64
hash_of (const guint8 *data, gsize size)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325) ^ size;

  for (gsize i = 0; i < size; i++)
    hash = (hash ^ data[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/* -> where the body goes */
static guint8 *
add_record (GByteArray *to, gsize size)
{
  gsize at = to->len;

  g_byte_array_set_size (to, at + RECORD + size);
  memcpy (to->data + at, MARK, 4);
  put_u32 (to->data + at + 4, size);
  return to->data + at + RECORD;
}

static void
seal (guint8 *body)
{
  put_u64 (body - 8, hash_of (body, get_u32 (body - 12)));
}

static void
add_entry (const MqttEntry *entry, GByteArray *to)
{
  gsize camera = strlen (entry->camera), payload = strlen (entry->payload);
  guint8 *body = add_record (to, ENTRY_BODY + camera + payload);

  body[0] = ENTRY;
  body[1] = entry->kind;
  put_u64 (body + 2, entry->id);
  body[10] = camera & 255;
  body[11] = camera >> 8;
  memcpy (body + ENTRY_BODY, entry->camera, camera);
  memcpy (body + ENTRY_BODY + camera, entry->payload, payload);
  seal (body);
}

static void
add_gone (GByteArray *to, guint64 id)
{
  guint8 *body = add_record (to, 9);

  body[0] = GONE;
  put_u64 (body + 1, id);
  seal (body);
}

static void
add_counts (GByteArray *to, const guint64 *dropped)
{
  guint8 *body = add_record (to, 17);

  body[0] = COUNTS;
  put_u64 (put_u64 (body + 1, dropped[MQTT_CAPTION]), dropped[MQTT_ALERT]);
  seal (body);
}

static void
add_any (gpointer entry, gpointer to)
{
  add_entry (entry, to);
}

static void
collect (gpointer entry, gpointer to)
{
  g_ptr_array_add (to, entry);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

typedef struct {
  GTree *entries;              /* by id */
  GHashTable *gone;
  guint64 last, damaged, dropped[MQTT_KINDS];
} Contents;

static gint
compare_ids (gconstpointer a, gconstpointer b, gpointer data)
{
  guint64 x = *(const guint64 *) a, y = *(const guint64 *) b;

  return x < y ? -1 : x > y;
}

static gboolean
read_entry (Contents *c, const guint8 *body, gsize size)
{
  gsize camera = size >= ENTRY_BODY ? body[10] | body[11] << 8 : 0;
  g_autofree char *name = NULL, *payload = NULL;
  MqttEntry *entry;

  if (size < ENTRY_BODY + camera || body[1] >= MQTT_KINDS)
    return FALSE;
  name = g_strndup ((const char *) body + ENTRY_BODY, camera);
  payload = g_strndup ((const char *) body + ENTRY_BODY + camera, size - ENTRY_BODY - camera);
  entry = mqtt_entry_new (get_u64 (body + 2), body[1], name, payload);
  entry->stored = TRUE;
  c->last = MAX (c->last, entry->id);
  g_tree_replace (c->entries, &entry->id, entry);
  return TRUE;
}

static gboolean
read_body (Contents *c, const guint8 *body, gsize size)
{
  guint64 id;

  switch (body[0]) {
    case ENTRY:
      return read_entry (c, body, size);
    case GONE:
      if (size != 9)
        return FALSE;
      id = get_u64 (body + 1);
      c->last = MAX (c->last, id);
      g_hash_table_add (c->gone, g_memdup2 (&id, sizeof id));
      return TRUE;
    case COUNTS:
      if (size != 17)
        return FALSE;
      for (guint kind = 0; kind < MQTT_KINDS; kind++)
        c->dropped[kind] = MAX (c->dropped[kind], get_u64 (body + 1 + 8 * kind));
      return TRUE;
    default:
      return FALSE;
  }
}

/* -> bytes of a sound record at the begin of data, or 0 */
static gsize
read_record (Contents *c, const guint8 *data, gsize left)
{
  gsize size;

  if (left <= RECORD || memcmp (data, MARK, 4))
    return 0;
  size = get_u32 (data + 4);
  if (size == 0 || size > left - RECORD || get_u64 (data + 8) != hash_of (data + RECORD, size))
    return 0;
  return read_body (c, data + RECORD, size) ? RECORD + size : 0;
}

static void
read_all (Contents *c, const guint8 *data, gsize size)
{
  gsize at = HEAD;

  while (at < size) {
    gsize n = read_record (c, data + at, size - at);
    const guint8 *next;

    if (n == 0) {
      next = memmem (data + at + 1, size - at - 1, MARK, 4);
      n = (next ? (gsize) (next - data) : size) - at;
      c->damaged += n;
    }
    at += n;
  }
}

static gboolean
give (gpointer id, gpointer entry, gpointer data)
{
  gpointer *to = data;
  Contents *c = to[0];

  if (g_hash_table_contains (c->gone, id))
    mqtt_entry_free (entry);
  else
    mqtt_queue_push (to[1], entry, NULL);
  return FALSE;
}

static gboolean
check_head (const MqttFile *f, const guint8 *data, gsize size, GError **error)
{
  if (size < HEAD || memcmp (data, MAGIC, 8))
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is no queue of bitmar", f->path);
  else if (get_u32 (data + 8) != FORMAT)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s was written by another version of bitmar", f->path);
  else
    return TRUE;
  return FALSE;
}

static gboolean
get_contents (MqttFile *f, guint8 **data, gsize *size, GError **error)
{
  struct stat st;
  gsize done = 0;

  if (fstat (f->fd, &st) < 0)
    return fail (f, error);
  *data = g_malloc (st.st_size + 1);
  while (done < (gsize) st.st_size) {
    ssize_t n = pread (f->fd, *data + done, st.st_size - done, done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail (f, error);
    if (n == 0)
      break;
    done += n;
  }
  *size = done;
  return TRUE;
}

static gboolean
load (MqttFile *f, MqttQueue *queue, guint64 *next_id, guint64 *damaged, GError **error)
{
  Contents c = { 0 };
  g_autofree guint8 *data = NULL;
  gpointer to[] = { &c, queue };
  gsize size = 0;

  if (!get_contents (f, &data, &size, error) || (size > 0 && !check_head (f, data, size, error)))
    return FALSE;
  c.entries = g_tree_new_full (compare_ids, NULL, NULL, NULL);
  c.gone = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  if (size > 0)
    read_all (&c, data, size);
  for (guint kind = 0; kind < MQTT_KINDS; kind++)
    queue->dropped[kind] = c.dropped[kind];
  g_tree_foreach (c.entries, give, to);
  g_tree_destroy (c.entries);
  g_hash_table_destroy (c.gone);
  f->size = size;
  *next_id = c.last + 1;
  *damaged = c.damaged;
  return TRUE;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

static gboolean
write_at (int fd, const guint8 *data, gsize size, guint64 at)
{
  while (size > 0) {
    ssize_t n = pwrite (fd, data, size, at);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data += n;
    size -= n;
    at += n;
  }
  return TRUE;
}

/* A rename is only on the disk when its folder is. */
static gboolean
sync_folder (const MqttFile *f)
{
  g_autofree char *folder = g_path_get_dirname (f->path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean done = fd >= 0 && fsync (fd) == 0;

  if (fd >= 0)
    close (fd);
  return done;
}

static GByteArray *
all_of (MqttQueue *queue)
{
  GByteArray *bytes = g_byte_array_new ();
  guint8 head[HEAD] = { 0 };

  memcpy (head, MAGIC, 8);
  put_u32 (head + 8, FORMAT);
  g_byte_array_append (bytes, head, HEAD);
  add_counts (bytes, queue->dropped);
  mqtt_queue_foreach (queue, add_any, bytes);
  return bytes;
}

static void
all_stored (MqttFile *f, MqttQueue *queue, GArray *gone)
{
  g_autoptr (GPtrArray) unstored = g_ptr_array_new ();

  mqtt_queue_foreach_unstored (queue, collect, unstored);
  for (guint i = 0; i < unstored->len; i++)
    ((MqttEntry *) unstored->pdata[i])->stored = TRUE;
  queue->unstored = 0;
  memcpy (f->dropped, queue->dropped, sizeof f->dropped);
  g_array_set_size (gone, 0);
}

/* What the queue is now takes the file's place, locked before anybody can see it. */
static gboolean
write_anew (MqttFile *f, MqttQueue *queue, GArray *gone, GError **error)
{
  g_autoptr (GByteArray) bytes = all_of (queue);
  int fd;

  g_unlink (f->new_path);
  fd = open (f->new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail (f, error);
  if (flock (fd, LOCK_EX | LOCK_NB) < 0 || !write_at (fd, bytes->data, bytes->len, 0) || fsync (fd) < 0 || rename (f->new_path, f->path) < 0) {
    fail (f, error);
    close (fd);
    g_unlink (f->new_path);
    return FALSE;
  }
  close (f->fd);
  f->fd = fd;
  f->size = bytes->len;
  f->dirty = !sync_folder (f);
  all_stored (f, queue, gone);
  return TRUE;
}

static gboolean
append (MqttFile *f, MqttQueue *queue, GArray *gone, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  mqtt_queue_foreach_unstored (queue, add_any, bytes);
  for (guint i = 0; i < gone->len; i++)
    add_gone (bytes, g_array_index (gone, guint64, i));
  if (memcmp (f->dropped, queue->dropped, sizeof f->dropped))
    add_counts (bytes, queue->dropped);
  if (bytes->len == 0)
    return TRUE;
  f->dirty = TRUE;
  if (!write_at (f->fd, bytes->data, bytes->len, f->size)) {
    fail (f, error);
    /* What is left there if this fails, too, is overwritten, or passed over by a reader. */
    if (ftruncate (f->fd, f->size) < 0)
      g_debug ("%s: %s", f->path, g_strerror (errno));
    return FALSE;
  }
  f->size += bytes->len;
  all_stored (f, queue, gone);
  return TRUE;
}

/* Written anew when it is twice what it must be. Where that can't be done it may grow some more, but not for ever; a file without a head must be. */
gboolean
mqtt_file_write (MqttFile *f, MqttQueue *queue, GArray *gone, GError **error)
{
  gboolean must = f->size == 0 || f->size > 4 * (guint64) queue->limit + SMALL;

  if (must || (f->size > SMALL && f->size > 2 * (guint64) queue->bytes)) {
    gboolean done = write_anew (f, queue, gone, must ? error : NULL);

    if (done || must)
      return done;
  }
  return append (f, queue, gone, error);
}

gboolean
mqtt_file_sync (MqttFile *f, GError **error)
{
  if (f->dirty && fdatasync (f->fd) < 0)
    return fail (f, error);
  f->dirty = FALSE;
  return TRUE;
}

/* ---- Opening ----------------------------------------------------------------------------------------- */

/* FALSE without an error: it was written anew in between. */
static gboolean
open_and_lock (MqttFile *f, GError **error)
{
  struct stat here, there;

  f->fd = open (f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (f->fd < 0 || fstat (f->fd, &here) < 0)
    return fail (f, error);
  if (!S_ISREG (here.st_mode)) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is no file", f->path);
    return FALSE;
  }
  if (flock (f->fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK)
      return fail (f, error);
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_AGAIN, "%s is used by another process", f->path);
    return FALSE;
  }
  if (stat (f->path, &there) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev)
    return TRUE;
  close (f->fd);
  f->fd = -1;
  return FALSE;
}

MqttFile *
mqtt_file_open (const char *path, MqttQueue *queue, guint64 *next_id, guint64 *damaged, GError **error)
{
  g_autoptr (GArray) gone = g_array_new (FALSE, FALSE, sizeof (guint64));
  MqttFile *f = g_new0 (MqttFile, 1);
  GError *why = NULL;

  f->path = g_strdup (path);
  f->new_path = g_strconcat (path, ".new", NULL);
  f->fd = -1;
  while (!open_and_lock (f, &why) && !why);
  if (!why && load (f, queue, next_id, damaged, &why)) {
    /* So that no damage stays. On a full disk it does, until there is room; whoever writes next is told. */
    write_anew (f, queue, gone, NULL);
    return f;
  }
  g_propagate_error (error, why);
  mqtt_file_close (f);
  return NULL;
}

void
mqtt_file_close (MqttFile *f)
{
  if (f->fd >= 0)
    close (f->fd);
  g_free (f->path);
  g_free (f->new_path);
  g_free (f);
}
