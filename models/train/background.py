# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures how sentences find pictures, and fits the scores of alerts (models/MODEL.md, "Scores of alerts").

    background.py --dump BUILD/tests/models/dump-keys --model MODEL.gguf --data ../shared/data --out background.npz
    export.py ... --background background.npz

The background is the mean and the covariance of the episode keys of --background's sets, each with the same weight.
Slope and bias are fitted to (caption, its picture) against (caption, another picture) of --dev's sets, each with the
same weight: the slope by logistic regression with half of the weight on either kind, the bias so that one other picture in a
hundred scores 0.5 or more. How far sentences are levelled (0: every sentence on one scale; 1: each by its own mean and
deviation) is what finds most of the captions' pictures at that rate. Keys depend on the weights: after each training
the background has to be made again."""
import argparse
import hashlib
import os
import subprocess
import threading

import numpy as np

import checkpoint
from calibrate import newton, sigmoid
from features import captioned, decode
from reference import File
from text import read_captions

LEVELS = (0, 0.5, 1)
FALSE_RATE = 0.01
OTHERS = 20                              # a caption is held against so many when the slope is fitted
SCORES = (0.3, 0.5, 0.7, 0.9)


def fingerprint(head, key):
    """Of the two layers that make sentences and keys, packed as the file has them."""
    return hashlib.sha256(np.ascontiguousarray(head).tobytes() + np.ascontiguousarray(key).tobytes()).hexdigest()


def dumped(args, what, width, items):
    """Unit vectors [n, width] that the C engine makes of what `items` yields, bytes each."""
    try:
        p = subprocess.Popen([args.dump, args.model, what], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except OSError as e:
        raise SystemExit(f"{args.dump}: {e.strerror}") from None
    out = []
    reader = threading.Thread(target=lambda: out.append(p.stdout.read()))
    reader.start()
    n = 0
    try:
        for data in items:
            p.stdin.write(data)
            n += 1
        p.stdin.close()
    except BrokenPipeError:                                     # it has said why
        pass
    reader.join()
    p.stdout.close()
    if p.wait() or len(out[0]) != 4 * n * width:
        raise SystemExit(f"{args.dump}: exit status {p.returncode}, {len(out[0])} bytes for {n} {what}")
    return np.frombuffer(out[0], np.float32).reshape(n, width).astype(np.float64)


def keys_of(args, f, items):
    size = int(f["vision.image_size"])
    return dumped(args, "pictures", int(f["memory.width"]), (decode(read(), size, n).tobytes() for n, read in items))


class Dev:
    """cosine [sentences, pictures] and own [sentences]: the picture each sentence is of."""

    def __init__(self, args, f, name):
        items, captions = captioned(args.data, name), read_captions(f"{args.data}/{name}.tsv")
        lines = [(i, c) for i, (n, _) in enumerate(items) for c in captions[n]]
        self.own = np.array([i for i, _ in lines])
        texts = ((" ".join(c.split()) + "\n").encode() for _, c in lines)
        self.t = dumped(args, "sentences", int(f["memory.width"]), texts)
        self.cosine = self.t @ keys_of(args, f, items).T
        self.is_own = self.own[:, None] == np.arange(len(items))

    def others(self, rng):
        """Pictures that are not its own [sentences, OTHERS]"""
        n = self.cosine.shape[1]
        return (self.own[:, None] + rng.integers(1, n, (len(self.own), OTHERS))) % n


def background(args, f):
    """-> mean [C], covariance [C, C]"""
    parts = []
    for name in args.background.split(","):
        items = captioned(args.data, name)
        parts.append(keys_of(args, f, items[::max(1, len(items) // args.count)][:args.count]))
    mean = np.mean([p.mean(0) for p in parts], 0)
    return mean, np.mean([(p - mean).T @ (p - mean) / len(p) for p in parts], 0)


def levelled(mean, covariance, level):
    """Between one scale for all sentences (the covariance that of vectors of no direction) and each its own."""
    one = np.trace(covariance) / len(mean) * np.eye(len(mean))
    s = level * covariance + (1 - level) * one + 1e-6 * np.eye(len(mean))
    return (level * mean).astype(np.float32), ((s + s.T) / 2).astype(np.float32)


def standard(dev, mean, covariance):
    """z [sentences, pictures]"""
    deviation = np.sqrt(np.einsum("ij,jk,ik->i", dev.t, covariance.astype(np.float64), dev.t))
    return (dev.cosine - (dev.t @ mean)[:, None]) / np.maximum(deviation, 1e-3)[:, None]


def auc(positive, negative):
    """Share of pairs in which the positive is the greater; half of the ties."""
    n = np.sort(negative)
    return (np.searchsorted(n, positive, "left") + np.searchsorted(n, positive, "right")).mean() / 2 / len(n)


def of_kinds(dev, x):
    return x[dev.is_own], x[~dev.is_own]


def found(dev, x, rate=FALSE_RATE):
    """Share of captions whose picture is above what `rate` of the other pictures reach."""
    positive, negative = of_kinds(dev, x)
    return (positive > np.quantile(negative, 1 - rate)).mean()


def recall(dev, transpose):
    """Share of sentences whose own picture (of pictures one of whose own sentences) is among the best 1, 5 and 10."""
    x, own = (dev.cosine.T, dev.is_own.T) if transpose else (dev.cosine, dev.is_own)
    best = np.where(own, x, -np.inf).max(1)
    rank = (x > best[:, None]).sum(1)
    return [(rank < k).mean() for k in (1, 5, 10)]


def fit(devs, z):
    """-> slope, bias"""
    rng = np.random.default_rng(1)
    x, truth, weight = [], [], []
    for d in devs:
        n = len(d.own)
        rows = np.arange(n)
        other = z[d][rows[:, None], d.others(rng)].ravel()
        x += [z[d][rows, d.own], other]
        truth += [np.ones(n), np.zeros(len(other))]
        weight += [np.full(n, 1 / n), np.full(len(other), 1 / len(other))]
    slope, _ = newton(np.concatenate(x), np.concatenate(truth), np.concatenate(weight), start=(0, 0))
    bias = -slope * np.mean([np.quantile(of_kinds(d, z[d])[1], 1 - FALSE_RATE) for d in devs])
    if not (0.01 <= slope <= 100 and abs(bias) <= 100):         # of the two keys' ranges
        raise SystemExit(f"the pictures of captions score no higher than others (slope {slope:.3g}, bias {bias:.3g})")
    return slope, bias


def report(name, dev, z, slope, bias):
    print(f"{name}: {dev.cosine.shape[1]} pictures, {len(dev.own)} captions")
    for what, transpose in (("caption -> picture", False), ("picture -> caption", True)):
        print(f"  {what}  recall@1, 5, 10: " + ", ".join(f"{100 * r:.1f} %" for r in recall(dev, transpose)))
    of_cosine, of_score = (auc(*of_kinds(dev, x)) for x in (dev.cosine, z))
    print(f"  AUC pooled over captions: cosine {of_cosine:.4f}, score {of_score:.4f}")
    score = sigmoid(slope * z + bias)
    for least in SCORES:
        positive, negative = of_kinds(dev, score >= least)
        print(f"  score >= {least}: {100 * positive.mean():.1f} % of the captions' pictures, "
              f"{100 * negative.mean():.2f} % of other pictures")


def save(path, f, **arrays):
    part = checkpoint.room_for(path)
    of = fingerprint(f.tensor["text.head.weight"], f.tensor["fusion.key.weight"])
    try:
        with open(part, "wb") as out:
            np.savez(out, fingerprint=of, **arrays)
        os.replace(part, path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise SystemExit(f"{path}: can't be written: {e.strerror}") from None


def read(path, head, key):
    """What save() wrote -> (mean, covariance, slope, bias), if it is of a model with these layers."""
    try:
        with np.load(path) as saved:
            found = {k: saved[k] for k in ("mean", "covariance", "slope", "bias", "fingerprint")}
    except (OSError, ValueError, KeyError) as e:
        raise SystemExit(f"{path}: not what background.py wrote: {e}") from None
    if str(found["fingerprint"]) != fingerprint(head, key):
        raise SystemExit(f"{path}: of a model with other weights; run background.py on this one")
    return found["mean"], found["covariance"], float(found["slope"]), float(found["bias"])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dump", required=True, help="tests/models/dump-keys of a build")
    ap.add_argument("--model", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--background", default="flickr8k-train,scenes-train")
    ap.add_argument("--dev", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--count", type=int, default=1000, help="pictures of each set of the background")
    ap.add_argument("--level", type=float, help="instead of the best of " + ", ".join(map(str, LEVELS)))
    ap.add_argument("--out", help="for export.py --background")
    args = ap.parse_args()
    if args.count < 1 or (args.level is not None and not 0 <= args.level <= 1):
        raise SystemExit("--count takes 1 or more, --level 0 to 1")
    if args.out:
        checkpoint.room_for(args.out)
    f = File(args.model)
    devs = {n: Dev(args, f, n) for n in args.dev.split(",")}
    whole = background(args, f)
    tried = []
    for level in LEVELS if args.level is None else [args.level]:
        mean, covariance = levelled(*whole, level)
        z = {d: standard(d, mean, covariance) for d in devs.values()}
        tried.append((np.mean([found(d, z[d]) for d in z]), level, mean, covariance, z))
        print(f"level {level}: finds {100 * tried[-1][0]:.1f} % at {100 * FALSE_RATE:g} % of other pictures")
    _, level, mean, covariance, z = max(tried, key=lambda t: t[0])
    slope, bias = fit(list(devs.values()), z)
    for name, d in devs.items():
        report(name, d, z[d], slope, bias)
    print(f"level {level}, slope {slope:.4f}, bias {bias:.4f}")
    if args.out:
        save(args.out, f, mean=mean, covariance=covariance, slope=slope, bias=bias)


if __name__ == "__main__":
    main()
