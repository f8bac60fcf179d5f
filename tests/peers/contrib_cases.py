"""The cases of contrib_ops.py: every operator of com.microsoft that is supported, in several settings. ai.onnx.ml: ml_cases.py."""
import dataclasses

import numpy as np


@dataclasses.dataclass
class Case:
    name: str
    op: str
    inputs: list  # (name, value or None)
    attributes: dict
    outputs: list
    domain: str = "com.microsoft"
    constants: tuple = ()
    rtol: float = 1e-4
    atol: float = 1e-5
    opsets: dict = dataclasses.field(default_factory=dict)
    symbolic: bool = False


CASES = []
rng = np.random.default_rng(20)


def f32(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def bytes_of(*shape, dtype=np.uint8):
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max + 1, shape).astype(dtype)


def scalar(v, dtype=np.float32):
    return np.array(v, dtype)


def add(op, inputs, attributes=None, outputs=("y",), **more):
    count = sum(c.op == op and c.domain == more.get("domain", "com.microsoft") for c in CASES)
    prefix = "ml_" if more.get("domain") == "ai.onnx.ml" else ""
    CASES.append(Case(f"{prefix}{op}_{count}", op, list(inputs.items()), attributes or {}, list(outputs), **more))


# Activations and products.
add("Gelu", {"x": f32(2, 7, 33, scale=3)})
add("FastGelu", {"x": f32(2, 7, 33, scale=3)})
add("FastGelu", {"x": f32(2, 7, 33, scale=3), "b": f32(33)}, constants=("b",))
add("BiasGelu", {"x": f32(2, 7, 33, scale=3), "b": f32(33)})
add("QuickGelu", {"x": f32(5, 19, scale=3)})
add("QuickGelu", {"x": f32(5, 19, scale=3)}, {"alpha": 0.7}, symbolic=True)
for ta, tb, ba, bb in [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0), (0, 0, 1, 0), (1, 0, 1, 0), (0, 1, 0, 1), (0, 0, 1, 1)]:
    m, k, n = 4, 6, 5
    a = f32(*((k, m) if ta else (m, k))), f32(*((n, k) if tb else (k, n)))
    left = f32(*{(0, 0): (2, 3, m, k), (1, 0): (2, 3, k, m), (0, 1): (m, 2, 3, k), (1, 1): (k, 2, 3, m)}[ta, ba])
    right = f32(*{(0, 0): (2, 3, k, n), (1, 0): (2, 3, n, k), (0, 1): (k, 2, 3, n), (1, 1): (n, 2, 3, k)}[tb, bb])
    add("FusedMatMul", {"a": left, "b": right}, {"transA": ta, "transB": tb, "transBatchA": ba, "transBatchB": bb, "alpha": 0.5}, constants=("b",))
