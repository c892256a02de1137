# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A DINOv2's time for a picture, this engine's beside that of torch and transformers, one thread each, taking turns in one run.

    peers_dinov2.py --dump BUILD/tests/models/dump-features [--size small] [--rounds 3] [--pictures 4]

CPU time, the best of all rounds; the weights are random (parity_dinov2.py says how close the results are). Prints milliseconds and
each as a multiple of torch's in f32. Reading the model's file is taken off by a run on no picture."""
import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "train"))
import torch                                                         # noqa: E402

import dinov2                                                        # noqa: E402
import parity_dinov2                                                 # noqa: E402


def children():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def engine(dump, path, images):
    start = children()
    subprocess.run([dump, path], input=b"".join(i.tobytes() for i in images), stdout=subprocess.DEVNULL, check=True)
    return children() - start


@torch.no_grad()
def peer(model, images):
    x = torch.stack([torch.from_numpy(i).permute(2, 0, 1).float() / 255 for i in images])
    start = time.process_time()
    for one in x:
        model(pixel_values=one[None])
    return (time.process_time() - start) / len(images)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dump", required=True)
    ap.add_argument("--size", choices=("small", "base"), default="small")
    ap.add_argument("--registers", type=int, choices=(0, 4), default=0)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--pictures", type=int, default=4)
    args = ap.parse_args()
    torch.set_num_threads(1)
    images = [parity_dinov2.drawn(224, random.Random(i)) for i in range(args.pictures)]
    best = {}
    with tempfile.TemporaryDirectory() as folder:
        model = parity_dinov2.random_model(args.size, args.registers)
        model.save_pretrained(folder)
        for kind in dinov2.KINDS:
            dinov2.write(dinov2.read(folder, kind, 224, 2), f"{folder}/{kind}.gguf", "random", "CC0-1.0")
        for _ in range(args.rounds):
            for kind in dinov2.KINDS:
                took = (engine(args.dump, f"{folder}/{kind}.gguf", images) - engine(args.dump, f"{folder}/{kind}.gguf", [])) / len(images)
                best[kind] = min(best.get(kind, 9), took)
            best["torch f32"] = min(best.get("torch f32", 9), peer(model, images))
    for name, took in best.items():
        print(f"{args.size} {name:9} {1e3 * took:7.1f} ms, {took / best['torch f32']:.2f} of torch")


if __name__ == "__main__":
    main()
