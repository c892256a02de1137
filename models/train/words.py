# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Teaches a captioner which words to expect of a picture, so that of several captions the one that has them is said (models/MODEL.md, "Expected words").

    words.py --data DIR --cache DIR --sets flickr8k-train,scenes-train --dev flickr8k-dev,scenes-dev --checkpoint A.pt --output B.pt

B.pt is A.pt with a new layer, or with its own trained on (which keeps what each word weighs); nothing else of it changes. The layer sees by how much the sum of
the backbone's features over a picture's tokens differs from that of other pictures, and learns the share of the picture's captions that each token of the
vocabulary is in. Two pictures at a time are blended, and so are their shares (Zhang et al., "mixup", 2018): there are few pictures and many words."""
import argparse
import math

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
import net
import train
from average import Moving

BLEND = 0.4                      # of the beta distribution that two pictures are blended by
RARE = 1e-4                      # share of captions that a word which is in none is taken to be in


def shares(pictures, tok, size):
    """-> of each picture's captions the share that has each token, [pictures, size]"""
    out = torch.zeros(len(pictures.names), size)
    for row, captions in zip(out, pictures.captions):
        for c in captions:
            row[sorted(set(tok.encode_caption(c)))] += 1 / len(captions)
    return out


def sums(pictures, channels, views):
    """Of a picture's codes over its tokens, the early ones left out: -> [views, pictures, channels]"""
    def of(v):
        return torch.cat([torch.from_numpy(np.array(v[i:i + 250, :, :channels])).float().sum(1) for i in range(0, len(v), 250)])
    return torch.stack([of(v) for v in pictures.views[:views]])


def mean_precision(logits, target, count=300):
    """Mean average precision over the `count` words that most pictures' captions have: how well each word ranks pictures."""
    here = (target > 0).float()
    most = here.sum(0).topk(min(count, here.shape[1])).indices
    most = most[(here[:, most].sum(0) > 0).nonzero()[:, 0]]
    ranked = here[:, most].gather(0, logits[:, most].argsort(0, descending=True))
    precision = ranked.cumsum(0) / torch.arange(1, len(ranked) + 1)[:, None]
    return ((precision * ranked).sum(0) / ranked.sum(0)).mean().item()


class Learner:
    def __init__(self, model, args):
        self.model, self.args = model, args
        self.drop = torch.nn.Dropout(args.dropout)
        self.average = Moving([model.words], args.average)

    def loss(self, x, y):
        blend = torch.distributions.Beta(BLEND, BLEND).sample((len(x), 1))
        other = torch.randperm(len(x))
        x, y = (blend * z + (1 - blend) * z[other] for z in (x, y))
        return F.binary_cross_entropy_with_logits(self.model.words(x, self.drop), y)

    def run(self, x, y, look):
        """x [views, n, channels], y [n, vocabulary]"""
        args = self.args
        optimiser = torch.optim.AdamW(self.model.words.parameters(), lr=args.lr, betas=(0.9, 0.98), weight_decay=args.decay)
        batch = min(args.batch, len(y))
        steps, step = args.epochs * (len(y) // batch), 0
        for epoch in range(args.epochs):
            order, total = torch.randperm(len(y)), 0.0
            for i in range(0, len(y) - batch + 1, batch):
                at = order[i:i + batch]
                optimiser.param_groups[0]["lr"] = args.lr * min(1, (step + 1) / 50) * (0.51 + 0.49 * math.cos(math.pi * step / steps))
                loss = self.loss(x[torch.randint(len(x), (batch,)), at], y[at])
                optimiser.zero_grad()
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(self.model.words.parameters(), 1.0)
                checkpoint.must_be_finite(loss, norm, f"epoch {epoch + 1}, step {step}")
                optimiser.step()
                self.average.update()
                step, total = step + 1, total + loss.item()
            with self.average:
                look(epoch, total / (len(y) // batch))
        self.average.swap()


def prepare(model, cfg, x, y):
    """A layer that expects what captions have on average, if there is none yet: with what pictures' sums have in common, and what each word weighs, the
    less the more pictures' captions have it."""
    if hasattr(model, "words"):
        return
    model.words = net.Words(cfg)
    with torch.no_grad():
        model.words.mean.copy_(x.mean((0, 1)))
        model.words.scale.copy_(1 / (x.std((0, 1)) + 1))
        model.words.out.bias.copy_(torch.logit(y.mean(0).clamp(RARE, 0.5)))
        model.words.idf.copy_(torch.log(len(y) / (y > 0).sum(0).clamp_min(1)))


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--sets", default="flickr8k-train,scenes-train")
    ap.add_argument("--dev", default="flickr8k-dev,scenes-dev")
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--output", required=True)
    ap.add_argument("--hidden", type=int, default=1024, help="width of a new layer")
    ap.add_argument("--weight", type=float, help="of how well a caption has these words, beside beam search's score: 2, or what the checkpoint says")
    ap.add_argument("--epochs", type=int, default=30)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--decay", type=float, default=0.05)
    ap.add_argument("--dropout", type=float, default=0.4)
    ap.add_argument("--average", type=float, default=0.99, help="of the weights, over steps")
    ap.add_argument("--seed", type=int, default=1)
    return ap


def main():
    args = options().parse_args()
    checkpoint.room_for(args.output)
    if args.epochs < 1 or args.batch < 1 or args.hidden < 16 or args.hidden % 16 or not 0 <= (args.weight or 0) <= 100:
        raise SystemExit("--epochs and --batch take 1 or more, --hidden a multiple of 16, --weight 0 to 100")
    saved = checkpoint.load(args.checkpoint)
    model, tok = checkpoint.model_of(saved, 0.0), checkpoint.tokenizer_of(saved, args.checkpoint)
    cfg = model.c
    if args.weight is not None or not cfg.words:
        cfg.words_weight = 2.0 if args.weight is None else args.weight
    cfg.words = cfg.words or args.hidden
    torch.manual_seed(args.seed)
    sets, dev = train.read_sets(args, cfg)
    y = torch.cat([shares(s, tok, cfg.vocabulary) for s in sets])
    views = min(len(s.views) for s in sets)
    x = torch.cat([sums(s, cfg.channels, views) for s in sets], 1)
    prepare(model, cfg, x, y)
    seen = [(s.name, sums(s, cfg.channels, 1)[0], shares(s, tok, cfg.vocabulary)) for s in dev]

    def look(epoch, loss):
        with torch.no_grad():
            found = [(name, mean_precision(model.words(a, torch.nn.Identity()), b)) for name, a, b in seen]
        print(f"epoch {epoch + 1}: loss {loss:.6f}, mean average precision " + ", ".join(f"{n} {p:.4f}" for n, p in found), flush=True)
    Learner(model, args).run(x, y, look)
    checkpoint.save({**saved, "model": model.state_dict(), "config": cfg.dict(), "optimiser": None}, args.output)


if __name__ == "__main__":
    main()
