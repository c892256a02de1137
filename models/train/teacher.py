# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes down what several captioners together hold each word of the training captions to be, for train.py --teacher to learn from.

    teacher.py --data DIR --cache DIR --sets flickr8k-train,scenes-train --checkpoint A.pt --checkpoint B.pt … --out DIR

The odds are the mean of the checkpoints' (Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015), given the picture as it is
(view 0), an empty memory and the words before; the student sees other views, drops and dice. The most likely MOST words of each place are kept:
OUT/SET.teacher.npz with ids u16 [words, MOST], odds f16 [words, MOST] that add up to one, and starts [captions + 1], captions in the order of the set."""
import argparse
from pathlib import Path

import numpy as np
import torch

import checkpoint
import net
import train
from text import BOS, EOS, PAD

MOST = 16


def lines(tok, caption, length):
    """Ids as train.py learns them: after BOS, cut to length."""
    return ([BOS] + tok.encode_caption(caption) + [EOS])[:length + 1]


def odds(model, codes, ids):
    """codes [B, P, channels], ids [B, N, T + 1] -> [B, N, T, vocabulary]"""
    v = model.visual(codes)
    _, content = model.fuse(model.empty_prompt().expand(len(codes), -1, -1), model.fusion.keys(v))
    cond = torch.cat([content, torch.zeros_like(content)], -1)[:, None].expand(-1, ids.shape[1], -1)
    x = model.embedding(ids[..., :-1].reshape(-1, ids.shape[2] - 1)).reshape(*ids.shape[:2], ids.shape[2] - 1, -1)
    x = model.decoder(x, cond, model.decoder.sink_kv(), model.decoder.frame_kv(v), model.drop)
    return model.logits(x).softmax(-1)


@torch.no_grad()
def told(models, tok, pictures, length, most=MOST):
    """-> ids, odds, starts of one set; the mean of the models, a batch of pictures at a time."""
    ids, chances, starts = [], [], [0]
    for i in range(0, len(pictures.names), 24):
        own = pictures.captions[i:i + 24]
        count = max(map(len, own))
        rows = [lines(tok, cs[min(k, len(cs) - 1)], length) for cs in own for k in range(count)]
        batch = train.padded(rows, limit=length + 1).reshape(len(own), count, -1)
        codes = torch.from_numpy(np.array(pictures.views[0][i:i + len(own)]))
        with net.same_weights():
            mean = sum(odds(m, codes, batch) for m in models) / len(models)
        best, at = mean.topk(most, -1)
        best = best / best.sum(-1, keepdim=True)
        for b, cs in enumerate(own):
            for k in range(len(cs)):
                live = (batch[b, k, 1:] != PAD)
                ids.append(at[b, k][live].numpy().astype(np.uint16))
                chances.append(best[b, k][live].numpy().astype(np.float16))
                starts.append(starts[-1] + int(live.sum()))
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
        ids, chances, starts = told(models, toks[0], train.Pictures(args.cache, args.data, name), args.length)
        np.savez(out / f"{name}.teacher.npz", ids=ids, odds=chances, starts=starts)


if __name__ == "__main__":
    main()
