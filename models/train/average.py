# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mean of the weights of several checkpoints of one run, which captions unseen pictures better than any of them.

    average.py --output MEAN.pt RUN/epoch-20.pt RUN/epoch-24.pt RUN/last.pt

Meant are the latent weights; they are quantised after averaging. A checkpoint may be named twice to count twice."""
import argparse

import checkpoint


def mean(paths):
    """-> a checkpoint, the last one's but for its weights."""
    kept, total = None, None
    for path in paths:
        saved = checkpoint.load(path)
        if kept and saved["config"] != kept["config"]:
            raise SystemExit(f"{path}: another model than {paths[0]}")
        total = {k: (total[k] if total else 0) + v.float() for k, v in saved["model"].items()}
        kept = saved
    return {**kept, "model": {k: v / len(paths) for k, v in total.items()}, "optimiser": None}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--output", required=True)
    ap.add_argument("checkpoints", nargs="+")
    args = ap.parse_args()
    checkpoint.room_for(args.output)
    checkpoint.save(mean(args.checkpoints), args.output)


if __name__ == "__main__":
    main()
