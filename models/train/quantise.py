# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the integer backbone once: calibrated and bias-corrected on some whole pictures of each set.

    quantise.py --pictures DIR/flickr8k-train.tar --pictures DIR/scenes-train.tar --output backbone.pt"""
import argparse
import random

import numpy as np
import torch

import backbone
import checkpoint
from features import decode, pictures


def integer_backbone(sets, count, seed=1):
    """Loads, calibrates and bias-corrects the backbone on `count` whole pictures of the sets."""
    bb = backbone.load()
    rng = random.Random(seed)
    images = []
    for path in sets:
        items = list(pictures(path))
        images += [np.asarray(decode(d, bb.size)) for _, d in rng.sample(items, min(len(items), count // len(sets)))]
    rng.shuffle(images)
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    with torch.no_grad():
        backbone.calibrate(bb, x)
        backbone.correct_biases(bb, x)
    return bb


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--pictures", action="append", required=True, help="tar or folder of pictures; may be repeated")
    ap.add_argument("--count", type=int, default=96, help="pictures to calibrate on, shared among the sets")
    ap.add_argument("--output", required=True)
    args = ap.parse_args()
    checkpoint.room_for(args.output)
    checkpoint.save(integer_backbone(args.pictures, args.count), args.output)


if __name__ == "__main__":
    main()
