# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Converts a DINOv2 checkpoint into a backbone of ours (models/MODEL.md, "Backbone: DINOv2"), a GGUF file without a captioner.

    dinov2.py --checkpoint DIR --output F.gguf [--linears f16|int8|ternary] [--size 224] [--pool 2]

DIR is a checkpoint in the Hugging Face layout (config.json, model.safetensors or pytorch_model.bin) of facebook/dinov2-small, -base,
dinov2-with-registers-small or -base. LayerScale goes into the scales and biases, the position table is interpolated as
transformers does it. features.py makes features with the file, train.py a captioner on them, export.py one file of the two.

int8 rounds each row of weights by its greatest, ternary by its mean; that of the patches stays f16, whose 588 inputs are no
multiple of 16. Ternary without training on it is for measuring speed, not for looking at pictures."""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import export
import net

KINDS = ("f16", "int8", "ternary")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)       # of ImageNet, where preprocessor_config.json says nothing else
MODELS = {"dinov2": False, "dinov2_with_registers": True}
# Names of transformers 5 -> of the published files, which are those used here
RENAMED = (("attention.q_proj", "attention.attention.query"), ("attention.k_proj", "attention.attention.key"),
           ("attention.v_proj", "attention.attention.value"), ("attention.o_proj", "attention.output.dense"))


# ---- Checkpoint -------------------------------------------------------------------------------------
def square(x, what):
    """A size that a configuration may give once or for each side."""
    sides = list(x) if isinstance(x, (list, tuple)) else [x, x]
    if len(sides) != 2 or sides[0] != sides[1]:
        raise SystemExit(f"its {what} is not square: {x}")
    return int(sides[0])


def read_config(path):
    try:
        c = json.loads(path.read_text())
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}")
    except ValueError as e:
        raise SystemExit(f"{path}: {e}")
    kind = c.get("model_type") if isinstance(c, dict) else None
    if kind not in MODELS:
        raise SystemExit(f"{path}: model_type is {kind!r}, not {' or '.join(MODELS)}")
    if c.get("use_swiglu_ffn"):
        raise SystemExit(f"{path}: use_swiglu_ffn: the giant's SwiGLU layers are not supported")
    if c.get("hidden_act", "gelu") != "gelu":
        raise SystemExit(f"{path}: hidden_act is {c['hidden_act']!r}, not 'gelu'")
    if c.get("num_channels", 3) != 3:
        raise SystemExit(f"{path}: num_channels is {c['num_channels']}, not 3")
    return c


def read_tensors(folder):
    """name -> tensor, under the published names without a prefix."""
    safe, plain = folder / "model.safetensors", folder / "pytorch_model.bin"
    try:
        if safe.exists():
            from safetensors.torch import load_file
            state = load_file(safe)
        elif plain.exists():
            state = torch.load(plain, map_location="cpu", weights_only=True)
        else:
            raise SystemExit(f"{folder}: neither model.safetensors nor pytorch_model.bin is there")
    except SystemExit:
        raise
    except Exception as e:                                              # whatever the readers raise for a damaged file
        raise SystemExit(f"{folder}: its weights cannot be read: {e}")
    out = {}
    for name, x in state.items():
        for prefix in ("dinov2_with_registers.", "dinov2."):
            name = name.removeprefix(prefix)
        for new, old in RENAMED:
            name = name.replace(new, old)
        out[name] = x
    return out


def read_colours(path):
    if not path.exists():
        return MEAN, STD
    try:
        c = json.loads(path.read_text())
        mean, std = (tuple(map(float, c.get(k, d))) for k, d in (("image_mean", MEAN), ("image_std", STD)))
    except (ValueError, TypeError, AttributeError) as e:
        raise SystemExit(f"{path}: {e}")
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise SystemExit(f"{path}: image_mean and image_std are not three numbers each")
    return mean, std


class Tensors:
    """Those of a checkpoint, each checked when it is asked for."""

    def __init__(self, where, state):
        self.where, self.state = where, state

    def __call__(self, name, *shape):
        if name not in self.state:
            raise SystemExit(f"{self.where}: tensor {name} is missing")
        x = self.state[name].detach().float()
        if tuple(x.shape) != shape:
            raise SystemExit(f"{self.where}: tensor {name} is {list(x.shape)}, expected {list(shape)}")
        if not torch.isfinite(x).all():
            raise SystemExit(f"{self.where}: tensor {name} has weights that are not finite")
        return x


def interpolate(table, grid, antialias):
    """[1 + n * n, d] -> [1 + grid * grid, d], as transformers does it when the picture is of another size."""
    n = round((len(table) - 1) ** 0.5)
    if n == grid:
        return table
    patches = table[1:].reshape(1, n, n, -1).permute(0, 3, 1, 2)
    patches = F.interpolate(patches, size=(grid, grid), mode="bicubic", align_corners=False, antialias=antialias)
    return torch.cat([table[:1], patches.permute(0, 2, 3, 1).reshape(grid * grid, -1)])


# ---- Weights ----------------------------------------------------------------------------------------
def halves(w):
    """-> f16 [n, k], scale [n]: rows times a power of two, so that small weights keep their bits."""
    top = w.abs().amax(1).clamp_min(1e-30)
    s = torch.exp2(torch.floor(torch.log2(top)) - 10)
    return (w / s[:, None]).numpy().astype(np.float16), s


def quantised(w, kind):
    """-> what NAME.weight holds, scale [n]"""
    if kind == "f16":
        return halves(w)
    if kind == "int8":
        q, s = net.int8_rows(w)
        return q.numpy().astype(np.int8), s
    t, s = net.ternary(w)
    return export.pack(t), s


class Dinov2:
    """A backbone as export.py takes it. kind: f16, int8, ternary, or a function of a linear's name."""

    def __init__(self, where, config, state, kind="f16", size=224, pool=2, colours=(MEAN, STD)):
        get = Tensors(where, state)
        self.kind = kind if callable(kind) else lambda name: kind
        self.registers = int(config.get("num_register_tokens", 4)) if MODELS[config["model_type"]] else 0
        self.patch, self.size, self.pool = square(config.get("patch_size", 14), "patch_size"), size, pool
        try:
            self.d, self.layers, self.heads = (int(config[k]) for k in ("hidden_size", "num_hidden_layers", "num_attention_heads"))
            self.ff, self.epsilon = int(self.d * config.get("mlp_ratio", 4)), float(config.get("layer_norm_eps", 1e-6))
        except (KeyError, TypeError, ValueError) as e:
            raise SystemExit(f"{where}: config.json: {e} is missing or no number")
        self.colours = colours
        if min(self.d, self.layers, self.heads, self.ff) <= 0:
            raise SystemExit(f"{where}: config.json: a width, a number of layers or of heads is not positive")
        if size % (self.patch * pool):
            raise SystemExit(f"a size of {size} is not a multiple of {self.patch * pool}, patches of {self.patch} pooled {pool} by {pool}")
        if self.d % self.heads or self.d // self.heads % 16:
            raise SystemExit(f"{where}: {self.heads} heads do not divide a width of {self.d} into multiples of 16")
        self.grid = size // self.patch
        self.channels, self.tokens = self.d, (self.grid // pool) ** 2
        self.floats, self.linears = {}, {}
        self.embeddings(get, config)
        for i in range(self.layers):
            self.layer(get, i, config.get("qkv_bias", True))
        self.norm(get, "vision.norm", "layernorm")

    def embeddings(self, get, config):
        d, p = self.d, self.patch
        n = square(config.get("image_size", 224), "image_size") // p
        self.floats["vision.cls"] = get("embeddings.cls_token", 1, 1, d)[0, 0]
        if self.registers:
            self.floats["vision.registers"] = get("embeddings.register_tokens", 1, self.registers, d)[0]
        table = get("embeddings.position_embeddings", 1, 1 + n * n, d)[0]
        self.floats["vision.position"] = interpolate(table, self.grid, antialias=MODELS[config["model_type"]])
        w = get("embeddings.patch_embeddings.projection.weight", d, 3, p, p).permute(0, 2, 3, 1).reshape(d, -1)
        self.linear("vision.patch", w, get("embeddings.patch_embeddings.projection.bias", d))

    def norm(self, get, name, theirs):
        for part in ("weight", "bias"):
            self.floats[f"{name}.{part}"] = get(f"{theirs}.{part}", self.d)

    def layer(self, get, i, qkv_bias):
        d, ff, ours, theirs = self.d, self.ff, f"vision.blk.{i}.", f"encoder.layer.{i}."
        one, two = (get(f"{theirs}layer_scale{j}.lambda1", d) for j in (1, 2))
        self.norm(get, ours + "norm1", theirs + "norm1")
        self.norm(get, ours + "norm2", theirs + "norm2")
        qkv = [f"{theirs}attention.attention.{n}" for n in ("query", "key", "value")]
        bias = torch.cat([get(n + ".bias", d) for n in qkv]) if qkv_bias else torch.zeros(3 * d)
        self.linear(ours + "qkv", torch.cat([get(n + ".weight", d, d) for n in qkv]), bias)
        for name, n, rows, k, gain in (("out", "attention.output.dense", d, d, one), ("up", "mlp.fc1", ff, d, None),
                                       ("down", "mlp.fc2", d, ff, two)):
            self.linear(ours + name, get(f"{theirs}{n}.weight", rows, k), get(f"{theirs}{n}.bias", rows), gain)

    def linear(self, name, w, bias, gain=None):
        kind = self.kind(name)
        if kind not in KINDS:
            raise SystemExit(f"{name}: {kind!r} is not one of {', '.join(KINDS)}")
        if w.shape[1] % 16 and kind != "f16":
            if not name.endswith(".patch"):
                raise SystemExit(f"{name}: {w.shape[1]} inputs are not a multiple of 16, as {kind} weights need it")
            kind = "f16"
        weight, scale = quantised(w, kind)
        self.linears[name] = weight, scale * gain if gain is not None else scale, bias * gain if gain is not None else bias

    # ---- What export.py asks of a backbone ----
    def keys(self, w):
        w.add_string("bitmar.vision.backbone", "dinov2")
        for key, value in dict(image_size=self.size, channels=self.channels, tokens=self.tokens, pool=self.pool, patch=self.patch,
                               layers=self.layers, heads=self.heads, feed_forward=self.ff, registers=self.registers).items():
            w.add_uint32(f"bitmar.vision.{key}", value)
        w.add_float32("bitmar.vision.epsilon", self.epsilon)
        for key, value in zip(("mean", "std"), self.colours):
            w.add_array(f"bitmar.vision.{key}", [float(x) for x in value])

    def tensors_to(self, out):
        for name, (weight, scale, bias) in self.linears.items():
            out.w.add_tensor(name + ".weight", np.ascontiguousarray(weight))
            out.f32(name + ".scale", scale)
            out.f32(name + ".bias", bias)
        for name, x in self.floats.items():
            out.f32(name, x)


def read(folder, kind, size, pool):
    folder = Path(folder)
    config = read_config(folder / "config.json")
    return Dinov2(folder, config, read_tensors(folder), kind, size, pool, read_colours(folder / "preprocessor_config.json"))


def write(bb, path, name, license):
    """A file with the backbone alone: the engine's loader refuses it, dump-features runs it."""
    out = export.Writer(path)
    out.w.add_name(name)
    out.w.add_license(license)
    out.w.add_uint32("bitmar.format", 1)
    out.w.add_string("bitmar.type", "backbone")
    out.w.add_string(export.HASH_KEY, "0" * 64)
    bb.keys(out.w)
    bb.tensors_to(out)
    export.finish(out, path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--checkpoint", required=True, help="folder")
    ap.add_argument("--output", required=True)
    ap.add_argument("--linears", choices=KINDS, default="f16")
    ap.add_argument("--size", type=int, default=224, help="pixels of a picture's side")
    ap.add_argument("--pool", type=int, choices=(1, 2), default=2)
    ap.add_argument("--name", help="general.name; the folder's by default")
    ap.add_argument("--license", default="Apache-2.0", help="general.license: that of the checkpoint")
    args = ap.parse_args()
    if args.size <= 0 or args.size > 1024:
        ap.error("--size is 1 to 1024")
    bb = read(args.checkpoint, args.linears, args.size, args.pool)
    try:
        write(bb, args.output, args.name or Path(args.checkpoint).resolve().name, args.license)
    except OSError as e:
        raise SystemExit(f"{args.output}: {e.strerror}")
    weights = sum(x[0].size * (4 if x[0].dtype == np.int8 and args.linears == "ternary" else 1) for x in bb.linears.values())
    print(f"{args.output}: {Path(args.output).stat().st_size / 1e6:.2f} MB, {weights / 1e6:.1f} M weights ({args.linears}), "
          f"{bb.tokens} tokens of {bb.channels} channels")


if __name__ == "__main__":
    main()