for activation, params in [("Relu", {}), ("LeakyRelu", {"activation_alpha": 0.2}), ("Tanh", {}), ("Sigmoid", {}), ("Elu", {"activation_alpha": 0.7}), ("HardSigmoid", {"activation_alpha": 0.3, "activation_beta": 0.4})]:
    add("FusedGemm", {"a": f32(6, 4), "b": f32(5, 6), "c": f32(5)}, {"activation": activation, "transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0, **params})
add("FusedGemm", {"a": f32(4, 6), "b": f32(6, 5)}, {"activation": "Relu"})
for activation, params in [("Relu", []), ("LeakyRelu", [0.2]), ("Clip", [0.0, 0.5]), ("Tanh", []), ("Sigmoid", []), ("HardSigmoid", [0.25, 0.5])]:
    add("FusedConv", {"x": f32(2, 4, 9, 9), "w": f32(6, 4, 3, 3), "b": f32(6)}, {"activation": activation, "kernel_shape": [3, 3], "pads": [1, 1, 1, 1], **({"activation_params": params} if params else {})}, constants=("w", "b"))
add("FusedConv", {"x": f32(2, 4, 9, 9), "w": f32(4, 2, 3, 3), "b": f32(4), "z": f32(2, 4, 4, 4)}, {"activation": "Relu", "kernel_shape": [3, 3], "strides": [2, 2], "group": 2}, constants=("w", "b"))

# Normalizations.
add("LayerNormalization", {"x": f32(2, 5, 16), "s": f32(16), "b": f32(16)}, {"axis": -1}, ("y", "mean", "inv"), domain="", opsets={"": 1})
add("LayerNormalization", {"x": f32(2, 5, 16), "s": f32(5, 16)}, {"axis": 1, "epsilon": 1e-3}, domain="", opsets={"": 16})
add("SimplifiedLayerNormalization", {"x": f32(2, 5, 16), "s": f32(16)}, {"axis": -1}, domain="")
add("SimplifiedLayerNormalization", {"x": f32(2, 5, 16), "s": f32(16)}, {"axis": -1, "epsilon": 1e-3}, ("y", "inv"), domain="", symbolic=True, constants=("s",))
for bias in (None, f32(16)):
    for beta in (None, f32(16)):
        add("SkipLayerNormalization", {"x": f32(2, 5, 16), "skip": f32(2, 5, 16), "gamma": f32(16), "beta": beta, "bias": bias}, {"epsilon": 1e-5}, ("y", "", "", "sum"))
    add("SkipSimplifiedLayerNormalization", {"x": f32(2, 5, 16), "skip": f32(2, 5, 16), "gamma": f32(16), "bias": bias}, {"epsilon": 1e-5}, ("y", "", "", "sum"))
add("SkipLayerNormalization", {"x": f32(2, 5, 16), "skip": f32(5, 16), "gamma": f32(16), "beta": f32(16)})
add("SkipSimplifiedLayerNormalization", {"x": f32(2, 5, 16), "skip": f32(1, 5, 16), "gamma": f32(16)})
ids = rng.integers(0, 30, (2, 7)).astype(np.int32)
segments = rng.integers(0, 2, (2, 7)).astype(np.int32)
tables = {"words": f32(30, 16), "positions": f32(10, 16)}
add("EmbedLayerNormalization", {"ids": ids, "seg": segments, **tables, "segments": f32(2, 16), "gamma": f32(16), "beta": f32(16), "mask": np.array([[1, 1, 1, 1, 0, 0, 0], [1] * 7], np.int32)}, {"epsilon": 1e-5, "mask_index_type": 1}, ("y", "mask_index", "sum"))
add("EmbedLayerNormalization", {"ids": ids, "seg": None, **tables, "segments": None, "gamma": f32(16), "beta": f32(16)}, {"epsilon": 1e-5}, ("y", "mask_index"))
add("EmbedLayerNormalization", {"ids": ids, "seg": None, **tables, "segments": None, "gamma": f32(16), "beta": f32(16), "mask": None, "at": rng.integers(0, 10, (2, 7)).astype(np.int32)}, {"epsilon": 1e-5}, ("y", "mask_index"))

# Quantized.
for dtype in (np.uint8, np.int8):
    zero = 3 if dtype == np.int8 else 131
    q = {"rtol": 0, "atol": 1}
    add("QuantizeLinear", {"x": f32(3, 4, 5), "s": scalar(0.02), "z": scalar(zero, dtype)}, **q)
    add("QuantizeLinear", {"x": f32(3, 4, 5), "s": np.abs(f32(4)) * 0.01 + 0.01, "z": bytes_of(4, dtype=dtype)}, {"axis": 1}, **q)
    add("DequantizeLinear", {"x": bytes_of(3, 4, 5, dtype=dtype), "s": scalar(0.02), "z": scalar(zero, dtype)})
    add("DequantizeLinear", {"x": bytes_of(3, 4, 5, dtype=dtype), "s": np.abs(f32(5)) * 0.01 + 0.01, "z": bytes_of(5, dtype=dtype)}, {"axis": -1})
    scales = {"as": scalar(0.02), "az": scalar(zero, dtype)}
    last = {"cs": scalar(0.05), "cz": scalar(zero - 9, dtype)}
    fixed = ("as", "az", "bs", "bz", "cs", "cz", "xs", "xz", "ys", "yz")
    for op in ("QLinearAdd", "QLinearMul"):
        add(op, {"a": bytes_of(2, 3, 8, dtype=dtype), **scales, "b": bytes_of(3, 8, dtype=dtype), "bs": scalar(0.03), "bz": scalar(zero - 5, dtype), **last}, constants=fixed, **q)
        add(op, {"a": bytes_of(2, 3, 8, dtype=dtype), **scales, "b": bytes_of(1, dtype=dtype), "bs": scalar(0.03), "bz": scalar(zero - 5, dtype), **last}, constants=("b", *fixed), **q)
    unary = {"xs": scalar(0.03), "xz": scalar(zero, dtype)}
    result = {"ys": scalar(0.02), "yz": scalar(zero - 20, dtype)}
    add("QLinearSigmoid", {"x": bytes_of(2, 50, dtype=dtype), **unary, "ys": scalar(1 / 256), "yz": scalar(-128 if dtype == np.int8 else 0, dtype)}, constants=fixed, **q)
    add("QLinearLeakyRelu", {"x": bytes_of(2, 50, dtype=dtype), **unary, **result}, {"alpha": 0.1}, constants=fixed, **q)
    for axis, opset in ((-1, 13), (1, 13), (1, 12)):
        add("QLinearSoftmax", {"x": bytes_of(2, 6, 10, dtype=dtype), **unary, "ys": scalar(1 / 256), "yz": scalar(-128 if dtype == np.int8 else 0, dtype)}, {"axis": axis, "opset": opset}, constants=fixed, **q)
    for last_ in (0, 1):
        add("QLinearGlobalAveragePool", {"x": bytes_of(2, 7, 6, 5, dtype=dtype), **unary, "ys": scalar(0.02), "yz": scalar(zero, dtype)}, {"channels_last": last_}, constants=fixed, **q)
        add("QLinearAveragePool", {"x": bytes_of(2, 7, 6, 5, dtype=dtype), **unary, **result}, {"channels_last": last_, "kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1], "count_include_pad": last_}, constants=fixed, **q)
    add("QLinearConcat", {"ys": scalar(0.04), "yz": scalar(zero, dtype), "a": bytes_of(2, 3, 4, dtype=dtype), "as": scalar(0.02), "az": scalar(zero - 2, dtype), "b": bytes_of(2, 5, 4, dtype=dtype), "bs": scalar(0.05), "bz": scalar(zero + 2, dtype)}, {"axis": 1}, constants=fixed, **q)
    add("NhwcMaxPool", {"x": bytes_of(2, 7, 6, 5, dtype=dtype)}, {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}, rtol=0, atol=0)
    for transposed in (0, 1):
        weights = bytes_of(*((9, 6) if transposed else (6, 9)), dtype=np.int8)
        gemm = {"a": bytes_of(4, 6, dtype=dtype), **scales, "b": weights, "bs": scalar(0.01), "bz": scalar(0, np.int8)}
        add("QGemm", {**gemm, "c": rng.integers(-500, 500, 9).astype(np.int32), "ys": scalar(0.1), "yz": scalar(zero, dtype)}, {"transB": transposed}, constants=("b", "c", *fixed), **q)
        add("QGemm", {**gemm, "bs": np.abs(f32(9)) * 0.01 + 0.01, "bz": np.zeros(9, np.int8), "c": None, "ys": scalar(0.1), "yz": scalar(zero, dtype)}, {"transB": transposed, "alpha": 0.5}, constants=("b", *fixed), **q)
        add("QGemm", {**gemm, "c": rng.integers(-500, 500, 9).astype(np.int32)}, {"transB": transposed}, constants=("b", "c", *fixed))
    add("MatMulIntegerToFloat", {"a": bytes_of(2, 4, 6), "b": bytes_of(6, 9, dtype=dtype), "as": scalar(0.02), "bs": scalar(0.01), "az": scalar(130, np.uint8), "bz": scalar(zero, dtype), "bias": f32(9)}, constants=("b", "bs", "bz", "bias"))
    add("MatMulIntegerToFloat", {"a": bytes_of(2, 4, 6), "b": bytes_of(6, 9, dtype=dtype), "as": scalar(0.02), "bs": np.abs(f32(9)) * 0.01, "az": None, "bz": bytes_of(9, dtype=dtype)})
    add("DynamicQuantizeMatMul", {"a": f32(2, 4, 6), "b": bytes_of(6, 9, dtype=dtype), "bs": scalar(0.01), "bz": scalar(zero, dtype), "bias": f32(9)}, constants=("b", "bs", "bz", "bias"), atol=1e-3)
    add("DynamicQuantizeMatMul", {"a": f32(2, 4, 6), "b": bytes_of(6, 9, dtype=dtype), "bs": np.abs(f32(9)) * 0.01, "bz": bytes_of(9, dtype=dtype)}, atol=1e-3)
    for direction, count in (("forward", 1), ("bidirectional", 2)):
        add("DynamicQuantizeLSTM", {"x": f32(5, 2, 8), "w": bytes_of(count, 8, 24, dtype=dtype), "r": bytes_of(count, 6, 24, dtype=dtype), "b": f32(count, 48, scale=0.2), "lens": None, "h": f32(count, 2, 6), "c": None, "p": None, "ws": np.full(count, 0.004, np.float32), "wz": np.full(count, zero, dtype), "rs": np.full(count, 0.004, np.float32), "rz": np.full(count, zero, dtype)}, {"hidden_size": 6, "direction": direction}, ("y", "y_h", "y_c"), constants=("w", "r", "b", "ws", "wz", "rs", "rz"), atol=0.03)

for bits in (4, 8):
    for k, n, size in ((64, 8, 32), (96, 5, 32), (40, 3, 16), (128, 6, 128)):
        blocks = -(-k // size)
        weights = {"b": bytes_of(n, blocks, size * bits // 8), "s": np.abs(f32(n * blocks)) * 0.05}
        zeros = bytes_of(n * ((blocks * bits + 7) // 8))
        settings = {"K": k, "N": n, "bits": bits, "block_size": size}
        more = {"constants": ("b", "s", "z", "g", "bias"), "atol": 1e-3}
        add("MatMulNBits", {"a": f32(2, 3, k), **weights}, settings, **more)
        add("MatMulNBits", {"a": f32(3, k), **weights, "z": zeros, "g": None, "bias": f32(n)}, settings, **more)
        if bits == 4:  # ONNX Runtime has no float zero points of 8 bits
            add("MatMulNBits", {"a": f32(3, k), **weights, "z": f32(n * blocks, scale=4) + 8}, settings, **more)
    order = (rng.permutation(64) // 32).astype(np.int32)
    if bits == 4:  # with g_idx ONNX Runtime takes 8 for every zero point, whatever is given
        add("MatMulNBits", {"a": f32(2, 64), "b": bytes_of(8, 2, 16), "s": np.abs(f32(16)) * 0.05, "z": None, "g": order}, {"K": 64, "N": 8, "bits": 4, "block_size": 32}, **more)
    width = 64 * bits // 8
    rows = np.array([[3, 0, -1], [7, 7, 2]], np.int64)
    add("GatherBlockQuantized", {"x": bytes_of(10, width), "i": rows, "s": np.abs(f32(10, 4)) * 0.05}, {"bits": bits, "block_size": 16, "gather_axis": 0, "quantize_axis": 1}, constants=("x", "s", "z"))
    add("GatherBlockQuantized", {"x": bytes_of(10, width), "i": rows, "s": np.abs(f32(10, 4)) * 0.05, "z": bytes_of(10, 4 * bits // 8)}, {"bits": bits, "block_size": 16, "gather_axis": 0, "quantize_axis": 1}, constants=("x", "s", "z"))

# Attention.
B, S, N, H = 2, 5, 4, 8
D = N * H
for settings in ({}, {"unidirectional": 1}, {"scale": 0.2}):
    for mask in (None, np.array([3, 5], np.int32), np.array([3, 5, 0, 2], np.int32), rng.integers(0, 2, (B, S)).astype(np.int32), rng.integers(0, 2, (B, S, S)).astype(np.int32)):
        add("Attention", {"x": f32(B, S, D), "w": f32(D, 3 * D, scale=0.3), "b": f32(3 * D), "mask": mask}, {"num_heads": N, **settings}, constants=("w", "b"))
past = f32(2, B, N, 3, H)
add("Attention", {"x": f32(B, S, D), "w": f32(D, 3 * D, scale=0.3), "b": f32(3 * D), "mask": None, "past": past}, {"num_heads": N}, ("y", "present"), constants=("w", "b"))
add("Attention", {"x": f32(B, S, D), "w": f32(D, 3 * D, scale=0.3), "b": f32(3 * D), "mask": rng.integers(0, 2, (B, S + 3)).astype(np.int32), "past": past}, {"num_heads": N, "unidirectional": 1}, ("y", "present"), constants=("w", "b"))
add("Attention", {"x": f32(B, S, D), "w": f32(D, 3 * D, scale=0.3), "b": None, "mask": None, "past": None, "bias": f32(B, N, S, S)}, {"num_heads": N}, constants=("w",))
add("Attention", {"x": f32(B, S, D), "w": f32(D, 2 * D + 2 * D, scale=0.3), "b": f32(4 * D)}, {"num_heads": N, "qkv_hidden_sizes": [D, D, 2 * D]}, constants=("w", "b"))
for dtype in (np.uint8, np.int8):
    attention = {"x": bytes_of(B, S, D), "w": bytes_of(D, 3 * D, dtype=dtype), "b": f32(3 * D), "xs": scalar(0.01), "ws": scalar(0.004)}
    zeros = {"xz": scalar(128, np.uint8), "wz": scalar(0 if dtype == np.int8 else 127, dtype)}
    add("QAttention", {**attention, "mask": None, **zeros}, {"num_heads": N}, constants=("w", "b", "xs", "ws", "xz", "wz"), atol=2e-4)
    add("QAttention", {**attention, "mask": np.array([2, 4], np.int32), **zeros, "past": f32(2, B, N, 3, H)}, {"num_heads": N, "unidirectional": 1}, ("y", "present"), constants=("w", "b", "xs", "ws", "xz", "wz"), atol=2e-4)
    add("QAttention", {**attention, "ws": np.abs(f32(3 * D)) * 0.004, "mask": rng.integers(0, 2, (B, S)).astype(np.int32), **zeros, "wz": np.zeros(3 * D, dtype)}, {"num_heads": N}, constants=("w", "b", "xs", "ws", "xz", "wz"), atol=2e-4)
L = 6
for settings in ({}, {"scale": 0.2, "mask_filter_value": -50.0}):
    cross = {"q": f32(B, S, D), "k": f32(B, L, D), "v": f32(B, L, D)}
    add("MultiHeadAttention", cross, {"num_heads": N, **settings})
    add("MultiHeadAttention", {**cross, "b": f32(3 * D)}, {"num_heads": N, **settings})
    add("MultiHeadAttention", {**cross, "b": None, "mask": rng.integers(0, 2, (B, L)).astype(np.int32)}, {"num_heads": N, **settings})
    add("MultiHeadAttention", {**cross, "b": None, "mask": np.array([2, 6], np.int32)}, {"num_heads": N, **settings})
    add("MultiHeadAttention", {**cross, "b": None, "mask": rng.integers(0, 2, (B, S, L)).astype(np.int32), "bias": f32(1, N, S, L)}, {"num_heads": N, **settings})
add("MultiHeadAttention", {"q": f32(B, S, D), "k": f32(B, N, L, H), "v": f32(B, N, L, H)}, {"num_heads": N})
own = {"q": f32(B, S, D), "k": f32(B, S, D), "v": f32(B, S, D)}
add("MultiHeadAttention", own, {"num_heads": N, "unidirectional": 1}, symbolic=False)
add("MultiHeadAttention", {**own, "b": None, "mask": None, "bias": f32(B, 1, S, S + 3), "pk": f32(B, N, 3, H), "pv": f32(B, N, 3, H)}, {"num_heads": N}, ("y", "present_k", "present_v"))
add("MultiHeadAttention", {**own, "b": None, "mask": None, "bias": None, "pk": f32(B, N, 3, H), "pv": f32(B, N, 3, H)}, {"num_heads": N, "unidirectional": 1}, ("y", "present_k", "present_v"))

angles = {"cos": np.cos(f32(20, H // 2)), "sin": np.sin(f32(20, H // 2))}
for interleaved in (0, 1):
    positions = rng.integers(0, 20, (B, S)).astype(np.int64)
    add("RotaryEmbedding", {"x": f32(B, S, D), "p": positions, **angles}, {"interleaved": interleaved}, constants=("cos", "sin"))
    add("RotaryEmbedding", {"x": f32(B, N, S, H), "p": positions, **angles}, {"interleaved": interleaved})
    add("RotaryEmbedding", {"x": f32(B, S, D), "p": np.array([4], np.int64), **angles}, {"interleaved": interleaved, "num_heads": N})
    add("RotaryEmbedding", {"x": f32(B, S, D), "p": positions, "cos": np.cos(f32(20, 2)), "sin": np.sin(f32(20, 2))}, {"interleaved": interleaved, "num_heads": N, "rotary_embedding_dim": 4})


def grouped(batch, now, cached, room, lengths, settings, groups=2, packed=False, more=None, **kinds):
    """A step of `now` tokens on `cached` keys, in a cache with room for `room`; `lengths`: keys of each sequence after it."""
    size = 16
    q = f32(batch, now, (N + 2 * groups) * size) if packed else f32(batch, now, N * size)
    inputs = {"q": q, "k": None if packed else f32(batch, now, groups * size), "v": None if packed else f32(batch, now, groups * size)}
    cache = {"pk": f32(batch, groups, room, size), "pv": f32(batch, groups, room, size)} if room is not None else {"pk": None, "pv": None}
    inputs |= {**cache, "len": np.array(lengths, np.int32) - 1, "total": np.array(cached + now, np.int32)}
    if settings.get("do_rotary"):
        inputs |= {"cos": np.cos(f32(20, size // 2)), "sin": np.sin(f32(20, size // 2))}
    else:
        inputs |= {"cos": None, "sin": None}
    inputs |= more or {}
    add("GroupQueryAttention", inputs, {"num_heads": N, "kv_num_heads": groups, **settings}, ("y", "present_k", "present_v"), **kinds)


for settings in ({}, {"do_rotary": 1}, {"do_rotary": 1, "rotary_interleaved": 1}, {"local_window_size": 3}, {"softcap": 2.0, "scale": 0.5}, {"smooth_softmax": 1}):
    grouped(2, 5, 0, 0, [5, 5], settings)
    grouped(2, 1, 6, 6, [7, 7], settings)
    grouped(1, 3, 6, 6, [9], settings)
    grouped(2, 1, 6, 6, [7, 5], settings, symbolic=True)
    grouped(2, 1, 6, 12, [7, 5], settings, packed=True)
grouped(1, 5, 0, 0, [5], {"do_rotary": 1}, packed=True, groups=1)
grouped(1, 5, 0, 0, [5], {"do_rotary": 1}, groups=4)
grouped(1, 3, 6, 6, [9], {}, more={"p": None, "bias": f32(1, N, 3, 9)})
grouped(1, 3, 6, 6, [9], {"do_rotary": 1}, more={"p": np.array([[6, 7, 8]], np.int64), "bias": f32(1, 1, 3, 9)})
grouped(1, 3, 6, 6, [9], {}, more={"p": None, "bias": None, "sink": f32(N)})
