/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmaronvif and rtpbitmaronvifpay from within: what alerts say, what is current, times, and how documents are split. Each document is read by an
 * XML parser that takes no invalid UTF-8. */

#include <gst/check/gstharness.h>
#include <gst/rtp/rtp.h>
#include <math.h>
#include <string.h>

#include "onvif-xml.h"

/* ---- Reading documents ------------------------------------------------------------------------------- */

typedef struct {
  GString *said;               /* topic, operation, UtcTime and items of each event, a line each */
} Reader;

static void
read_start (GMarkupParseContext *context, const char *name, const char **names, const char **values, gpointer data, GError **error)
{
  GString *said = ((Reader *) data)->said;

  if (!g_str_equal (name, "tt:Message") && !g_str_equal (name, "tt:SimpleItem"))
    return;
  for (guint i = 0; names[i]; i++)
    g_string_append_printf (said, "%s%s", g_str_equal (name, "tt:Message") && i > 0 ? " " : g_str_equal (names[i], "Value") ? "=" : "", values[i]);
  g_string_append_c (said, '\n');
}

static void
read_text (GMarkupParseContext *context, const char *text, gsize size, gpointer data, GError **error)
{
  if (g_str_equal (g_markup_parse_context_get_element (context), "wsnt:Topic"))
    g_string_append_printf (((Reader *) data)->said, "%.*s\n", (int) size, text);
}

/* (transfer full) */
static char *
read_document (const char *data, gsize size)
{
  static const GMarkupParser parser = { .start_element = read_start, .text = read_text };
  Reader reader = { .said = g_string_new (NULL) };
  GMarkupParseContext *context = g_markup_parse_context_new (&parser, 0, &reader, NULL);
  GError *error = NULL;

  if (!g_markup_parse_context_parse (context, data, (gssize) size, &error) || !g_markup_parse_context_end_parse (context, &error))
    g_error ("%s in %.*s", error->message, (int) size, data);
  g_markup_parse_context_free (context);
  return g_string_free (reader.said, FALSE);
}

static char *
read_buffer (GstBuffer *buffer)
{
  GstMapInfo map;
  char *said;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
  said = read_document ((const char *) map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  return said;
}

static void
assert_next (GstHarness *h, gboolean whole, const char *wanted)
{
  GstBuffer *buffer = gst_harness_try_pull (h);
  g_autofree char *said = NULL;

  g_assert_nonnull (buffer);
  g_assert_cmpint (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT), ==, whole);
  said = read_buffer (buffer);
  g_assert_cmpstr (said, ==, wanted);
}

/* ---- bitmaronvif ------------------------------------------------------------------------------------- */

static GstHarness *
onvif (void)
{
  GstHarness *h = gst_harness_new ("bitmaronvif");

  gst_harness_set_src_caps_str (h, "application/x-json");
  return h;
}

static void
push_json (GstHarness *h, GstClockTime pts, const char *json)
{
  GstBuffer *buffer = gst_buffer_new_memdup (json, strlen (json));

  GST_BUFFER_PTS (buffer) = pts;
  g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
}

static gboolean
tell (GstHarness *h, GstStructure *alert)
{
  gboolean taken;

  g_signal_emit_by_name (h->element, "alert", alert, &taken);
  gst_structure_free (alert);
  return taken;
}

static GstStructure *
alert (const char *kind, const char *name, gint64 utc)
{
  return gst_structure_new ("bitmar-alert", "kind", G_TYPE_STRING, kind, "name", G_TYPE_STRING, name, "sentence", G_TYPE_STRING, "a man", "stream",
      G_TYPE_STRING, "yard", "score", G_TYPE_DOUBLE, 0.75, "peak", G_TYPE_DOUBLE, 0.5, "utc", G_TYPE_UINT64, (guint64) utc, NULL);
}

#define CAPTION_1 "{\"stream\":\"yard\",\"id\":1,\"utc\":\"2026-11-26T10:00:00.250Z\",\"text\":\"a room\",\"confidence\":0.5,\"novelty\":0.25}\n"
#define SAID_CAPTION(operation) "tns1:VideoAnalytics/bitmar:Caption\n2026-11-26T10:00:00.250Z " operation "\nVideoSource=yard\nId=1\nText=a room\n" \
    "Confidence=0.5000\nNovelty=0.2500\nFallback=false\n"
#define SAID_ALERT(operation, state) "tns1:RuleEngine/bitmar:Alert\n2026-11-26T10:00:01.000Z " operation "\nVideoSource=yard\nRule=door\nState=" state \
    "\nSentence=a man\nScore=0.7500\nPeak=0.5000\n"
#define ALERT_UTC (G_GINT64_CONSTANT (1795687201) * 1000000000)

