# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A checkpoint to go on training from, out of a model file: train.py, finetune.py and reinforce.py read it as one of their own.

    start.py --model models/weights/bitmar.gguf --out RUN

Writes RUN/start.pt and RUN/tokenizer.json. A file has -1, 0, +1 and a scale, not the latent weights they were rounded from; latents are
drawn anew, so that rounding them gives the file's weights and scales again, and so that they lie as those of a trained layer do: the tail of a
normal distribution beyond the threshold, evenly below it."""
import argparse
import json
import math

import torch

import checkpoint
import net
import train
from reference import File, early_channels, unpack


def latents(t, scale, generator):
    """t (-1, 0, 1) [n, k], scale [n] -> w [n, k] with net.ternary(w) == (t, scale)."""
    z = torch.rand(t.shape, generator=generator)
    below = 0.9 * (z - 0.5)                                             # of the mean magnitude; the threshold is 0.5
    # |normal| given that it is above 0.4 standard deviations, by inversion
    above = math.sqrt(2) * torch.erfinv(math.erf(0.4 / math.sqrt(2)) + (1 - math.erf(0.4 / math.sqrt(2))) * z * 0.999) - 0.4
    big = t != 0
    n = big.sum(1, keepdim=True)
    rest = t.shape[1] - (below.abs() * ~big).sum(1, keepdim=True)       # what is left of a mean of one for the others
    stretch = (rest - 0.55 * n) / (above * big).sum(1, keepdim=True).clamp_min(1e-6)
    w = torch.where(big, t * (0.55 + above * stretch.clamp_min(0)), below)
    w = w / w.abs().mean(1, keepdim=True).clamp_min(1e-8) * scale[:, None]
    return torch.where(n > 0, w, torch.zeros(()))


def read_config(f):
    c = net.Config()
    for stage in ("text", "fusion", ""):
        for key, name in (("layers", "layers"), ("heads", "heads"), ("feed_forward", "ff")):
            setattr(c, f"{stage}_{name}".lstrip("_"), int(f[f"{stage or 'decoder'}.{key}"]))
    for key in ("sinks", "window", "max_tokens", "beam", "history"):
        setattr(c, key, int(f["decoder." + key]))
    c.cut, c.hold = (float(f.meta.get(f"bitmar.decoder.{k}", -1)) for k in ("cut", "hold"))
    c.repetition_penalty = float(f.meta.get("bitmar.decoder.repetition_penalty", 0))
    c.words, c.words_weight = int(f.meta.get("bitmar.words.hidden", 0)), float(f.meta.get("bitmar.words.weight", 0))
    c.length_penalty, c.rope_base = float(f["decoder.length_penalty"]), float(f["rope.base"])
    c.text_context, c.d, c.bottleneck = int(f["text.context"]), int(f["embedding_length"]), int(f["vision.bottleneck"])
    c.channels, c.tokens = int(f["vision.channels"]), int(f["vision.tokens"])
    c.early, c.early_blocks = early_channels(f), int(f.meta.get("bitmar.vision.early_blocks", 0))
    c.slots, c.width = int(f["memory.slots"]), int(f["memory.width"])
    c.rate, c.merge = float(f["memory.rate"]), float(f["memory.merge"])
    c.vocabulary = len(f["tokenizer.ggml.tokens"])
    return c


def tensor_of(f, name, shape):
    if name not in f.tensor:
        raise SystemExit(f"{f.path}: tensor {name} is missing")
    t = torch.from_numpy(f.tensor[name])
    if t.shape != shape:
        raise SystemExit(f"{f.path}: tensor {name} has the shape {tuple(t.shape)}, not {tuple(shape)}")
    if not torch.isfinite(t).all():
        raise SystemExit(f"{f.path}: tensor {name} has values that are not finite")
    return t


def ternary_of(f, name, shape):
    t = torch.from_numpy(unpack(tensor_of(f, name, (shape[0], shape[1] // 4)).numpy())).float()
    if (t > 1).any():
        raise SystemExit(f"{f.path}: tensor {name} has codes that are not ternary")
    return t


@torch.no_grad()
def read_model(f, seed=1):
    """-> net.BitMar that computes what the file does."""
    c = read_config(f)
    checkpoint.shapes(c.dict(), f.path)
    model, g = net.BitMar(c), torch.Generator().manual_seed(seed)
    for name, m in model.named_modules():
        if isinstance(m, net.BitLinear):
            name, shape = name.replace("ffn.", ""), m.weight.shape
            m.weight.copy_(latents(ternary_of(f, name + ".weight", shape), tensor_of(f, name + ".scale", shape[:1]) / m.gain, g))
    model.embed.copy_(tensor_of(f, "embed.weight", model.embed.shape).float() * tensor_of(f, "embed.scale", model.embed.shape[:1])[:, None])
    model.pos.copy_(tensor_of(f, "bottleneck.pos", model.pos.shape))
    model.decoder.sinks.copy_(tensor_of(f, "decoder.sinks", model.decoder.sinks.shape))
    if c.words:
        for name, m in (("words.hidden", model.words.hidden), ("words.out", model.words.out)):
            m.bias.copy_(tensor_of(f, name + ".bias", m.bias.shape))
        for name, x in model.words.named_buffers():
            x.copy_(tensor_of(f, "words." + name, x.shape))
    model.log_sharpness.fill_(math.log(f["memory.sharpness"]))
    model.threshold.fill_(float(f["memory.threshold"]))
    return model


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--model", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    f, out = File(args.model), checkpoint.folder(args.out)
    model = read_model(f, args.seed)
    tok = f.tokenizer()
    (out / "tokenizer.json").write_text(json.dumps({"tokens": tok.tokens, "merges": tok.merges}))
    checkpoint.save({"model": model.state_dict(), "config": model.c.dict(), "args": vars(train.options().parse_args([])), "step": 0, "epoch": 0},
                    out / "start.pt")


if __name__ == "__main__":
    main()
