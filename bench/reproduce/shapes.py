"""Networks by their shapes alone, as ONNX files: their weights are zeros, in a sparse file beside the model that takes no room on the disk."""
import onnx
from onnx import TensorProto, helper

ALIGN = 4096  # so that weights can be used where the file is mapped


class Shapes:
    def __init__(self, path, inputs):
        self.path, self.inputs = path, [helper.make_tensor_value_info(name, kind, dims) for name, kind, dims in inputs]
        self.nodes, self.weights, self.size, self.count = [], [], 0, 0

    def weight(self, *dims):
        """f32 zeros in the file beside the model."""
        tensor = TensorProto(name=f"w{len(self.weights)}", data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
        length = 4
        for dim in dims:
            length *= dim
        for key, value in (("location", f"{self.path.stem}.bin"), ("offset", self.size), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.size += -(-length // ALIGN) * ALIGN
        self.weights.append(tensor)
        return tensor.name

    def constant(self, values, kind=TensorProto.INT64):
        shape = [] if isinstance(values, (int, float)) else [len(values)]
        self.weights.append(helper.make_tensor(f"w{len(self.weights)}", kind, shape, [values] if not shape else values))
        return self.weights[-1].name

    def add(self, op, *inputs, **attributes):
        self.count += 1
        self.nodes.append(helper.make_node(op, inputs, [f"v{self.count}"], **attributes))
        return f"v{self.count}"

    def save(self, output):
        self.nodes.append(helper.make_node("Identity", [output], ["y"]))
        graph = helper.make_graph(self.nodes, self.path.stem, self.inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], self.weights)
        self.path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
        with open(self.path.with_suffix(".bin"), "wb") as file:
            file.truncate(self.size)
        return self.path


def resnet50(path):
    """He et al. 2016, for pictures of 224x224, batch norms folded."""
    net = Shapes(path, [("x", TensorProto.FLOAT, [1, 3, 224, 224])])

    def conv(x, inside, out, kernel=1, stride=1, relu=True):
        x = net.add("Conv", x, net.weight(out, inside, kernel, kernel), net.weight(out), kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)
        return net.add("Relu", x) if relu else x

    x, channels = net.add("MaxPool", conv("x", 3, 64, 7, 2), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = conv(conv(conv(x, channels, width), width, width, 3, stride), width, 4 * width, relu=False)
            x = net.add("Relu", net.add("Add", y, x if block else conv(x, channels, 4 * width, 1, stride, relu=False)))
            channels = 4 * width
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    return net.save(net.add("Gemm", x, net.weight(1000, channels), net.weight(1000), transB=1))


def decoder(path, layers, width, heads, groups, inner, words, tokens=32):
    """Of Qwen2.5's shape: RMS norms, rotary positions, grouped queries, gated SiLU, the words' embedding also at the end; `tokens` at once."""
    net = Shapes(path, [("ids", TensorProto.INT64, [1, tokens])])
    head = width // heads
    ints = lambda *values: net.constant(list(values))
    two, epsilon = net.constant(2.0, TensorProto.FLOAT), net.constant(1e-6, TensorProto.FLOAT)
    half, end, start, last = ints(head // 2), ints(1 << 30), ints(0), ints(3)
    cos, sin = net.weight(tokens, head), net.weight(tokens, head)
    scale = net.constant(head ** -0.5, TensorProto.FLOAT)
    mask = net.weight(tokens, tokens)

    def norm(x):
        root = net.add("Sqrt", net.add("Add", net.add("ReduceMean", net.add("Pow", x, two), axes=[-1], keepdims=1), epsilon))
        return net.add("Mul", net.add("Div", x, root), net.weight(width))

    def product(x, inside, out, bias=False):
        x = net.add("MatMul", x, net.weight(inside, out))
        return net.add("Add", x, net.weight(out)) if bias else x

    def split(x, count):
        return net.add("Transpose", net.add("Reshape", x, ints(1, tokens, count, head)), perm=[0, 2, 1, 3])

    def turn(x):
        a, b = net.add("Slice", x, start, half, last), net.add("Slice", x, half, end, last)
        return net.add("Add", net.add("Mul", x, cos), net.add("Mul", net.add("Concat", net.add("Neg", b), a, axis=-1), sin))

    def repeat(x):
        x = net.add("Expand", net.add("Reshape", x, ints(1, groups, 1, tokens, head)), ints(1, groups, heads // groups, tokens, head))
        return net.add("Reshape", x, ints(1, heads, tokens, head))

    table = net.weight(words, width)
    x = net.add("Gather", table, "ids")
    for _ in range(layers):
        h = norm(x)
        q = turn(split(product(h, width, width, True), heads))
        k = repeat(turn(split(product(h, width, groups * head, True), groups)))
        v = repeat(split(product(h, width, groups * head, True), groups))
        scores = net.add("Add", net.add("Mul", net.add("MatMul", q, net.add("Transpose", k, perm=[0, 1, 3, 2])), scale), mask)
        y = net.add("Transpose", net.add("MatMul", net.add("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        x = net.add("Add", x, product(net.add("Reshape", y, ints(1, tokens, width)), width, width))
        h = norm(x)
        gate = product(h, width, inner)
        gate = net.add("Mul", gate, net.add("Sigmoid", gate))
        x = net.add("Add", x, product(net.add("Mul", gate, product(h, width, inner)), inner, width))
    x = net.add("Reshape", norm(x), ints(tokens, width))
    return net.save(net.add("Gemm", x, table, transB=1))


# 353 and 2 467 million parameters.
SMALL = {"width": 1024, "heads": 16, "groups": 4, "inner": 2816, "words": 65536}
LARGE = {"width": 2048, "heads": 16, "groups": 2, "inner": 11008, "words": 151936}
SMALL_LAYERS, LARGE_LAYERS = 25, 28
