# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The trainable part of the model in PyTorch, quantised from the first step: what models/MODEL.md states, with
straight-through gradients. Shapes: B pictures, N captions a picture, T tokens, P frame tokens, d width."""
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from text import PAD


@dataclass
class Config:
    vocabulary: int = 4096
    d: int = 256
    channels: int = 1280
    early: int = 0           # channels of an early block beside them, and how many blocks lie before it
    early_blocks: int = 0
    tokens: int = 81
    bottleneck: int = 512
    text_layers: int = 4
    text_heads: int = 8
    text_ff: int = 768
    text_context: int = 48
    fusion_layers: int = 2
    fusion_heads: int = 8
    fusion_ff: int = 768
    slots: int = 512
    width: int = 128
    rate: float = 0.2
    merge: float = 0.9
    layers: int = 4
    heads: int = 8
    ff: int = 1024
    sinks: int = 4
    window: int = 1020
    max_tokens: int = 24
    beam: int = 5
    length_penalty: float = 0.7
    repetition_penalty: float = 2.5      # taken off the log-probability of a word, other than a function word, that the caption has said already
    history: int = 0         # 1: captions stay in the window; trained on streams
    cut: float = -1.0        # cosine of episode keys below which the scene is another: window and former caption are forgotten
    words: int = 0           # hidden width of the layer that expects words; 0: there is none
    words_weight: float = 0.0            # how much of a caption's score is how well it has the words that are expected
    hold: float = -1.0       # how much better than the former caption a new one of the same scene must be; below 0: not asked
    rope_base: float = 10000.0

    def dict(self):
        return asdict(self)


PRESETS = {
    "small": Config(),
    # The sizes of the paper; the backbone's channels and tokens follow from the data.
    "paper": Config(d=128, bottleneck=384, text_layers=4, text_heads=4, text_ff=512, text_context=256, fusion_heads=4,
                    fusion_ff=512, width=128, layers=4, heads=4, ff=512),
}


def here(x):
    """A numpy array as a tensor on the device that computes."""
    return moved(torch.from_numpy(np.ascontiguousarray(x)))


def moved(x):
    """A tensor on that device."""
    return x.to(torch.get_default_device())


def padded(rows, limit=None):
    """Lists of ids, cut after `limit`, as the rows of one tensor."""
    rows = [r[:limit] for r in rows]
    out = np.full((len(rows), max(map(len, rows))), PAD)
    for row, r in zip(out, rows):
        row[:len(r)] = r
    return here(out)


def hidden(c, codes, most):
    """codes [B, P, channels + early], each picture's without a share of its channels, drawn from 0 to `most`: what is known by heart looks new."""
    if most == 0:
        return codes
    B, n = len(codes), codes.shape[-1]
    gone = torch.rand(B, 1, n) < most * torch.rand(B, 1, 1)
    nothing = torch.where(torch.arange(n) < c.channels, 0, 128).to(codes.dtype)          # of the head's codes, and of an early block's
    return torch.where(gone, nothing, codes)


LOW = torch.bfloat16      # integers up to 256 are exact in it; sums are kept in f32 by the hardware


def codes(x):
    """f32 [..., k] -> int8 codes as floats and the inverse rms of the codes [..., 1]."""
    top = x.abs().amax(-1, keepdim=True).clamp_min(1e-20)
    q = torch.round(x * (127.0 / top))
    return q, torch.rsqrt(q.square().mean(-1, keepdim=True).clamp_min(1e-12))


def ternary(w):
    """f32 [n, k] -> (-1, 0, 1) as floats and the scale [n]: the mean of |w| of each row."""
    s = w.abs().mean(1, keepdim=True).clamp_min(1e-8)
    return torch.round(w / s).clamp(-1, 1), s[:, 0]


def int8_rows(w):
    s = w.abs().amax(1, keepdim=True).clamp_min(1e-8) / 127
    return torch.round(w / s), s[:, 0]


_kept = None


