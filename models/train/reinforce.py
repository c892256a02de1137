# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Goes on from train.py's checkpoint by self-critical sequence training: what captions are scored by becomes the reward.

    reinforce.py --data DIR --cache DIR --checkpoint RUN/last.pt --out RUN2

A step samples some captions of each picture (empty memory, no prompt); each is rewarded by how much better it is than its siblings'
mean. Reward: CIDEr-D with the end of the caption as a word, and METEOR's recall-heavy F of single words, without which captions
shrink to what is safe; less a fine for each colour and each other content word that no reference of the picture has, so that
saying nothing of a thing is better than guessing it. The losses of train.py are mixed in, so that memory, search and rare words are not
forgotten."""
import argparse
import json
import math
import random
import time
from collections import Counter

import numpy as np
import torch

import checkpoint
import net
import streams
import train
from average import Moving
from evaluate import COLOURS, FUNCTION, SAME, stem
from metrics import CiderD, words
from text import BOS, CLS, EOS, PAD
from together import Together

END = " zzend"


def reward_options(ap):
    ap.add_argument("--samples", type=int, default=5, help="captions sampled of a picture")
    ap.add_argument("--limit", type=int, default=20, help="tokens of a sample")
    ap.add_argument("--recall", type=float, default=1.0, help="weight of the words' F beside CIDEr-D")
    ap.add_argument("--wrong-colour", type=float, default=0.15, help="fine for a colour that no reference has")
    ap.add_argument("--wrong-word", type=float, default=0.05, help="fine for any other content word that no reference has")
    ap.add_argument("--repeated", type=float, default=0.15, help="fine for a content word said twice where no reference does")


def colour(word):
    return SAME.get(word, word)


class Reward:
    def __init__(self, sets, args):
        self.refs = {(s.name, n): [c + END for c in cs] for s in sets for n, cs in zip(s.names, s.captions)}
        self.cider = CiderD(self.refs)
        self.args = args
        self.seen = {k: {f(w) for c in cs for w in words(c) for f in (colour, stem)} for k, cs in self.refs.items()}
        self.often = {k: {w for c in cs for w, n in Counter(map(stem, words(c))).items() if n > 1} for k, cs in self.refs.items()}

    def fine(self, key, said):
        """For each word that names what no reference of the picture does, and each said twice that none says twice."""
        total, seen = 0.0, self.seen[key]
        for w in said:
            if colour(w) in COLOURS:
                total += self.args.wrong_colour * (colour(w) not in seen)
            elif w not in FUNCTION and w != END.strip():
                total += self.args.wrong_word * (stem(w) not in seen)
        again = [w for w, n in Counter(stem(w) for w in said if w not in FUNCTION and w != END.strip()).items() if n > 1]
        return total + self.args.repeated * sum(w not in self.often[key] for w in again)

    def f_mean(self, key, said):
        best = 0.0
        for ref in self.refs[key]:
            left, hit = ref.split(), 0
            size = len(left)
            for w in said:
                if w in left:
                    left.remove(w)
                    hit += 1
            if hit:
                p, r = hit / len(said), hit / size
                best = max(best, 10 * p * r / (r + 9 * p))
        return best

    def __call__(self, key, text):
        said = text.split()
        return self.cider.score(key, text) + self.args.recall * self.f_mean(key, said) - self.fine(key, said)


def condition(model, codes):
    v = model.visual(codes)
    _, content = model.fuse(model.empty_prompt().expand(len(codes), -1, -1), model.fusion.keys(v))
    return v, torch.cat([content, torch.zeros_like(content)], -1)


def steps(model, v, cond, ids, live):
    """ids [B, N, T] -> the decoder's output at each that is live, [count, d]."""
    B, N, T = ids.shape
    x = model.embedding(ids.reshape(B * N, T)).reshape(B, N, T, -1)
    return model.decoder(x, cond[:, None].expand(-1, N, -1), model.decoder.sink_kv(), model.decoder.frame_kv(v), model.drop, live=live)


def logits_of(model, x):
    """[..., d] -> [..., V]; specials that never follow are out."""
    never = torch.zeros(model.c.vocabulary)
    never[[PAD, BOS, CLS]] = -1e9
    return model.logits(x) + never


@torch.no_grad()
def sample(model, v, cond, count, limit):
    B = len(v)
    ids = torch.full((B, count, 1), BOS)
    done = torch.zeros(B, count, dtype=torch.bool)
    cond, sinks, frames, past = cond[:, None].expand(-1, count, -1), model.decoder.sink_kv(), model.decoder.frame_kv(v), []
    for t in range(limit):
        x = model.embedding(ids[:, :, -1].reshape(-1, 1)).reshape(B, count, 1, -1)
        last = logits_of(model, model.decoder(x, cond, sinks, frames, model.drop, past)[:, :, -1])
        if t == 0:
            last[..., EOS] = -1e9
        chances = last.softmax(-1).cumsum(-1)                  # far quicker than torch.multinomial on a CPU
        nxt = torch.searchsorted(chances, torch.rand(B, count, 1) * chances[..., -1:])[..., 0].clamp_max(model.c.vocabulary - 1)
        nxt = nxt.masked_fill(done, PAD)
        done |= nxt == EOS
        ids = torch.cat([ids, nxt[..., None]], -1)
        if done.all():
            break
    return ids


