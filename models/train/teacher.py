# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes down what several captioners together hold each word of the training captions to be, for train.py --teacher to learn from.

    teacher.py --data DIR --cache DIR --sets flickr8k-train,scenes-train --checkpoint A.pt --checkpoint B.pt … --out DIR

The odds are the mean of the checkpoints' (Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015), given the picture as it is
(view 0), an empty memory and the words before; the student sees other views, drops and dice. The most likely MOST words of each place are kept:
OUT/SET.teacher.npz with ids u16 [words, MOST], odds f16 [words, MOST] that add up to one, and starts [captions + 1], captions in the order of the set."""
import argparse

import numpy as np
import torch

import checkpoint
import net
import reinforce
import train
from text import BOS, EOS, PAD

MOST = 16


def lines(tok, caption, length):
    """Ids as train.py learns them: after BOS, cut to length."""
    return ([BOS] + tok.encode_caption(caption) + [EOS])[:length + 1]


def odds(model, codes, ids):
    """codes [B, P, channels], ids [B, N, T + 1] -> [words, vocabulary], of each place that has a word"""
    v, cond = reinforce.condition(model, codes)
    return model.logits(reinforce.steps(model, v, cond, ids[..., :-1], ids[..., 1:] != PAD)).softmax(-1)


@torch.no_grad()
def soft_targets(models, tok, pictures, length, most=MOST):
    """-> ids, odds, starts of one set; the mean of the models, a batch of pictures at a time."""
    ids, chances, starts = [], [], [0]
    for i in range(0, len(pictures.names), 24):
        own = pictures.captions[i:i + 24]
        count = max(map(len, own))
        rows = [lines(tok, cs[min(k, len(cs) - 1)], length) for cs in own for k in range(count)]
        batch = net.padded(rows, limit=length + 1).reshape(len(own), count, -1)
        codes = torch.from_numpy(np.array(pictures.views[0][i:i + len(own)]))
        with net.same_weights():
            mean = sum(odds(m, codes, batch) for m in models) / len(models)
        best, at = mean.topk(most, -1)
        best = best / best.sum(-1, keepdim=True)
        # A row each; those that only fill up a picture's captions are left out.
        words = (batch[..., 1:] != PAD).sum(-1).flatten().tolist()
        own_rows = [k < len(cs) for cs in own for k in range(count)]
        for n, mine, row_ids, row_odds in zip(words, own_rows, at.split(words), best.split(words)):
            if mine:
                ids.append(row_ids.numpy().astype(np.uint16))
                chances.append(row_odds.numpy().astype(np.float16))
                starts.append(starts[-1] + n)
        if i % 480 == 0:
            print(f"{pictures.name}: {i} of {len(pictures.names)}", flush=True)
    return np.concatenate(ids), np.concatenate(chances), np.array(starts)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--sets", default="flickr8k-train,scenes-train")
    ap.add_argument("--checkpoint", action="append", required=True, help="a captioner; several, and more differently trained ones, know more")
    ap.add_argument("--length", type=int, default=24, help="tokens of a caption, the rest is cut, as train.py's")
    ap.add_argument("--out", required=True)
    args = ap.parse_args()

    out = checkpoint.folder(args.out)
    saved = [checkpoint.load(p) for p in args.checkpoint]
    toks = [checkpoint.tokenizer_of(s, p) for s, p in zip(saved, args.checkpoint)]
    for tok, path in zip(toks, args.checkpoint):
        if tok.tokens != toks[0].tokens:
            raise SystemExit(f"{path}: its tokens are not those of {args.checkpoint[0]}")
    models = [checkpoint.model_of(s, 0.0).eval() for s in saved]
    for name in args.sets.split(","):
        ids, chances, starts = soft_targets(models, toks[0], train.Pictures(args.cache, args.data, name), args.length)
        np.savez(out / f"{name}.teacher.npz", ids=ids, odds=chances, starts=starts)


if __name__ == "__main__":
    main()
