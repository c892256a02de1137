# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the late part of the backbone ternary by self-distillation: the same blocks with float weights are the teacher.

    distil.py --cache LATE --backbone backbone.pt --out RUN [--steps 1100]

LATE holds codes at the end of the early part (features.py --blocks 12). Losses: each block's output and the features against the teacher's
(squared error over the teacher's power), cosine of the features, and Kullback-Leibler of the 1,000 ImageNet classes. Ternary weights are
blended in over the first quarter of the steps. OUT/last.pt is written every 100 steps and resumed from."""
import argparse
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import backbone
import checkpoint
import tower


class Codes:
    """Random batches of every view of the sets, each once an epoch."""

    def __init__(self, cache, sets, seed):
        self.views = [np.load(f, mmap_mode="r") for s in sets.split(",") for f in sorted(Path(cache).glob(f"{s}.[0-9]*.npy"))]
        if not self.views:
            raise SystemExit(f"{cache}: no views of {sets}; run features.py --blocks first")
        self.index = [(v, i) for v in range(len(self.views)) for i in range(len(self.views[v]))]
        self.rng = random.Random(seed)
        self.order = []

    def batch(self, size):
        if len(self.order) < size:
            self.order = self.index[:]
            self.rng.shuffle(self.order)
        items, self.order = self.order[-size:], self.order[:-size]
        return torch.from_numpy(np.stack([self.views[v][i] for v, i in items]))


def power_error(a, b):
    b = b.float()
    return (a.float() - b).square().mean() / b.square().mean().clamp_min(1e-6)


def losses(student, teacher, codes):
    """-> (classes, cosine, blocks)."""
    with torch.no_grad():
        want, want_blocks = teacher(codes)
    got, blocks = student(codes)
    classes = tower.divergence(student.classes(got), teacher.classes(want))
    cosine = 1 - F.cosine_similarity(got.float(), want.float(), dim=-1).mean()
    errors = [power_error(a, b) for a, b in zip(blocks + [got], want_blocks + [want])]
    return classes, cosine, torch.stack(errors).mean()


@torch.no_grad()
def look(student, teacher, codes):
    """On dev codes: cosine of the features, share of pictures whose greatest class is the teacher's."""
    student.eval()
    cosine, same = [], []
    for i in range(0, len(codes), 50):
        x = torch.from_numpy(np.array(codes[i:i + 50]))
        a, b = student(x)[0].float(), teacher(x)[0].float()
        cosine.append(F.cosine_similarity(a, b, dim=-1).mean())
        same.append((student.classes(a).argmax(1) == teacher.classes(b).argmax(1)).float().mean())
    student.train()
    return torch.stack(cosine).mean().item(), torch.stack(same).mean().item()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--backbone", required=True, help="what quantise.py wrote")
    ap.add_argument("--sets", default="flickr8k-train,scenes-train")
    ap.add_argument("--dev", default="flickr8k-dev")
    ap.add_argument("--out", required=True)
    ap.add_argument("--steps", type=int, default=1100)
    ap.add_argument("--batch", type=int, default=48)
    ap.add_argument("--lr", type=float, default=2e-3, help="of 1x1 weights, whose mean magnitude is one")
    ap.add_argument("--lr-other", type=float, default=3e-4)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    out = checkpoint.folder(args.out)
    bb = backbone.read(args.backbone)
    teacher, student = tower.Late(bb, ternary=False).eval(), tower.Late(bb).train()
    groups = tower.parameters(student, args.lr, args.lr_other)
    opt = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), weight_decay=0, fused=True)
    data = Codes(args.cache, args.sets, args.seed)
    dev = np.load(Path(args.cache) / f"{args.dev}.0.npy", mmap_mode="r")[:200]
    student.set_share(0.0)
    tower.anchor(student, (data.batch(args.batch) for _ in range(20)))
    first = 0
    if (out / "last.pt").exists():
        saved = tower.load(student, out / "last.pt")
        opt.load_state_dict(saved["optimiser"])
        first = saved["step"]
    t0, sums = time.time(), np.zeros(3)
    for step in range(first, args.steps):
        student.set_share(min(1.0, 4 * step / args.steps))
        rate = min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / args.steps)))
        for g in opt.param_groups:
            g["lr"] = g["peak"] * rate
        parts = losses(student, teacher, data.batch(args.batch))
        opt.zero_grad(set_to_none=True)
        loss = sum(parts)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        checkpoint.must_be_finite(loss, norm, f"step {step + 1}")
        opt.step()
        sums += [p.item() for p in parts]
        if (step + 1) % 20 == 0:
            print(f"step {step + 1} classes {sums[0] / 20:.3f} cosine {sums[1] / 20:.3f} blocks {sums[2] / 20:.3f} "
                  f"{time.time() - t0:.0f} s", flush=True)
            sums[:] = 0
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            checkpoint.save({"late": student.state_dict(), "optimiser": opt.state_dict(), "step": step + 1, "ternary": True}, out / "last.pt")
            print("  dev: cosine %.3f, same class %.2f" % look(student, teacher, dev), flush=True)


if __name__ == "__main__":
    main()
