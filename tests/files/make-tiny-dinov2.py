# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-dinov2.gguf, a small, random, valid model on a DINOv2 whose linears are of all three kinds, and tiny-backbone.gguf, a
smaller DINOv2 alone, without registers and in halves, as dinov2.py writes it.

    make-tiny-dinov2.py tests/files"""
import importlib
import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "models" / "train")]
import dinov2                                                        # noqa: E402

tiny = importlib.import_module("make-tiny-model")

# The position table is made for a grid of 5, the pictures have one of 4.
CONFIG = dict(model_type="dinov2_with_registers", hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2,
              patch_size=8, image_size=40, num_register_tokens=3)
ALONE = dict(model_type="dinov2", hidden_size=16, num_hidden_layers=1, num_attention_heads=1, mlp_ratio=2, patch_size=6, image_size=30)
ATTENTION = ("attention.query", "attention.key", "attention.value", "output.dense")
KINDS = {"vision.patch": "f16", "vision.blk.0.qkv": "int8", "vision.blk.0.out": "f16", "vision.blk.0.up": "ternary",
         "vision.blk.0.down": "int8", "vision.blk.1.qkv": "f16", "vision.blk.1.out": "ternary", "vision.blk.1.up": "f16",
         "vision.blk.1.down": "ternary"}


def random_state(c):
    """What a checkpoint of that configuration holds, under the published names."""
    d, ff, patch = c["hidden_size"], c["hidden_size"] * c["mlp_ratio"], c["patch_size"]
    shapes = {"embeddings.cls_token": (1, 1, d), "embeddings.register_tokens": (1, c.get("num_register_tokens", 0), d),
              "embeddings.position_embeddings": (1, 1 + (c["image_size"] // patch) ** 2, d),
              "embeddings.patch_embeddings.projection.weight": (d, 3, patch, patch), "embeddings.patch_embeddings.projection.bias": (d,),
              "layernorm.weight": (d,), "layernorm.bias": (d,)}
    for i in range(c["num_hidden_layers"]):
        b = f"encoder.layer.{i}."
        for n, rows, k in [(f"attention.{x}", d, d) for x in ATTENTION] + [("mlp.fc1", ff, d), ("mlp.fc2", d, ff)]:
            shapes[f"{b}{n}.weight"], shapes[f"{b}{n}.bias"] = (rows, k), (rows,)
        for n in ("norm1", "norm2"):
            shapes[f"{b}{n}.weight"] = shapes[f"{b}{n}.bias"] = (d,)
        shapes[f"{b}layer_scale1.lambda1"] = shapes[f"{b}layer_scale2.lambda1"] = (d,)
    state = {}
    for name, shape in shapes.items():
        fan = torch.Size(shape[1:]).numel() if len(shape) > 1 and "weight" in name else 1
        state[name] = torch.randn(shape) / fan ** 0.5
        if "lambda1" in name or name.endswith(("norm.weight", "norm1.weight", "norm2.weight")):
            state[name] = 1 + 0.3 * state[name]
    return state


def main():
    files = Path(sys.argv[1])
    torch.manual_seed(11)
    bb = dinov2.Dinov2("a random checkpoint", CONFIG, random_state(CONFIG), KINDS.get, size=32, pool=2)
    tiny.write(str(files / "tiny-dinov2.gguf"), bb, "Tiny random model on DINOv2",
               "A 1.58-bit captioner with episodic memory on a DINOv2 of mixed weights", words=48)
    alone = dinov2.Dinov2("a random checkpoint", ALONE, random_state(ALONE), "f16", size=30, pool=1)
    dinov2.write(alone, str(files / "tiny-backbone.gguf"), "Tiny random DINOv2", "CC0-1.0")


if __name__ == "__main__":
    main()