/* Who joins asks, and is told all that is current in a document; what only tells news is a delta unit. */
static void
test_current (void)
{
  GstHarness *h = onvif ();

  g_assert_true (tell (h, alert ("start", "gone", ALERT_UTC)) && tell (h, alert ("end", "gone", ALERT_UTC)));
  push_json (h, GST_SECOND, CAPTION_1);
  gst_buffer_unref (gst_harness_pull (h));
  gst_buffer_unref (gst_harness_pull (h));
  assert_next (h, FALSE, SAID_CAPTION ("Changed"));
  g_assert_true (tell (h, alert ("start", "door", ALERT_UTC)));
  assert_next (h, FALSE, SAID_ALERT ("Changed", "true"));
  gst_harness_push_upstream_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty ("GstForceKeyUnit")));
  assert_next (h, TRUE, SAID_CAPTION ("Initialized") SAID_ALERT ("Initialized", "true"));
  g_assert_true (tell (h, alert ("end", "door", ALERT_UTC)));
  assert_next (h, FALSE, SAID_ALERT ("Changed", "false"));
  /* By itself, a second later, when the video goes on. */
  gst_harness_push_event (h, gst_event_new_gap (3 * GST_SECOND, GST_SECOND));
  assert_next (h, TRUE, SAID_CAPTION ("Initialized"));
  gst_harness_push_event (h, gst_event_new_gap (3 * GST_SECOND + 1, GST_SECOND));
  g_assert_null (gst_harness_try_pull (h));
  gst_harness_teardown (h);
}

static void
test_no_alert (void)
{
  GstHarness *h = onvif ();

  g_assert_false (tell (h, gst_structure_new_empty ("bitmar-alert")));
  g_assert_false (tell (h, alert ("middle", "door", 0)));
  g_assert_false (tell (h, gst_structure_new ("bitmar-alert", "kind", G_TYPE_STRING, "start", "name", G_TYPE_INT, 7, NULL)));
  push_json (h, 0, CAPTION_1);
  assert_next (h, FALSE, SAID_CAPTION ("Changed"));
  g_assert_null (gst_harness_try_pull (h));
  gst_harness_teardown (h);
}

/* What is between two marks. (transfer full) */
static char *
between (const char *text, const char *from, const char *to)
{
  const char *begin = strstr (text, from), *end = begin ? strstr (begin + strlen (from), to) : NULL;

  g_assert_nonnull (end);
  begin += strlen (from);
  return g_strndup (begin, (gsize) (end - begin));
}

static char *
utc_of_caption (GstHarness *h, const char *utc)
{
  g_autofree char *json = g_strdup_printf ("{\"text\":\"x\",\"utc\":\"%s\"}", utc), *said = NULL;

  push_json (h, 0, json);
  said = read_buffer (gst_harness_pull (h));
  return between (said, "bitmar:Caption\n", " ");
}

static void
test_time_goes_on (void)
{
  static const char *const times[][2] = {
    { "2026-11-26T10:00:00.5Z", "2026-11-26T10:00:00.500Z" },
    { "2026-11-26T11:00:01+01:00", "2026-11-26T10:00:01.000Z" },
    /* A clock that is set back a little is waited for. */
    { "2026-11-26T10:00:00.900Z", "2026-11-26T10:00:01.000Z" },
    { "2026-11-26T09:59:52Z", "2026-11-26T10:00:01.000Z" },
    { "2026-11-26T10:00:01.001Z", "2026-11-26T10:00:01.001Z" },
    /* One that is set back by more was wrong before. */
    { "2026-11-26T09:00:00Z", "2026-11-26T09:00:00.000Z" },
    { "2026-11-26T09:00:00.010Z", "2026-11-26T09:00:00.010Z" },
  };
  GstHarness *h = onvif ();

  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autofree char *utc = utc_of_caption (h, times[i][0]);

    g_assert_cmpstr (utc, ==, times[i][1]);
  }
  gst_harness_teardown (h);
}

/* Names and sentences are the user's. */
static void
test_hostile_alert (void)
{
  static const char bad[] = "<a b='c'>&amp;\"]]>\001\033\177 --> &#0; end";
  GstHarness *h = onvif ();
  g_autofree char *longest = g_strnfill (1 << 20, '<'), *said = NULL, *name = NULL, *sentence = NULL;

  push_json (h, 0, CAPTION_1);
  gst_buffer_unref (gst_harness_pull (h));
  g_assert_true (tell (h, gst_structure_new ("bitmar-alert", "kind", G_TYPE_STRING, "start", "name", G_TYPE_STRING, bad, "sentence", G_TYPE_STRING,
              longest, "stream", G_TYPE_STRING, bad, "score", G_TYPE_DOUBLE, (double) INFINITY, "peak", G_TYPE_DOUBLE, (double) NAN, NULL)));
  said = read_buffer (gst_harness_pull (h));
  name = between (said, "Rule=", "\n");
  g_assert_cmpstr (name, ==, "<a b='c'>&amp;\"]]>\177 --> &#0; end");
  sentence = between (said, "Sentence=", "\n");
  g_assert_cmpstr (sentence, ==, longest);
  /* What is no number is not there. */
  g_assert_null (strstr (said, "Score"));
  g_assert_null (strstr (said, "Peak"));
  gst_harness_teardown (h);
}