class same_weights:
    """While it lasts, weights are quantised once: for sampling, which runs the same layers token by token."""

    def __enter__(self):
        global _kept
        _kept = {}

    def __exit__(self, *_):
        global _kept
        _kept = None


def _quantised(w, quantise, gain):
    key = w.data_ptr()
    if _kept is not None and key in _kept:
        return _kept[key]
    t, s = quantise(w)
    out = t.to(LOW), s * gain
    if _kept is not None:
        _kept[key] = out
    return out


def _forward_codes(x):
    q, inv = codes(x)
    rms = x.abs().amax(-1, keepdim=True) / 127 / inv
    return q.to(LOW), (q * inv).to(LOW), inv, rms


def _scale(acc, inv, s):
    return acc.float() * (inv * s)


def _unnormalise(dn, xn, rms):
    """The gradient through x / rms(x)."""
    dn, x = dn.float(), xn.float()
    return (dn - x * (dn * x).mean(-1, keepdim=True)) / rms.clamp_min(1e-6)


def _scaled_gradient(g, s):
    return g.to(LOW), (g * s).to(LOW)


class _LowBit(torch.autograd.Function):
    """y = quantised(w) . rms-normalised codes(x); gradients pass the roundings as if they were not there."""

    @staticmethod
    def forward(ctx, x, w, gain, quantise):
        shape = x.shape
        q, xn, inv, rms = _forward_codes(x.reshape(-1, shape[-1]).float())
        t, s = _quantised(w, quantise, gain)
        y = _scale(q @ t.t(), inv, s)
        ctx.save_for_backward(xn, t, s, rms)
        ctx.gain, ctx.shape = gain, shape
        return y.reshape(*shape[:-1], w.shape[0])

    @staticmethod
    def backward(ctx, g):
        xn, t, s, rms = ctx.saved_tensors
        low, scaled = _scaled_gradient(g.reshape(-1, g.shape[-1]), s)
        dw = (low.t() @ xn).float() * ctx.gain
        if not ctx.needs_input_grad[0]:
            return None, dw, None, None
        return _unnormalise(scaled @ t, xn, rms).reshape(ctx.shape), dw, None, None


def compile_products():
    """From here on what comes before and after a product is one kernel each: on a GPU launching them costs more than their arithmetic."""
    torch._dynamo.config.cache_size_limit = 64
    for name in ("_forward_codes", "_scale", "_unnormalise", "_scaled_gradient", "ternary", "int8_rows"):
        globals()[name] = torch.compile(globals()[name], dynamic=True)


class BitLinear(nn.Module):
    """gain scales the exported row scales only: it lets layers that write to a residual stream start small
    while their latent weights keep the size the optimiser's step suits."""

    def __init__(self, k, n, gain=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n, k) / k ** 0.5)
        self.gain = gain

    def forward(self, x):
        return _LowBit.apply(x, self.weight, self.gain, ternary)


def rotation(cfg, heads, positions):
    """cos and sin [n, hd/2] of integer positions, phases as exact fractions of a turn."""
    hd = cfg.d // heads
    i = torch.arange(hd // 2, dtype=torch.float64)
    step = torch.round(2.0 ** 32 * cfg.rope_base ** (-2 * i / hd) / (2 * torch.pi)).to(torch.int64)
    phase = (positions.to(torch.int64)[:, None] * step) % (1 << 32)
    angle = phase.double() * (2 * torch.pi / 2 ** 32)
    return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
    """x [..., n, heads, hd]; cos, sin [n, hd/2]."""
    a, b = x.chunk(2, -1)
    c, s = cos[:, None], sin[:, None]
    return torch.cat([a * c - b * s, a * s + b * c], -1)


def heads_of(x, heads):
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)


def softmax_bmm(q, k, v, mask=None):
    """[b, h, m, hd] x [b, h, n, hd]: plain bmm attention in low precision products."""
    s = (q.to(LOW) @ k.to(LOW).transpose(-1, -2)).float() * (q.shape[-1] ** -0.5)
    if mask is not None:
        s = s.masked_fill(mask, -1e9)
    return (s.softmax(-1).to(LOW) @ v.to(LOW)).float()


