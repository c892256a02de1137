/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `bitmar watch` reads: every key arrives, and whatever is wrong is named with its line. */

#include <glib/gstdio.h>
#include <gst/gst.h>

#include "watch-config.h"

static char *path;

static WatchConfig *
load (const char *text, GError **error)
{
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return watch_config_load (path, error);
}

static void
test_all_keys (void)
{
  GError *error = NULL;
  g_autoptr (WatchConfig) c = load ("# a yard\r\n"
      "[watch]\r\n"
      "model = weights/m.gguf\n"
      "folder = state\n"
      "retention = 30d\n"
      "retention-bytes = 1.5 GB\n"
      "save-interval = 500ms\n"
      "thumbnail-width=0\n"
      "\n"
      "  [camera Front-door_1.a]\n"
      "source = rtsp://user:a=b@10.0.0.2/stream?x=1\n"
      "prompt = a person = someone\n"
      "alerts = visitor: a person in a room above 0.5 for 1s\n"
      "\tfire: \"smoke; and flames\"\n"
      "  # not a comment of ours, but of the rules\n"
      "interval = 2s\n"
      "min-confidence = 0\n"
      "[camera clip]\n"
      "enabled = no\n"
      "repeat = true\n"
      "source = ../video/a clip.mp4", &error);
  g_autofree char *folder = g_path_get_dirname (path), *parent = g_path_get_dirname (folder);
  g_autofree char *model = g_build_filename (folder, "weights/m.gguf", NULL), *state = g_build_filename (folder, "state", NULL);
  g_autofree char *clip = g_build_filename (parent, "video/a clip.mp4", NULL);
  const WatchCamera *camera;

  g_assert_no_error (error);
  g_assert_cmpstr (c->model, ==, model);
  g_assert_cmpstr (c->folder, ==, state);
  g_assert_cmpuint (c->retention, ==, 30 * 86400 * GST_SECOND);
  g_assert_cmpuint (c->retention_bytes, ==, 1500000000);
  g_assert_cmpuint (c->save_interval, ==, GST_SECOND / 2);
  g_assert_cmpuint (c->thumbnail_width, ==, 0);
  g_assert_cmpuint (c->cameras->len, ==, 2);
  camera = c->cameras->pdata[0];
  g_assert_cmpstr (camera->name, ==, "Front-door_1.a");
  g_assert_cmpstr (camera->source, ==, "rtsp://user:a=b@10.0.0.2/stream?x=1");
  g_assert_cmpstr (camera->prompt, ==, "a person = someone");
  g_assert_cmpstr (camera->alerts, ==, "visitor: a person in a room above 0.5 for 1s\nfire: \"smoke; and flames\"\n"
      "# not a comment of ours, but of the rules");
  g_assert_cmpuint (camera->alerts_line, ==, 13);
  g_assert_cmpfloat (camera->interval, ==, 2);
  g_assert_cmpfloat (camera->min_confidence, ==, 0);
  g_assert_true (camera->enabled);
  g_assert_false (camera->repeat);
  camera = c->cameras->pdata[1];
  g_assert_false (camera->enabled);
  g_assert_true (camera->repeat);
  g_assert_cmpstr (camera->source, ==, clip);
}

static void
test_defaults (void)
{
  g_autoptr (WatchConfig) c = load ("[camera a]\nsource=/dev/video0\n", NULL);
  const WatchCamera *camera = c->cameras->pdata[0];

  g_assert_null (c->model);
  g_assert_true (g_path_is_absolute (c->folder));
  g_assert_cmpuint (c->retention, ==, 0);
  g_assert_cmpuint (c->save_interval, ==, 60 * GST_SECOND);
  g_assert_cmpstr (camera->source, ==, "/dev/video0");
  g_assert_null (camera->prompt);
  g_assert_null (camera->alerts);
  g_assert_cmpfloat (camera->interval, ==, 0);
  g_assert_cmpfloat (camera->min_confidence, <, 0);
}

/* said: what the error says after the file's name. */
static void
refused (const char *text, WatchConfigError code, const char *said)
{
  g_autofree char *whole = g_strdup_printf ("%s%s", path, said);
  GError *error = NULL;

  g_assert_null (load (text, &error));
  g_assert_error (error, WATCH_CONFIG_ERROR, (gint) code);
  if (!g_str_has_prefix (error->message, whole))
    g_error ("'%s' does not begin with '%s'", error->message, whole);
  g_error_free (error);
}

