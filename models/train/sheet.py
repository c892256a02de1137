# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A contact sheet of pictures with the captions the C engine writes under them and their confidence: for looking.

    sheet.py --bitmar BUILD/pipelines/bitmar --model models/weights/bitmar.gguf --output sheet.jpg PICTURE…
    sheet.py … --output sheet.jpg --set DATA/scenes-dev.tar --count 24 [--seed 1]"""
import argparse
import io
import json
import random
import subprocess
import tempfile
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from features import pictures

SIDE, MARGIN, LINES = 240, 8, 3


def captions(bitmar, model, paths):
    run = subprocess.run([bitmar, "caption", "--json", "--quiet", "--model", model, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    if run.returncode:
        raise SystemExit(f"{bitmar}: exit status {run.returncode}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def sheet(items, columns):
    """items: [(PIL image, text)]"""
    font = ImageFont.load_default(size=13)
    height = SIDE + LINES * 16 + MARGIN
    rows = -(-len(items) // columns)
    out = Image.new("RGB", (columns * (SIDE + MARGIN) + MARGIN, rows * (height + MARGIN) + MARGIN), "white")
    draw = ImageDraw.Draw(out)
    for n, (image, text) in enumerate(items):
        x, y = MARGIN + n % columns * (SIDE + MARGIN), MARGIN + n // columns * (height + MARGIN)
        image.thumbnail((SIDE, SIDE))
        out.paste(image, (x + (SIDE - image.width) // 2, y + SIDE - image.height))
        draw.multiline_text((x, y + SIDE + 2), "\n".join(textwrap.wrap(text, 36)[:LINES]), fill="black", font=font, spacing=2)
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bitmar", required=True)
    ap.add_argument("--model", required=True)
    ap.add_argument("--output", required=True)
    ap.add_argument("--set", help="tar or folder of pictures to choose from at random")
    ap.add_argument("--count", type=int, default=24)
    ap.add_argument("--columns", type=int, default=6)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("pictures", nargs="*")
    args = ap.parse_args()
    if bool(args.set) == bool(args.pictures):
        ap.error("pictures or --set, please")
    with tempfile.TemporaryDirectory() as tmp:
        paths = [Path(p) for p in args.pictures]
        if args.set:
            chosen = random.Random(args.seed).sample(list(pictures(args.set)), args.count)
            for name, data in chosen:
                paths.append(Path(tmp) / f"{name}.webp")
                paths[-1].write_bytes(data)
        said = captions(args.bitmar, args.model, paths)
        items = [(Image.open(io.BytesIO(p.read_bytes())).convert("RGB"), f"{c['confidence']:.2f}  {c['text']}") for p, c in zip(paths, said)]
    sheet(items, args.columns).save(args.output, quality=88)


if __name__ == "__main__":
    main()