def policy_loss(model, tok, reward, codes, keys, args):
    v, cond = condition(model, codes)
    ids = sample(model, v.detach(), cond.detach(), args.samples, args.limit)
    r = torch.tensor([[reward(key, tok.decode([i for i in seq if i > CLS]) + (END if EOS in seq else "")) for seq in rows]
                      for key, rows in zip(keys, ids[..., 1:].tolist())])
    better = r - (r.sum(1, keepdim=True) - r) / (args.samples - 1)
    target = ids[..., 1:]
    live = target != PAD
    x = steps(model, v, cond, ids[..., :-1], live)
    logp = logits_of(model, x).log_softmax(-1).gather(1, target[live][:, None])[:, 0]
    weight = better[..., None].expand_as(target)[live]
    return -(weight * logp).sum() / live.sum(), r.mean().item()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--sets", default="flickr8k-train,scenes-train")
    ap.add_argument("--dev", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--steps", type=int, default=200)
    ap.add_argument("--pictures", type=int, default=24, help="of a step")
    reward_options(ap)
    ap.add_argument("--lr", type=float, default=1.5e-4)
    ap.add_argument("--mix", type=float, default=0.3, help="weight of train.py's losses")
    ap.add_argument("--streams", type=int, default=0, help="pseudo-streams a step, whose captions are learnt with what was said before them in the window")
    ap.add_argument("--stream-weight", type=float, default=0.5, help="weight of their cross-entropy")
    ap.add_argument("--prompts", type=float, help="share of train.py's captions that are steered by a prompt (as the captioner was trained)")
    ap.add_argument("--average", type=float, default=0.98, help="decay of the moving average of the weights, which is what is kept; 0: the last ones")
    ap.add_argument("--processes", type=int, default=1, help="that share a step; give each a core")
    ap.add_argument("--look-every", type=int, default=50)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()

    if min(args.steps, args.processes) < 1 or args.pictures % args.processes or args.streams % args.processes:
        ap.error("--pictures and --streams are shared evenly by --processes")

    out, together = checkpoint.folder(args.out), Together(args.processes)
    chief, share = together.number == 0, args.pictures // together.count
    saved = checkpoint.load(args.checkpoint)
    cfg, tok = net.Config(**saved["config"]), checkpoint.tokenizer_of(saved, args.checkpoint)
    (out / "tokenizer.json").write_text(json.dumps({"tokens": tok.tokens, "merges": tok.merges}))
    torch.manual_seed(args.seed + 1000 * together.number)
    rng = random.Random(args.seed + 1000 * together.number)
    sets, dev = train.read_sets(args, cfg)
    model = checkpoint.model_of(saved, saved["args"]["dropout"])
    reward = Reward(sets, args)
    own = argparse.Namespace(**{**vars(train.options().parse_args([])), **saved["args"]})
    own.batch = share
    own.prompts = own.prompts if args.prompts is None else args.prompts
    batches = train.Batches(sets, tok, own, cfg.tokens)
    watched = streams.Streams(sets, tok, own, args.streams // together.count)
    if args.streams:
        streams.hold_threshold(model)
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.98), weight_decay=0, fused=True)
    moving = Moving([model], args.average)
    t0, mean = time.time(), 0.0
    for step in range(args.steps):
        rate = min(1.0, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * step / args.steps)) + 0.02
        for g in opt.param_groups:
            g["lr"] = args.lr * rate
        items = [batches.index[rng.randrange(len(batches.index))] for _ in range(share)]
        codes = torch.from_numpy(np.stack([sets[s].views[rng.randrange(len(sets[s].views))][i] for s, i in items]))
        opt.zero_grad(set_to_none=True)
        steady = 0.0
        with net.same_weights():
            model.eval()
            policy, got = policy_loss(model, tok, reward, codes, [(sets[s].name, sets[s].names[i]) for s, i in items], args)
            model.train()
            ce, con, same = train.losses(model, batches.batch(items, rng), own)
            loss = policy + args.mix * (ce + own.contrast * con + own.consistency * same)
            loss.backward()
            if args.streams:
                stream = args.stream_weight * streams.loss(model, watched.batch(rng), own.smoothing)
                stream.backward()
                steady = stream.item() / args.stream_weight
        together.mean(model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        checkpoint.must_be_finite(loss, norm, f"step {step + 1}")
        opt.step()
        moving.update()
        mean = got if step == 0 else 0.95 * mean + 0.05 * got
        if not chief:
            continue
        if (step + 1) % 10 == 0:
            print(f"step {step + 1} reward {mean:.3f} ce {ce.item():.3f} streams {steady:.3f} lr {args.lr * rate:.2e} "
                  f"{time.time() - t0:.0f} s", flush=True)
        if (step + 1) % args.look_every == 0 or step + 1 == args.steps:
            with moving:
                checkpoint.save({**saved, "optimiser": None, "model": model.state_dict(), "reinforce": vars(args)}, out / "last.pt")
                train.look(model, tok, dev, 200, lambda s: print(s, flush=True))


if __name__ == "__main__":
    main()
