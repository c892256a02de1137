# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole way of the "paper" preset, in a few minutes, with nothing downloaded: a random DINOv2 checkpoint (ViT-B/14 without
--checkpoint) is converted, its features are made by the engine, the captioner and the words that it expects are trained on them for two
epochs, exported and run.

    check_paper.py --build BUILD [--checkpoint DIR] [--linears int8] [--pictures 64] [--epochs 2] [--keep DIR]

The pictures are drawn: shapes on coloured ground, with captions that say so. Each step's command is printed before it runs, so that
this page is also how to do it with an official checkpoint and real pictures. Exit status 1 when a step fails, no caption comes out,
or the sizes in the model's file are not the paper's."""
import argparse
import random
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "orange", "purple")
SHAPES = ("circle", "square", "bar", "triangle")
PAPER = {"bitmar.embedding_length": 128, "bitmar.vision.bottleneck": 384, "bitmar.vision.tokens": 64, "bitmar.text.layers": 4,
         "bitmar.text.context": 256, "bitmar.decoder.layers": 4, "bitmar.decoder.sinks": 4, "bitmar.decoder.window": 1020,
         "bitmar.memory.slots": 512}


def draw(shape, colour, ground, rng):
    img = Image.new("RGB", (320, 240), ground)
    x, y, r = rng.randrange(80, 240), rng.randrange(70, 170), rng.randrange(30, 60)
    pen = ImageDraw.Draw(img)
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == "square":
        pen.rectangle((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == "bar":
        pen.rectangle((0, y - r // 4, 320, y + r // 4), fill=colour)
    else:
        pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=colour)
    return img


def draw_set(folder, name, count, rng):
    (folder / name).mkdir(parents=True)
    lines = []
    for i in range(count):
        shape, (colour, ground) = rng.choice(SHAPES), rng.sample(COLOURS, 2)
        draw(shape, colour, ground, rng).save(folder / name / f"{i:03}.png")
        for text in (f"a {colour} {shape} on {ground} ground", f"there is a {colour} {shape}", f"one {shape} in front of {ground}"):
            lines.append(f"{i:03}\t{text}\n")
    (folder / f"{name}.tsv").write_text("".join(lines))


def run(*command):
    print("$", shlex.join(map(str, command)), flush=True)
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise SystemExit(f"check_paper.py: the command failed with {done.returncode}")
    return done.stdout


def check_sizes(path):
    from reference import File
    f = File(path)
    wrong = [f"{k} is {f.meta[k]}, not {v}" for k, v in PAPER.items() if f.meta[k] != v]
    if wrong:
        raise SystemExit("check_paper.py: " + "; ".join(wrong))
    print(f"sizes are the paper's: {f['vision.channels']} -> 384 -> 128, K 512, S 4, W 1020, 4 + 4 layers, context 256")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--build", required=True)
    ap.add_argument("--checkpoint", help="a folder in the Hugging Face layout; a random one is made without")
    ap.add_argument("--size", choices=("small", "base"), default="base", help="of the random checkpoint")
    ap.add_argument("--registers", type=int, choices=(0, 4), default=4)
    ap.add_argument("--linears", default="int8")
    ap.add_argument("--pictures", type=int, default=64)
    ap.add_argument("--epochs", type=int, default=2)
    ap.add_argument("--keep", help="folder for everything that is made; a temporary one without")
    args = ap.parse_args()
    build, python = Path(args.build).resolve(), sys.executable
    with tempfile.TemporaryDirectory() as tmp:
        work = Path(args.keep or tmp).resolve()
        work.mkdir(parents=True, exist_ok=True)
        checkpoint = args.checkpoint
        if not checkpoint:
            from parity_dinov2 import random_model
            checkpoint = work / "checkpoint"
            random_model(args.size, args.registers).save_pretrained(checkpoint)
        rng = random.Random(1)
        draw_set(work / "data", "shapes-train", args.pictures, rng)
        draw_set(work / "data", "shapes-dev", 8, rng)
        run(python, HERE / "dinov2.py", "--checkpoint", checkpoint, "--output", work / "backbone.gguf", "--linears", args.linears)
        run(python, HERE / "features.py", "--data", work / "data", "--sets", "shapes-train,shapes-dev", "--views", 2, "--cache",
            work / "cache", "--engine", build / "tests/models/dump-features", "--model", work / "backbone.gguf")
        run(python, HERE / "train.py", "--preset", "paper", "--data", work / "data", "--cache", work / "cache", "--sets", "shapes-train",
            "--dev", "shapes-dev", "--out", work / "out", "--epochs", args.epochs, "--batch", 16, "--look-every", args.epochs)
        run(python, HERE / "words.py", "--data", work / "data", "--cache", work / "cache", "--sets", "shapes-train", "--dev", "shapes-dev",
            "--checkpoint", work / "out/last.pt", "--output", work / "out/words.pt", "--hidden", 128, "--batch", 16, "--epochs", args.epochs)
        run(python, HERE / "export.py", "--checkpoint", work / "out/words.pt", "--backbone", work / "backbone.gguf", "--output",
            work / "model.gguf", "--name", "Paper preset, untrained to speak of")
        check_sizes(work / "model.gguf")
        said = run(build / "pipelines/bitmar", "caption", "--model", work / "model.gguf", "--min-confidence", 0,
                   work / "data/shapes-dev/000.png")
        if not said.strip():
            raise SystemExit("check_paper.py: no caption came out")
    print("all steps ran")


if __name__ == "__main__":
    main()
