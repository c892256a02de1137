# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes small, random, valid models, so that the C tests need neither training nor pictures: one that sees its backbone's features alone, and
one that sees an early block's codes beside them, keeps captions in its window and expects words.

    make-tiny-model.py tests/files/tiny.gguf tests/files/tiny-early.gguf"""
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "train"))
import backbone                                                      # noqa: E402
import export                                                        # noqa: E402
import net                                                           # noqa: E402
from text import train_bpe                                           # noqa: E402

WORDS = """a man walks his dog past the red car. two people stand on a wet street at night. an empty room with a white wall.
the woman in a blue coat rides a bicycle across the road. no one is in the car park."""

# kernel, stride, expanded channels, channels out; the third has a residual
BLOCKS = [(3, 1, 0, 8), (5, 2, 24, 16), (3, 1, 32, 16), (3, 2, 40, 24)]


def conv(name, kind, cin, cout, k, stride, residual=False):
    groups = cin if kind == "dw" else 1
    w = torch.randn(cout, cin // groups, k, k) * (2.0 / (cin // groups * k * k)) ** 0.5
    return backbone.Conv(name, kind, cin, cout, k, stride, residual, w, torch.randn(cout) * 0.2)


def random_backbone(size):
    bb = backbone.Backbone([conv("stem", "stem", 3, 8, 3, 2)], [], size)
    cin = 8

    def add(c):
        bb.convs.append(c)
        return len(bb.convs) - 1
    for i, (k, s, expand, cout) in enumerate(BLOCKS):
        wide = expand or cin
        e = add(conv(f"blk.{i}.expand", "expand", cin, wide, 1, 1)) if expand else None
        d = add(conv(f"blk.{i}.dw", "dw", wide, wide, k, s))
        p = add(conv(f"blk.{i}.project", "project", wide, cout, 1, 1, bool(expand) and s == 1 and cout == cin))
        bb.blocks.append((e, d, p))
        cin = cout
    bb.convs.append(conv("head", "head", cin, 32, 1, 1))
    backbone.calibrate(bb, torch.randint(0, 256, (16, 3, size, size)))
    return bb


def write(path, bb, name, description, scores=None, early=0, early_blocks=0, words=0):
    """A random captioner on the backbone: a whole model. scores: as background.read() returns them; words: hidden width of the layer that expects them."""
    tok = train_bpe([WORDS], 300)
    cfg = net.Config(vocabulary=len(tok.tokens), d=32, channels=bb.channels, early=early, early_blocks=early_blocks, history=int(early > 0), cut=0.5,
                     tokens=bb.tokens, bottleneck=48, text_layers=2,
                     text_heads=2, text_ff=64, text_context=16, fusion_layers=2, fusion_heads=2, fusion_ff=64, slots=8,
                     width=16, layers=2, heads=2, ff=64, sinks=4, window=64, max_tokens=12, beam=3, repetition_penalty=1.5 * (early > 0),
                     words=words, words_weight=3 * (words > 0))
    model = net.BitMar(cfg)
    with torch.no_grad():
        model.embed.mul_(8)               # peaked choices
        for m in model.modules():         # layers that outweigh the embedding: captions that differ from picture to picture
            if isinstance(m, net.BitLinear):
                m.gain = 2.0
        model.log_sharpness.fill_(2.0)
        if words:
            model.words.mean.copy_(1000 + 500 * torch.rand(bb.channels))
            model.words.scale.copy_(1 / (50 + 50 * torch.rand(bb.channels)))
            model.words.idf.copy_(3 * torch.rand(cfg.vocabulary))
            model.words.hidden.bias.copy_(torch.randn(words) / 2)
            model.words.out.bias.copy_(torch.randn(cfg.vocabulary))
    out = export.Writer(path)
    export.metadata(out.w, cfg, bb, tok, dict(
        name=name, description=description, license="CC0-1.0", version="1", training_data="none: random weights", scores={},
        temperature=2, bias=4, length=0.25 * (early > 0), words=0.5 * (words > 0), background=scores,   # it doubts all that it says; elements that keep doubted captions back would be silent
        sharpness=model.log_sharpness.exp().item(), threshold=model.threshold.item()))
    export.tensors(out, model, bb, scores)
    export.finish(out, path)


def main():
    torch.manual_seed(7)
    write(sys.argv[1], export.Integers(random_backbone(40)), "Tiny random model",
          "A 1.58-bit captioner with episodic memory on an int8 EfficientNet-Lite backbone")
    # 36 pixels: 9 x 9 places after two blocks, 5 x 5 tokens; the grids don't meet at the edge.
    write(sys.argv[2], export.Integers(random_backbone(36)), "Tiny random model with early codes", "The same, seeing an early block too",
          early=64, early_blocks=2, words=32)


if __name__ == "__main__":
    main()
