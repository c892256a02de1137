# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One linear layer, and whole models, in OpenVINO's CPU plugin, int8: FakeQuantize'd input, s8 weights per channel."""
import re

import numpy as np
import openvino as ov
from openvino import opset13 as op

from peers_layer import Layer, Made, Refused, Suite, alike, check, counted

CONFIG = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
COUNTED = ("FullyConnected", "MatMul", "Convolution")


def kernels(compiled):
    """The primitives that its layers with weights run, as the executed graph names them: 'brgemm_avx512_amx_i8', ..."""
    names = []
    for node in compiled.get_runtime_model().get_ops():
        info = node.get_rt_info()
        if info["layerType"].astype(str) in COUNTED:
            names.append(info["primitiveType"].astype(str))
    return names


def made(model, x, int8=True):
    try:
        compiled = ov.Core().compile_model(model, "CPU", CONFIG)
    except RuntimeError as e:
        raise Refused(str(e).strip().splitlines()[-1]) from e
    names = kernels(compiled)
    wide = sorted({n for n in names if not re.search(r"_[iu]8$", n, re.I)})
    if int8 and (wide or not names):
        raise Refused(f"does not run in int8 but as {', '.join(wide) or 'no layer with weights'}")
    request = compiled.create_infer_request()
    tensor = ov.Tensor(x, shared_memory=True)
    request.set_input_tensor(tensor)
    return Made(request.infer, lambda: request.get_output_tensor().data, counted(names), (x, tensor, compiled))


def linear(layer, signed):
    """Static ranges that fit this input; with `signed` off the input is what follows a ReLU, which OpenVINO keeps as u8."""
    x = layer.x if signed else np.abs(layer.x)
    step = np.float32(np.abs(x).max() / (127 if signed else 255))
    lo, hi = (-128 * step, 127 * step) if signed else (0.0, 255 * step)
    node = op.parameter([layer.m, layer.k], np.float32)
    limits = [op.constant(np.float32(v)) for v in (lo, hi, lo, hi)]
    weights = op.multiply(op.convert(op.constant(layer.w8), "f32"), op.constant(layer.scale8[:, None].copy()))
    y = op.matmul(op.fake_quantize(node, *limits, 256), weights, False, True)
    m = made(ov.Model([op.result(y)], [node], "linear"), x)
    check(m.output(), layer.exact8(x))
    return m


def idle():
    node = op.parameter([1, 1], np.float32)
    return made(ov.Model([op.result(op.relu(node))], [node], "idle"), np.zeros((1, 1), np.float32), int8=False)


def version():
    return f"OpenVINO {ov.__version__.split('-')[0]}"


def linear_suite(cap, shapes, batches):
    suite = Suite(version=version(), idle=idle())
    for n, k in shapes:
        for m in batches:
            layer = Layer(n, k, m)
            for form, signed in (("s8 input", True), ("u8 input", False)):
                try:
                    suite.made["ov-int8", form, n, k, m] = linear(layer, signed)
                except Refused as e:
                    suite.refused["ov-int8", form, n, k, m] = str(e)
    return suite


def model_suite(cap, paths, image, want):
    """Of the ONNX forms it reads QDQ; QOperator nodes are ONNX Runtime's own."""
    suite = Suite(version=version())
    try:
        suite.made["ov-int8", "QDQ"] = m = made(ov.Core().read_model(str(paths["QDQ"])), image)
        suite.cosine["ov-int8", "QDQ"] = alike(m.output(), want)
    except Refused as e:
        suite.refused["ov-int8", "QDQ"] = str(e)
    return suite
