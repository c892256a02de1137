# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-alert.gguf: tiny.gguf with a random background of episodes, for the tests of alerts.

    make-tiny-alert.py tests/files/tiny-alert.gguf"""
import importlib
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
tiny = importlib.import_module("make-tiny-model")

WIDTH = 16


def main():
    rng = np.random.default_rng(5)
    a = rng.normal(size=(WIDTH, WIDTH)) * rng.uniform(0.02, 0.3, WIDTH)         # a direction varies more than another
    covariance = (a @ a.T / WIDTH + 1e-3 * np.eye(WIDTH)).astype(np.float32)
    mean = 0.15 * rng.normal(size=WIDTH)
    torch.manual_seed(7)
    tiny.write(sys.argv[1], tiny.export.Integers(tiny.random_backbone(40)), "Tiny random model with a background",
               "A 1.58-bit captioner with episodic memory on an int8 EfficientNet-Lite backbone",
               (mean, (covariance + covariance.T) / 2, 1.5, -2.0))


if __name__ == "__main__":
    main()
