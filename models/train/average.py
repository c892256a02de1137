# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mean of the weights of several checkpoints of one run, which captions unseen pictures better than any of them.

    average.py --output MEAN.pt RUN/epoch-20.pt RUN/epoch-24.pt RUN/last.pt

Meant are the latent weights (of the late part of the backbone too, where it was trained with the captioner); they are quantised after averaging. A checkpoint
may be named twice to count twice."""
import argparse

import torch

import checkpoint


def mean(paths):
    """-> a checkpoint, the last one's but for its weights."""
    kept, parts, total = None, ("model",), {}
    for path in paths:
        saved = checkpoint.load(path)
        if kept and saved["config"] != kept["config"]:
            raise SystemExit(f"{path}: another model than {paths[0]}")
        if kept and (("late" in saved) != ("late" in kept) or saved.get("ternary") != kept.get("ternary")):
            raise SystemExit(f"{path}: its backbone was not trained as that of {paths[0]}")
        parts = ("model", "late") if "late" in saved else parts
        for p in parts:
            total[p] = {k: (total[p][k] if kept else 0) + v.float() for k, v in saved[p].items()}
        kept = saved
    return {**kept, **{p: {k: v / len(paths) for k, v in total[p].items()} for p in parts}, "optimiser": None}


class Moving:
    """An exponential moving average of the parameters of some modules: what average.py does, while training. `with moving:` puts it in
    their place."""

    def __init__(self, modules, decay):
        self.live = [p for m in modules for p in m.parameters()]
        self.mean = [p.detach().clone() for p in self.live]
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self):
        self.steps += 1
        # a shorter memory at first: the start is not to be remembered
        torch._foreach_lerp_(self.mean, self.live, 1 - min(self.decay, self.steps / (self.steps + 9)))

    @torch.no_grad()
    def swap(self):
        for a, b in zip(self.live, self.mean):
            kept = a.detach().clone()
            a.copy_(b)
            b.copy_(kept)

    def __enter__(self):
        self.swap()

    def __exit__(self, *_):
        self.swap()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--output", required=True)
    ap.add_argument("checkpoints", nargs="+")
    args = ap.parse_args()
    checkpoint.room_for(args.output)
    checkpoint.save(mean(args.checkpoints), args.output)


if __name__ == "__main__":
    main()
