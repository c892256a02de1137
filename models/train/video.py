# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Captions clips once a second, through the elements, and holds what they name against a table written by looking.

    video.py --plugins BUILD/gst --model models/weights/bitmar.gguf --clips ../shared/video [--truth video-truth.tsv] [--min-confidence 0.77]

Prints every caption that names something that is not there, with its confidence, and how many of all are above the confidence below which
the elements stay silent. Exit status 1 when one above it is wrong. Every frame is captioned (change-threshold=0), with memory."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from PIL import Image

from evaluate import is_noun, noun
from metrics import words

# A man or a woman is a person too; not the other way round.
ALSO = {"man": {"person"}, "woman": {"person"}, "girl": {"person", "child"}, "boy": {"person", "child"}}
# Nouns that name no thing.
VAGUE = {noun(w) for w in ("background", "view", "scene", "picture", "photo", "day", "front", "side", "middle", "end", "camera")}


def read_truth(path):
    """-> {clip: [(first, last, {things})]}"""
    out = defaultdict(list)
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            clip, first, last, things = line.split("\t")
            out[clip].append((int(first), int(last), {noun(w) for w in things.split()}))
        except ValueError:
            raise SystemExit(f"{path}:{number}: not clip<TAB>first<TAB>last<TAB>things") from None
    return out


def sample(clip, folder):
    """A PNG of every second of the clip, 00000.png and on; returns how many."""
    if clip.suffix == ".gif":
        image, now, count = Image.open(clip), 0, 0
        for i in range(image.n_frames):
            image.seek(i)
            if now >= 1000 * count:
                image.convert("RGB").save(folder / f"{count:05}.png")
                count += 1
            now += image.info.get("duration", 100)
        return count
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={clip}", "!", "decodebin", "!", "videoconvert", "!", "videorate", "!",
                    "video/x-raw,framerate=1/1", "!", "pngenc", "!", "multifilesink", f"location={folder}/%05d.png"], check=True)
    return len(list(folder.iterdir()))


def captions(folder, model):
    """-> {second: (text, confidence)}"""
    line = (f"multifilesrc location={folder}/%05d.png caps=image/png,framerate=1/1 ! pngdec ! videoconvert ! bitmarencode ! "
            "bitmarmemory ! bitmarcaption name=c change-threshold=0 max-interval=0 repeat=always min-confidence=0 ! fakesink "
            "c.json_src ! fdsink")
    run = subprocess.run(["gst-launch-1.0", "-q", *line.split()], stdout=subprocess.PIPE, text=True, env={**os.environ, "BITMAR_MODEL": str(model)})
    if run.returncode:
        raise SystemExit(f"gst-launch-1.0: exit status {run.returncode}")
    items = [json.loads(x) for x in run.stdout.splitlines() if x.startswith("{")]
    return {round(i["pts"] / 1e9): (i["text"], i["confidence"]) for i in items if "text" in i}


def absent(text, there):
    """The things the caption names that are not in `there`."""
    known = set(there)
    for thing in there:
        known |= ALSO.get(thing, set())
    return [w for w in words(text) if is_noun(w) and noun(w) not in known | VAGUE]


def judge(clip, model, truth):
    """-> [(second, text, confidence, [what is not there])]"""
    with tempfile.TemporaryDirectory() as tmp:
        count = sample(clip, Path(tmp))
        said = captions(tmp, model)
    if len(said) < count:
        raise SystemExit(f"{clip.name}: {len(said)} captions of {count} frames")
    return [(s, *said[s], absent(said[s][0], set().union(*(t for a, b, t in truth if a <= s <= b)))) for s in sorted(said)]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--plugins", required=True, help="folder of libgstbitmar.so")
    ap.add_argument("--model", required=True)
    ap.add_argument("--clips", required=True)
    ap.add_argument("--truth", default=Path(__file__).with_name("video-truth.tsv"))
    ap.add_argument("--min-confidence", type=float, default=0.77, help="the elements' default")
    ap.add_argument("--all", action="store_true", help="print every caption")
    args = ap.parse_args()
    os.environ["GST_PLUGIN_PATH_1_0"] = str(Path(args.plugins).resolve())
    wrong_above = above = total = 0
    for clip, truth in read_truth(args.truth).items():
        for second, text, confidence, names in judge(Path(args.clips) / clip, Path(args.model).resolve(), truth):
            said = confidence >= args.min_confidence
            total, above, wrong_above = total + 1, above + said, wrong_above + (said and bool(names))
            if args.all or names:
                print(f"{clip} {second:4} s  {confidence:.2f} {'said    ' if said else 'withheld'}  {text}"
                      f"{'   NOT THERE: ' + ', '.join(names) if names else ''}")
    print(f"{total} frames, {above} captions at or above {args.min_confidence}, {wrong_above} of them name what is not there")
    return wrong_above > 0


if __name__ == "__main__":
    sys.exit(main())
