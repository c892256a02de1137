# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fits the numbers of models/MODEL.md, "Confidence", to captions of dev pictures that evaluate.py --out wrote.

    calibrate.py --captions dev.json --model MODEL.gguf --data DIR --sets flickr8k-dev,scenes-dev --engine BUILD/tests/models/dump-features

The confidence is fitted (logistic regression, each set with the same weight) to the share of a caption's nouns that a reference
confirms; captions without a noun say nothing about it. Prints the options for export.py, and the calibration error of each set before and after.
MODEL is what wrote the captions: what it already does to its confidence is taken back first. The engine shows it the pictures once more, where it
expects words of them."""
import argparse
import json
from pathlib import Path

import numpy as np

import features
from evaluate import calibration_error, confirmed, is_noun, noun, plain, ptb, read_references
from reference import File, Model


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
    """The same for log-odds, tokens and, where words are expected, the fit [n, 2 or 3], held against what the file may say. -> slope, length, words, bias"""
    w = newton(x, truth, weight, steps, (1, *[0] * x.shape[1]))
    slope, length, *words, bias = w
    if not (np.isfinite(w).all() and 0.01 <= slope <= 100 and abs(bias) <= 20 and abs(length) <= 10 and np.all(np.abs(words) <= 100)):    # the keys' ranges
        raise SystemExit(f"{len(x)} captions with a noun do not tell how confidence goes with being right (slope {slope:.3g}, bias {bias:.3g})")
    return w


class Words:
    """How well captions have the words that the model expects of their pictures; nothing where it expects none."""

    def __init__(self, f, engine, data):
        self.data, self.engine, self.model = data, engine, None
        if "bitmar.words.hidden" not in f.meta:
            return
        if not engine:
            raise SystemExit(f"{f.path}: expects words; which of them captions have takes --engine")
        self.model = Model(f.path)

    def __call__(self, name, captions):
        """captions {picture: text} -> {picture: [fit]}, or [] for each"""
        if not self.model:
            return {n: [] for n in captions}
        model, out = self.model, {}
        engine = features.Engine(self.engine, model.f.path)
        for n, read in features.captioned(self.data, name):
            if n in captions:
                codes = engine([np.asarray(features.decode(read(), engine.size, n))])[0]
                out[n] = [model.fit(model.expected(codes), model.tok.encode_caption(captions[n]))]
        engine.close()
        return out


def read_set(item, refs, tokens, split=ptb, fits=None):
    """-> (confidence, how many tokens and how well each has the words expected, share of the nouns confirmed) of the captions with a noun. tokens: how many
    a text has; fits: what Words() says of them"""
    names = sorted(item["captions"])
    lost = [n for n in names if n not in refs]
    if lost:
        raise SystemExit(f"no references for {', '.join(lost[:3])}")
    want, got = split({n: refs[n] for n in names}), split({n: [item["captions"][n]["text"]] for n in names})
    things = confirmed(want, got, is_noun, noun)
    c = np.array([item["captions"][n]["confidence"] for n in got])
    n = np.array([[tokens(item["captions"][k]["text"])] + (fits[k] if fits else []) for k in got])
    named = things[:, 1] > 0
    return c[named], n[named], things[named, 0] / things[named, 1]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--captions", required=True)
    ap.add_argument("--model", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--sets", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--engine", help="tests/models/dump-features of a build; for a model that expects words")
    ap.add_argument("--no-java", action="store_true", help="words as metrics.py splits them")
    args = ap.parse_args()
    try:
        data = json.loads(Path(args.captions).read_text())
    except (OSError, ValueError) as e:
        raise SystemExit(f"{args.captions}: not what evaluate.py --out wrote: {e}") from None
    f = File(args.model)
    tok = f.tokenizer()
    temperature, bias, length, by_words = f.confidence().values()
    words = Words(f, args.engine, args.data)
    fitted, sets = args.sets.split(","), {}
    for name in data:
        refs = read_references(Path(args.data) / f"{name}.tsv")
        fits = words(name, {n: c["text"] for n, c in data[name]["captions"].items()})
        c, x, truth = read_set(data[name], refs, lambda text: len(tok.encode_caption(text)) + 1, plain if args.no_java else ptb, fits)
        sets[name] = c, np.column_stack([(logit(c) - bias - x @ (-length, by_words)[:x.shape[1]]) * temperature, x]), truth
    missing = [n for n in fitted if n not in sets]
    if missing:
        raise SystemExit(f"{args.captions}: no captions of {', '.join(missing)}")
    if not all(len(sets[n][2]) for n in fitted):
        raise SystemExit(f"{args.captions}: no caption has a noun")
    x, truth = (np.concatenate([sets[n][k] for n in fitted]) for k in (1, 2))
    weight = np.concatenate([np.full(len(sets[n][2]), 1 / len(sets[n][2])) for n in fitted])
    w = fit(x, truth, weight * len(x) / weight.sum())
    for name, (c, x, truth) in sets.items():
        print(f"{name}: nouns confirmed {truth.mean():.3f}, calibration error {calibration_error(c, truth):.3f} -> "
              f"{calibration_error(sigmoid(x @ w[:-1] + w[-1]), truth):.3f}")
    print(f"--confidence-temperature {1 / w[0]:.4f} --confidence-bias {w[-1]:.4f} --confidence-length {-w[1]:.4f}"
          + "".join(f" --confidence-words {v:.4f}" for v in w[2:-1]))


if __name__ == "__main__":
    main()
