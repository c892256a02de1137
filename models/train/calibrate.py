# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fits the three numbers of models/MODEL.md, "Confidence", to captions of dev pictures that evaluate.py --out wrote.

    calibrate.py --captions dev.json --model MODEL.gguf --data DIR --sets flickr8k-dev,scenes-dev

The confidence is fitted (logistic regression, each set with the same weight) to the share of a caption's nouns that a reference
confirms; captions without a noun say nothing about it. Prints the options for export.py, and the calibration error of each set before and after.
MODEL is what wrote the captions: what it already does to its confidence is taken back first."""
import argparse
import json
from pathlib import Path

import numpy as np

from evaluate import calibration_error, confirmed, is_noun, noun, plain, ptb, read_references
from reference import File


def logit(p):
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p) - np.log1p(-p)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def newton(x, truth, weight, steps=100, start=(1, 0)):
    """w of sigmoid(x w + bias) ~ truth, bias its last element, by Newton's method on the cross-entropy. x [n], or [n, k]"""
    design, w = np.column_stack([x, np.ones(len(x))]), np.array(start, float)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            p = sigmoid(design @ w)
            gradient = design.T @ (weight * (p - truth))
            hessian = (design * (weight * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(len(w))
            w = w - np.linalg.solve(hessian, gradient)
    return w


def fit(x, truth, weight, steps=100):
    """The same for log-odds and tokens [n, 2], held against what the file may say. -> slope, length, bias"""
    w = newton(x, truth, weight, steps, (1, 0, 0))
    slope, length, bias = w
    if not (np.isfinite(w).all() and 0.01 <= slope <= 100 and abs(bias) <= 20 and abs(length) <= 10):           # of the three keys' ranges
        raise SystemExit(f"{len(x)} captions with a noun do not tell how confidence goes with being right (slope {slope:.3g}, bias {bias:.3g})")
    return w


def read_set(item, refs, tokens, split=ptb):
    """-> (confidence, how many tokens, share of the nouns confirmed) of the captions with a noun. tokens: how many a text has"""
    names = sorted(item["captions"])
    lost = [n for n in names if n not in refs]
    if lost:
        raise SystemExit(f"no references for {', '.join(lost[:3])}")
    want, got = split({n: refs[n] for n in names}), split({n: [item["captions"][n]["text"]] for n in names})
    things = confirmed(want, got, is_noun, noun)
    c = np.array([item["captions"][n]["confidence"] for n in got])
    n = np.array([tokens(item["captions"][k]["text"]) for k in got])
    named = things[:, 1] > 0
    return c[named], n[named], things[named, 0] / things[named, 1]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--captions", required=True)
    ap.add_argument("--model", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--sets", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--no-java", action="store_true", help="words as metrics.py splits them")
    args = ap.parse_args()
    try:
        data = json.loads(Path(args.captions).read_text())
    except (OSError, ValueError) as e:
        raise SystemExit(f"{args.captions}: not what evaluate.py --out wrote: {e}") from None
    f = File(args.model)
    tok = f.tokenizer()
    temperature, bias, length = f.confidence().values()
    fitted, sets = args.sets.split(","), {}
    for name in data:
        refs = read_references(Path(args.data) / f"{name}.tsv")
        c, n, truth = read_set(data[name], refs, lambda text: len(tok.encode_caption(text)) + 1, plain if args.no_java else ptb)
        sets[name] = c, np.column_stack([(logit(c) - bias + length * n) * temperature, n]), truth
    missing = [n for n in fitted if n not in sets]
    if missing:
        raise SystemExit(f"{args.captions}: no captions of {', '.join(missing)}")
    if not all(len(sets[n][2]) for n in fitted):
        raise SystemExit(f"{args.captions}: no caption has a noun")
    x, truth = (np.concatenate([sets[n][k] for n in fitted]) for k in (1, 2))
    weight = np.concatenate([np.full(len(sets[n][2]), 1 / len(sets[n][2])) for n in fitted])
    slope, longer, shift = fit(x, truth, weight * len(x) / weight.sum())
    for name, (c, x, truth) in sets.items():
        print(f"{name}: nouns confirmed {truth.mean():.3f}, calibration error {calibration_error(c, truth):.3f} -> "
              f"{calibration_error(sigmoid(x @ (slope, longer) + shift), truth):.3f}")
    print(f"--confidence-temperature {1 / slope:.4f} --confidence-bias {shift:.4f} --confidence-length {-longer:.4f}")


if __name__ == "__main__":
    main()
