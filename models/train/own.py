# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `own` runs once everything is installed and built: pictures and captions to a new model, through the programs beside this one.

In WORK: own.json, what it was begun with; data/, the pictures made small, in two sets; cache/, what the backbone sees in them; run/,
checkpoints; base.json and new.json, the captions of both models. What is there and newer than what it was made from is not made again."""
import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

import calibrate
import checkpoint
import choose
import evaluate
import export
import features
import start
import train
import words
from reference import File
from text import read_captions

SIDE = 400                       # pixels of the shorter side that are enough for every crop
RATE = 4e-4                      # a quarter of what a model from scratch is trained with
ENOUGH = 100                     # dev pictures to fit the confidence to
TRAIN, DEV = "own-train", "own-dev"


def options():
    ap = argparse.ArgumentParser(prog="own")
    for name in ("pictures", "captions", "output", "base", "build"):
        ap.add_argument("--" + name, required=True)
    ap.add_argument("--epochs", type=int)
    ap.add_argument("--dev", type=float, default=0.1)
    ap.add_argument("--also", action="append", default=[])
    ap.add_argument("--work")
    args = ap.parse_args()
    if not 0 < args.dev <= 0.5:
        ap.error("--dev takes a share above 0, up to 0.5")
    if args.epochs is not None and args.epochs < 1:
        ap.error("--epochs takes a number of 1 or more")
    return args


def call(program, *argv, quiet=False):
    """One of the programs beside this one, in this process: importing torch takes longer than some of them do. -> what it printed, if quiet."""
    sys.argv = [program.__file__, *map(str, argv)]
    with contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext() as out:
        program.main()
    return out.getvalue() if quiet else None


def fresh(output, *inputs):
    return output.exists() and all(output.stat().st_mtime_ns >= Path(i).stat().st_mtime_ns for i in inputs)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def same_as_before(work, settings):
    """What is in WORK was made of the same things."""
    kept = work / "own.json"
    if not kept.exists():
        kept.write_text(json.dumps(settings, indent=1) + "\n")
    before = json.loads(kept.read_text())
    differ = [k for k in settings if before.get(k) != settings[k]]
    if differ:
        raise SystemExit(f"{work}: was begun with other {' and '.join(differ)}; remove it, or give another --work")


# ---- Pictures ---------------------------------------------------------------------------------------
def tool(args):
    return Path(args.build) / "tests" / "models" / "dump-features"


def match(pictures, captions):
    """-> [(name, function that reads it)] of the pictures with captions."""
    every, told = features.listing(pictures), read_captions(captions)
    found = [item for item in every if item[0] in told]
    if not found:
        raise SystemExit(f"{captions}: none of the {len(every)} pictures in {pictures} has a caption in it; it names e.g. {next(iter(told))!r}, "
                         f"a picture is {every[0][0]!r}")
    print(f"Pictures with captions: {len(found)}; left out: {len(every) - len(found)} pictures without captions, "
          f"{len(told) - len(found)} in {Path(captions).name} without a picture")
    if len(found) < 4:
        raise SystemExit(f"{pictures}: {len(found)} pictures with captions are too few")
    return found


def made_small(data, name):
    """-> the picture as it is where it is small and upright, else as a JPEG; and its extension. All of it is decoded, to see that it can be."""
    img = features.opened(data, name, SIDE)
    with Image.open(io.BytesIO(data)) as src:
        extension = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}.get(src.format)
        if extension and src.size == img.size and src.getexif().get(0x112, 1) == 1:
            return data, extension
    out = io.BytesIO()
    img.save(out, "JPEG", quality=92)
    return out.getvalue(), ".jpg"


def write_set(folder, items, captions):
    """The set's pictures and captions, as the other programs read them."""
    checkpoint.folder(folder)
    there, told = {f.stem for f in folder.iterdir()}, time.time()
    for n, (name, read) in enumerate(items, 1):
        if name not in there:
            data, extension = made_small(read(), name)
            part = folder / f"{name}.part"
            part.write_bytes(data)
            os.replace(part, folder / f"{name}{extension}")
        if time.time() - told > 30:
            told = time.time()
            print(f"  {n} of {len(items)}")
    lines = [f"{name}\t{c}\n" for name, _ in items for c in captions[name]]
    folder.with_name(folder.name + ".tsv").write_text("".join(lines), encoding="utf-8")


def link_set(data, path):
    """SET.tar or the folder SET, and SET.tsv. -> its name."""
    path = Path(path).resolve()
    path = path.with_suffix("") if path.suffix == ".tar" else path
    source = features.locate(path.parent, path.name)
    for target in (source, path.with_name(path.name + ".tsv")):
        read_captions(target) if target.suffix == ".tsv" else features.listing(target)
        link = data / target.name
        if not link.exists():
            link.symlink_to(target)
    if path.name in (TRAIN, DEV):
        raise SystemExit(f"{path}: a set of --also needs another name")
    return path.name


