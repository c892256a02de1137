# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what history and memory do for captions: pseudo-streams of dev pictures through the C engine.

    evaluate_streams.py --engine BUILD/tests/models/caption-stream --model models/weights/bitmar.gguf --data ../shared/data \\
        [--sets flickr8k-dev,scenes-dev] [--streams 200] [--looks 6] [--out FILE.json]

A stream looks at one picture while the camera pans and zooms and the light changes, LOOKS times, cuts to another one, and then comes back to the first,
seen on another path. Each stream is captioned four ways: as it is; with an empty window for every look (no history); without memory; with neither. Printed of each way:
  CIDEr of all looks, each against its picture's captions
  changes: how often a caption differs from the one before within a scene, of 100 chances
  old things: of 100 captions after the cut, how many name a thing that the last caption of the old scene named, that an old reference confirms, and
  that no new reference does; and how many of those are leaks: without history and memory the same look is not said to show it
  again: of 100 captions after the return, how many say what the last one before the cut had said
  novelty of the looks that continue a scene, and of those right after the cut
and of the cosine of a look's key with that of the look before: the lowest 1 % within scenes, the highest 1 % over cuts, and the cut that parts them
best, for export.py."""
import argparse
import json
import random
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

import checkpoint
from evaluate import is_noun, noun, read_references
from features import listing, locate, opened
from metrics import cider, words
from reference import File

WAYS = {"history and memory": (False, "F"), "no history": (True, "F"), "no memory": (False, "f"), "neither": (True, "f")}


def scene(img, size, looks, rng):
    """Frames u8 [size, size, 3] of a slow pan and zoom over img, with clouds before the sun."""
    def corner():
        edge = rng.uniform(0.75, 0.95)
        return edge, rng.uniform(0, 1 - edge), rng.uniform(0, 1 - edge)
    (e0, x0, y0), (e1, x1, y1) = corner(), corner()
    w, h, out = *img.size, []
    for i in range(looks):
        t = i / max(1, looks - 1)
        e, x, y = (a + t * (b - a) for a, b in ((e0, e1), (x0, x1), (y0, y1)))
        frame = img.resize((size, size), Image.BILINEAR, box=(x * w, y * h, (x + e) * w, (y + e) * h))
        frame = ImageEnhance.Brightness(frame).enhance(1 + 0.15 * rng.uniform(-1, 1))
        out.append(np.asarray(ImageEnhance.Contrast(frame).enhance(1 + 0.1 * rng.uniform(-1, 1))))
    return out


class Engine:
    def __init__(self, program, model):
        self.run = subprocess.Popen([program, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def command(self, letters):
        self.run.stdin.write(letters.encode())

    def look(self, letter, frame):
        self.run.stdin.write(letter.encode() + frame.tobytes())
        self.run.stdin.flush()
        line = self.run.stdout.readline().decode()
        if not line:
            raise SystemExit("the engine ended early")
        text, *numbers = line.rstrip("\n").split("\t")
        return text, *map(float, numbers)


def things(text):
    return {noun(w) for w in words(text) if is_noun(w)}


def make_streams(args, size):
    """-> [(set:name, set:name, frames)], references by set:name"""
    rng, found, refs = random.Random(args.seed), [], {}
    for name in args.sets.split(","):
        captions = read_references(Path(args.data) / f"{name}.tsv")
        for picture, read in listing(locate(args.data, name)):
            found.append((f"{name}:{picture}", read))
            refs[f"{name}:{picture}"] = captions[picture]
    rng.shuffle(found)
    if len(found) < 2 * args.streams:
        raise SystemExit(f"{args.streams} streams take {2 * args.streams} pictures, there are {len(found)}")
    streams = []
    for a, b in zip(found[:args.streams], found[args.streams:2 * args.streams]):
        streams.append((a[0], b[0], [f for n, read in (a, b, a) for f in scene(opened(read(), n, size * 2), size, args.looks, rng)]))
    return streams, refs


def caption(engine, streams, fresh, letter):
    """-> per stream the looks' (text, confidence, novelty, cosine, tokens)"""
    out = []
    for _, _, frames in streams:
        engine.command("RM")
        looks = []
        for f in frames:
            if fresh:
                engine.command("R")
            looks.append(engine.look(letter, f))
        out.append(looks)
    return out


