# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Of the checkpoints of a run and the means of its last ones, keeps that whose captions of the dev pictures are the best.

    choose.py --data DIR --cache DIR --dev NAME --output RUN/best.pt RUN/epoch-*.pt

Captions are greedy ones, measured by CIDEr; of equal ones the later checkpoint is kept."""
import argparse

import numpy as np
import torch

import average
import checkpoint
import train
from metrics import cider


@torch.no_grad()
def score(saved, tok, dev, limit):
    """Mean CIDEr of the dev sets."""
    model, out = checkpoint.model_of(saved).eval(), []
    for s in dev:
        names, hyps = s.names[:limit], {}
        for i in range(0, len(names), 50):
            text, _ = train.greedy(model, tok, torch.from_numpy(np.array(s.views[0][i:i + 50])[:len(names) - i]))
            hyps.update(zip(names[i:i + 50], text))
        out.append(cider(dict(zip(s.names, s.captions)), hyps))
    return sum(out) / len(out)


def candidates(paths):
    """{what it is: [checkpoints to average]}: each, and the last two, four, eight…"""
    out = {p: [p] for p in paths}
    size = 2
    while size <= len(paths):
        out[f"the mean of the last {size} of {len(paths)}"] = paths[-size:]
        size *= 2
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--dev", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--limit", type=int, default=500, help="pictures of a set")
    ap.add_argument("--output", required=True)
    ap.add_argument("checkpoints", nargs="+")
    args = ap.parse_args()
    checkpoint.room_for(args.output)
    dev = [train.Pictures(args.cache, args.data, n) for n in args.dev.split(",")]
    tok = checkpoint.tokenizer_of(checkpoint.load(args.checkpoints[-1]), args.checkpoints[-1])
    best, kept = -1.0, None
    for what, paths in candidates(args.checkpoints).items():
        got = score(average.mean(paths), tok, dev, args.limit)
        print(f"{what}: CIDEr {got:.3f}", flush=True)
        if got >= best:
            best, kept = got, (what, paths)
    checkpoint.save({**average.mean(kept[1]), "chosen": kept[0]}, args.output)
    print(f"{args.output}: {kept[0]}", flush=True)


if __name__ == "__main__":
    main()
