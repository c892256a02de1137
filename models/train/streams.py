# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pseudo-streams for training: what a camera's decoder sees, frame tokens, caption, frame tokens, caption, … in one window.

A stream looks a few times at views of one picture (the crops, flips and lights of features.py stand for pans, zooms and clouds) and then cuts to
another. Within a scene the caption to be written is the one written before: history makes captions steady. One look in four has said something
about another picture, and is not learnt from; the next one has to say what is there nevertheless: old captions are hints, not truth.

Memory is told what was said: the value of a look's slot is the content that fusion makes of it with its caption as the prompt. Half of the streams have
an empty window for every look, so that what they know of the past is what memory recalls, as when a camera comes back to a place.

The threshold of recall is held at THRESHOLD in such a training: trained, it goes above 1 and memory all but falls silent. What is recalled has to be read before it
helps, and until then it harms."""
import numpy as np
import torch
import torch.nn.functional as F

import net
from text import BOS, CLS, EOS, PAD

THRESHOLD = 0.75


def hold_threshold(model):
    model.threshold.requires_grad_(False).fill_(THRESHOLD)


class Streams:
    """Batches of streams: codes [B, L, P, channels], ids [B, L, T], text [B, L, T - 1] (the same as prompts), live [B, L] (False: not learnt from),
    alone [B] (True: the window is empty for every look)."""

    def __init__(self, sets, tok, args, streams, looks=4, wrong=0.25, mirrored=1, tokens=0):
        """tokens: how many frame tokens the model sees of a picture; 0: as many as there are codes."""
        self.sets, self.tok, self.args = sets, tok, args
        self.streams, self.looks, self.wrong, self.tokens = streams, looks, wrong, tokens
        self.views = [[v for v in range(len(s.views)) if v != mirrored] for s in sets]
        self.index = [(s, i) for s in range(len(sets)) for i in range(len(sets[s].names))]

    def scene(self, rng):
        """-> (set, picture, caption, order of views)"""
        s, i = rng.choice(self.index)
        return s, i, rng.choice(self.sets[s].captions[i]), rng.sample(self.views[s], len(self.views[s]))

    def batch(self, rng):
        codes, ids, live, alone = [], [], [], []
        for _ in range(self.streams):
            alone.append(rng.random() < 0.5)
            one, two, cut = self.scene(rng), self.scene(rng), rng.randint(1, self.looks + 1)
            for n in range(self.looks):
                s, i, caption, views = one if n < cut else two
                wrong = n + 1 < self.looks and rng.random() < self.wrong
                codes.append(self.sets[s].views[views[n % len(views)]][i])
                ids.append([BOS] + self.tok.encode_caption(self.scene(rng)[2] if wrong else caption)[:self.args.length - 1] + [EOS])
                live.append(not wrong)
        padded, codes = net.padded(ids), net.here(np.stack(codes))
        B, L, tokens = self.streams, self.looks, self.tokens or codes.shape[1]
        keep = sorted(rng.sample(range(tokens), min(self.args.keep, tokens)))
        text = padded[:, :-1].clone()
        text[:, 0] = CLS
        text[text == EOS] = PAD
        return dict(codes=codes.reshape(B, L, *codes.shape[1:]), ids=padded.reshape(B, L, -1), text=text.reshape(B, L, -1),
                    live=torch.tensor(live).reshape(B, L), alone=torch.tensor(alone), keep=torch.tensor(keep))


def recalled(model, key, told):
    """What memory gives each look, [B, L, C]: the looks before it in its stream, and all other streams'. told [B, L, C]: the slots' values"""
    B, L, C = key.shape
    stream, look = (x.reshape(-1) for x in torch.meshgrid(torch.arange(B), torch.arange(L), indexing="ij"))
    usable = (stream[:, None] != stream) | (look[:, None] > look)
    return model.recall(key.reshape(-1, C), key.reshape(-1, C), told.reshape(-1, C), usable).reshape(B, L, C)


def turned(c, x, positions):
    """x [B, n, heads, hd] rotated at positions [B, n]."""
    cos, sin = net.rotation(c, c.heads, positions.reshape(-1))
    return net.rotate(x.reshape(1, -1, *x.shape[2:]), cos, sin).reshape(x.shape)


def decode(model, v, cond, ids, alone):
    """v [B, L, P, d], cond [B, L, 2C], ids [B, L, T] padded at their ends, alone [B] -> the decoder's output [B, L, T, d], as the engine's with
    history. Every entry is in every later one's window: streams are short."""
    c, (B, L, T), P = model.c, ids.shape, v.shape[2]
    h, hd = c.heads, c.d // c.heads
    said = ids != PAD
    before = F.pad((said.sum(-1) + 1).cumsum(1)[:, :-1], (1, 0)) * ~alone[:, None] + c.sinks      # the frame's position [B, L]
    at_frames = before[:, :, None].expand(B, L, P).reshape(B, -1)
    at_tokens = (before[:, :, None] + 1 + torch.arange(T)).reshape(B, -1)
    look_f, look_t = torch.arange(L).repeat_interleave(P), torch.arange(L).repeat_interleave(T)
    order = torch.arange(L * T)
    no_frame = (look_f > look_t[:, None]) | alone[:, None, None] & (look_f != look_t[:, None])
    no_token = (order > order[:, None]) | ~said.reshape(B, 1, -1) | alone[:, None, None] & (look_t != look_t[:, None])
    no_token = (no_token & (order != order[:, None]))[:, None]
    mask = torch.cat([torch.zeros(B, 1, L * T, c.sinks, dtype=torch.bool), no_frame[:, None], no_token], -1)
    x = model.drop(model.embedding(ids.reshape(B, L * T)))
    frames = v.reshape(B, L * P, -1)
    for m, (sk, sv) in zip(model.decoder.blk, model.decoder.sink_kv()):
        x = x + m.cond(cond)[:, :, None].expand(B, L, T, -1).reshape(B, L * T, -1)
        q, k, w = (net.heads_of(y, h) for y in m.qkv(x).chunk(3, -1))
        fk, fw = (net.heads_of(y, h) for y in m.frame_kv(frames).chunk(2, -1))
        q, k, fk = turned(c, q, at_tokens), turned(c, k, at_tokens), turned(c, fk, at_frames)
        keys = torch.cat([sk.expand(B, -1, -1, -1), fk, k], 1).transpose(1, 2)
        values = torch.cat([sv.expand(B, -1, -1, -1), fw, w], 1).transpose(1, 2)
        a = net.softmax_bmm(q.transpose(1, 2), keys, values, mask).transpose(1, 2).reshape(B, L * T, h * hd)
        x = x + model.drop(m.out(a))
        x = x + model.drop(m.ffn(x))
    return x.reshape(B, L, T, -1)


def loss(model, b, smoothing, hide=0.0):
    """Cross-entropy of the captions of all looks that are learnt from. hide: the most of a look's channels that are hidden, so that the past may know better."""
    B, L = b["live"].shape
    v = model.visual(net.hidden(model.c, b["codes"].flatten(0, 1), hide), b["keep"])
    kv = model.fusion.keys(v)
    key, content = (x.reshape(B, L, -1) for x in model.fuse(model.empty_prompt().expand(B * L, -1, -1), kv))
    _, told = model.fuse(model.encode_text(b["text"].flatten(0, 1)), kv)
    cond = torch.cat([content, recalled(model, key, told.reshape(B, L, -1))], -1)
    x = decode(model, v.reshape(B, L, *v.shape[1:]), cond, b["ids"], b["alone"])[:, :, :-1]
    target = b["ids"][:, :, 1:]
    live = (target != PAD) & b["live"][:, :, None]
    return F.cross_entropy(model.logits(x[live]), target[live], label_smoothing=smoothing)