def split(items, share):
    """-> train, dev. Which picture goes where hangs on the names alone."""
    names = sorted(name for name, _ in items)
    random.Random(1).shuffle(names)
    dev = set(names[:min(max(2, round(share * len(names))), len(names) // 2)])
    return [i for i in items if i[0] not in dev], [i for i in items if i[0] in dev]


# ---- Stages -----------------------------------------------------------------------------------------
def learn(work, sets, count, epochs):
    """Trains on from the base. -> the best checkpoint."""
    run, best = work / "run", work / "run" / "best.pt"
    batch = max(4, min(48, count // 8))
    epochs = epochs or max(8, min(30, 200 * batch // count))
    call(train, "--data", work / "data", "--cache", work / "cache", "--sets", ",".join(sets), "--dev", DEV, "--out", run,
         "--start", run / "start.pt", "--epochs", epochs, "--batch", batch, "--lr", RATE, "--keep-every", 1, "--look-every", 4)
    kept = [run / f"epoch-{n + 1:02}.pt" for n in range(epochs)]
    if not fresh(best, *kept):
        print("Choosing what to keep, by its captions of the pictures kept aside")
        call(choose, "--data", work / "data", "--cache", work / "cache", "--dev", DEV, "--output", best, *kept)
    return best


def expect(work, base, sets, count, best):
    """Trains on what words the base expects of pictures, where it expects any. -> a checkpoint"""
    if "bitmar.words.hidden" not in base.meta:
        return best
    out = work / "run" / "words.pt"
    if not fresh(out, best):
        call(words, "--data", work / "data", "--cache", work / "cache", "--sets", ",".join(sets), "--dev", DEV, "--checkpoint", best, "--output", out,
             "--batch", max(4, min(128, count // 8)), "--epochs", max(5, min(30, 2000 // count)), "--lr", RATE, quiet=True)
    return out


def judge(args, work, model, out):
    """Scores of a model through the C engine, on the pictures kept aside."""
    if not fresh(out, model):
        java = ["--no-meteor"] if has_java() else ["--no-java"]
        call(evaluate, "--bitmar", Path(args.build) / "pipelines" / "bitmar", "--model", model, "--data", work / "data", "--sets", DEV,
             "--out", out, *java, quiet=True)
    return json.loads(out.read_text())[DEV]["scores"]


def has_java():
    return shutil.which("java") and find_spec("pycocoevalcap")


def confidence(args, work, base, model, captions, count):
    """Options of export.py: fitted to the dev pictures where they are many, else as the base has them."""
    if count >= ENOUGH:
        try:
            said = call(calibrate, "--captions", captions, "--model", model, "--data", work / "data", "--sets", DEV, "--engine", tool(args),
                        *([] if has_java() else ["--no-java"]), quiet=True)
            print("Confidence: " + said.splitlines()[0])
            return said.splitlines()[-1].split()
        except SystemExit as e:
            print(f"Confidence stays as the base has it: {e}")
    else:
        print(f"Confidence stays as the base has it: {count} pictures kept aside are too few to fit it to ({ENOUGH})")
    return [f"--confidence-{k}={v:g}" for k, v in base.confidence().items()]


def write_model(args, base, best, output, *more):
    call(export, "--checkpoint", best, "--backbone", args.base, "--output", output, "--name", Path(args.output).stem,
         "--description", base["general.description"], "--license", base["general.license"], "--release", base["general.version"],
         "--training-data", f"{base['training_data']}; {Path(args.pictures).name}, {Path(args.captions).name}".strip("; "), *more, quiet=True)


def show(base, new, output):
    evaluate.show({"base": base, "new": new})
    if not has_java():
        print("Words as metrics.py splits them; with Java (apt-get install default-jre-headless) there are BLEU and ROUGE-L too.")
    print("The pictures kept aside also chose what to keep of the training, so the new model's figures are a little kind.")
    if new["cider"] <= base["cider"]:
        print("On the pictures kept aside the new model is no better than the base: more pictures, or more captions a picture, will help.")
    print(f"{output}: done. Try it: bitmar caption --model {output} PICTURE")


def main():
    args, t0 = options(), time.time()
    output = Path(args.output)
    checkpoint.room_for(output)
    if output.exists() and output.samefile(args.base):
        raise SystemExit(f"{output} would overwrite its own base")
    base = File(args.base)
    start.read_model(base)
    items = match(args.pictures, args.captions)
    work = checkpoint.folder(args.work or output.with_suffix(".work"))
    same_as_before(work, {"pictures": sha256("\n".join(n for n, _ in items).encode()), "captions": sha256(Path(args.captions).read_bytes()),
                          "base": base["sha256"], "dev": args.dev, "also": args.also})
    data, run = checkpoint.folder(work / "data"), work / "run"
    mine, dev = split(items, args.dev)
    also = [link_set(data, a) for a in args.also]
    captions = read_captions(args.captions, clean=str)
    print(f"1/6 Reading {len(mine)} pictures to train on, {len(dev)} kept aside to measure on")
    write_set(data / TRAIN, mine, captions)
    write_set(data / DEV, dev, captions)

    print("2/6 What the backbone sees in them, in four views")
    for sets, views in (([TRAIN, *also], 4), ([DEV], 1)):
        call(features, "--data", data, "--sets", ",".join(sets), "--views", views, "--cache", work / "cache", "--engine", tool(args), "--model", args.base)

    print("3/6 What the base model says of those kept aside")
    before = judge(args, work, args.base, work / "base.json")
    print(f"  CIDEr {before['cider']:.3f}")

    print("4/6 Training")
    if not (run / "start.pt").exists():
        call(start, "--model", args.base, "--out", run)
    best = expect(work, base, [TRAIN, *also], len(mine), learn(work, [TRAIN, *also], len(mine), args.epochs))

    print("5/6 What the new model says of them")
    model = work / "new.gguf"
    if not fresh(model, best):
        write_model(args, base, best, model)
    after = judge(args, work, model, work / "new.json")

    print("6/6 Writing the model")
    if not fresh(output, work / "new.json"):
        fitted = confidence(args, work, base, model, work / "new.json", len(dev))
        (work / "scores.json").write_text(json.dumps({DEV: {k: v for k, v in after.items() if k not in ("confidence", "calibration_error")}}))
        write_model(args, base, best, output, "--scores", work / "scores.json", *fitted)
    show(before, after, output)
    print(f"{time.time() - t0:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("own: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
