# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the frozen backbone over picture sets once and keeps its codes, so that epochs cost no convolution.

    features.py --data DIR --sets flickr8k-train,scenes-train --views 4 --cache DIR \\
        --engine BUILD/tests/models/dump-features --model models/weights/bitmar.gguf

A set is NAME.tar (or a folder NAME) of pictures and NAME.tsv (name<TAB>caption). View 0 is the whole
picture squeezed to the backbone's square, view 1 its mirror image, the rest random crops, mirrored and
lit at random. Each view is one .npy of codes [pictures, tokens, channels], u8 of an EfficientNet, int8 of a DINOv2.

With --engine the codes are those of the integer backbone in --model (any exported file, or a backbone alone: it is frozen), which is what the
captioner will see (so take a file that has the backbone it will have; and after each token's its early ones, where the model in that file looks at those; CACHE/early.json tells), at 100 pictures a second and core. Without, they are the bf16 float network's, which needs nothing built.
With --blocks N they are those at the end of the first N blocks, of the same crops: what distil.py and finetune.py train on."""
import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import tarfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps

import backbone
import checkpoint
from text import PICTURES, picture_name, read_captions


def read_file(path):
    try:
        return path.read_bytes()
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None


def listing(path):
    """[(name, function that reads it)] of every picture of a tar file or folder, sorted by name."""
    path = Path(path)
    if path.is_dir():
        files = [(f.name, partial(read_file, f)) for f in path.iterdir()]
    else:
        try:
            tar = tarfile.open(path)
            files = [(m.name, lambda m=m: tar.extractfile(m).read()) for m in tar.getmembers() if m.isfile()]
        except (OSError, tarfile.TarError) as e:
            raise SystemExit(f"{path}: neither a folder nor a tar file of pictures: {e}") from None
    found, seen = [], {}
    for file, read in sorted(files, key=lambda f: f[0]):
        name = picture_name(file)
        if name == Path(file).name or name.startswith("."):
            continue
        if name in seen:
            raise SystemExit(f"{path}: {seen[name]} and {file} have the same name")
        seen[name] = file
        found.append((name, read))
    if not found:
        raise SystemExit(f"{path}: no pictures ({', '.join(PICTURES)})")
    return found


def pictures(path):
    """Yields (name, bytes) of every picture of a tar file or folder, sorted by name."""
    for name, read in listing(path):
        yield name, read()


def locate(data, name):
    for p in (Path(data) / f"{name}.tar", Path(data) / name):
        if p.exists():
            return p
    raise SystemExit(f"{data}: neither {name}.tar nor a folder {name} is there")


def captioned(data, name):
    """listing() of the set's pictures that have captions."""
    path, captions = locate(data, name), read_captions(Path(data) / f"{name}.tsv")
    every = listing(path)
    found = [item for item in every if item[0] in captions]
    if not found:
        raise SystemExit(f"{path}: none of its {len(every)} pictures has a caption in {name}.tsv, which names e.g. {next(iter(captions))!r}")
    if len(found) < max(len(every), len(captions)):
        print(f"{name}: left out {len(every) - len(found)} pictures without captions and the captions of "
              f"{len(captions) - len(found)} pictures that are not there", flush=True)
    return found


def opened(data, name="a picture", least=0):
    """RGB, upright; with `least` no larger than gives the shorter side so many pixels."""
    try:
        img = Image.open(io.BytesIO(data))
        if least and min(img.size) > least:
            img.thumbnail([n * least / min(img.size) for n in img.size], Image.BICUBIC)
        return ImageOps.exif_transpose(img).convert("RGB")
    except Exception as e:                                  # of every kind, as the file happens to be
        raise SystemExit(f"{name}: can't be decoded: {e}") from None


def decode(data, size, name="a picture"):
    """u8 [size, size, 3]: the picture squeezed to a square, antialiased triangle filter."""
    img = opened(data, name)
    # Two calls: Pillow runs the vertical pass first on tall pictures, the engine never does.
    return img.resize((size, img.height), Image.BILINEAR).resize((size, size), Image.BILINEAR)


def random_view(img, size, rng):
    w, h = img.size
    area = rng.uniform(0.55, 1.0)
    aspect = rng.uniform(0.8, 1.25)
    cw, ch = min(1.0, (area * aspect) ** 0.5), min(1.0, (area / aspect) ** 0.5)
    x, y = rng.uniform(0, 1 - cw) * w, rng.uniform(0, 1 - ch) * h
    out = img.resize((size, size), Image.BILINEAR, box=(x, y, x + cw * w, y + ch * h))
    if rng.random() < 0.5:
        out = out.transpose(Image.FLIP_LEFT_RIGHT)
    out = ImageEnhance.Brightness(out).enhance(rng.uniform(0.75, 1.25))
    return ImageEnhance.Contrast(out).enhance(rng.uniform(0.85, 1.15))


def view(data, number, size, rng, name="a picture"):
    if number < 2:
        out = decode(data, size, name)
        return out.transpose(Image.FLIP_LEFT_RIGHT) if number else out
    return random_view(opened(data, name), size, rng)


def codes(bb, images):
    """u8 codes [n, tokens, channels] of u8 images [n, 3, h, w], from the bf16 float network."""
    y = backbone.forward_float(bb, images.float())
    y = torch.round(y.float() * (255 / 6)).clamp(0, 255).to(torch.uint8)
    return y.permute(0, 2, 3, 1).reshape(len(images), -1, y.shape[1])


class Engine:
    """The C engine's backbone as a function u8 images [n, h, w, 3] -> codes [n, tokens, channels], u8 or int8."""

    def __init__(self, program, model, blocks=0):
        from reference import File, early_channels
        f = File(model)
        floats = f["vision.backbone"] == "dinov2"          # whose tokens come pooled, as signed codes
        self.dtype = np.int8 if floats else np.uint8
        self.size, self.shape = f["vision.image_size"], (f["vision.tokens"] * (1 if floats else f["vision.pool"] ** 2), f["vision.channels"])
        self.early = (early_channels(f), int(f.meta.get("bitmar.vision.early_blocks", 0))) if not blocks else (0, 0)
        self.shape = (self.shape[0], self.shape[1] + self.early[0])
        if blocks:
            if floats:
                raise SystemExit(f"{model}: a DINOv2 has no blocks to stop at")
            edge = -(-self.size // 2)
            for stride in f["vision.stride"][:blocks]:
                edge = -(-edge // stride)
            self.shape = (edge ** 2, int(f["vision.channels_out"][blocks - 1]))
        try:
            self.run = subprocess.Popen([program, model] + ([str(blocks)] if blocks else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as e:
            raise SystemExit(f"{program}: {e.strerror}") from None

    def close(self):
        self.run.communicate()

    def ask(self, image):
        try:
            self.run.stdin.write(image.tobytes())
            self.run.stdin.flush()
        except BrokenPipeError:
            return b""                                      # what it had against the model it has said itself
        return self.run.stdout.read(self.shape[0] * self.shape[1])

    def __call__(self, images):
        out = []
        for image in images:
            code = self.ask(image)
            if len(code) != self.shape[0] * self.shape[1]:
                raise SystemExit("the engine ended early")
            out.append(np.frombuffer(code, self.dtype).reshape(self.shape))
        return np.stack(out)


class Beside:
    """Both: a model's features, and beside each token's the codes that its backbone's first `blocks` blocks end in, as a model of early_blocks = `blocks` has
    them. For a first captioner that looks at them; runs those blocks twice."""

    def __init__(self, program, model, blocks):
        from reference import File, gathered
        self.whole, self.first = Engine(program, model), Engine(program, model, blocks)
        if self.whole.early[0]:
            self.close()
            raise SystemExit(f"{model}: has early codes already, of its block {self.whole.early[1]}")
        f = File(model)
        f.meta = {**f.meta, "bitmar.vision.early_blocks": blocks}
        self.size, self.edge = self.whole.size, round(self.first.shape[0] ** 0.5)
        self.gather = lambda x: gathered(f, x.reshape(self.edge, self.edge, -1))
        self.early = (self.gather(np.zeros(self.first.shape, np.uint8)).shape[1], blocks)

    def close(self):
        self.whole.close()
        self.first.close()

    def __call__(self, images):
        early = np.stack([self.gather(x) for x in self.first(images)])
        return np.concatenate([self.whole(images), early], -1)


class Float:
    """The same from the bf16 float network."""

    early = (0, 0)

    def __init__(self):
        self.bb = backbone.bfloat16(backbone.load())
        self.size = self.bb.size

    def close(self):
        pass

    @torch.no_grad()
    def __call__(self, images):
        return codes(self.bb, torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()


def write_views(network, items, number, rng, out):
    tmp = out.with_suffix(".tmp")
    mm, told = None, time.time()
    for i in range(0, len(items), 8):
        c = network(np.stack([np.asarray(view(read(), number, network.size, rng, n)) for n, read in items[i:i + 8]]))
        if mm is None:
            mm = np.lib.format.open_memmap(tmp, "w+", c.dtype, (len(items), *c.shape[1:]))
        mm[i:i + 8] = c
        if time.time() - told > 30:
            told = time.time()
            print(f"{out.stem}: {i + len(c)} of {len(items)}", flush=True)
    mm.flush()
    os.rename(tmp, out)
    print(f"{out.stem}: {len(items)} pictures, {mm.shape[1]} x {mm.shape[2]} codes each", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--sets", required=True)
    ap.add_argument("--views", type=int, default=6)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--engine", help="tests/models/dump-features of a build")
    ap.add_argument("--model", help="model file for --engine")
    ap.add_argument("--blocks", type=int, default=0, help="codes after this many blocks, not the features (needs --engine)")
    ap.add_argument("--early-blocks", type=int, default=0, help="put the codes after this many blocks beside the features (12), for a captioner that is to "
                    "look at both; needed when the model in the file does not yet (needs --engine)")
    args = ap.parse_args()
    if bool(args.engine) != bool(args.model):
        ap.error("--engine and --model go together")
    if (args.blocks or args.early_blocks) and not args.engine:
        ap.error("--blocks and --early-blocks need --engine")
    if args.blocks and args.early_blocks:
        ap.error("--blocks or --early-blocks, not both")
    checkpoint.folder(args.cache)
    found = {name: captioned(args.data, name) for name in args.sets.split(",")}
    network = Engine(args.engine, args.model, args.blocks) if args.engine else Float()
    if args.early_blocks and network.early[1] != args.early_blocks:
        network.close()
        network = Beside(args.engine, args.model, args.early_blocks)
    early, kept = json.dumps(dict(zip(("early", "early_blocks"), network.early))), Path(args.cache) / "early.json"
    if kept.exists() and kept.read_text() != early:
        raise SystemExit(f"{kept}: made with a model that looks at other blocks; remove {args.cache}")
    kept.write_text(early)
    with contextlib.closing(network):
        for number in range(args.views):
            for name, items in found.items():
                out = Path(args.cache) / f"{name}.{number}.npy"
                names, kept = "".join(n + "\n" for n, _ in items), Path(args.cache) / f"{name}.names"
                if out.exists():
                    if not kept.exists() or kept.read_text() != names:
                        raise SystemExit(f"{out}: made of other pictures than {name} has now; remove {args.cache}/{name}.*")
                    continue
                if number == 0:
                    kept.write_text(names)
                write_views(network, items, number, random.Random(f"{name} {number}"), out)


if __name__ == "__main__":
    main()
