# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the late part of the backbone and the captioner together on the pictures themselves, each cut, lit and mirrored anew whenever it is seen: for a GPU.

    endtoend.py --data DIR --backbone backbone.pt --cache CACHE --checkpoint RUN/last.pt --out RUN2 --device cuda --seconds 540

What train.py and finetune.py do from features that were made once, with as many views of a picture as steps that see it. The early part of the backbone is frozen (in floats here, in
integers in the end); the late part begins as the pretrained one, or as --tower has it, and is held to the 1,000 ImageNet classes of the pretrained one, so that it goes on knowing
things no caption names. With --ternary its weights become ternary: blended in, and taught by the float ones alone (distil.py's losses), for the first --distil of the time. With
--policy the self-critical loss of reinforce.py is added. CACHE takes the pictures as one file of pixels a set.

The rate falls over --steps, or over --seconds where a machine is lent by the minute, whichever ends first. OUT/last.pt is a checkpoint of the captioner's moving average with the tower
in "late"; integers.py makes a backbone of it."""
import argparse
import json
import math
import random
import time
from functools import lru_cache, partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import backbone
import checkpoint
import distil
import features
import net
import reinforce
import streams
import tower
import train
from average import Moving
from text import read_captions


def pixels(item, size):
    name, data = item
    return np.asarray(features.decode(data, size, name))


class Pictures:
    """One set. A view of a picture is its number among all pictures, [1]: pixels are cut when the step sees them."""

    def __init__(self, data, cache, name, size, first):
        self.name, captions = name, read_captions(Path(data) / f"{name}.tsv")
        kept, path = Path(cache) / f"{name}.names", Path(cache) / f"{name}.pixels.npy"
        if not path.exists():
            found = features.captioned(data, name)
            with Pool() as pool:
                every = pool.imap(partial(pixels, size=size), ((n, read()) for n, read in found), 16)
                np.save(path, np.stack(list(every)))
            kept.write_text("".join(n + "\n" for n, _ in found))
        self.names, self.pixels = kept.read_text().splitlines(), np.load(path, mmap_mode="r")
        if self.pixels.shape != (len(self.names), size, size, 3):
            raise SystemExit(f"{path}: made of other pictures or for another backbone; remove it")
        self.captions = [captions[n] for n in self.names]
        self.views = [np.arange(first, first + len(self.names))[:, None]] * 3


class Eye:
    """Numbers of pictures -> views -> codes of the early part -> what the captioner sees."""

    def __init__(self, bb, late, cfg, sets):
        self.cfg, self.late, self.size = cfg, late, bb.size
        self.early_part = backbone.bfloat16(bb)
        for c in self.early_part.convs:
            c.w, c.b = net.moved(c.w), net.moved(c.b)
        last = bb.convs[bb.blocks[tower.FIRST - 1][2]]
        self.scale, self.zero = last.s_out, last.z_out
        self.pixels = net.here(np.concatenate([s.pixels for s in sets]))

    def views(self, numbers):
        """[n] -> [n, 3, size, size] in 0..255: features.random_view, many at a time."""
        n = len(numbers)
        x = self.pixels[numbers].permute(0, 3, 1, 2).float()
        area, aspect = torch.empty(n).uniform_(0.45, 1), torch.empty(n).uniform_(-0.28, 0.28).exp()
        whole = torch.rand(n) < 0.15
        w, h = ((area * a).sqrt().clamp_max(1).masked_fill(whole, 1) for a in (aspect, 1 / aspect))
        cx, cy = ((torch.rand(n) * 2 - 1) * (1 - e) for e in (w, h))
        mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
        zero = torch.zeros(n)
        theta = torch.stack([torch.stack([w * mirror, zero, cx], 1), torch.stack([zero, h, cy], 1)], 1)
        x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), padding_mode="border", align_corners=False)

        def factor(spread):
            return torch.empty(n, 1, 1, 1).uniform_(1 - spread, 1 + spread)
        grey = x.mean((1, 2, 3), keepdim=True)
        x = ((x - grey) * factor(0.15) + grey) * factor(0.25)
        grey = x.mean(1, keepdim=True)
        return ((x - grey) * factor(0.15) + grey).clamp(0, 255).round()

    @torch.no_grad()
    def early(self, numbers):
        """-> codes of the early part [n, P, c]"""
        x = backbone.forward_float(self.early_part, self.views(numbers), blocks=tower.FIRST)
        x = (torch.round(x.float() / self.scale) + self.zero).clamp(0, 255)
        return x.permute(0, 2, 3, 1).flatten(1, 2)

    def seen(self, codes):
        """-> the late part's features, and those as the captioner sees them"""
        got = self.late(codes)[0]
        return got, tower.seen(self.cfg, codes, got)


def joint(model, eye, teacher, b, wb, args, own, reward):
    """One step's losses of captioner and tower, backward. -> [ce, contrast, consistency, streams, classes, reward]"""
    n = len(b["one"])
    numbers = torch.cat([b["one"], b["two"], *([wb["codes"].flatten(0, 1)] if wb else [])])[:, 0]
    codes = eye.early(numbers)
    got, b["one"] = eye.seen(codes[:n])
    with torch.no_grad():
        want = teacher.classes(teacher(codes[:n])[0])
        rest = eye.seen(codes[n:])[1]
    b["two"] = rest[:n]
    known = tower.divergence(eye.late.classes(got), want)
    ce, con, same = train.losses(model, b, own)
    loss, got_reward, steady = args.mix * (ce + own.contrast * con + own.consistency * same) + args.classes * known, 0.0, 0.0
    if args.policy:
        model.eval()
        k = args.pictures
        policy, got_reward = reinforce.policy_loss(model, reward.tok, reward, b["one"][:k], b["keys"][:k], args)
        model.train()
        loss = loss + args.policy * policy
    loss.backward()
    if wb:
        wb["codes"] = rest[n:].reshape(*wb["codes"].shape[:2], *rest.shape[1:])
        steady = streams.loss(model, wb, own.smoothing)
        (args.stream_weight * steady).backward()
        steady = steady.detach()
    return torch.stack([torch.as_tensor(x).detach().float() for x in (ce, con, same, steady, known, got_reward)]), loss.detach()


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--sets", default="flickr8k-train,scenes-train")
    ap.add_argument("--checkpoint", required=True, help="a captioner to begin with, of train.py, start.py or this")
    ap.add_argument("--backbone", required=True)
    ap.add_argument("--weights", help="the float backbone's checkpoint; as a rule that of its package")
    ap.add_argument("--tower", help="a tower of distil.py or finetune.py to begin with")
    ap.add_argument("--ternary", action="store_true", help="make the late part ternary")
    ap.add_argument("--distil", type=float, default=0.0, help="share of the time in which the tower alone is taught, by the float one")
    ap.add_argument("--out", required=True)
    ap.add_argument("--device", default="cpu")
    ap.add_argument("--compile", action="store_true", help="fewer kernels, each compiled when it is first needed: half a minute, then quicker on a GPU")
    ap.add_argument("--steps", type=int, default=1000000)
    ap.add_argument("--seconds", type=float, default=1e9)
    ap.add_argument("--batch", type=int, default=48)
    ap.add_argument("--captions", type=int, default=3)
    ap.add_argument("--streams", type=int, default=6)
    ap.add_argument("--stream-weight", type=float, default=0.5)
    ap.add_argument("--prompts", type=float, default=0.25)
    ap.add_argument("--dropout", type=float, default=0.1)
    ap.add_argument("--more", action="append", default=[], help="PREFIX:TIMES: see pictures whose names begin so, so many times an epoch")
    ap.add_argument("--lr", type=float, default=1e-3, help="of the captioner")
    ap.add_argument("--lr-tower", type=float, default=6e-4, help="of 1x1 weights, whose mean magnitude is one")
    ap.add_argument("--lr-other", type=float, default=1e-4, help="of the rest of the tower")
    ap.add_argument("--decay", type=float, default=0.05)
    ap.add_argument("--classes", type=float, default=0.3, help="weight of the ImageNet classes")
    ap.add_argument("--policy", type=float, default=0.0, help="weight of the self-critical loss")
    ap.add_argument("--mix", type=float, default=1.0, help="weight of train.py's losses")
    ap.add_argument("--pictures", type=int, default=24, help="of a step that captions are sampled of")
    ap.add_argument("--average", type=float, default=0.999, help="decay of the moving average of the weights, which is what is kept")
    ap.add_argument("--log-every", type=int, default=50)
    ap.add_argument("--save-every", type=float, default=120, help="seconds")
    ap.add_argument("--seed", type=int, default=1)
    reinforce.reward_options(ap)
    return ap


def main():
    ap = options()
    args = ap.parse_args()
    if min(args.batch, args.captions, args.steps, args.log_every, args.pictures) < 1 or args.seconds <= 0:
        raise SystemExit("--batch, --captions, --steps, --log-every and --pictures are at least 1, --seconds more than 0")
    out = checkpoint.folder(args.out)
    checkpoint.folder(args.cache)
    torch.manual_seed(args.seed)
    saved = checkpoint.load(args.checkpoint)
    cfg, tok = net.Config(**saved["config"]), checkpoint.tokenizer_of(saved, args.checkpoint)
    (out / "tokenizer.json").write_text(json.dumps({"tokens": tok.tokens, "merges": tok.merges}))
    tok.encode_caption = lru_cache(None)(tok.encode_caption)
    own = argparse.Namespace(**{**vars(train.options().parse_args([])), **saved["args"]})
    for name in ("batch", "captions", "prompts", "dropout", "seed"):
        setattr(own, name, getattr(args, name))
    bb, sets = backbone.read(args.backbone), []
    for name in args.sets.split(","):
        sets.append(Pictures(args.data, args.cache, name, bb.size, sum(len(s.names) for s in sets)))
    batches = train.Batches(sets, tok, own, cfg.tokens)
    train.More(args.more)(batches)
    watched = streams.Streams(sets, tok, own, args.streams, tokens=cfg.tokens, mirrored=None)
    reward = None
    if args.policy:
        reward = reinforce.Reward(sets, args)
        reward.tok = tok
    model = checkpoint.model_of(saved, args.dropout)
    late, teacher = tower.Late(bb, args.ternary, args.weights), tower.Late(bb, False, args.weights)
    if args.tower or "late" in saved:
        tower.load(late, args.tower or args.checkpoint)
    try:
        torch.zeros(1, device=args.device)
    except (RuntimeError, AssertionError) as e:                 # torch says it in either way
        raise SystemExit(f"--device {args.device}: {str(e).splitlines()[0]}") from None
    torch.set_default_device(args.device)
    if args.compile:
        net.compile_products()
    for m in (model, late, teacher):
        m.to(args.device)
    eye = Eye(bb, late, cfg, sets)
    rng = random.Random(args.seed)

    def some():
        """Codes of a batch of pictures at random"""
        return eye.early(batches.batch(rng.sample(batches.index, args.batch), rng)["one"][:, 0])

    streams.hold_threshold(model)
    model.train()
    late.train()
    teacher.eval()
    if not args.ternary:                        # as good statistics as there are
        for m in late.convs():
            m.norm.eval()
    elif not (args.tower or "late" in saved):
        late.set_share(0.0)
        tower.anchor(late, [some() for _ in range(20)])
    matrices = [p for p in model.parameters() if p.ndim == 2]
    groups = tower.parameters(late, args.lr_tower, args.lr_other) + [
        {"params": matrices, "peak": args.lr, "weight_decay": args.decay},
        {"params": [p for p in model.parameters() if p.ndim != 2], "peak": args.lr}]
    opt = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), weight_decay=0, fused=True)
    moving = Moving([late, model], args.average)

    def keep(step):
        with moving:
            checkpoint.save({**saved, "args": {**saved["args"], "endtoend": vars(args)}, "optimiser": None, "average": None,
                             "model": {k: v.cpu() for k, v in model.state_dict().items()}, "late": {k: v.cpu() for k, v in late.state_dict().items()},
                             "ternary": args.ternary, "endtoend": step}, out / "last.pt")

    def feed():
        for epoch in range(1000000):
            yield from batches.epoch(epoch)

    t0, kept, step, sums, every = time.time(), time.time(), 0, 0, [p for g in groups for p in g["params"]]
    stats = 0
    for b in feed():
        done = max(step / args.steps, (time.time() - t0) / args.seconds)
        if done >= 1:
            break
        rate = min(1.0, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        for g in opt.param_groups:
            g["lr"] = g["peak"] * rate
            if done > 0.6:
                g["weight_decay"] = 0
        if args.ternary and args.distil:
            late.set_share(min(1.0, 2 * done / args.distil))
        opt.zero_grad(set_to_none=True)
        if done < args.distil:
            loss = sum(distil.losses(late, teacher, eye.early(b["one"][:, 0])))
            loss.backward()
            loss = loss.detach()
            parts = torch.stack([loss] * 6)
        else:
            b["keys"] = [(sets[s].name, sets[s].names[i]) for s, _, i in b["picked"]]
            with net.same_weights():
                parts, loss = joint(model, eye, teacher, b, watched.batch(rng) if args.streams else None, args, own, reward)
        norm = torch.nn.utils.clip_grad_norm_(every, 2.0)
        opt.step()
        moving.update()
        sums, stats, step = sums + parts, stats + 1, step + 1
        if step % args.log_every == 0:
            checkpoint.must_be_finite(loss, norm, f"step {step}")
            mean = (sums / stats).tolist()
            print("step %d ce %.3f contrast %.3f consistency %.3f streams %.3f classes %.3f reward %.3f " % (step, *mean) +
                  f"lr {args.lr * rate:.1e} {time.time() - t0:.0f} s", flush=True)
            sums, stats = 0, 0
        if time.time() - kept > args.save_every:
            kept = time.time()
            keep(step)
    if args.ternary:
        moving.swap()
        tower.calibrate_norms(late, (some() for _ in range(50)))
        moving.swap()
    keep(step)
    print(f"{step} steps, {time.time() - t0:.0f} s", flush=True)


if __name__ == "__main__":
    main()
