/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-stages MODEL: what each stage of a frame's caption costs, in ms of this thread, GMAC/s and as a share of the CPU's int8 dot
 * product alone. Each stage runs by itself, in the order and on the buffers of the whole, so that caches see what they would see. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bottleneck.h"
#include "decoder.h"
#include "fusion.h"
#include "image.h"
#include "text.h"
#include "vision-dinov2.h"
#include "vision-efficientnet.h"

#define WIDTH 1280
#define HEIGHT 720
#define FRAMES 200
#define BEAMS 3
#define DEPTH 8                 /* words said before the step that is measured */
#define PEAK_STEPS 2000

enum { PICTURE, BACKBONE, BOTTLENECK, FUSION, FRAME, STEP, HEAD, N_STAGES };

typedef struct {
  const char *name;
  double macs, best;
} Stage;

typedef struct {
  BitmarModel *model;
  BitmarScaler scaler;
  BitmarVision vision;
  BitmarBottleneck bottleneck;
  BitmarText text;
  BitmarFusion fusion;
  BitmarDecoder decoder;
  guint8 *pixels, *rgb, *features;
  int8_t *codes;
  BmkRow *rows;
  float *first, *key, *content, *recalled;
  Stage stages[N_STAGES];
} Bench;

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* ---- What is to be done ---------------------------------------------------------------------------- */

static double
products (const BmkLinear *w, gsize m)
{
  return (double) w->n * (double) w->k * (double) m;
}

static double
conv_products (const BmkConv *c, gsize edge, gboolean depthwise)
{
  return (double) (edge * edge * c->cout) * (double) (c->kernel * c->kernel) * (depthwise ? 1 : (double) c->cin);
}

static double
efficientnet_products (const BitmarModel *m)
{
  const BitmarEfficientNet *net = m->vision.network;
  gsize edge = bmk_conv_out (m->vision.size, 2);
  double sum = conv_products (&net->stem, edge, FALSE);

  for (gsize i = 0; i < net->n_blocks; i++) {
    const BitmarBlock *b = &net->blocks[i];

    sum += b->has_expand ? conv_products (&b->expand, edge, FALSE) : 0;
    edge = bmk_conv_out (edge, b->dw.stride);
    sum += conv_products (&b->dw, edge, TRUE) + conv_products (&b->project, edge, FALSE);
  }
  return sum + conv_products (&net->head, edge, FALSE);
}

/* Attention's own products, which are floats, included. */
static double
dinov2_products (const BitmarModel *m)
{
  const BitmarDinov2 *net = m->vision.network;
  gsize patches = net->grid * net->grid, n = 1 + net->registers + patches;
  double sum = products (&net->patch.w, patches);

  for (gsize i = 0; i < net->n_layers; i++) {
    const BitmarDinov2Layer *l = &net->layers[i];
    sum += products (&l->q.w, 3 * n) + products (&l->out.w, n) + products (&l->up.w, n) + products (&l->down.w, n)
        + 2.0 * (double) (n * n * m->vision.channels);
  }
  return sum;
}

static double
backbone_products (const BitmarModel *m)
{
  return m->vision.backbone == &bitmar_dinov2 ? dinov2_products (m) : efficientnet_products (m);
}

static void
count (Bench *b)
{
  const BitmarModel *m = b->model;
  gsize p = m->vision.tokens;
  Stage *s = b->stages;

  s[PICTURE] = (Stage) { "picture, 1280x720", 0, G_MAXDOUBLE };
  s[BACKBONE] = (Stage) { "backbone", backbone_products (m), G_MAXDOUBLE };
  s[BOTTLENECK] = (Stage) { "bottleneck", products (&m->bottleneck[0], p) + products (&m->bottleneck[1], p), G_MAXDOUBLE };
  s[FUSION] = (Stage) { "fusion", products (&m->fusion.key, 1) + products (&m->fusion.content, 1), G_MAXDOUBLE };
  for (gsize i = 0; i < m->fusion.n_layers; i++) {
    const BitmarFusionLayer *l = &m->fusion.layers[i];
    s[FUSION].macs += products (&l->kv, p) + products (&l->q, 1) + products (&l->out, 1) + products (&l->up, 1)
        + products (&l->down, 1);
  }
  s[FRAME] = (Stage) { "decoder, frame", 0, G_MAXDOUBLE };
  s[STEP] = (Stage) { "decoder, one step", 0, G_MAXDOUBLE };
  for (gsize i = 0; i < m->decoder.n_layers; i++) {
    const BitmarDecoderLayer *l = &m->decoder.layers[i];
    s[FRAME].macs += products (&l->frame_kv, p) + products (&l->cond, 1);
    s[STEP].macs += products (&l->qkv, BEAMS) + products (&l->out, BEAMS) + products (&l->up, BEAMS) + products (&l->down, BEAMS);
  }
  s[HEAD] = (Stage) { "head, one step", products (&m->head, BEAMS), G_MAXDOUBLE };
}

/* ---- Running it ------------------------------------------------------------------------------------ */

