/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "loader.h"

#include <stdio.h>
#include <string.h>

struct _BitmarLoader {
  GstElement *element;
  char *path;
  BitmarLoaderFunc loaded;
  gpointer user_data;
  GThread *thread;
  GMutex lock;
  GCond cond;
  BitmarModel *model;
  gboolean done, interrupted, closing;
};

static gboolean
is_gguf (const char *path)
{
  char magic[4] = "";
  FILE *file = fopen (path, "rb");
  gboolean same;

  if (!file)
    return FALSE;
  same = fread (magic, 1, sizeof magic, file) == sizeof magic && memcmp (magic, "GGUF", sizeof magic) == 0;
  fclose (file);
  return same;
}

void
bitmar_post_error (GstElement *element, const GError *error, const char *path)
{
  const char *name = path ? path : bitmar_model_default_path ();

  /* It has said all itself. */
  if (error->domain == GST_RESOURCE_ERROR || error->domain == GST_STREAM_ERROR || error->domain == GST_CORE_ERROR) {
    gst_element_message_full (element, GST_MESSAGE_ERROR, error->domain, error->code, g_strdup (error->message),
        g_strdup (error->message), __FILE__, GST_FUNCTION, __LINE__);
    return;
  }
  switch (error->domain == BITMAR_ERROR ? error->code : -1) {
    case BITMAR_ERROR_OPEN:
      if (!g_file_test (name, G_FILE_TEST_EXISTS))
        GST_ELEMENT_ERROR (element, RESOURCE, NOT_FOUND, ("There is no model file \"%s\".", name),
            ("%s", error->message));
      else
        GST_ELEMENT_ERROR (element, RESOURCE, OPEN_READ, ("The model file \"%s\" can't be read.", name),
            ("%s", error->message));
      break;
    case BITMAR_ERROR_FORMAT:
      if (is_gguf (name))
        GST_ELEMENT_ERROR (element, STREAM, DECODE, ("The model file \"%s\" is damaged.", name),
            ("%s", error->message));
      else
        GST_ELEMENT_ERROR (element, STREAM, WRONG_TYPE, ("\"%s\" is not a model file.", name), ("%s", error->message));
      break;
    case BITMAR_ERROR_ARCHITECTURE:
      GST_ELEMENT_ERROR (element, STREAM, WRONG_TYPE, ("\"%s\" is not a model for this plugin.", name),
          ("%s", error->message));
      break;
    case BITMAR_ERROR_CORRUPT:
    case BITMAR_ERROR_SHAPE:
      GST_ELEMENT_ERROR (element, STREAM, DECODE, ("The model file \"%s\" is damaged.", name), ("%s", error->message));
      break;
    case BITMAR_ERROR_NO_MEMORY:
      GST_ELEMENT_ERROR (element, RESOURCE, FAILED, ("There is not enough memory for the model."),
          ("%s", error->message));
      break;
    case BITMAR_ERROR_ENCODING:
    case BITMAR_ERROR_TOO_LONG:
    case BITMAR_ERROR_PARAMETER:
      GST_ELEMENT_ERROR (element, LIBRARY, SETTINGS, ("A property has a value that the model can't honour."),
          ("%s", error->message));
      break;
    case BITMAR_ERROR_MISMATCH:
      GST_ELEMENT_ERROR (element, LIBRARY, SETTINGS, ("The elements do not use the same model."),
          ("%s", error->message));
      break;
    case BITMAR_ERROR_IMAGE:
      GST_ELEMENT_ERROR (element, STREAM, FORMAT, ("The picture can't be used."), ("%s", error->message));
      break;
    default:
      GST_ELEMENT_ERROR (element, LIBRARY, FAILED, (NULL), ("%s", error->message));
      break;
  }
}

static void
progress (BitmarLoader *loader, GstProgressType type, const char *text)
{
  gst_element_post_message (loader->element,
      gst_message_new_progress (GST_OBJECT (loader->element), type, "bitmar-model", text));
}

static void
publish (BitmarLoader *loader, BitmarModel *model)
{
  g_mutex_lock (&loader->lock);
  loader->model = model;
  loader->done = TRUE;
  g_cond_broadcast (&loader->cond);
  g_mutex_unlock (&loader->lock);
}

static gpointer
loader_main (gpointer data)
{
  BitmarLoader *loader = data;
  GError *error = NULL;
  BitmarModel *model;
  gboolean closing;

  progress (loader, GST_PROGRESS_TYPE_START, "Loading the model");
  model = bitmar_model_load (loader->path ? loader->path : bitmar_model_default_path (), &error);
  if (model && !loader->loaded (model, loader->user_data, &error))
    g_clear_object (&model);
  if (model) {
    publish (loader, model);
    progress (loader, GST_PROGRESS_TYPE_COMPLETE, "Model loaded");
    return NULL;
  }
  g_mutex_lock (&loader->lock);
  closing = loader->closing;
  g_mutex_unlock (&loader->lock);
  if (!closing) {
    progress (loader, GST_PROGRESS_TYPE_ERROR, "The model could not be loaded");
    bitmar_post_error (loader->element, error, loader->path);
  }
  g_error_free (error);
  /* Last, so that the ERROR is on the bus before a flow error can say less. */
  publish (loader, NULL);
  return NULL;
}

BitmarLoader *
bitmar_loader_new (GstElement *element, const char *path, BitmarLoaderFunc loaded, gpointer user_data)
{
  BitmarLoader *loader = g_new0 (BitmarLoader, 1);

  loader->element = element;
  loader->path = g_strdup (path);
  loader->loaded = loaded;
  loader->user_data = user_data;
  g_mutex_init (&loader->lock);
  g_cond_init (&loader->cond);
  loader->thread = g_thread_new ("bitmar-load", loader_main, loader);
  return loader;
}

void
bitmar_loader_join (BitmarLoader *loader)
{
  g_mutex_lock (&loader->lock);
  loader->closing = TRUE;
  g_mutex_unlock (&loader->lock);
  g_thread_join (loader->thread);
}

void
bitmar_loader_free (BitmarLoader *loader)
{
  g_clear_object (&loader->model);
  g_mutex_clear (&loader->lock);
  g_cond_clear (&loader->cond);
  g_free (loader->path);
  g_free (loader);
}

void
bitmar_loader_set_interrupted (BitmarLoader *loader, gboolean interrupted)
{
  g_mutex_lock (&loader->lock);
  loader->interrupted = interrupted;
  g_cond_broadcast (&loader->cond);
  g_mutex_unlock (&loader->lock);
}

BitmarModel *
bitmar_loader_get (BitmarLoader *loader, gboolean wait, gboolean *failed)
{
  BitmarModel *model;

  g_mutex_lock (&loader->lock);
  while (wait && !loader->done && !loader->interrupted)
    g_cond_wait (&loader->cond, &loader->lock);
  model = loader->model;
  *failed = loader->done && !model;
  g_mutex_unlock (&loader->lock);
  return model;
}