class FeedForward(nn.Module):
    def __init__(self, d, ff, gain):
        super().__init__()
        self.up, self.down = BitLinear(d, ff), BitLinear(ff, d, gain)

    def forward(self, x):
        return self.down(F.relu(self.up(x)).square())


class TextEncoder(nn.Module):
    def __init__(self, c, gain):
        super().__init__()
        self.c = c
        self.blk = nn.ModuleList()
        for _ in range(c.text_layers):
            m = nn.Module()
            m.qkv, m.out = BitLinear(c.d, 3 * c.d), BitLinear(c.d, c.d, gain)
            m.ffn = FeedForward(c.d, c.text_ff, gain)
            self.blk.append(m)
        self.head = BitLinear(c.d, c.width)

    def forward(self, x, pad, drop):
        """x [b, l, d], pad [b, l] (True: padding) -> [b, l, d]."""
        c, (b, l, _) = self.c, x.shape
        cos, sin = rotation(c, c.text_heads, torch.arange(l))
        for m in self.blk:
            q, k, v = (heads_of(y, c.text_heads) for y in m.qkv(x).chunk(3, -1))
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            a = softmax_bmm(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), pad[:, None, None, :])
            x = x + drop(m.out(a.transpose(1, 2).reshape(b, l, -1)))
            x = x + drop(m.ffn(x))
        return x

    def embed(self, x):
        return F.normalize(self.head(x[:, 0]), dim=-1)


class Fusion(nn.Module):
    def __init__(self, c, gain):
        super().__init__()
        self.c = c
        self.blk = nn.ModuleList()
        for _ in range(c.fusion_layers):
            m = nn.Module()
            m.q, m.kv, m.out = BitLinear(c.d, c.d), BitLinear(c.d, 2 * c.d), BitLinear(c.d, c.d, gain)
            m.ffn = FeedForward(c.d, c.fusion_ff, gain)
            self.blk.append(m)
        self.key, self.content = BitLinear(c.d, c.width), BitLinear(c.d, c.width)

    def keys(self, v):
        """v [b, p, d] -> per layer (k, v) [b, h, p, hd]."""
        h = self.c.fusion_heads
        return [tuple(heads_of(y, h).transpose(1, 2) for y in m.kv(v).chunk(2, -1)) for m in self.blk]

    def forward(self, x, kv, drop):
        """x [b, l, d], kv from keys() (rows matching x's) -> f [b, d]."""
        b, l, _ = x.shape
        for m, (k, v) in zip(self.blk, kv):
            q = heads_of(m.q(x), self.c.fusion_heads).transpose(1, 2)
            x = x + drop(m.out(softmax_bmm(q, k, v).transpose(1, 2).reshape(b, l, -1)))
            x = x + drop(m.ffn(x))
        return x[:, 0]


