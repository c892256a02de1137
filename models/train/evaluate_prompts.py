# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures whether a prompt steers captions where it asks: dev pictures through the C engine.

    evaluate_prompts.py --engine BUILD/tests/models/caption-stream --model models/weights/bitmar.gguf --data ../shared/data \\
        [--sets flickr8k-dev,scenes-dev] [--pictures 300] [--out FILE.json]

Each picture is captioned without a prompt, with one that names a thing two of its references name and the plain caption does not, and with one that
names a thing no reference names. Printed: how many captions name the thing with the prompt, and without; how many are changed at all; CIDEr of each
way (a prompt that is right should not cost any); how many give in to the wrong prompt."""
import argparse
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np

import checkpoint
from evaluate import is_noun, noun, read_references
from evaluate_streams import Engine, things
from features import decode, listing, locate
from metrics import cider, words
from reference import File


def named(captions):
    """{thing: (how many of the captions name it, the word most of them use)}"""
    counts, spelt = Counter(), {}
    for c in captions:
        for t in {noun(w) for w in words(c) if is_noun(w)}:
            counts[t] += 1
        for w in words(c):
            if is_noun(w):
                spelt.setdefault(noun(w), Counter())[w] += 1
    return {t: (n, spelt[t].most_common(1)[0][0]) for t, n in counts.items()}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--engine", required=True, help="tests/models/caption-stream of a build")
    ap.add_argument("--model", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--sets", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--pictures", type=int, default=300)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", help="captions, JSON")
    args = ap.parse_args()
    out = checkpoint.room_for(args.out) if args.out else None
    rng, size, engine = random.Random(args.seed), File(args.model)["vision.image_size"], Engine(args.engine, args.model)
    found = []
    for name in args.sets.split(","):
        refs = read_references(Path(args.data) / f"{name}.tsv")
        found += [(f"{name}:{n}", read, refs[n]) for n, read in listing(locate(args.data, name))]
    rng.shuffle(found)
    vocabulary = sorted({spelt for _, _, refs in found for n, spelt in named(refs).values() if n > 1})

    def look(prompt, frame):
        engine.command("RP" + prompt + "\n")
        return engine.look("f", frame)[0]
    rows = []
    for key, read, refs in found:
        frame = np.asarray(decode(read(), size, key))
        plain = look("", frame)
        wanted = [spelt for t, (n, spelt) in sorted(named(refs).items()) if n > 1 and t not in things(plain)]
        if not wanted:
            continue
        right = rng.choice(wanted)
        wrong = rng.choice([w for w in vocabulary if noun(w) not in named(refs) and noun(w) not in things(plain)])
        rows.append((key, refs, plain, right, look(right, frame), wrong, look(wrong, frame)))
        if len(rows) == args.pictures:
            break
    refs = {r[0]: r[1] for r in rows}
    scores = [cider(refs, {r[0]: r[i] for r in rows}) for i in (2, 4, 6)]
    hit = np.mean([noun(right) in things(said) for _, _, _, right, said, _, _ in rows])
    gave = np.mean([noun(wrong) in things(said) for *_, wrong, said in rows])
    print(f"{len(rows)} pictures of which the plain caption leaves out a thing that two references name\n"
          f"prompted with it      {100 * hit:5.1f} % name it (0 % without), {100 * np.mean([r[2] != r[4] for r in rows]):.1f} % are changed, CIDEr "
          f"{scores[1]:.3f} (without {scores[0]:.3f})\n"
          f"with what is not there {100 * gave:4.1f} % name it, CIDEr {scores[2]:.3f}")
    for key, _, plain, right, said, wrong, other in rows[:8]:
        print(f"  {key}\n    {plain}\n    {right}: {said}\n    {wrong}: {other}")
    if out:
        out.write_text(json.dumps([dict(zip(("picture", "references", "plain", "right", "said", "wrong", "other"), r)) for r in rows], indent=1))
        out.replace(args.out)


if __name__ == "__main__":
    main()
