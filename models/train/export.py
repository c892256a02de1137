# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the trained model and its backbone as one GGUF file (models/MODEL.md, "File").

    export.py --checkpoint OUT/last.pt --backbone backbone.pt --output F.gguf
    export.py --checkpoint OUT/last.pt --backbone OTHER.gguf --output F.gguf

The backbone is an integer EfficientNet-Lite as quantise.py and finetune.py write it, or that of a GGUF file, whichever it is: what that file
says of vision is copied as it stands."""
import argparse
import hashlib
import json
import os
from pathlib import Path

import gguf
import numpy as np
import torch

import backbone
import background
import checkpoint
import net
from reference import File
from text import BOS, CLS, EOS, PAD

HASH_KEY = "bitmar.sha256"


def pack(t):
    """(-1, 0, 1) [n, k] -> int8 [n, k/4]: element 4j+i of a row in bits 2i of byte j, as t + 1."""
    c = (t.to(torch.int64) + 1).numpy().astype(np.uint8).reshape(t.shape[0], -1, 4)
    return (c[..., 0] | c[..., 1] << 2 | c[..., 2] << 4 | c[..., 3] << 6).view(np.int8)


def seal(path):
    """Fills in the SHA-256 of the file, taken with the 64 digits as zeros."""
    data = bytearray(Path(path).read_bytes())
    at = data.index(HASH_KEY.encode()) + len(HASH_KEY) + 4 + 8
    if bytes(data[at:at + 64]) != b"0" * 64:
        raise SystemExit(f"{path}: no room for the checksum where it was expected")
    data[at:at + 64] = hashlib.sha256(data).hexdigest().encode()
    Path(path).write_bytes(data)


class Writer:
    def __init__(self, path):
        self.w = gguf.GGUFWriter(path, "bitmar")
        self.parameters = {"ternary": 0, "int8": 0, "float": 0}

    def f32(self, name, x):
        x = np.ascontiguousarray(x.detach().numpy() if torch.is_tensor(x) else x, dtype=np.float32)
        self.parameters["float"] += x.size
        self.w.add_tensor(name, x)

    def linear(self, name, m):
        t, s = net.ternary(m.weight.detach())
        self.parameters["ternary"] += t.numel()
        self.w.add_tensor(name + ".weight", pack(t))
        self.f32(name + ".scale", s * m.gain)

    def conv(self, name, c):
        q = c.q.to(torch.int8)
        if c.kind == "dw":
            q = q.reshape(c.cout, -1).t()                              # [taps, channels]
        elif c.kind == "stem":
            q = q.permute(0, 2, 3, 1).reshape(c.cout, -1)               # [cout, ky kx channel]
        else:
            q = q.reshape(c.cout, c.cin)
        self.parameters["ternary" if c.ternary else "int8"] += q.numel()
        self.w.add_tensor(name + ".weight", pack(q) if c.ternary else np.ascontiguousarray(q.numpy()))
        if c.bias.abs().max() > np.iinfo(np.int32).max:
            raise SystemExit(f"{name}.bias does not fit into 32 bits; make the backbone again with quantise.py")
        self.w.add_tensor(name + ".bias", c.bias.numpy().astype(np.int32))
        self.f32(name + ".mult", c.mult)
        if c.residual:
            self.f32(name + ".rmult", np.array([c.rmult]))


# The captioner's, though they are about the vision side.
OWN = ("bitmar.vision.bottleneck", "bitmar.vision.early_blocks")


class Copied:
    """The backbone of a GGUF file: its keys and tensors as they stand."""

    def __init__(self, path):
        r = File(path).reader
        self.fields = {k: v for k, v in r.fields.items() if k.startswith("bitmar.vision.") and k not in OWN}
        self.tensors = [t for t in r.tensors if t.name.startswith("vision.")]
        if not self.tensors:
            raise SystemExit(f"{path}: no backbone in it")
        self.channels, self.tokens = (int(self.fields[f"bitmar.vision.{k}"].contents()) for k in ("channels", "tokens"))

    def keys(self, w):
        for k, v in self.fields.items():
            if v.types[0] == gguf.GGUFValueType.ARRAY:
                w.add_array(k, v.contents())
            else:
                w.add_key_value(k, v.contents(), v.types[0])

    def tensors_to(self, out):
        for t in self.tensors:
            out.w.add_tensor(t.name, np.array(t.data))


class Integers:
    """The EfficientNet-Lite that backbone.py made."""

    def __init__(self, bb):
        self.bb, edge = bb, bb.size
        for c in bb.convs:
            edge = -(-edge // c.stride)
        self.channels, self.tokens = bb.convs[-1].cout, edge * edge

    def keys(self, w):
        bb, first = self.bb, self.bb.convs[0]
        w.add_string("bitmar.vision.backbone", "efficientnet-lite")
        for key, value in dict(image_size=bb.size, channels=self.channels, tokens=self.tokens, pool=1, stem_channels=first.cout).items():
            w.add_uint32(f"bitmar.vision.{key}", value)
        table = dict(kernel=[bb.convs[d].k for _, d, _ in bb.blocks], stride=[bb.convs[d].stride for _, d, _ in bb.blocks],
                     expand=[0 if e is None else bb.convs[e].cout for e, _, _ in bb.blocks],
                     channels_out=[bb.convs[p].cout for _, _, p in bb.blocks])
        for key, value in table.items():
            w.add_array(f"bitmar.vision.{key}", value)

    def tensors_to(self, out):
        for c in self.bb.convs:
            out.conv("vision." + c.name, c)


def read_backbone(path):
    try:
        with open(path, "rb") as f:
            is_gguf = f.read(4) == b"GGUF"
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None
    return Copied(path) if is_gguf else Integers(backbone.read(path))


def metadata(w, c, bb, tok, info):
    u, f = w.add_uint32, w.add_float32
    w.add_name(info["name"])
    w.add_description(info["description"])
    w.add_license(info["license"])
    w.add_version(info["version"])
    u("bitmar.format", 1)
    w.add_string(HASH_KEY, "0" * 64)
    w.add_string("bitmar.training_data", info["training_data"])
    w.add_string("bitmar.scores", json.dumps(info["scores"]))
    u("bitmar.embedding_length", c.d)
    bb.keys(w)
    if (bb.channels, bb.tokens) != (c.channels, c.tokens):
        raise SystemExit(f"the captioner was trained on {c.tokens} tokens of {c.channels} channels, this backbone makes {bb.tokens} of {bb.channels}")
    u("bitmar.vision.bottleneck", c.bottleneck)
    if c.early:
        u("bitmar.vision.early_blocks", c.early_blocks)
    for stage, keys in dict(text=("layers", "heads", "ff", "context"), fusion=("layers", "heads", "ff")).items():
        for k in keys:
            u(f"bitmar.{stage}.{'feed_forward' if k == 'ff' else k}", getattr(c, f"{stage}_{k}"))
    u("bitmar.memory.slots", c.slots)
    u("bitmar.memory.width", c.width)
    f("bitmar.memory.rate", c.rate)
    f("bitmar.memory.sharpness", info["sharpness"])
    f("bitmar.memory.threshold", info["threshold"])
    f("bitmar.memory.merge", c.merge)
    for key, value in dict(layers=c.layers, heads=c.heads, feed_forward=c.ff, sinks=c.sinks, window=c.window,
                           max_tokens=c.max_tokens, history=c.history, beam=c.beam).items():
        u(f"bitmar.decoder.{key}", value)
    f("bitmar.decoder.length_penalty", c.length_penalty)
    if c.repetition_penalty:
        f("bitmar.decoder.repetition_penalty", c.repetition_penalty)
    if c.history or c.hold >= 0:
        f("bitmar.decoder.cut", c.cut)
    if c.hold >= 0:
        f("bitmar.decoder.hold", c.hold)
    w.add_array("bitmar.decoder.no_end", tok.no_end())
    f("bitmar.confidence.temperature", info["temperature"])
    f("bitmar.confidence.bias", info["bias"])
    for key in ("length", "words"):
        if info.get(key):
            f("bitmar.confidence." + key, info[key])
    if c.words:
        u("bitmar.words.hidden", c.words)
        f("bitmar.words.weight", c.words_weight)
    if info.get("background"):
        f("bitmar.alert.slope", info["background"][2])
        f("bitmar.alert.bias", info["background"][3])
    f("bitmar.rope.base", c.rope_base)
    w.add_tokenizer_model("gpt2")
    w.add_token_list(tok.tokens)
    w.add_token_merges([" ".join(m) for m in tok.merges])
    w.add_pad_token_id(PAD)
    w.add_bos_token_id(BOS)
    w.add_eos_token_id(EOS)
    w.add_uint32("tokenizer.ggml.cls_token_id", CLS)


def tensors(out, model, bb, scores=None):
    """scores: what background.read() returns"""
    bb.tensors_to(out)
    for name, m in model.bottleneck.named_children():
        out.linear(f"bottleneck.{name}", m)
    out.f32("bottleneck.pos", model.pos)
    rows, scale = net.int8_rows(model.embed.detach())
    out.w.add_tensor("embed.weight", rows.numpy().astype(np.int8))
    out.parameters["int8"] += rows.numel()
    out.f32("embed.scale", scale)
    for stage, blocks, names in (("text", model.text.blk, ("qkv", "out")), ("fusion", model.fusion.blk, ("q", "kv", "out")),
                                 ("decoder", model.decoder.blk, ("cond", "qkv", "frame_kv", "out"))):
        for i, m in enumerate(blocks):
            for n in names:
                out.linear(f"{stage}.blk.{i}.{n}", getattr(m, n))
            out.linear(f"{stage}.blk.{i}.up", m.ffn.up)
            out.linear(f"{stage}.blk.{i}.down", m.ffn.down)
    if model.c.words:
        for name, m in (("words.hidden", model.words.hidden), ("words.out", model.words.out)):
            out.linear(name, m)
            out.f32(name + ".bias", m.bias)
        for name in ("mean", "scale", "idf"):
            out.f32("words." + name, getattr(model.words, name))
    out.linear("text.head", model.text.head)
    out.linear("fusion.key", model.fusion.key)
    out.linear("fusion.content", model.fusion.content)
    out.f32("decoder.sinks", model.decoder.sinks)
    if scores:
        out.f32("memory.background.mean", scores[0])
        out.f32("memory.background.covariance", scores[1])


def read_background(path, model):
    return background.read(path, *(pack(net.ternary(m.weight.detach())[0]) for m in (model.text.head, model.fusion.key))) if path else None


def finish(out, path):
    out.w.write_header_to_file()
    out.w.write_kv_data_to_file()
    out.w.write_tensors_to_file()
    out.w.close()
    seal(path)


def read_scores(path):
    try:
        return json.loads(Path(path).read_text()) if path else {}
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None
    except ValueError as e:
        raise SystemExit(f"{path}: not JSON: {e}") from None


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--backbone", required=True, help="the integer backbone quantise.py wrote, or a GGUF file")
    ap.add_argument("--output", required=True)
    ap.add_argument("--name", default="BitMar captioner")
    ap.add_argument("--description", default="A 1.58-bit captioner with episodic memory")
    ap.add_argument("--release", default="0.1")
    ap.add_argument("--license", default="CC-BY-NC-4.0 (weights; see docs/model-card.md)")
    ap.add_argument("--training-data", default="")
    ap.add_argument("--scores", help="JSON file")
    ap.add_argument("--length-penalty", type=float)
    ap.add_argument("--repetition-penalty", type=float, help="taken off the log-probability of a word, other than a function word, said once more")
    ap.add_argument("--words-weight", type=float, help="of how well a caption has the words that words.py has learnt to expect, beside beam search's score")
    ap.add_argument("--beam", type=int, choices=range(1, 9), help="beams of the search, where nobody asks for others")
    ap.add_argument("--history", type=int, choices=(0, 1), help="1: captions stay in the window of those that follow (it was trained on streams)")
    ap.add_argument("--cut", type=float, help="similarity of two looks below which the scene is another; what evaluate_streams.py printed")
    ap.add_argument("--hold", type=float, help="how much better than the former caption of the scene a new one must be, in beam search's score; see "
                    "evaluate_streams.py")
    ap.add_argument("--window", type=int, help="entries of the decoder's window")
    ap.add_argument("--confidence-temperature", type=float, default=1, help="what calibrate.py printed")
    ap.add_argument("--confidence-bias", type=float, default=0)
    ap.add_argument("--confidence-length", type=float, default=0)
    ap.add_argument("--confidence-words", type=float, default=0)
    ap.add_argument("--background", help="what background.py wrote of these weights: scores of alerts; without it they are cosines on a fixed scale")
    args = ap.parse_args()

    part = checkpoint.room_for(args.output)
    saved = checkpoint.load(args.checkpoint)
    model, tok = checkpoint.model_of(saved), checkpoint.tokenizer_of(saved, args.checkpoint)
    cfg = model.c
    if args.length_penalty is not None:
        cfg.length_penalty = args.length_penalty
    for key in ("history", "cut", "hold", "window", "beam", "repetition_penalty", "words_weight"):
        if getattr(args, key) is not None:
            setattr(cfg, key, getattr(args, key))
    bb, scores = read_backbone(args.backbone), read_background(args.background, model)

    out = Writer(part)
    metadata(out.w, cfg, bb, tok, dict(
        name=args.name, description=args.description, license=args.license, version=args.release, training_data=args.training_data,
        scores=read_scores(args.scores), temperature=args.confidence_temperature, bias=args.confidence_bias, length=args.confidence_length,
        words=args.confidence_words, background=scores,
        sharpness=model.log_sharpness.exp().item(), threshold=model.threshold.item()))
    tensors(out, model, bb, scores)
    try:
        finish(out, part)
        os.replace(part, args.output)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise SystemExit(f"{args.output}: can't be written: {e.strerror}") from None
    p = out.parameters                     # a backbone that was copied is not among them
    print(f"{args.output}: {Path(args.output).stat().st_size / 1e6:.2f} MB, {p['ternary'] / 1e6:.2f} M ternary, "
          f"{p['int8'] / 1e6:.2f} M int8, {p['float'] / 1e6:.2f} M float parameters")


if __name__ == "__main__":
    main()