static double
lap (Bench *b, int stage, double start)
{
  double end = now ();

  b->stages[stage].best = MIN (b->stages[stage].best, end - start);
  return now ();
}

static gboolean
frame (Bench *b, GError **error)
{
  BitmarImage image = { .format = BITMAR_FORMAT_NV12, .width = WIDTH, .height = HEIGHT,
    .planes = { b->pixels, b->pixels + WIDTH * HEIGHT }, .strides = { WIDTH, WIDTH } };
  guint8 rows[DEPTH + 1] = { 0 };
  BitmarDecoderBeam beams[BEAMS];
  BmkBest best[BEAMS * 10];
  float log_sum[BEAMS];
  double t = now ();

  if (!bitmar_scaler_run (&b->scaler, &image, b->rgb, error))
    return FALSE;
  t = lap (b, PICTURE, t);
  bitmar_vision_run (&b->vision, b->rgb, b->features);
  t = lap (b, BACKBONE, t);
  bitmar_bottleneck_run (&b->bottleneck, b->features, b->codes, b->rows);
  t = lap (b, BOTTLENECK, t);
  bitmar_fusion_run (&b->fusion, b->first, b->codes, b->rows, b->key, b->content);
  t = lap (b, FUSION, t);
  bitmar_decoder_frame (&b->decoder, b->codes, b->rows, b->content, b->recalled);
  lap (b, FRAME, t);
  for (gsize depth = 0; depth <= DEPTH; depth++) {
    for (gsize i = 0; i < BEAMS; i++)
      beams[i] = (BitmarDecoderBeam) { .token = (gint32) (100 * i + depth + 10), .rows = rows };
    t = now ();
    bitmar_decoder_step (&b->decoder, beams, BEAMS, depth, NULL);
    if (depth == DEPTH)
      t = lap (b, STEP, t);
    bmk_quantize (b->codes, b->rows, b->decoder.x, b->model->width, BEAMS, b->model->width);
    t = now ();
    bmk_int8_best (best, log_sum, 10, &b->model->head, b->codes, b->rows, BEAMS);
    if (depth == DEPTH)
      lap (b, HEAD, t);
  }
  return TRUE;
}

static double
peak (void)
{
  double best = G_MAXDOUBLE;
  guint64 macs = 0;

  for (int i = 0; i < 50; i++) {
    double start = now (), took;
    macs = bmk_peak (BMK_PEAK_DOT, PEAK_STEPS);
    took = now () - start;
    best = MIN (best, took);
  }
  return (double) macs / best;
}

static void
print (const Bench *b)
{
  double limit = peak ();

  printf ("%s, dot product alone %.1f GMAC/s; ms of one thread, best of %d\n", bmk_tier_name (bmk_tier ()), limit * 1e-9, FRAMES);
  for (int i = 0; i < N_STAGES; i++) {
    const Stage *s = &b->stages[i];
    printf ("%-18s %7.3f ms", s->name, s->best * 1e3);
    if (s->macs > 0)
      printf (" %7.1f MMAC %7.1f GMAC/s", s->macs * 1e-6, s->macs / s->best * 1e-9);
    printf (s->macs > 0 && limit > 0 ? "  %5.1f %%\n" : "\n", 100 * s->macs / s->best / limit);
  }
}

static gboolean
start (Bench *b)
{
  BitmarModel *m = b->model;
  gsize p = m->vision.tokens, d = m->width, features = bitmar_vision_features_size (m);

  bitmar_scaler_init (&b->scaler, m->vision.size);
  b->pixels = g_malloc (WIDTH * HEIGHT * 3 / 2);
  for (gsize i = 0; i < WIDTH * HEIGHT * 3 / 2; i++)
    b->pixels[i] = (guint8) (i * i >> 9);
  b->rgb = g_malloc (m->vision.size * m->vision.size * 3);
  b->features = g_malloc (features);
  b->codes = g_malloc (p * d);
  b->rows = g_new (BmkRow, p);
  b->first = g_new (float, d);
  b->key = g_new (float, m->memory_width);
  b->content = g_new (float, m->memory_width);
  b->recalled = g_new0 (float, m->memory_width);
  if (!bitmar_vision_init (&b->vision, m) || !bitmar_bottleneck_init (&b->bottleneck, m)
      || !bitmar_text_init (&b->text, m, 1) || !bitmar_fusion_init (&b->fusion, m)
      || !bitmar_decoder_init (&b->decoder, m, BEAMS, DEPTH + 1))
    return FALSE;
  bitmar_text_run (&b->text, &m->cls, 1, b->first);
  return TRUE;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  Bench b = { 0 };

  if (argc != 2) {
    fputs ("usage: bench-stages MODEL\n", stderr);
    return 2;
  }
  b.model = bitmar_model_load (argv[1], &error);
  if (b.model && start (&b)) {
    count (&b);
    for (int i = 0; i < FRAMES && !error; i++)
      frame (&b, &error);
  }
  if (error || !b.model) {
    fprintf (stderr, "bench-stages: %s\n", error ? error->message : "out of memory");
    return 1;
  }
  print (&b);
  return 0;
}