class Decoder(nn.Module):
    def __init__(self, c, gain):
        super().__init__()
        self.c = c
        self.sinks = nn.Parameter(torch.randn(c.sinks, c.d) * 0.06)
        self.blk = nn.ModuleList()
        for _ in range(c.layers):
            m = nn.Module()
            m.cond = BitLinear(2 * c.width, c.d, gain)
            m.qkv, m.frame_kv = BitLinear(c.d, 3 * c.d), BitLinear(c.d, 2 * c.d)
            m.out, m.ffn = BitLinear(c.d, c.d, gain), FeedForward(c.d, c.ff, gain)
            self.blk.append(m)

    def sink_kv(self):
        """Per layer (k, v) [S, h, hd]: the sinks see themselves alone, causally, unconditioned."""
        c, x, out = self.c, self.sinks, []
        cos, sin = rotation(c, c.heads, torch.arange(c.sinks))
        mask = torch.ones(c.sinks, c.sinks, dtype=torch.bool).triu(1)
        for m in self.blk:
            q, k, v = (heads_of(y, c.heads) for y in m.qkv(x).chunk(3, -1))
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            out.append((k, v))
            a = softmax_bmm(*(y.transpose(0, 1)[None] for y in (q, k, v)), mask)[0]
            x = x + m.out(a.transpose(0, 1).reshape(c.sinks, -1))
            x = x + m.ffn(x)
        return out

    def frame_kv(self, v):
        """v [B, P, d] -> per layer (k rotated at position S, v), [B, h, P, hd]."""
        c = self.c
        cos, sin = rotation(c, c.heads, torch.tensor([c.sinks]))
        out = []
        for m in self.blk:
            k, w = (heads_of(y, c.heads) for y in m.frame_kv(v).chunk(2, -1))
            out.append((rotate(k, cos, sin).transpose(1, 2), w.transpose(1, 2)))
        return out

    def forward(self, x, cond, sinks, frames, drop, past=None, live=None):
        """x [B, N, T, d] token embeddings, cond [B, N, 2C] -> [B, N, T, d]. Every caption is one fresh stream.
        past: a list, empty at first, of each layer's keys and values; x then continues what went before, and the list grows by it.
        live: [B, N, T], the tokens that count, none before one that doesn't; only they are computed, -> [count, d]. Half of a batch is padding."""
        c, (B, N, T, d) = self.c, x.shape
        h, hd = c.heads, d // c.heads
        before = past[0][0].shape[2] if past else 0
        L = before + T
        at = torch.arange(B * N * T) if live is None else live.reshape(-1).nonzero()[:, 0]

        def packed(y):
            return y if live is None else y[at]

        def spread(y):
            return y if live is None else y.new_zeros(B * N * T, *y.shape[1:]).index_copy(0, at, y)

        cos, sin = rotation(c, h, torch.arange(before, L) + c.sinks + 1)
        cos, sin, caption = cos[at % T], sin[at % T], at // T
        mask = torch.ones(T, L, dtype=torch.bool).triu(1 + before)
        x, cond = packed(x.reshape(-1, d)), cond.reshape(B * N, -1)
        for i, (m, (sk, sv), (fk, fv)) in enumerate(zip(self.blk, sinks, frames)):
            x = x + m.cond(cond)[caption]
            q, k, v = (heads_of(y, h) for y in m.qkv(x).chunk(3, -1))
            q, k, v = (spread(y.to(LOW)).reshape(B, N, T, h, hd) for y in (rotate(q, cos, sin), rotate(k, cos, sin), v))
            qi = q.permute(0, 3, 1, 2, 4).reshape(B, h, N * T, hd)
            qs, ks, vs = (y.permute(0, 1, 3, 2, 4).reshape(B * N, h, T, hd) for y in (q, k, v))
            if before:
                ks, vs = (torch.cat([a, b], 2) for a, b in zip(past[i], (ks, vs)))
            if past is not None:
                past[i:i + 1] = [(ks, vs)]
            S, P = sk.shape[0], fk.shape[2]
            s_sink = (qi @ sk.permute(1, 2, 0).to(LOW)).float()
            s_frame = (qi @ fk.transpose(-1, -2).to(LOW)).float()
            s_self = (qs @ ks.transpose(-1, -2)).float().masked_fill(mask, -1e9)
            s_self = s_self.reshape(B, N, h, T, L).permute(0, 2, 1, 3, 4).reshape(B, h, N * T, L)
            p = (torch.cat([s_sink, s_frame, s_self], -1) * hd ** -0.5).softmax(-1).to(LOW)
            a = p[..., :S] @ sv.permute(1, 0, 2).to(LOW) + p[..., S:S + P] @ fv.to(LOW)
            a = a.reshape(B, h, N, T, hd)
            own = p[..., S + P:].reshape(B, h, N, T, L).transpose(1, 2).reshape(B * N, h, T, L) @ vs
            a = a.permute(0, 2, 3, 1, 4) + own.reshape(B, N, h, T, hd).transpose(2, 3)
            x = x + drop(m.out(packed(a.reshape(-1, d)).float()))
            x = x + drop(m.ffn(x))
        return x.reshape(B, N, T, d) if live is None else x


