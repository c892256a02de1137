# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the captioner and the late part of the backbone together, from a captioner of train.py and a tower of distil.py.

    finetune.py --data DIR --late LATE --cache CACHE --checkpoint RUN/last.pt --tower TOWER/last.pt --backbone backbone.pt --out RUN2

LATE has codes at the end of the early part, CACHE those of the int8 backbone for the same views: the teacher of the 1,000 ImageNet
classes, which the tower is held to, so that it goes on knowing things no caption names. Without --tower the late part is the
pretrained float one (--float). The second view of a picture, of which memory holds the episode, is seen without gradient.
OUT/last.pt is a checkpoint of the captioner with the tower in "late"; OUT/backbone.pt, written at the end, is the whole backbone in
integers."""
import argparse
import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
import torch

import backbone
import checkpoint
import net
import tower
import train
from average import Moving


class Teacher:
    """ImageNet classes as the cached features of the int8 backbone have them."""

    def __init__(self, cache, data, names, late):
        self.sets = [train.Pictures(cache, data, n) for n in names]
        self.late = late

    def __call__(self, picked):
        x = torch.from_numpy(np.stack([self.sets[s].views[v][i] for s, v, i in picked]))
        return self.late.classes(x[..., :self.late.fc.shape[1]].float() * (6 / 255))


class Seen:
    """A dev set through the tower, as train.look() takes it."""

    def __init__(self, pictures, late, cfg, count):
        self.names, self.captions, self.name = pictures.names[:count], pictures.captions[:count], pictures.name
        late.eval()
        with torch.no_grad():
            early = [torch.from_numpy(np.array(pictures.views[0][i:i + 50])) for i in range(0, count, 50)]
            codes = [tower.seen(cfg, x, late(x)[0]) for x in early]
        late.train()
        self.views = [torch.cat(codes)[:count].to(torch.uint8).numpy()]


def save(out, saved, model, late, step, ternary):
    checkpoint.save({**saved, "optimiser": None, "model": model.state_dict(), "late": late.state_dict(), "ternary": ternary,
                     "finetune": step}, out / "last.pt")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--late", required=True)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--sets", default="flickr8k-train,scenes-train")
    ap.add_argument("--dev", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--tower")
    ap.add_argument("--float", action="store_true", help="keep the late part in float weights, for an int8 backbone")
    ap.add_argument("--backbone", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--steps", type=int, default=900)
    ap.add_argument("--batch", type=int, default=48)
    ap.add_argument("--lr", type=float, default=4e-4, help="of the captioner")
    ap.add_argument("--lr-tower", type=float, default=6e-4, help="of 1x1 weights, whose mean magnitude is one")
    ap.add_argument("--lr-other", type=float, default=1e-4, help="of the rest of the tower")
    ap.add_argument("--classes", type=float, default=0.3, help="weight of the ImageNet classes")
    ap.add_argument("--average", type=float, default=0.99, help="decay of the moving average of the weights, which is what is kept; 0: the last ones")
    ap.add_argument("--look-every", type=int, default=150)
    ap.add_argument("--seed", type=int, default=7)
    args = ap.parse_args()

    out = checkpoint.folder(args.out)
    torch.manual_seed(args.seed)
    saved = checkpoint.load(args.checkpoint)
    cfg, tok = net.Config(**saved["config"]), checkpoint.tokenizer_of(saved, args.checkpoint)
    (out / "tokenizer.json").write_text(json.dumps({"tokens": tok.tokens, "merges": tok.merges}))
    own = argparse.Namespace(**{**vars(train.options().parse_args([])), **saved["args"]})
    own.batch, own.seed = args.batch, args.seed
    names = args.sets.split(",")
    sets = [train.Pictures(args.late, args.data, n, 2) for n in names]
    dev = [train.Pictures(args.late, args.data, n) for n in args.dev.split(",")]
    batches = train.Batches(sets, tok, own, cfg.tokens)
    model = checkpoint.model_of(saved, own.dropout)
    bb = backbone.read(args.backbone)
    late = tower.Late(bb, ternary=not args.float).train()
    if args.tower:
        tower.load(late, args.tower)
    else:
        tower.anchor(late, (b["one"] for b in itertools.islice(batches.epoch(0), 20)))
    teacher = Teacher(args.cache, args.data, names, late)
    groups = tower.parameters(late, args.lr_tower, args.lr_other) + [{"params": list(model.parameters()), "peak": args.lr}]
    opt = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), weight_decay=0, fused=True)
    every = [p for g in groups for p in g["params"]]

    def stream():
        epoch = 0
        while True:
            yield from batches.epoch(epoch)
            epoch += 1

    moving = Moving([late, model], args.average)
    feed, t0, sums = stream(), time.time(), np.zeros(4)
    for step in range(args.steps):
        rate = min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / args.steps)))
        for g in opt.param_groups:
            g["lr"] = g["peak"] * rate
        b = next(feed)
        features, _ = late(b["one"])
        with torch.no_grad():
            want = teacher(b["picked"])
            b["two"] = tower.seen(cfg, b["two"], late(b["two"])[0])
        b["one"] = tower.seen(cfg, b["one"], features)
        known = tower.divergence(late.classes(features), want)
        ce, con, same = train.losses(model, b, own)
        opt.zero_grad(set_to_none=True)
        loss = ce + own.contrast * con + own.consistency * same + args.classes * known
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(every, 2.0)
        checkpoint.must_be_finite(loss, norm, f"step {step + 1}")
        opt.step()
        moving.update()
        sums += [ce.item(), con.item(), same.item(), known.item()]
        if (step + 1) % 20 == 0:
            print("step %d ce %.3f contrast %.3f consistency %.3f classes %.3f " % (step + 1, *(sums / 20)) +
                  f"lr {args.lr * rate:.1e} {time.time() - t0:.0f} s", flush=True)
            sums[:] = 0
        if (step + 1) % args.look_every == 0 or step + 1 == args.steps:
            with moving:
                save(out, saved, model, late, step + 1, not args.float)
                train.look(model, tok, [Seen(s, late, cfg, 200) for s in dev], 200, lambda s: print(s, flush=True))
    moving.swap()
    tower.calibrate_norms(late, (b["one"] for b in itertools.islice(feed, 50)))
    save(out, saved, model, late, args.steps, not args.float)
    images = tower.read_images([Path(args.data) / f"{n}.tar" for n in names], 96, bb.size)
    torch.save(tower.integers(bb, late, images), out / "backbone.pt")


if __name__ == "__main__":
    main()
