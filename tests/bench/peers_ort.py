# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One linear layer, and whole models, in ONNX Runtime: every form its CPU provider has for int8, and MatMulNBits."""
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array

from peers_layer import Layer, Made, Refused, Suite, alike, check, counted

MS = "com.microsoft"
BLOCKS = (32, 64, 128)


def session(model, keep=None, **config):
    """`model` is a path or bytes; `keep` receives the optimised graph."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    for k, v in config.items():
        options.add_session_config_entry(k.replace("__", "."), v)
    if keep:
        options.optimized_model_filepath = str(keep)
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # its errors share no base class of their own
        raise Refused(str(e).splitlines()[0]) from e


def made(model, x, shape, **config):
    """Bound to fixed memory, so that a call neither copies nor allocates at its ends."""
    with tempfile.TemporaryDirectory() as tmp:
        kept = Path(tmp) / "optimised.onnx"
        s = session(model, kept, **config)
        ran = counted(n.op_type for n in onnx.load(kept).graph.node)
    y = np.zeros(shape, np.float32)
    inputs, outputs = ort.OrtValue.ortvalue_from_numpy(x), ort.OrtValue.ortvalue_from_numpy(y)
    binding = s.io_binding()
    binding.bind_ortvalue_input(s.get_inputs()[0].name, inputs)
    binding.bind_ortvalue_output(s.get_outputs()[0].name, outputs)
    inner, call = binding._iobinding, s._sess.run_with_iobinding  # the wrapper around these costs time of its own
    return Made(lambda: call(inner, None), outputs.numpy, ran, (x, y, inputs, outputs, binding, s))


def graph(nodes, constants, k, n, m):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [m, k])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [m, n])
    tensors = [from_array(np.asarray(v), name) for name, v in constants.items()]
    g = helper.make_graph(nodes, "linear", [x], [y], tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)]
    return helper.make_model(g, opset_imports=opsets, ir_version=9).SerializeToString()


def weights8(layer):
    return {"w": np.ascontiguousarray(layer.w8.T), "ws": layer.scale8, "wz": np.zeros(layer.n, np.int8)}


def static_scales(layer):
    """u8 with the zero in the middle, from the extremes of this very input and output."""
    def scale(a):
        return np.float32(np.abs(a).max() / 127)
    return {"s": scale(layer.x), "z": np.uint8(128), "ys": scale(layer.exact8())}


def dynamic_quantize_matmul(layer):
    nodes = [helper.make_node("DynamicQuantizeMatMul", ["x", "w", "ws", "wz"], ["y"], domain=MS)]
    return nodes, weights8(layer)


def matmul_integer(layer):
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
             helper.make_node("MatMulInteger", ["q", "w", "z", "wz"], ["i"]),
             helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
             helper.make_node("Mul", ["s", "ws"], ["sws"]),
             helper.make_node("Mul", ["f", "sws"], ["y"])]
    return nodes, weights8(layer)


def qdq(layer):
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
             helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
             helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=1),
             helper.make_node("MatMul", ["d", "wd"], ["y"])]
    return nodes, weights8(layer) | static_scales(layer)


def qlinear_matmul(layer):
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
             helper.make_node("QLinearMatMul", ["q", "s", "z", "w", "ws", "wz", "ys", "z"], ["r"]),
             helper.make_node("DequantizeLinear", ["r", "ys", "z"], ["y"])]
    return nodes, weights8(layer) | static_scales(layer)


INT8 = {"DynamicQuantizeMatMul": dynamic_quantize_matmul, "DynamicQuantizeLinear + MatMulInteger": matmul_integer,
        "QDQ MatMul": qdq, "QLinearMatMul": qlinear_matmul}


def int8(layer, form):
    nodes, constants = INT8[form](layer)
    m = made(graph(nodes, constants, layer.k, layer.n, layer.m), layer.x, (layer.m, layer.n))
    check(m.output(), layer.exact8())
    return m


def packed(layer, bits, block):
    """[n, blocks, block * bits / 8]: along k, low bits first; no zero point is given, so it is half the range."""
    codes = (layer.signed(bits) + (1 << (bits - 1))).astype(np.uint8).reshape(layer.n, -1, 8 // bits)
    out = np.zeros(codes.shape[:2], np.uint8)
    for i in range(8 // bits):
        out |= codes[:, :, i] << (bits * i)
    return out.reshape(layer.n, layer.k // block, block * bits // 8)


def nbits(layer, bits, block, **config):
    if layer.k % block:
        raise Refused(f"k = {layer.k} is no multiple of the block, {block}")
    scale = np.float32(1 / layer.k ** 0.5)
    constants = {"w": packed(layer, bits, block), "ws": np.full(layer.n * (layer.k // block), scale)}
    node = helper.make_node("MatMulNBits", ["x", "w", "ws"], ["y"], domain=MS, K=layer.k, N=layer.n, bits=bits,
                            block_size=block, accuracy_level=4)
    m = made(graph([node], constants, layer.k, layer.n, layer.m), layer.x, (layer.m, layer.n), **config)
    check(m.output(), layer.x @ (layer.signed(bits) * scale).T)
    return m


def forms(cap):
    """-> (peer, form, maker). The cap on AMX does not touch MatMulNBits, which has no kernel for it: timed once."""
    for form in INT8:
        yield "ort-int8", form, lambda layer, form=form: int8(layer, form)
    if cap != "full":
        return
    for block in BLOCKS:
        for bits in (2, 4):
            yield f"ort-{bits}bit", f"block {block}", lambda layer, a=(bits, block): nbits(layer, *a)
        yield ("ort-2bit", f"block {block}, lookup table",
               lambda layer, b=block: nbits(layer, 2, b, mlas__use_lut_gemm="1"))


def linear_suite(cap, shapes, batches):
    suite = Suite(version=f"ONNX Runtime {ort.__version__}")
    suite.idle = made(graph([helper.make_node("Identity", ["x"], ["y"])], {}, 1, 1, 1), np.zeros((1, 1), np.float32), (1, 1))
    for n, k in shapes:
        for m in batches:
            layer = Layer(n, k, m)
            for peer, form, maker in forms(cap):
                try:
                    suite.made[peer, form, n, k, m] = maker(layer)
                except Refused as e:
                    suite.refused[peer, form, n, k, m] = str(e)
    return suite


def model_suite(cap, paths, image, want):
    """Whole models from image to features: {form: path}."""
    suite = Suite(version=f"ONNX Runtime {ort.__version__}")
    for form, path in paths.items():
        try:
            suite.made["ort-int8", form] = m = made(str(path), image, want.shape)
            suite.cosine["ort-int8", form] = alike(m.output(), want)
        except Refused as e:
            suite.refused["ort-int8", form] = str(e)
    return suite
