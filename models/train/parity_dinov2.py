# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the C engine's DINOv2 against transformers on random checkpoints: {small, base} x {no registers, registers}.

    parity_dinov2.py --dump BUILD/tests/models/dump-features [--pictures DIR/flickr8k-dev.tar] [--count 4]

Each checkpoint is made by transformers, with LayerScale, norms, biases and position table that matter, saved in the Hugging Face
layout at 518 pixels, converted by dinov2.py at 224 and run on some pictures (drawn ones without --pictures). Prints the cosine of
the tokens, each of them, before and after pooling, mean and worst. Exit status 1 when a mean is below its bound: f16 0.9999, int8
0.999; ternary is reported only. With --reference reference.py runs the first picture too."""
import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import dinov2
import features
import reference

BOUNDS = {"f16": 0.9999, "int8": 0.999, "ternary": None}
SIZES = {"small": dict(hidden_size=384, num_attention_heads=6), "base": dict(hidden_size=768, num_attention_heads=12),
         "tiny": dict(hidden_size=64, num_attention_heads=2, num_hidden_layers=3)}


def random_model(size, registers, seed=1):
    """A transformers model whose every parameter is non-trivial, spread as training leaves them."""
    from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel
    torch.manual_seed(seed)
    config, kind = (Dinov2WithRegistersConfig, Dinov2WithRegistersModel) if registers else (Dinov2Config, Dinov2Model)
    model = kind(config(image_size=518, patch_size=14, **SIZES[size])).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lambda1" in name:
                p.uniform_(0.1, 1.0)
            elif "norm" in name:
                p.normal_(1.0 if name.endswith("weight") else 0.0, 0.2)
            elif p.ndim == 1:
                p.normal_(0, 0.1)
            elif "token" in name or "position" in name:
                p.normal_(0, 0.3)
    return model


def drawn(size, rng):
    """u8 [size, size, 3]: waves, edges and some noise."""
    y, x = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    out = np.zeros((size, size, 3))
    for c in range(3):
        a, b, p = rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), rng.uniform(0, 6)
        out[..., c] = 127 + 90 * np.sin(a * x + b * y + p)
    left, top, edge = (rng.randrange(size // 2) for _ in range(3))
    out[top:top + edge, left:left + edge] = [rng.uniform(0, 255) for _ in range(3)]
    noise = np.random.default_rng(rng.randrange(1 << 30)).normal(0, 8, out.shape)
    return np.clip(out + noise, 0, 255).astype(np.uint8)


def some_pictures(path, count, size):
    if not path:
        return [drawn(size, random.Random(i)) for i in range(count)]
    items = list(features.pictures(path))
    return [np.asarray(features.decode(d, size)) for _, d in items[::max(1, len(items) // count)][:count]]


@torch.no_grad()
def wanted(model, image, registers):
    """The tokens of transformers, f32 [g * g, d]."""
    x = (torch.from_numpy(image).float() / 255 - torch.tensor(dinov2.MEAN)) / torch.tensor(dinov2.STD)
    return model(pixel_values=x.permute(2, 0, 1)[None]).last_hidden_state[0, 1 + registers:].numpy()


def engine(dump, path, images, shape, what, dtype):
    """what: more of dump-features' arguments."""
    run = subprocess.run([dump, path, *what], input=b"".join(i.tobytes() for i in images), stdout=subprocess.PIPE, check=True)
    return np.frombuffer(run.stdout, dtype).reshape(len(images), *shape)


def pool(tokens, n=2):
    g = round(len(tokens) ** 0.5)
    return tokens.reshape(g // n, n, g // n, n, -1).mean((1, 3)).reshape((g // n) ** 2, -1)


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def compare(args, folder, size, registers, kind, model, images):
    """-> whether the bound is kept"""
    path = str(Path(folder) / f"{kind}.gguf")
    bb = dinov2.read(folder, kind, 224, 2)
    dinov2.write(bb, path, f"random {size}", "CC0-1.0")
    got = engine(args.dump, path, images, (bb.grid ** 2, bb.d), ["tokens"], np.float32)
    codes = engine(args.dump, path, images, (bb.tokens, bb.d), [], np.int8)
    want = [wanted(model, i, registers) for i in images]
    before = np.concatenate([cosines(g, w) for g, w in zip(got, want)])
    after = np.concatenate([cosines(pool(g), pool(w)) for g, w in zip(got, want)])
    coded = np.concatenate([cosines(c, pool(w)) for c, w in zip(codes, want)])
    bound = BOUNDS[kind]
    ok = bound is None or min(before.mean(), after.mean()) >= bound
    print(f"{size:5} {registers} registers {kind:7} tokens mean {before.mean():.6f} worst {before.min():.6f}, pooled mean {after.mean():.6f} "
          f"worst {after.min():.6f}, codes mean {coded.mean():.6f}{'' if ok else f'  BELOW {bound}'}", flush=True)
    if args.reference:
        ref = reference.dinov2_tokens(reference.File(path), images[0])
        print(f"      reference.py: off by {np.abs(ref - got[0]).max() / np.abs(ref).max():.1e} of the largest, "
              f"cosine {cosines(ref, got[0]).min():.7f} at worst")
    return ok


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dump", required=True)
    ap.add_argument("--pictures", help="a tar file or folder of pictures")
    ap.add_argument("--count", type=int, default=4)
    ap.add_argument("--sizes", default="small,base")
    ap.add_argument("--linears", default="f16,int8,ternary")
    ap.add_argument("--reference", action="store_true")
    args = ap.parse_args()
    images, ok = some_pictures(args.pictures, args.count, 224), True
    for size in args.sizes.split(","):
        for registers in (0, 4):
            with tempfile.TemporaryDirectory() as folder:
                model = random_model(size, registers)
                model.save_pretrained(folder)
                for kind in args.linears.split(","):
                    ok = compare(args, folder, size, registers, kind, model, images) and ok
    sys.exit(not ok)


if __name__ == "__main__":
    main()
