# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the captioner on cached backbone codes (features.py) and captions.

    train.py --data DIR --cache DIR --sets flickr8k-train,scenes-train --dev flickr8k-dev,scenes-dev --out DIR

Every step sees some pictures with several captions each. Losses: caption cross-entropy (smoothed), text-to-episode
contrast, and consistency of the episode keys of two views of one picture. Half of the pictures find the other view of
themselves in the episodic memory, among everybody else's; some find it empty. A part of the captions is steered by
a prompt of a few of its own words. With --streams, captions of pseudo-streams (streams.py) are learnt beside them, with --teacher what teacher.py
has written of other captioners' odds. OUT/last.pt is written after every
epoch and resumed from when it is there; with --average it is the moving average of the weights that is looked at and kept as OUT/epoch-NN.pt."""
import argparse
import contextlib
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
import net
import streams
from average import Moving
from soft_targets import SoftTargets
from text import BOS, CLS, DANGLING, EOS, PAD, read_captions, train_bpe
from together import Together


class Pictures:
    """One set: memory-mapped codes of every cached view, and captions by picture."""

    def __init__(self, cache, data, name, views=1):
        self.name = name
        files = sorted(Path(cache).glob(f"{name}.[0-9]*.npy"))
        if len(files) < views:
            raise SystemExit(f"{cache}: {len(files)} views of {name}, not {views} or more; run features.py first")
        try:
            self.names = (Path(cache) / f"{name}.names").read_text().splitlines()
            self.views = [np.load(f, mmap_mode="r") for f in files]
        except (OSError, ValueError) as e:
            raise SystemExit(f"{cache}: what features.py wrote of {name} is damaged: {e}") from None
        if any(v.shape != (len(self.names), *self.views[0].shape[1:]) for v in self.views):
            raise SystemExit(f"{cache}: the views of {name} are not of the same pictures or not of the same backbone; remove them")
        captions = read_captions(Path(data) / f"{name}.tsv")
        missing = [n for n in self.names if n not in captions]
        if missing:
            raise SystemExit(f"{name}: {len(missing)} pictures have no caption, e.g. {missing[0]}")
        self.captions = [captions[n] for n in self.names]


def read_sets(args, cfg=None):
    """-> training sets, dev sets, all of the backbone that cfg has, where there is one."""
    sets = [Pictures(args.cache, args.data, n, 2) for n in args.sets.split(",")]
    dev = [Pictures(args.cache, args.data, n) for n in args.dev.split(",")]
    want = (cfg.tokens, cfg.channels + cfg.early) if cfg else sets[0].views[0].shape[1:]
    for s in sets + dev:
        if s.views[0].shape[1:] != want:
            got = s.views[0].shape
            raise SystemExit(f"{args.cache}: {s.name} has {got[1]} tokens of {got[2]} channels, not {want[0]} of {want[1]}: of another backbone")
    return sets, dev


def early_of(cache, channels):
    """How many of the features' channels, the last ones, are an early block's, and how many blocks lie before it: as features.py left it."""
    path = Path(cache) / "early.json"
    if not path.exists():
        return 0, 0
    try:
        saved = json.loads(path.read_text())
        early, blocks = int(saved["early"]), int(saved["early_blocks"])
    except (OSError, ValueError, KeyError, TypeError):
        raise SystemExit(f"{path}: not what features.py writes") from None
    if not 0 <= early < channels:
        raise SystemExit(f"{path}: {early} early channels of {channels} in all")
    return early, blocks


def load_tokenizer(path, sets, size):
    if path.exists():
        return checkpoint.read_tokenizer(path)
    tok = train_bpe([c for s in sets for cs in s.captions for c in cs], size)
    path.write_text(json.dumps({"tokens": tok.tokens, "merges": tok.merges}))
    return tok


def pick_prompt(text, rng):
    """A run of one to three words that carries meaning."""
    words = text.replace(",", " ").split()
    n = rng.randint(1, 3)
    i = rng.randrange(max(1, len(words) - n + 1))
    run = words[i:i + n]
    while run and run[0] in DANGLING:
        run = run[1:]
    while run and run[-1] in DANGLING:
        run = run[:-1]
    return " ".join(run)


class Batches:
    """tokens: how many frame tokens the model sees of a picture. part, of how many: this process's share of a step."""

    def __init__(self, sets, tok, args, tokens, part=0, parts=1, teacher=None):
        self.sets, self.tok, self.args, self.tokens, self.teacher = sets, tok, args, tokens, teacher
        self.part, self.parts = part, parts
        self.index = [(s, i) for s in range(len(sets)) for i in range(len(sets[s].names))]

    def __len__(self):
        return max(1, len(self.index) // self.args.batch)

    def epoch(self, number):
        rng = random.Random(1000 * self.args.seed + number)
        order = self.index[:]
        rng.shuffle(order)
        rng = random.Random(f"{self.args.seed} {number} {self.part}")
        for b in range(len(self)):
            yield self.batch(order[b * self.args.batch:(b + 1) * self.args.batch][self.part::self.parts], rng)

    def batch(self, items, rng):
        a, n = self.args, self.args.captions
        one, two, texts, picked, said = [], [], [], [], []
        for s, i in items:
            v = rng.sample(range(len(self.sets[s].views)), 2)
            picked.append((s, v[0], i))
            one.append(self.sets[s].views[v[0]][i])
            two.append(self.sets[s].views[v[1]][i])
            own = self.sets[s].captions[i]
            chosen = rng.sample(range(len(own)), n) if len(own) >= n else [k % len(own) for k in range(n)]
            texts += [own[k] for k in chosen]
            said += [(s, i, k) for k in chosen]
        ids = [[BOS] + self.tok.encode_caption(t) + [EOS] for t in texts]
        prompts = []
        for k, t in enumerate(texts):
            p = pick_prompt(t, rng) if rng.random() < a.prompts else ""
            if p:
                prompts.append((k, [CLS] + self.tok.encode_caption(p)))
        ids_padded = net.padded(ids, limit=a.length + 1)
        return dict(picked=picked, one=net.here(np.stack(one)), two=net.here(np.stack(two)), ids=ids_padded,
                    soft=self.teacher.batch(said, ids_padded.shape[1] - 1) if self.teacher else None,
                    text=net.padded([[CLS] + i[1:-1] for i in ids[::n]], limit=a.length + 1), prompts=prompts,
                    keep=torch.tensor(sorted(rng.sample(range(self.tokens), min(a.keep, self.tokens)))),
                    own=torch.tensor([rng.random() < 0.5 for _ in items]),
                    empty=torch.tensor([rng.random() < 0.4 for _ in items]))


class More:
    """Batches with the pictures of some names several times an epoch."""

    def __init__(self, wanted):
        self.times = {}
        for w in wanted:
            prefix, colon, times = w.rpartition(":")
            if not (colon and prefix and times.isdigit() and int(times) > 0):
                raise SystemExit(f"--more {w}: not PREFIX:TIMES")
            self.times[prefix] = int(times)

    def __call__(self, batches):
        def times(s, i):
            return max([t for p, t in self.times.items() if batches.sets[s].names[i].startswith(p)], default=1)
        batches.index = [(s, i) for s, i in batches.index for _ in range(times(s, i))]


def contrast(a, b, scale):
    """InfoNCE of unit rows a over unit rows b; row i belongs to row i."""
    return F.cross_entropy(scale * a @ b.t(), torch.arange(len(a)))


def losses(model, b, args):
    B = len(b["one"])
    N = len(b["ids"]) // B
    one, two = (net.hidden(model.c, b[k], args.hide) for k in ("one", "two"))
    v = model.visual(one, b["keep"])
    kv = model.fusion.keys(v)
    empty = model.empty_prompt()
    key, content = model.fuse(empty.expand(B, -1, -1), kv)
    v2 = model.visual(two, b["keep"][::2])
    key2, content2 = model.fuse(empty.expand(B, -1, -1), model.fusion.keys(v2))

    usable = torch.ones(B, B, dtype=torch.bool)
    usable[torch.arange(B), torch.arange(B)] = b["own"]
    usable &= ~b["empty"][:, None]
    recalled = model.recall(key, key2, content2, usable)

    conditions = content.repeat_interleave(N, 0)
    if b["prompts"]:
        rows = torch.tensor([k for k, _ in b["prompts"]])
        text = model.encode_text(net.padded([p for _, p in b["prompts"]]))
        at = rows // N
        _, steered = model.fuse(text, [(k[at], w[at]) for k, w in kv])
        conditions = conditions.index_copy(0, rows, steered)
    cond = torch.cat([conditions, recalled.repeat_interleave(N, 0)], -1).reshape(B, N, -1)

    ids = b["ids"]
    x = model.drop(model.embedding(ids[:, :-1]))
    if model.training and args.word_dropout:                  # BOS stays
        x = x * (torch.rand(*x.shape[:2], 1) >= args.word_dropout).index_fill_(1, torch.tensor([0]), True)
    x = x.reshape(B, N, ids.shape[1] - 1, -1)
    target = ids[:, 1:].reshape(B, N, -1)
    live = target != PAD
    x = model.decoder(x, cond, model.decoder.sink_kv(), model.decoder.frame_kv(v), model.drop, live=live)
    ce = caption_loss(model.logits(x), target, live, b, args)

    sentence = model.text.embed(model.encode_text(b["text"]))
    scale = model.log_temperature.clamp(max=4.0).exp()
    con = 0.5 * (contrast(sentence, key, scale[0]) + contrast(key, sentence, scale[0]))
    same = contrast(key, key2, scale[1])
    return ce, con, same


def caption_loss(logits, target, live, b, args):
    """Cross-entropy of the words [live, vocabulary]; with a teacher a share of it to the teacher's odds, but for captions steered by a prompt, which no
    teacher has seen."""
    if not b.get("soft"):
        return F.cross_entropy(logits, target[live], label_smoothing=args.smoothing)
    ids, odds = (x.reshape(*target.shape, -1)[live] for x in b["soft"])
    share = torch.full(target.shape[:2], args.teach).reshape(-1)
    share[[k for k, _ in b["prompts"]]] = 0.0
    share = share.reshape(*target.shape[:2], 1).expand(target.shape)[live]
    own = F.cross_entropy(logits, target[live], label_smoothing=args.smoothing, reduction="none")
    theirs = -(odds * logits.log_softmax(-1).gather(1, ids)).sum(-1)
    return ((1 - share) * own + share * theirs).mean()


@torch.no_grad()
def greedy(model, tok, codes, limit=20):
    """codes [B, P, channels] -> captions; memory empty. Recomputes the prefix: for a look while training only."""
    v = model.visual(codes)
    kv = model.fusion.keys(v)
    B = len(codes)
    key, content = model.fuse(model.empty_prompt().expand(B, -1, -1), kv)
    cond = torch.cat([content, torch.zeros_like(content)], -1)[:, None]
    sinks, frames = model.decoder.sink_kv(), model.decoder.frame_kv(v)
    ids = torch.full((B, 1), BOS)
    done = torch.zeros(B, dtype=torch.bool)
    for _ in range(limit):
        x = model.decoder(model.embedding(ids)[:, None], cond, sinks, frames, model.drop)
        nxt = model.logits(x[:, 0, -1])
        nxt[:, [PAD, BOS, CLS]] = -1e9
        nxt = nxt.argmax(-1).masked_fill(done, PAD)
        done |= nxt == EOS
        ids = torch.cat([ids, nxt[:, None]], 1)
        if done.all():
            break
    return [tok.decode([i for i in r.tolist() if i > EOS]) for r in ids], key


@torch.no_grad()
def look(model, tok, sets, count, log):
    model.eval()
    for s in sets:
        n = min(count, len(s.names))
        hyps, keys = {}, []
        for i in range(0, n, 50):
            text, key = greedy(model, tok, torch.from_numpy(np.array(s.views[0][i:min(n, i + 50)])))
            hyps.update(zip(s.names[i:i + 50], text))
            keys.append(key)
        refs = {s.names[i]: s.captions[i] for i in range(n)}
        t = model.text.embed(model.encode_text(net.padded(
            [[CLS] + tok.encode_caption(s.captions[i][0]) for i in range(n)], limit=model.c.text_context)))
        rank = (t @ torch.cat(keys).t()).argsort(1, descending=True)
        r10 = (rank[:, :10] == torch.arange(n)[:, None]).any(1).float().mean().item()
        words = len({w for h in hyps.values() for w in h.split()})
        try:
            from metrics import cider
            score = f"CIDEr {cider(refs, hyps):.3f}"
        except ImportError:
            score = "(no metrics.py)"
        log(f"  {s.name}[:{n}] greedy {score}, {words} words, text->picture R@10 {r10:.2f}")
        for k in range(0, n, max(1, n // 4)):
            log(f"    {s.names[k]}: {hyps[s.names[k]]}")
    model.train()


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data")
    ap.add_argument("--cache")
    ap.add_argument("--sets", default="flickr8k-train,scenes-train")
    ap.add_argument("--dev", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--out")
    ap.add_argument("--start", help="a checkpoint to begin with, of start.py or another run; its sizes count, not the preset's")
    ap.add_argument("--preset", choices=sorted(net.PRESETS), default="small")
    ap.add_argument("--epochs", type=int, default=20)
    ap.add_argument("--batch", type=int, default=48, help="pictures a step")
    ap.add_argument("--more", action="append", default=[], help="PREFIX:TIMES: see pictures whose names begin so, so many times an epoch")
    ap.add_argument("--captions", type=int, default=3, help="captions a picture and step")
    ap.add_argument("--length", type=int, default=24, help="tokens of a caption, the rest is cut")
    ap.add_argument("--keep", type=int, default=60, help="frame tokens kept in training")
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--decay", type=float, default=0.05)
    ap.add_argument("--dropout", type=float, default=0.1)
    ap.add_argument("--word-dropout", type=float, default=0.0, help="share of a caption's words hidden from what follows them")
    ap.add_argument("--hide", type=float, default=0.0, help="the most of a picture's channels that are hidden from the captioner, as a share")
    ap.add_argument("--smoothing", type=float, default=0.1)
    ap.add_argument("--prompts", type=float, default=0.15, help="share of captions steered by a prompt")
    ap.add_argument("--contrast", type=float, default=0.3)
    ap.add_argument("--consistency", type=float, default=0.1)
    ap.add_argument("--teacher", help="folder of what teacher.py has written of the sets, to learn from beside the captions")
    ap.add_argument("--teach", type=float, default=0.7, help="the teacher's share of a caption's loss")
    ap.add_argument("--streams", type=int, default=0, help="pseudo-streams a step")
    ap.add_argument("--stream-weight", type=float, default=0.5, help="weight of their cross-entropy")
    ap.add_argument("--average", type=float, default=0.0, help="decay of the moving average of the weights, such as 0.998; 0: the last ones are kept")
    ap.add_argument("--processes", type=int, default=1, help="that share a step; give each a core")
    ap.add_argument("--look-every", type=int, default=3, help="epochs between looks at the dev sets")
    ap.add_argument("--keep-every", type=int, default=0, help="epochs between checkpoints that stay, as OUT/epoch-NN.pt")
    ap.add_argument("--seed", type=int, default=1)
    return ap


def main():
    ap = options()
    args = ap.parse_args()
    for name in ("data", "cache", "out"):
        if getattr(args, name) is None:
            ap.error(f"--{name} is required")
    if min(args.epochs, args.batch, args.captions, args.look_every, args.processes) < 1:
        ap.error("--epochs, --batch, --captions, --look-every and --processes are at least 1")
    if args.batch % args.processes or args.streams % args.processes:
        ap.error("--batch and --streams are shared evenly by --processes")
    if not 0 <= args.hide <= 1:
        ap.error("--hide takes a share, 0 to 1")

    out, together = checkpoint.folder(args.out), Together(args.processes)
    chief = together.number == 0

    def log(text):
        if not chief:
            return
        print(text, flush=True)
        with open(out / "log.txt", "a") as f:
            print(text, file=f)

    torch.manual_seed(args.seed)
    cfg, weights = net.PRESETS[args.preset], None
    if args.start:
        saved = checkpoint.load(args.start)
        cfg, weights = net.Config(**saved["config"]), saved["model"]
        tok = checkpoint.tokenizer_of(saved, args.start)
        (out / "tokenizer.json").write_text((Path(args.start).parent / "tokenizer.json").read_text())
    sets, dev = read_sets(args, cfg if args.start else None)
    if not args.start:
        if not chief:
            together.wait()
        tok = load_tokenizer(out / "tokenizer.json", sets, cfg.vocabulary)
        if chief:
            together.wait()
        cfg.vocabulary = len(tok.tokens)
        cfg.tokens, channels = sets[0].views[0].shape[1:]
        cfg.early, cfg.early_blocks = early_of(args.cache, channels)
        cfg.channels = channels - cfg.early
    cfg.max_tokens = args.length
    model = net.BitMar(cfg, args.dropout)
    if weights:
        model.load_state_dict(weights)
    if args.streams:
        streams.hold_threshold(model)
    log(f"{args.start or args.preset}: {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M trained parameters, "
        f"vocabulary {cfg.vocabulary}, {sum(len(s.names) for s in sets)} pictures")

    matrices = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim != 2]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": args.decay}, {"params": others, "weight_decay": 0}],
                            lr=args.lr, betas=(0.9, 0.98), fused=True)
    batches = Batches(sets, tok, args, cfg.tokens, together.number, together.count, SoftTargets(args.teacher, sets) if args.teacher else None)
    More(args.more)(batches)
    torch.manual_seed(args.seed + together.number)
    watched, moving = streams.Streams(sets, tok, args, args.streams // args.processes), Moving([model], args.average)
    total, step, first = args.epochs * len(batches), 0, 0
    if (out / "last.pt").exists():
        saved = checkpoint.load(out / "last.pt")
        if saved["config"] != cfg.dict():
            raise SystemExit(f"{out / 'last.pt'}: of another model than the one to be trained; remove it, or give another --out")
        if not saved.get("optimiser"):
            raise SystemExit(f"{out / 'last.pt'}: has no optimiser's state to resume from; --start takes it")
        model.load_state_dict(saved["model"])
        opt.load_state_dict(saved["optimiser"])
        step, first = saved["step"], saved["epoch"]
        moving.mean, moving.steps = saved.get("average") or [p.detach().clone() for p in moving.live], step
        log(f"resumed after epoch {first}")

    t0, warm_up = time.time(), max(1, min(150, total // 10))
    for epoch in range(first, args.epochs):
        sums, rng = np.zeros(4), random.Random(2000 * args.seed + epoch + 1000000 * together.number)
        for n, b in enumerate(batches.epoch(epoch), 1):
            rate = min(1.0, (step + 1) / warm_up) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / total)))
            for g in opt.param_groups:
                g["lr"] = args.lr * rate
            if step >= 0.6 * total:
                opt.param_groups[0]["weight_decay"] = 0.0
            opt.zero_grad(set_to_none=True)
            with net.same_weights():
                ce, con, same = losses(model, b, args)
                loss = ce + args.contrast * con + args.consistency * same
                loss.backward()
                steady = streams.loss(model, watched.batch(rng), args.smoothing, args.hide) if args.streams else torch.zeros(())
                if args.streams:
                    (args.stream_weight * steady).backward()
            together.mean(model.parameters())
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            checkpoint.must_be_finite(loss + steady.detach(), norm, f"epoch {epoch + 1} step {n}")
            opt.step()
            moving.update()
            step += 1
            sums += [ce.item(), con.item(), same.item(), steady.item()]
            if n % 50 == 0 or n == len(batches):
                log(f"epoch {epoch + 1} step {n}/{len(batches)} ce {sums[0] / n:.3f} contrast {sums[1] / n:.3f} "
                    f"consistency {sums[2] / n:.3f} streams {sums[3] / n:.3f} lr {args.lr * rate:.2e} {time.time() - t0:.0f} s")
        saved = {"model": model.state_dict(), "optimiser": opt.state_dict(), "step": step, "epoch": epoch + 1,
                 "config": cfg.dict(), "args": vars(args), "average": moving.mean if args.average else None}
        if not chief:
            continue
        checkpoint.check(saved["model"], checkpoint.shapes(saved["config"], out), f"after epoch {epoch + 1}")
        checkpoint.save(saved, out / "last.pt")
        if args.keep_every and (epoch + 1) % args.keep_every == 0:
            with moving if args.average else contextlib.nullcontext():
                checkpoint.save({**saved, "optimiser": None, "average": None, "model": model.state_dict()}, out / f"epoch-{epoch + 1:02}.pt")
        log(f"  memory: sharpness {model.log_sharpness.exp().item():.1f} threshold {model.threshold.item():.2f}")
        if (epoch + 1) % args.look_every == 0 or epoch + 1 == args.epochs:
            with moving if args.average else contextlib.nullcontext():
                look(model, tok, dev, 200, log)


if __name__ == "__main__":
    main()
