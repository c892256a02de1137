/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Embeddings of events in memory, searched by looking at each: what a backend keeps beside its file. An embedding is
 * int8 codes [width] times a scale; width is a multiple of 16. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BmiIndex BmiIndex;

#define BMI_ANY_CAMERA UINT32_MAX

typedef struct {
  int64_t from, to;    /* from <= utc < to */
  uint32_t camera;     /* BMI_ANY_CAMERA: all */
} BmiFilter;

typedef struct {
  float score;         /* cosine */
  int64_t utc, id;
} BmiHit;

/* x: [width], not all zero. The scale gives codes * scale unit length; its cosine to x is above 0.999. */
void bmi_encode (int8_t *codes, float *scale, const float *x, size_t width);

/* NULL when the width is not allowed or memory is short. */
BmiIndex *bmi_new (size_t width);
void bmi_free (BmiIndex *index);
size_t bmi_count (const BmiIndex *index);
int64_t bmi_last_id (const BmiIndex *index);   /* 0 when empty */
/* Ids come in ascending order. False when memory is short. */
bool bmi_add (BmiIndex *index, int64_t id, int64_t utc, uint32_t camera, const int8_t *codes, float scale);
/* Drops what is not among ids: [n], ascending. */
void bmi_retain (BmiIndex *index, const int64_t *ids, size_t n);
/* The k best to embedding [width], unit length: greatest score first, of equals the newest, then the greatest id.
 * hits: [k]. Returns how many there are. */
size_t bmi_search (const BmiIndex *index, const float *embedding, const BmiFilter *filter, BmiHit *hits, size_t k);

#ifdef __cplusplus
}
#endif
