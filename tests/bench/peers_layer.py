# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every peer gets of one linear layer: an input, weights, and the exact answer to be held against."""
import zlib
from dataclasses import dataclass, field
from typing import Callable

import numpy as np

SHAPES = ((384, 384), (1536, 384), (384, 1536), (512, 512), (2048, 512), (8192, 256))
BATCHES = (1, 4, 16, 256)
LEAST_COSINE = 0.98


class Refused(Exception):
    """A peer cannot do this; its text says why."""


@dataclass
class Made:
    """A built graph: run () does one call into a fixed output. `ran` names the kernel or the nodes that are left of it.
    `held` keeps the memory that the engines only point to; `first` is the first
    answer's checksum, which all later calls must give."""
    run: Callable
    output: Callable
    ran: str
    held: tuple
    first: int = 0

    def __post_init__(self):
        self.run()
        self.first = self.sum()

    def sum(self):
        return zlib.crc32(np.ascontiguousarray(self.output()))


@dataclass
class Suite:
    """All that one process times: made by key, what was refused by key, and a graph that does next to nothing."""
    made: dict = field(default_factory=dict)
    cosine: dict = field(default_factory=dict)
    refused: dict = field(default_factory=dict)
    idle: Made | None = None
    version: str = ""


class Layer:
    """y [m, n] = x [m, k] W^T. `w8` is s8 per channel; code(bits) are ternary (2 bits) or full 4-bit weights per block."""

    def __init__(self, n, k, m):
        self.n, self.k, self.m = n, k, m
        rng = np.random.default_rng(n * 131 + k)
        self.x = rng.normal(0, 0.4, (m, k)).astype(np.float32)
        self.w8 = rng.integers(-127, 128, (n, k), dtype=np.int8)
        self.scale8 = rng.uniform(0.5, 1.5, n).astype(np.float32) / (127 * np.float32(k) ** 0.5)

    def signed(self, bits):
        """[n, k] in -1..1 for two bits, -8..7 for four."""
        lo, hi = (-1, 1) if bits == 2 else (-8, 7)
        return np.random.default_rng(bits).integers(lo, hi + 1, (self.n, self.k)).astype(np.int8)

    def exact8(self, x=None):
        return (self.x if x is None else x) @ (self.w8 * self.scale8[:, None]).T


def alike(got, want):
    """Their cosine."""
    norm = float(np.linalg.norm(got) * np.linalg.norm(want))
    return float((got * want).sum()) / norm if norm > 0 else 0.0


def counted(names):
    """'Conv x 2 + Relu', in order of appearance."""
    names = list(names)
    return " + ".join(f"{n} x {names.count(n)}" if names.count(n) > 1 else n for n in dict.fromkeys(names))


def check(got, want):
    """A form that is fast and wrong is no peer."""
    cosine = alike(got, want)
    if not cosine >= LEAST_COSINE:
        raise Refused(f"wrong result: cosine {cosine:.3f} with float")
