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
from pathlib import Path

import torch

import net
import train
from reference import File, unpack


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
    c, n = net.Config(), f.meta
    for stage in ("text", "fusion", ""):
        at = "bitmar." + (stage or "decoder")
        for key, name in (("layers", "layers"), ("heads", "heads"), ("feed_forward", "ff")):
            setattr(c, f"{stage}_{name}".lstrip("_"), int(n[f"{at}.{key}"]))
    for key in ("sinks", "window", "max_tokens", "beam"):
        setattr(c, key, int(n["bitmar.decoder." + key]))
    c.length_penalty, c.rope_base = float(n["bitmar.decoder.length_penalty"]), float(n["bitmar.rope.base"])
    c.text_context, c.d, c.bottleneck = int(n["bitmar.text.context"]), int(n["bitmar.embedding_length"]), int(n["bitmar.vision.bottleneck"])
    c.channels, c.tokens = int(n["bitmar.vision.channels"]), int(n["bitmar.vision.tokens"])
    c.slots, c.width = int(n["bitmar.memory.slots"]), int(n["bitmar.memory.width"])
    c.rate, c.merge = float(n["bitmar.memory.rate"]), float(n["bitmar.memory.merge"])
    c.vocabulary = len(n["tokenizer.ggml.tokens"])
    return c


def tensor_of(f, name):
    if name not in f.tensor:
        raise SystemExit(f"tensor {name} is missing")
    return torch.from_numpy(f.tensor[name])


@torch.no_grad()
def read_model(f, seed=1):
    """-> net.BitMar that computes what the file does."""
    model, g = net.BitMar(read_config(f)), torch.Generator().manual_seed(seed)
    for name, m in model.named_modules():
        if isinstance(m, net.BitLinear):
            name = name.replace("ffn.", "")
            t = torch.from_numpy(unpack(f.tensor[name + ".weight"])).float() if name + ".weight" in f.tensor else tensor_of(f, name + ".weight")
            if t.shape != m.weight.shape:
                raise SystemExit(f"tensor {name}.weight has the shape {tuple(t.shape)}, not {tuple(m.weight.shape)}")
            m.weight.copy_(latents(t, tensor_of(f, name + ".scale") / m.gain, g))
    model.embed.copy_(tensor_of(f, "embed.weight").float() * tensor_of(f, "embed.scale")[:, None])
    model.pos.copy_(tensor_of(f, "bottleneck.pos"))
    model.decoder.sinks.copy_(tensor_of(f, "decoder.sinks"))
    model.log_sharpness.fill_(math.log(f["memory.sharpness"]))
    model.threshold.fill_(float(f["memory.threshold"]))
    return model


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--model", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    f, out = File(args.model), Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    model = read_model(f, args.seed)
    merges = [m.split(" ") for m in f.meta["tokenizer.ggml.merges"]]
    (out / "tokenizer.json").write_text(json.dumps({"tokens": f.meta["tokenizer.ggml.tokens"], "merges": merges}))
    torch.save({"model": model.state_dict(), "config": model.c.dict(), "args": vars(train.options().parse_args([])), "step": 0, "epoch": 0},
               out / "start.pt")


if __name__ == "__main__":
    main()
