# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One frame of ours against the int8 EfficientNet-Lite2 backbone alone in ONNX Runtime and OpenVINO, one thread each, in one run.

The peers' model is built from the same folded weights (models/train/backbone.py): static quantisation, u8 activations, s8
weights per channel, calibrated on --pictures (random pixels without). ONNX Runtime gets both forms (QDQ, QOperator) and the
faster is the peer; OpenVINO reads the QDQ one. Rounds of ours and theirs alternate, since other programs disturb both.
Without --bench only the peers are timed. `vnni`: AMX is kept from the peer; `full`: as installed."""
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from peers_ort import session
from peers_worker import PeerError, start, stop

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


def build(folder, source, count):
    """Float and int8 models -> ({form: path}, an image); says how near int8 is to float, and float to PyTorch."""
    import torch
    bb = backbone.load()
    images = calibration_images(source, bb.size, count)
    plain = folder / "float.onnx"
    onnx.save(float_model(bb), plain)
    want = session(str(plain)).run(None, {"image": images[0]})[0]
    with torch.no_grad():
        exact = backbone.forward_float(bb, torch.from_numpy(images[0] * 127.5 + 127.5)).numpy()
    print(f"float ONNX against PyTorch: worst difference {np.abs(want - exact).max():.1e}")
    paths = {}
    for name, form in FORMATS.items():
        paths[name] = folder / f"{name}.onnx"
        quantize_static(plain, paths[name], Reader(images), quant_format=form, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        got = session(str(paths[name])).run(None, {"image": images[0]})[0]
        cosine = float((got * want).sum() / np.linalg.norm(got) / np.linalg.norm(want))
        print(f"{name}: {paths[name].stat().st_size / 1e6:.1f} MB, cosine with float {cosine:.3f}")
    return paths, images[0], want


class Times:
    """Milliseconds of single frames."""

    def __init__(self):
        self.wall, self.cpu = [], []

    def add(self, pairs):
        for wall, cpu in pairs:
            self.wall.append(1e3 * wall)
            self.cpu.append(1e3 * cpu)

    def __str__(self):
        return (f"wall best {min(self.wall):7.3f} median {np.median(self.wall):7.3f}   "
                f"CPU best {min(self.cpu):7.3f} median {np.median(self.cpu):7.3f} ms")


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
    try:
        done = subprocess.run(cmd, stdout=subprocess.PIPE, text=True)
    except OSError as e:
        raise PeerError(f"{args.bench}: {e.strerror}") from e
    if done.returncode:
        raise PeerError(f"{args.bench}: status {done.returncode}")
    got = json.loads(done.stdout)
    for part in ("encode", "caption"):
        parts[part].append({k: got[f"{part}_{k}"] for k in ("wall", "cpu")})
    return got


def summary(rounds, clock):
    """The best of all rounds and the median of their medians."""
    return min(r[clock]["best"] for r in rounds), float(np.median([r[clock]["median"] for r in rounds]))


def report(peers, parts):
    """A table of CPU times; the ratios are of the best."""
    rows, ours = [], {}
    for part, times in parts.items():
        if times:
            ours[part] = summary(times, "cpu")
            rows.append((f"ours: {part}", *ours[part], "", ""))
    for name, t in peers.items():
        best = min(t.cpu)
        over = [f"{v / best:.2f}" for v in (ours["encode"][0], ours["encode"][0] + ours["caption"][0])] if ours else ["", ""]
        rows.append((name, best, float(np.median(t.cpu)), *over))
    print("\n| CPU time of one thread, ms | best | median | our encode / it | our encode + caption / it |\n|---|---|---|---|---|")
    for name, best, median, *over in rows:
        print(f"| {name} | {best:.2f} | {median:.2f} | {over[0]} | {over[1]} |")


def rounds(args, workers, picture):
    times = {(w.cap, *key): Times() for w in workers for key in w.keys}
    parts, last = {"encode": [], "caption": []}, None
    for _ in range(args.rounds):
        for w in workers:
            for key, pairs in w.round(args.frames, 0).items():
                times[w.cap, *key].add(pairs)
        if args.bench:
            last = run_ours(args, picture, parts)
    return times, parts, last


def describe(workers, times):
    for w in workers:
        amx = {True: "has AMX tiles", False: "no AMX tiles", None: "AMX unknown"}[w.info["amx"]]
        print(f"{w.info['version']}, {w.cap}, one thread, {amx}:")
        for key in w.keys:
            print(f"  {key[1]:9} {times[w.cap, *key]}, cosine with float {w.info['cosine'][key]:.3f}")
            print(f"            ran as {w.info['ran'][key]}")
        for key, why in w.info["refused"].items():
            print(f"  {key[1]:9} refused: {why}")


def run(args):
    with tempfile.TemporaryDirectory() as tmp:
        paths, image, want = build(Path(tmp), args.pictures, args.count)
        picture = nv12(args.pictures, Path(tmp)) if args.pictures else None
        workers = start(args.peers, args.caps, "model_suite", paths=paths, image=image, want=want)
        try:
            times, parts, last = rounds(args, workers, picture)
        finally:
            stop(workers)
    describe(workers, times)
    if last:
        print(f"ours: '{last['text']}', {last['tokens']} tokens, beam {last['beam']}")
    peers = {}
    for w in workers:
        for peer in dict.fromkeys(key[0] for key in w.keys):
            best = min((k for k in times if k[:2] == (w.cap, peer)), key=lambda k: min(times[k].cpu))
            peers[f"{w.info['version']}, {w.cap} ({best[2]})"] = times[best]
    report(peers, parts)