/* What is no UTF-8: neither a GstStructure nor JSON can bring it, so that the writer is asked. What is wrong becomes U+FFFD, what XML can't hold goes. */
static void
test_invalid_text (void)
{
  static char bad[] = "lone \377, short \342\202, surrogate \355\240\200, overlong \300\257, noncharacter \357\277\276, good \303\251";
  static char utc[] = "2026-11-26T10:00:00.000Z";
  BitmarOnvifCaption caption = { .utc = utc, .source = bad, .id = G_MAXUINT64, .text = bad, .confidence = 1, .novelty = -INFINITY, .model = bad };
  GString *xml = g_string_new (NULL);
  g_autofree char *said = NULL, *text = NULL;

  bitmar_onvif_begin (xml);
  bitmar_onvif_add_caption (xml, &caption, BITMAR_ONVIF_CHANGED);
  bitmar_onvif_end (xml);
  said = read_document (xml->str, xml->len);
  text = between (said, "Text=", "\n");
  g_assert_cmpstr (text, ==, "lone \357\277\275, short \357\277\275\357\277\275, surrogate \357\277\275\357\277\275\357\277\275, "
      "overlong \357\277\275\357\277\275, noncharacter , good \303\251");
  g_assert_nonnull (strstr (said, "Id=18446744073709551615\n"));
  g_string_free (xml, TRUE);
}

/* ---- rtpbitmaronvifpay ------------------------------------------------------------------------------- */

#define MTU 500

/* Puts the packets of one document together. (transfer full) */
static GByteArray *
collect (GstHarness *h, guint *packets)
{
  GByteArray *document = g_byte_array_new ();
  gboolean marked = FALSE;
  guint32 time = 0;

  for (*packets = 0; !marked; (*packets)++) {
    GstBuffer *packet = gst_harness_pull (h);
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

    g_assert_nonnull (packet);
    g_assert_cmpuint (gst_buffer_get_size (packet), <=, MTU);
    g_assert_true (gst_rtp_buffer_map (packet, GST_MAP_READ, &rtp));
    g_assert_true (*packets == 0 || time == gst_rtp_buffer_get_timestamp (&rtp));
    time = gst_rtp_buffer_get_timestamp (&rtp);
    marked = gst_rtp_buffer_get_marker (&rtp);
    g_byte_array_append (document, gst_rtp_buffer_get_payload (&rtp), gst_rtp_buffer_get_payload_len (&rtp));
    gst_rtp_buffer_unmap (&rtp);
    gst_buffer_unref (packet);
  }
  return document;
}

/* From one that fits, over one that just fits and one that just does not, to a long one; the marker is on the last packet only, since each document
 * ends where it did. */
static void
test_split (void)
{
  static const guint sizes[] = { 1, MTU - 13, MTU - 12, MTU - 11, 2 * (MTU - 12), 2 * (MTU - 12) + 1, 100000 };
  GstHarness *h = gst_harness_new_parse ("rtpbitmaronvifpay mtu=500 pt=107");

  gst_harness_set_src_caps_str (h, "application/x-onvif-metadata,parsed=true");
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree guint8 *data = g_malloc (sizes[i]);
    g_autoptr (GByteArray) document = NULL;
    GstBuffer *buffer;
    guint packets;

    for (guint j = 0; j < sizes[i]; j++)
      data[j] = (guint8) (j * 31 + i);
    buffer = gst_buffer_new_memdup (data, sizes[i]);
    GST_BUFFER_PTS (buffer) = i * GST_SECOND;
    g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
    document = collect (h, &packets);
    g_assert_cmpmem (document->data, document->len, data, sizes[i]);
    g_assert_cmpuint (packets, ==, (sizes[i] + MTU - 13) / (MTU - 12));
  }
  /* Nothing is no packet. */
  g_assert_cmpint (gst_harness_push (h, gst_buffer_new ()), ==, GST_FLOW_OK);
  g_assert_null (gst_harness_try_pull (h));
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_func ("/onvif/current", test_current);
  g_test_add_func ("/onvif/no-alert", test_no_alert);
  g_test_add_func ("/onvif/time-goes-on", test_time_goes_on);
  g_test_add_func ("/onvif/hostile-alert", test_hostile_alert);
  g_test_add_func ("/onvif/invalid-text", test_invalid_text);
  g_test_add_func ("/onvif/split", test_split);
  return g_test_run ();
}
