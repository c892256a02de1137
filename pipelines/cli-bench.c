/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmar bench: options and output. */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cli.h"

#define MAX_LIST 64

static const char summary[] =
    "Measures the kernels on this machine: a line per shape, in GMAC/s and as a share of what the CPU's int8 dot product\n"
    "reaches alone in the same run. One thread; the best fiftieth of many short runs, by the thread's CPU time.";

typedef struct {
  char *shapes, *tokens, *tier;
  gboolean json, shapes_given;
  double budget;       /* seconds a figure */
  gsize n[MAX_LIST], k[MAX_LIST], n_shapes, m[MAX_LIST], n_m;
} Bench;

/* ---- Options --------------------------------------------------------------------------------------- */

static gboolean
parse_number (const char *text, gsize limit, gsize *value)
{
  guint64 x;

  if (!g_ascii_string_to_unsigned (text, 10, 1, limit, &x, NULL))
    return FALSE;
  *value = x;
  return TRUE;
}

static gboolean
parse_tokens (Bench *b)
{
  char **words = g_strsplit (b->tokens, ",", MAX_LIST);
  gboolean ok = TRUE;

  for (gsize i = 0; words[i] && ok; i++)
    ok = parse_number (words[i], 4096, &b->m[b->n_m++]);
  g_strfreev (words);
  return ok && b->n_m > 0;
}

static gboolean
parse_shapes (Bench *b)
{
  char **words = g_strsplit (b->shapes, ",", MAX_LIST);
  gboolean ok = TRUE;

  for (gsize i = 0; words[i] && ok; i++, b->n_shapes++) {
    char **sides = g_strsplit (words[i], "x", 3);
    ok = g_strv_length (sides) == 2 && parse_number (sides[0], 1 << 20, &b->n[i])
        && parse_number (sides[1], 65536, &b->k[i]) && bmk_ternary_packed_size (b->n[i], b->k[i]) > 0;
    g_strfreev (sides);
  }
  g_strfreev (words);
  return ok && b->n_shapes > 0;
}

static gboolean
choose_tier (const char *name)
{
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    if (g_str_equal (name, bmk_tier_name ((BmkTier) tier)))
      return bmk_set_tier ((BmkTier) tier);
  return FALSE;
}

static int
complain (const char *format, const char *text)
{
  fputs ("bitmar bench: ", stderr);
  fprintf (stderr, format, text);
  fputs ("\nTry \"bitmar bench --help\".\n", stderr);
  return CLI_USAGE;
}

/* ---- Output ---------------------------------------------------------------------------------------- */

static void
add_number (JsonBuilder *j, const char *name, double value)
{
  json_builder_set_member_name (j, name);
  json_builder_add_double_value (j, value);
}

static void
print_linear (Bench *b, JsonBuilder *j, const BenchPeak *peak, BenchLinear l)
{
  bench_linear (&l, b->budget);
  if (!b->json) {
    printf ("%-8s %5zu x %-5zu M %-4zu %8.1f GMAC/s", l.ternary ? "ternary" : "int8", l.n, l.k, l.m, l.gmacs);
    if (peak->dot_gmacs > 0)
      printf ("  %5.1f %% of the dot product", 100 * l.gmacs / peak->dot_gmacs);
    if (l.far)
      printf ("  from 64 MB: %.1f GB/s of weights, %.0f %% of reading", l.weights, 100 * l.weights / peak->read_far);
    putchar ('\n');
    fflush (stdout);
    return;
  }
  json_builder_begin_object (j);
  json_builder_set_member_name (j, "kind");
  json_builder_add_string_value (j, l.ternary ? "ternary" : "int8");
  add_number (j, "n", (double) l.n);
  add_number (j, "k", (double) l.k);
  add_number (j, "m", (double) l.m);
  json_builder_set_member_name (j, "far");
  json_builder_add_boolean_value (j, l.far);
  add_number (j, "gmacs", l.gmacs);
  add_number (j, "share", peak->dot_gmacs > 0 ? l.gmacs / peak->dot_gmacs : 0);
  add_number (j, "weights_gbs", l.weights);
  json_builder_end_object (j);
}

static void
print_convs (const Bench *b, JsonBuilder *j, const BenchPeak *peak)
{
  BenchConv convs[BENCH_CONVS];

  bench_backbone (convs, 10 * b->budget);
  for (gsize i = 0; i < BENCH_CONVS; i++) {
    const BenchConv *c = &convs[i];
    double share = peak->dot_gmacs > 0 ? c->gmacs / peak->dot_gmacs : 0;
    if (!b->json) {
      printf ("%-12s %8.3f ms %8.1f GMAC/s", c->name, c->ms, c->gmacs);
      printf (share > 0 ? "  %5.1f %% of the dot product\n" : "\n", 100 * share);
      continue;
    }
    json_builder_begin_object (j);
    json_builder_set_member_name (j, "kind");
    json_builder_add_string_value (j, c->name);
    add_number (j, "ms", c->ms);
    add_number (j, "gmacs", c->gmacs);
    add_number (j, "share", share);
    json_builder_end_object (j);
  }
}