def leaks(streams, refs, captions, plain, looks):
    """Per caption after the cut: does it still name the old scene, and would it not without a past? [n, 2]"""
    out = []
    for (a, b, _), said, alone in zip(streams, captions, plain):
        old = things(said[looks - 1][0]) & set().union(*map(things, refs[a])) - set().union(*map(things, refs[b]))
        out += [(bool(old & things(x[0])), bool(old & things(x[0]) - things(y[0]))) for x, y in zip(said[looks:2 * looks], alone[looks:2 * looks])]
    return np.array(out)


def measure(streams, refs, captions, plain, looks):
    hyps, truth, changes, confidence, again = {}, {}, [], [], []
    for n, ((a, b, _), said) in enumerate(zip(streams, captions)):
        for i, (text, sure, *_) in enumerate(said):
            hyps[f"{n} {i}"], truth[f"{n} {i}"] = text, refs[b if i // looks == 1 else a]
            confidence.append(sure)
            if i % looks:
                changes.append(text != said[i - 1][0])
            if i >= 2 * looks:
                again.append(text == said[looks - 1][0])
    old, leak = 100 * leaks(streams, refs, captions, plain, looks).mean(0)
    novelty = np.array([[s[2] for s in said] for said in captions])
    same = [i for i in range(3 * looks) if i % looks]
    return dict(cider=cider(truth, hyps), changes=100 * np.mean(changes), old=old, leaks=leak, again=100 * np.mean(again), confidence=np.mean(confidence),
                novelty_same=novelty[:, same].mean(), novelty_cut=novelty[:, looks].mean(), words=len({w for h in hyps.values() for w in h.split()}))


def cuts(captions, looks):
    """-> lowest 1 % of the cosines within scenes, highest 1 % over cuts, the threshold with the fewest errors and their share."""
    within = np.array([s[3] for said in captions for i, s in enumerate(said) if i % looks])
    over = np.array([said[i][3] for said in captions for i in (looks, 2 * looks)])
    grid = np.linspace(-0.5, 1, 301)
    wrong = [(within < g).mean() + (over >= g).mean() for g in grid]
    best = int(np.argmin(wrong))
    return np.percentile(within, 1), np.percentile(over, 99), grid[best], (within < grid[best]).mean(), (over >= grid[best]).mean()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--engine", required=True, help="tests/models/caption-stream of a build")
    ap.add_argument("--model", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--sets", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--streams", type=int, default=200)
    ap.add_argument("--looks", type=int, default=6, help="at each of the three scenes")
    ap.add_argument("--ways", default=",".join(WAYS), help="which to print")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", help="figures and captions, JSON")
    args = ap.parse_args()
    out = checkpoint.room_for(args.out) if args.out else None
    streams, refs = make_streams(args, File(args.model)["vision.image_size"])
    engine, figures, every = Engine(args.engine, args.model), {}, {}
    print(f"{args.streams} streams of {args.looks} + {args.looks} + {args.looks} looks")
    every["neither"] = caption(engine, streams, *WAYS["neither"])
    for way in args.ways.split(","):
        if way not in every:
            every[way] = caption(engine, streams, *WAYS[way])
        figures[way] = m = measure(streams, refs, every[way], every["neither"], args.looks)
        print(f"{way:20} CIDEr {m['cider']:.3f}  changes {m['changes']:5.1f} %  old things {m['old']:4.1f} %, leaks {m['leaks']:4.1f} %  again {m['again']:4.1f} %  confidence {m['confidence']:.2f}  "
              f"words {m['words']}  novelty {m['novelty_same']:.2f}, after the cut {m['novelty_cut']:.2f}", flush=True)
    low, high, cut, missed, let = cuts(next(iter(every.values())), args.looks)
    print(f"cosine of looks: 1 % within scenes are below {low:.2f}, 1 % over cuts above {high:.2f}; a cut at {cut:.2f} takes "
          f"{100 * missed:.1f} % of the former for cuts and misses {100 * let:.1f} % of the latter")
    if out:
        names = [(a, b) for a, b, _ in streams]
        out.write_text(json.dumps({"figures": {w: {k: float(v) for k, v in m.items()} for w, m in figures.items()}, "cut": float(cut),
                                   "streams": names, "captions": every}, indent=1))
        out.replace(args.out)


if __name__ == "__main__":
    main()