static void
test_refused (void)
{
  refused ("", WATCH_CONFIG_ERROR_MISSING, ": there is no [camera NAME]");
  refused ("[watch]\nfolder=x\n", WATCH_CONFIG_ERROR_MISSING, ": there is no [camera NAME]");
  refused ("folder=x\n", WATCH_CONFIG_ERROR_SYNTAX, ":1: before the first section");
  refused ("[watch]\nfolder\n", WATCH_CONFIG_ERROR_SYNTAX, ":2: [watch]: 'folder' is neither");
  refused ("[watch\n", WATCH_CONFIG_ERROR_SYNTAX, ":1: ']' is missing");
  refused ("[kamera a]\n", WATCH_CONFIG_ERROR_UNKNOWN, ":1: [kamera a]: sections are [watch], [camera NAME], [web], [mqtt]");
  refused ("[watch]\n[watch]\n", WATCH_CONFIG_ERROR_TWICE, ":2: [watch]: there is one before");
  refused ("[watch]\nprompt = a dog\n", WATCH_CONFIG_ERROR_UNKNOWN, ":2: [watch]: there is no key 'prompt' here; the keys are model, ");
  refused ("[camera a]\nsource=x\n\npromt = a dog\n", WATCH_CONFIG_ERROR_UNKNOWN, ":4: [camera a]: there is no key 'promt' here");
  refused ("[camera a]\nsource=x\nprompt=b\nprompt=c\n", WATCH_CONFIG_ERROR_TWICE, ":4: [camera a]: 'prompt' was set before, in line 3");
  refused ("[camera a]\nsource=x\n[camera A]\nsource=y\n", WATCH_CONFIG_ERROR_TWICE, ":3: [camera A]: there is a camera of that name");
  refused ("[camera]\nsource=x\n", WATCH_CONFIG_ERROR_VALUE, ":1: [camera]: '' is no name");
  refused ("[camera ../x]\nsource=x\n", WATCH_CONFIG_ERROR_VALUE, ":1: [camera ../x]: '../x' is no name");
  refused ("[camera a]\nprompt=x\n", WATCH_CONFIG_ERROR_MISSING, ":3: [camera a]: its 'source' is missing");
  refused ("[camera a]\n[camera b]\nsource=x\n", WATCH_CONFIG_ERROR_MISSING, ":2: [camera a]: its 'source' is missing");
  refused ("[camera a]\nsource=x\n  [camera b]\n", WATCH_CONFIG_ERROR_VALUE, ":2: [camera a]: the next line is indented");
  refused ("[camera a]\nsource=\n", WATCH_CONFIG_ERROR_VALUE, ":2: [camera a]: 'source' has no value");
  refused ("[camera a]\nsource=~/x.mp4\n", WATCH_CONFIG_ERROR_VALUE, ":2: [camera a]: '~' is not understood here");
  refused ("[camera a]\nsource=x\nenabled=maybe\n", WATCH_CONFIG_ERROR_VALUE, ":3: [camera a]: 'maybe' is neither yes nor no");
  refused ("[camera a]\nsource=\xff\n", WATCH_CONFIG_ERROR_READ, ": not a text in UTF-8");
}

static void
test_values (void)
{
  static const char *const durations[] = { "30", "d", "-1s", "1 day", "1e30w", "nan", "0x10s" };
  static const char *const sizes[] = { "5", "-1 GB", "1 GiB", "GB", "1e20 TB" };
  static const char *const shares[] = { "1.1", "-0.1", "half", "0.5x" }, *const intervals[] = { "0s", "2d", "0.1ms", "1" };

  for (guint i = 0; i < G_N_ELEMENTS (durations); i++) {
    g_autofree char *text = g_strdup_printf ("[watch]\nretention=%s\n[camera a]\nsource=x\n", durations[i]);
    refused (text, WATCH_CONFIG_ERROR_VALUE, ":2: [watch]: '");
  }
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *text = g_strdup_printf ("[watch]\nretention-bytes=%s\n[camera a]\nsource=x\n", sizes[i]);
    refused (text, WATCH_CONFIG_ERROR_VALUE, ":2: [watch]: '");
  }
  for (guint i = 0; i < G_N_ELEMENTS (shares); i++) {
    g_autofree char *text = g_strdup_printf ("[camera a]\nsource=x\nmin-confidence=%s\n", shares[i]);
    refused (text, WATCH_CONFIG_ERROR_VALUE, ":3: [camera a]: '");
  }
  for (guint i = 0; i < G_N_ELEMENTS (intervals); i++) {
    g_autofree char *text = g_strdup_printf ("[camera a]\nsource=x\ninterval=%s\n", intervals[i]);
    refused (text, WATCH_CONFIG_ERROR_VALUE, ":3: [camera a]: '");
  }
  refused ("[watch]\nthumbnail-width=15\n[camera a]\nsource=x\n", WATCH_CONFIG_ERROR_VALUE, ":2: [watch]: '15' is neither 0");
}

static void
test_missing_file (void)
{
  GError *error = NULL;

  g_assert_null (watch_config_load ("/nowhere/cameras.conf", &error));
  g_assert_error (error, WATCH_CONFIG_ERROR, WATCH_CONFIG_ERROR_READ);
  g_assert_nonnull (strstr (error->message, "/nowhere/cameras.conf"));
  g_error_free (error);
}

/* Rules and prompts are read before anything runs. */
static void
test_model (void)
{
  BitmarModel *model = bitmar_model_load (g_getenv ("BITMAR_MODEL"), NULL);
  GError *error = NULL;
  g_autoptr (WatchConfig) good = load ("[camera a]\nsource=x\nalerts = dog: a dog above 0.6\n  car: a red car\nprompt=a dog\n", NULL);
  g_autoptr (WatchConfig) bad = load ("[camera a]\nsource=x\n[camera b]\nsource=y\nalerts = dog: a dog for ever\n", NULL);
  g_autofree char *said = g_strdup_printf ("%s:5: [camera b]: alerts: line 1, column", path);

  g_assert_true (watch_config_check (good, model, &error));
  g_assert_no_error (error);
  g_assert_false (watch_config_check (bad, model, &error));
  g_assert_error (error, WATCH_CONFIG_ERROR, WATCH_CONFIG_ERROR_VALUE);
  g_assert_true (g_str_has_prefix (error->message, said));
  g_error_free (error);
  g_object_unref (model);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  path = g_strdup_printf ("%s/bitmar-watch-%d/cameras.conf", g_get_tmp_dir (), (int) getpid ());
  {
    g_autofree char *folder = g_path_get_dirname (path);

    g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
    g_test_add_func ("/watch-config/all-keys", test_all_keys);
    g_test_add_func ("/watch-config/defaults", test_defaults);
    g_test_add_func ("/watch-config/refused", test_refused);
    g_test_add_func ("/watch-config/values", test_values);
    g_test_add_func ("/watch-config/missing-file", test_missing_file);
    g_test_add_func ("/watch-config/model", test_model);
    status = g_test_run ();
    g_remove (path);
    g_rmdir (folder);
  }
  g_free (path);
  return status;
}
