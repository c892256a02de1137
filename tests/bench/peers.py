# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One frame of ours against ONNX Runtime's int8 EfficientNet-Lite2 backbone alone, one thread each, in one run.

    peers.py --bench BUILD/tests/bench/bench-frame --model models/weights/bitmar.gguf [--pictures SET.tar]

The peer is built from the same folded weights (models/train/backbone.py): static quantisation, u8 activations, s8 weights per
channel, calibrated on --pictures (random pixels without). Both forms (QDQ, QOperator) are timed and the faster is the peer.
Rounds of ours and theirs alternate, since other programs disturb both. Without --bench only the peer is timed."""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "train"))
import backbone
from features import decode, pictures

FORMATS = {"QDQ": QuantFormat.QDQ, "QOperator": QuantFormat.QOperator}


class Graph:
    """An ONNX graph, grown convolution by convolution."""

    def __init__(self, size):
        self.nodes, self.weights, self.size = [], [], size
        for name, v in (("six", 6.0), ("zero", 0.0)):
            self.weights.append(numpy_helper.from_array(np.float32(v), name))

    def conv(self, c, x, edge, residual=None):
        """-> (name of the output, its edge). Padding is TF-SAME: the odd row and column at the bottom and right."""
        out = -(-edge // c.stride)
        total = max((out - 1) * c.stride + c.k - edge, 0)
        pads = [total // 2] * 2 + [total - total // 2] * 2
        self.weights.append(numpy_helper.from_array(c.w.numpy(), c.name + ".w"))
        self.weights.append(numpy_helper.from_array(c.b.numpy(), c.name + ".b"))
        self.nodes.append(helper.make_node("Conv", [x, c.name + ".w", c.name + ".b"], [c.name], name=c.name, pads=pads,
                                           kernel_shape=[c.k, c.k], strides=[c.stride] * 2,
                                           group=c.cin if c.kind == "dw" else 1))
        y = c.name
        if c.relu6:
            self.nodes.append(helper.make_node("Clip", [y, "zero", "six"], [y + ".relu6"], name=y + ".relu6"))
            y += ".relu6"
        if residual:
            self.nodes.append(helper.make_node("Add", [y, residual], [y + ".sum"], name=y + ".sum"))
            y += ".sum"
        return y, out

    def model(self, output, channels, edge):
        x = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, self.size, self.size])
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, channels, edge, edge])
        graph = helper.make_graph(self.nodes, "efficientnet-lite2", [x], [y], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def float_model(bb):
    g = Graph(bb.size)
    x, edge = g.conv(bb.convs[0], "image", bb.size)
    for e, d, p in bb.blocks:
        y = x
        if e is not None:
            y, edge = g.conv(bb.convs[e], y, edge)
        y, edge = g.conv(bb.convs[d], y, edge)
        x, edge = g.conv(bb.convs[p], y, edge, x if bb.convs[p].residual else None)
    y, edge = g.conv(bb.convs[-1], x, edge)
    model = g.model(y, bb.convs[-1].cout, edge)
    onnx.checker.check_model(model)
    return model


class Reader(CalibrationDataReader):
    def __init__(self, images):
        self.items = iter(images)

    def get_next(self):
        x = next(self.items, None)
        return None if x is None else {"image": x}


def calibration_images(path, size, count):
    """f32 [1, 3, size, size] in -1..1."""
    rng = random.Random(1)
    if path:
        items = list(pictures(path))
        pixels = [np.asarray(decode(d, size)) for _, d in rng.sample(items, min(count, len(items)))]
    else:
        pixels = np.random.default_rng(1).integers(0, 256, (count, size, size, 3))
    return [((p.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None] for p in pixels]


def session(model, optimise=True):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def build(folder, source, count):
    """Float and int8 models -> {form: session}; says how near int8 is to float, and float to PyTorch."""
    import torch
    bb = backbone.load()
    images = calibration_images(source, bb.size, count)
    plain = folder / "float.onnx"
    onnx.save(float_model(bb), plain)
    want = session(plain).run(None, {"image": images[0]})[0]
    with torch.no_grad():
        exact = backbone.forward_float(bb, torch.from_numpy(images[0] * 127.5 + 127.5)).numpy()
    print(f"float ONNX against PyTorch: worst difference {np.abs(want - exact).max():.1e}")
    out = {}
    for name, form in FORMATS.items():
        path = folder / f"{name}.onnx"
        quantize_static(plain, path, Reader(images), quant_format=form, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        out[name] = session(path)
        got = out[name].run(None, {"image": images[0]})[0]
        cosine = float((got * want).sum() / np.linalg.norm(got) / np.linalg.norm(want))
        print(f"{name}: {path.stat().st_size / 1e6:.1f} MB, cosine with float {cosine:.3f}")
    return out, images[0]


class Times:
    def __init__(self):
        self.wall, self.cpu = [], []

    def add(self, wall, cpu):
        self.wall.append(wall)
        self.cpu.append(cpu)

    def __str__(self):
        return (f"wall best {min(self.wall):7.3f} median {np.median(self.wall):7.3f}   "
                f"CPU best {min(self.cpu):7.3f} median {np.median(self.cpu):7.3f} ms")


def run_peer(peer, image, count, times):
    for _ in range(count):
        wall, cpu = time.perf_counter(), time.thread_time()
        peer.run(None, {"image": image})
        times.add(1e3 * (time.perf_counter() - wall), 1e3 * (time.thread_time() - cpu))


def nv12(path, folder):
    """A picture as raw 1280x720 NV12, full range, for bench-frame; the middle one of a set."""
    from PIL import Image
    import io
    items = list(pictures(path))
    img = Image.open(io.BytesIO(items[len(items) // 2][1])).convert("RGB").resize((1280, 720), Image.BILINEAR)
    y, cb, cr = (np.asarray(p) for p in img.convert("YCbCr").split())
    half = [p.reshape(360, 2, 640, 2).mean((1, 3)).round().astype(np.uint8) for p in (cb, cr)]
    out = folder / "picture.nv12"
    out.write_bytes(y.tobytes() + np.stack(half, -1).tobytes())
    return str(out)


def run_ours(args, picture, parts):
    cmd = [args.bench, args.model, str(args.frames), str(args.beam), *([picture] if picture else [])]
    got = json.loads(subprocess.run(cmd, check=True, stdout=subprocess.PIPE, text=True).stdout)
    for part in ("encode", "caption"):
        parts[part].append({k: got[f"{part}_{k}"] for k in ("wall", "cpu")})
    return got


def summary(rounds, clock):
    """The best of all rounds and the median of their medians."""
    return min(r[clock]["best"] for r in rounds), float(np.median([r[clock]["median"] for r in rounds]))


def report(peer, parts):
    for clock in ("wall", "cpu"):
        e, c = summary(parts["encode"], clock), summary(parts["caption"], clock)
        theirs = getattr(peer, clock)
        ratio = (e[0] + c[0]) / min(theirs), (e[1] + c[1]) / np.median(theirs)
        print(f"ours, {clock}: encode best {e[0]:.3f} median {e[1]:.3f}, caption best {c[0]:.3f} median {c[1]:.3f} ms; "
              f"(encode + caption) / peer: best {ratio[0]:.2f} median {ratio[1]:.2f}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bench", help="the built bench-frame")
    ap.add_argument("--model", help="model file for it")
    ap.add_argument("--pictures", help="tar or folder of pictures: calibration, and the middle one is captioned")
    ap.add_argument("--count", type=int, default=16, help="pictures to calibrate on")
    ap.add_argument("--rounds", type=int, default=10)
    ap.add_argument("--frames", type=int, default=20, help="frames of each a round")
    ap.add_argument("--beam", type=int, default=3)
    ap.add_argument("--cpu", type=int, help="run everything on this core")
    args = ap.parse_args()
    if bool(args.bench) != bool(args.model):
        ap.error("--bench and --model go together")
    if args.cpu is not None:
        os.sched_setaffinity(0, {args.cpu})
    with tempfile.TemporaryDirectory() as tmp:
        sessions, image = build(Path(tmp), args.pictures, args.count)
        picture = nv12(args.pictures, Path(tmp)) if args.pictures else None
        times, parts, last = {n: Times() for n in sessions}, {"encode": [], "caption": []}, None
        for name, s in sessions.items():
            run_peer(s, image, 3, Times())
        for _ in range(args.rounds):
            for name, s in sessions.items():
                run_peer(s, image, args.frames, times[name])
            if args.bench:
                last = run_ours(args, picture, parts)
    print(f"ONNX Runtime {ort.__version__}, one thread:")
    for name, t in times.items():
        print(f"  {name:9} {t}")
    best = min(times, key=lambda n: min(times[n].cpu))
    print(f"peer: {best}")
    if args.bench:
        print(f"ours: '{last['text']}', {last['tokens']} tokens, beam {last['beam']}")
        report(times[best], parts)


if __name__ == "__main__":
    main()
