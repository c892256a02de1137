# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The backbone in integers with the late part that a checkpoint has been trained with, for export.py.

    integers.py --checkpoint RUN/last.pt --backbone backbone.pt --pictures DATA/flickr8k-train.tar --output RUN/backbone.pt

RUN/last.pt is of endtoend.py or finetune.py, or a mean of such (average.py); backbone.pt is what quantise.py wrote, whose early part stays as it is. Activations are calibrated, and biases
corrected, on --count pictures. --weights as for endtoend.py."""
import argparse
from pathlib import Path

import backbone
import checkpoint
import tower


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--backbone", required=True)
    ap.add_argument("--pictures", action="append", required=True, help="tar or folder of pictures; may be repeated")
    ap.add_argument("--count", type=int, default=96, help="pictures to calibrate on, shared among the sets")
    ap.add_argument("--weights", help="the float backbone's checkpoint; as a rule that of its package")
    ap.add_argument("--output", required=True)
    args = ap.parse_args()
    checkpoint.room_for(args.output)
    bb = backbone.read(args.backbone)
    late = tower.Late(bb, bool(checkpoint.load(args.checkpoint).get("ternary")), args.weights)
    tower.load(late, args.checkpoint)
    images = tower.read_images([Path(p) for p in args.pictures], args.count, bb.size)
    checkpoint.save(tower.integers(bb, late.eval(), images), args.output)


if __name__ == "__main__":
    main()
