# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scores sentences at every second of a clip, as alerts do: what to look at before a threshold is chosen (docs/alerts.md).

    watch.py --dump BUILD/tests/models/dump-keys --model MODEL.gguf [--seconds] [--thing person] CLIP SENTENCE...

Prints the least, the median and the greatest score of each sentence; with --seconds those of every second; with --thing the
same of the seconds in which --truth has that thing and of the others, and how well the score tells them apart (AUC)."""
import argparse
import tempfile
from pathlib import Path

import numpy as np

from background import auc, dumped, keys_of, sigmoid
from reference import File
from video import noun, read_truth, sample


def scores_of(f, t, keys):
    """[seconds, sentences], by the formula of models/MODEL.md."""
    if "memory.background.mean" not in f.tensor:
        return sigmoid(10.4 * keys @ t.T - 7.28)
    m, s = (f.tensor["memory.background." + k].astype(float) for k in ("mean", "covariance"))
    deviation = np.maximum(np.sqrt(np.einsum("ij,jk,ik->i", t, s, t)), 1e-3)
    return sigmoid(float(f["alert.slope"]) * (keys @ t.T - t @ m) / deviation + float(f["alert.bias"]))


def look(args, f):
    with tempfile.TemporaryDirectory() as tmp:
        sample(Path(args.clip), Path(tmp))
        return keys_of(args, f, [(p.name, p.read_bytes) for p in sorted(Path(tmp).iterdir())])


def range_of(x):
    return f"{x.min():.2f} {np.median(x):.2f} {x.max():.2f}" if len(x) else "-"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dump", required=True, help="tests/models/dump-keys of a build")
    ap.add_argument("--model", required=True)
    ap.add_argument("--seconds", action="store_true")
    ap.add_argument("--thing", help="a noun of the truth")
    ap.add_argument("--truth", default=Path(__file__).with_name("video-truth.tsv"))
    ap.add_argument("clip")
    ap.add_argument("sentences", nargs="+", metavar="SENTENCE")
    args = ap.parse_args()
    if not Path(args.clip).is_file():
        raise SystemExit(f"{args.clip}: no such file")
    f = File(args.model)
    t = dumped(args, "sentences", int(f["memory.width"]), (" ".join(s.split()).encode() + b"\n" for s in args.sentences))
    scores = scores_of(f, t, look(args, f))
    if args.seconds:
        for second, row in enumerate(scores):
            print(second, *(f"{x:.2f}" for x in row), sep="\t")
    there = np.zeros(len(scores), bool)
    for first, last, things in read_truth(args.truth)[Path(args.clip).name] if args.thing else ():
        there[first:last + 1] |= noun(args.thing) in things
    for sentence, x in zip(args.sentences, scores.T):
        print(f"{sentence}: {range_of(x)}")
        if args.thing:
            print(f"  with {args.thing}: {range_of(x[there])}, without: {range_of(x[~there])}"
                  + (f", AUC {auc(x[there], x[~there]):.3f}" if there.any() and not there.all() else ""))


if __name__ == "__main__":
    main()