static void
print_peak (const Bench *b, JsonBuilder *j, const BenchPeak *peak)
{
  if (!b->json) {
    printf ("%s: ", bmk_tier_name (bmk_tier ()));
    if (peak->dot_gmacs > 0)
      printf ("dot product alone %.1f GMAC/s, ", peak->dot_gmacs);
    if (peak->tile_gmacs > 0)
      printf ("matrix product alone %.1f GMAC/s, ", peak->tile_gmacs);
    printf ("reading 256 KB %.1f GB/s, 64 MB %.1f GB/s\n", peak->read_near, peak->read_far);
    return;
  }
  json_builder_set_member_name (j, "tier");
  json_builder_add_string_value (j, bmk_tier_name (bmk_tier ()));
  json_builder_set_member_name (j, "peak");
  json_builder_begin_object (j);
  add_number (j, "dot_gmacs", peak->dot_gmacs);
  add_number (j, "tile_gmacs", peak->tile_gmacs);
  add_number (j, "read_near_gbs", peak->read_near);
  add_number (j, "read_gbs", peak->read_far);
  json_builder_end_object (j);
}

static void
begin_list (JsonBuilder *j, const char *name)
{
  json_builder_set_member_name (j, name);
  json_builder_begin_array (j);
}

static void
run (Bench *b)
{
  JsonBuilder *j = json_builder_new ();
  BenchPeak peak;

  json_builder_begin_object (j);
  bench_peak (&peak, b->budget);
  print_peak (b, j, &peak);
  begin_list (j, "linear");
  for (gsize s = 0; s < b->n_shapes; s++)
    for (gsize i = 0; i < b->n_m; i++)
      print_linear (b, j, &peak, (BenchLinear) { .ternary = TRUE, .n = b->n[s], .k = b->k[s], .m = b->m[i] });
  if (!b->shapes_given) {
    print_linear (b, j, &peak, (BenchLinear) { .ternary = TRUE, .n = 2048, .k = 512, .m = 1, .far = TRUE });
    print_linear (b, j, &peak, (BenchLinear) { .ternary = TRUE, .n = 2048, .k = 512, .m = 16, .far = TRUE });
    for (gsize i = 0; i < b->n_m; i++)
      print_linear (b, j, &peak, (BenchLinear) { .n = 4096, .k = 256, .m = b->m[i] });
  }
  json_builder_end_array (j);
  begin_list (j, "conv");
  if (!b->shapes_given)
    print_convs (b, j, &peak);
  json_builder_end_array (j);
  json_builder_end_object (j);
  if (b->json) {
    JsonNode *root = json_builder_get_root (j);
    char *text = json_to_string (root, FALSE);
    puts (text);
    g_free (text);
    json_node_unref (root);
  }
  g_object_unref (j);
}

int
cli_bench (int argc, char **argv)
{
  Bench *b = g_new0 (Bench, 1);
  GOptionEntry entries[] = {
    { "shapes", 's', 0, G_OPTION_ARG_STRING, &b->shapes, "Ternary layers, outputs x inputs, and nothing else", "NxK,…" },
    { "m", 'm', 0, G_OPTION_ARG_STRING, &b->tokens, "Rows at a time (1,4,16,256)", "M,…" },
    { "cpu", 'c', 0, G_OPTION_ARG_STRING, &b->tier, "Instructions: a value of BITMAR_CPU", "TIER" },
    { "time", 't', 0, G_OPTION_ARG_DOUBLE, &b->budget, "Seconds for each figure (0.1)", "S" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &b->json, "One JSON object", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GOptionContext *context = g_option_context_new (NULL);
  GError *error = NULL;
  int status = CLI_OK;

  b->budget = 0.1;
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  b->shapes_given = g_option_context_parse (context, &argc, &argv, &error) && b->shapes;
  b->shapes = b->shapes ? b->shapes : g_strdup ("384x384,1536x384,384x1536,512x512,2048x512,8192x256");
  b->tokens = b->tokens ? b->tokens : g_strdup ("1,4,16,256");
  if (error)
    status = complain ("%s", error->message);
  else if (argc > 1)
    status = complain ("\"%s\" is too much", argv[1]);
  else if (!bmk_init ())
    status = complain ("BITMAR_CPU=%s is no set of instructions", g_getenv ("BITMAR_CPU"));
  else if (b->tier && !choose_tier (b->tier))
    status = complain ("this CPU or build has no \"%s\"", b->tier);
  else if (!(b->budget >= 0.001 && b->budget <= 60))
    status = complain ("%s takes 0.001 to 60 seconds", "--time");
  else if (!parse_tokens (b))
    status = complain ("--m takes numbers from 1 to 4096, not \"%s\"", b->tokens);
  else if (!parse_shapes (b))
    status = complain ("--shapes takes NxK with K a multiple of 16 up to 65536, not \"%s\"", b->shapes);
  else
    run (b);
  g_clear_error (&error);
  g_option_context_free (context);
  g_free (b->shapes);
  g_free (b->tokens);
  g_free (b->tier);
  g_free (b);
  return status;
}
