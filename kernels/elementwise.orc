# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# Elementwise float work without an order to keep: ORC writes it for the CPU it meets. It takes subnormal numbers as zero.

.init bmk_orc_init

.function bmk_orc_add
.dest 4 y float
.source 4 x float
addf y, y, x

.function bmk_orc_blend
.dest 4 y float
.source 4 x float
.floatparam 4 keep
.floatparam 4 take
.temp 4 a
.temp 4 b
mulf a, y, keep
mulf b, x, take
addf y, a, b