class Words(nn.Module):
    """The words that a picture's captions are expected to have, from the sum of its features alone: what captions are chosen by. Trained by words.py,
    with nothing else."""

    def __init__(self, c):
        super().__init__()
        self.hidden, self.out = BitLinear(c.channels, c.words), BitLinear(c.words, c.vocabulary, 0.3)
        self.hidden.bias, self.out.bias = nn.Parameter(torch.zeros(c.words)), nn.Parameter(torch.zeros(c.vocabulary))
        self.register_buffer("idf", torch.zeros(c.vocabulary))
        self.register_buffer("mean", torch.zeros(c.channels))            # of the sums, and the inverse of their deviation: all pictures have much in common
        self.register_buffer("scale", torch.ones(c.channels))

    def forward(self, sums, drop):
        """Sums [B, channels] of a picture's codes over its tokens, without the early ones -> the odds of each word, as logits [B, vocabulary]."""
        h = F.relu(self.hidden(drop((sums - self.mean) * self.scale)) + self.hidden.bias)
        return self.out(drop(h)) + self.out.bias


class BitMar(nn.Module):
    def __init__(self, c, dropout=0.1):
        super().__init__()
        self.c = c
        gain = 0.06
        self.embed = nn.Parameter(torch.randn(c.vocabulary, c.d) * 0.06)
        self.bottleneck = nn.ModuleList([BitLinear(c.channels, c.bottleneck), BitLinear(c.bottleneck, c.d)])
        if c.early:
            self.bottleneck.add_module("early", BitLinear(c.early, c.bottleneck))
        self.pos = nn.Parameter(torch.randn(c.tokens, c.d) * 0.3)
        self.text, self.fusion, self.decoder = TextEncoder(c, gain), Fusion(c, gain), Decoder(c, gain)
        self.log_sharpness = nn.Parameter(torch.tensor(3.0))
        self.threshold = nn.Parameter(torch.tensor(0.6))
        self.log_temperature = nn.Parameter(torch.tensor([2.6, 2.6]))    # text, view
        self.drop = nn.Dropout(dropout)
        if c.words:
            self.words = Words(c)

    # -- stages ---------------------------------------------------------------------------------
    def embedding(self, ids):
        q, s = int8_rows(self.embed)
        e = self.embed + (q * s[:, None] - self.embed).detach()
        return F.embedding(ids, e)

    def visual(self, features, keep=None):
        """u8 or int8 codes [B, P, channels + early] -> V [B, P or keep, d]; keep: indices of the tokens to go on with.
        An early block's codes are u8 around 128."""
        pos = self.pos
        if keep is not None:
            features, pos = features[:, keep], pos[keep]
        h = self.bottleneck[0](features[..., :self.c.channels].float())
        if self.c.early:
            h = h + self.bottleneck.early(features[..., self.c.channels:].float() - 128)
        return self.bottleneck[1](F.relu(h)) + pos

    def encode_text(self, ids):
        """ids [b, l] with CLS first, PAD after -> [b, l, d]."""
        return self.text(self.drop(self.embedding(ids)), ids == 0, self.drop)

    def empty_prompt(self):
        return self.encode_text(torch.tensor([[3]]))

    def fuse(self, text, kv):
        f = self.fusion(text, kv, self.drop)
        return F.normalize(self.fusion.key(f), dim=-1), self.fusion.content(f)

    def recall(self, key, slots_k, slots_v, usable):
        """key [b, C]; slots [s, C]; usable [b, s] -> recalled [b, C]."""
        a = self.log_sharpness.exp() * (key @ slots_k.t() - self.threshold)
        a = a.masked_fill(~usable, -1e4)
        zero = torch.zeros_like(a[:, :1])
        return torch.cat([zero, a], 1).softmax(1)[:, 1:] @ slots_v

    def logits(self, x):
        return _LowBit.apply(x, self.embed, 1.0, int8_rows)
