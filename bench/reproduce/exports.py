"""Exports of PyTorch: the networks of bar M4 with random weights, by both exporters.

  python exports.py FOLDER [NAME …]     writes FOLDER/NAME.{script,dynamo}.onnx, FOLDER/NAME.npz (the inputs, by name) and prints what failed
"""
import inspect
import math
import pathlib
import sys

import numpy as np
import torch
import torchvision
from torch import nn

torch.manual_seed(1)
F = nn.functional


class Encoder(nn.Module):
    """BERT's shape: 12 layers of 768 with 12 heads, post-norm, erf GELU, a padding mask."""

    def __init__(self, width=768, layers=12, heads=12, words=30522):
        super().__init__()
        self.words, self.places, self.kinds = nn.Embedding(words, width), nn.Embedding(512, width), nn.Embedding(2, width)
        self.norm, self.heads = nn.LayerNorm(width, eps=1e-12), heads
        self.layers = nn.ModuleList(nn.ModuleDict({
            "q": nn.Linear(width, width), "k": nn.Linear(width, width), "v": nn.Linear(width, width), "o": nn.Linear(width, width),
            "n1": nn.LayerNorm(width, eps=1e-12), "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width),
            "n2": nn.LayerNorm(width, eps=1e-12)}) for _ in range(layers))

    def forward(self, ids, mask, kinds):
        n, t = ids.shape
        x = self.norm(self.words(ids) + self.places(torch.arange(t, device=ids.device))[None] + self.kinds(kinds))
        hidden = (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for l in self.layers:
            q, k, v = (l[c](x).view(n, t, self.heads, -1).transpose(1, 2) for c in "qkv")
            p = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + hidden).softmax(-1)
            x = l["n1"](x + l["o"]((p @ v).transpose(1, 2).reshape(n, t, -1)))
            x = l["n2"](x + l["down"](F.gelu(l["up"](x))))
        return x


class Decoder(nn.Module):
    """GPT-2's shape with a cache of keys and values: 12 layers of 768, tanh GELU, pre-norm."""

    def __init__(self, width=768, layers=12, heads=12, words=50257):
        super().__init__()
        self.words, self.places, self.heads = nn.Embedding(words, width), nn.Embedding(1024, width), heads
        self.layers = nn.ModuleList(nn.ModuleDict({
            "n1": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width), "o": nn.Linear(width, width), "n2": nn.LayerNorm(width),
            "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width)}) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids, past):  # past: [layers, 2, batch, heads, before, size]
        n, t = ids.shape
        before = past.shape[4]
        at = torch.arange(t, device=ids.device) + before
        x = self.words(ids) + self.places(at)[None]
        sees = torch.arange(before + t, device=ids.device)[None, :] <= at[:, None]
        presents = []
        for i, l in enumerate(self.layers):
            q, k, v = (s.view(n, t, self.heads, -1).transpose(1, 2) for s in l["qkv"](l["n1"](x)).chunk(3, -1))
            k, v = torch.cat([past[i, 0], k], 2), torch.cat([past[i, 1], v], 2)
            presents.append(torch.stack([k, v]))
            p = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(~sees, float("-inf")).softmax(-1)
            x = x + l["o"]((p @ v).transpose(1, 2).reshape(n, t, -1))
            x = x + l["down"](F.gelu(l["up"](l["n2"](x)), approximate="tanh"))
        return self.norm(x) @ self.words.weight.T, torch.stack(presents)


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))


class Llama(nn.Module):
    """Llama's shape: RMS norm, rotary positions, grouped queries, gated SiLU; 8 layers of 512."""

    def __init__(self, width=512, layers=8, heads=8, groups=2, hidden=1376, words=32000):
        super().__init__()
        self.words, self.heads, self.groups, self.size = nn.Embedding(words, width), heads, groups, width // heads
        linear = lambda a, b: nn.Linear(a, b, bias=False)
        kv = groups * self.size
        self.layers = nn.ModuleList(nn.ModuleDict({
            "n1": RmsNorm(width), "q": linear(width, width), "k": linear(width, kv), "v": linear(width, kv), "o": linear(width, width),
            "n2": RmsNorm(width), "gate": linear(width, hidden), "up": linear(width, hidden), "down": linear(hidden, width)}) for _ in range(layers))
        self.norm, self.head = RmsNorm(width), linear(width, words)
        self.register_buffer("rates", 1.0 / 10000 ** (torch.arange(0, self.size, 2).float() / self.size))

    def rotate(self, x, cos, sin):
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    def forward(self, ids):
        n, t = ids.shape
        x = self.words(ids)
        angles = torch.arange(t, device=ids.device).float()[:, None] * self.rates[None]
        angles = torch.cat([angles, angles], -1)
        cos, sin = angles.cos(), angles.sin()
        for l in self.layers:
            h = l["n1"](x)
            q = self.rotate(l["q"](h).view(n, t, self.heads, self.size).transpose(1, 2), cos, sin)
            k = self.rotate(l["k"](h).view(n, t, self.groups, self.size).transpose(1, 2), cos, sin)
            v = l["v"](h).view(n, t, self.groups, self.size).transpose(1, 2)
            k, v = (s.repeat_interleave(self.heads // self.groups, 1) for s in (k, v))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + l["o"](y.transpose(1, 2).reshape(n, t, -1))
            h = l["n2"](x)
            x = x + l["down"](F.silu(l["gate"](h)) * l["up"](h))
        return self.head(self.norm(x))


class Vit(nn.Module):
    """ViT-tiny: patches of 16, 12 layers of 192 with 3 heads; PyTorch's own transformer layers."""

    def __init__(self, width=192, heads=3, layers=12):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.token, self.places = nn.Parameter(torch.zeros(1, 1, width)), nn.Parameter(torch.randn(1, 197, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1000)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.norm(self.body(x))[:, 0])


class Tagger(nn.Module):
    """An LSTM tagger: embedding, two bidirectional layers, one label a word."""

    def __init__(self):
        super().__init__()
        self.words, self.lstm, self.head = nn.Embedding(5000, 100), nn.LSTM(100, 128, 2, batch_first=True, bidirectional=True), nn.Linear(256, 17)

    def forward(self, ids):
        return self.head(self.lstm(self.words(ids))[0])


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(40, 96, 2, batch_first=True), nn.Linear(96, 30)

    def forward(self, x, h):
        y, h = self.gru(x, h)
        return self.head(y), h


class UNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        block = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.Conv2d(b, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())
        sizes = [width * 2 ** i for i in range(4)]
        self.down = nn.ModuleList(block(a, b) for a, b in zip([3, *sizes[:-1]], sizes))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in reversed(list(zip(sizes, sizes[1:]))))
        self.join = nn.ModuleList(block(2 * a, a) for a in reversed(sizes[:-1]))
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        kept = []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for up, join, skip in zip(self.up, self.join, reversed(kept[:-1])):
            x = join(torch.cat([up(x), skip], 1))
        return self.head(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))


class Detector(nn.Module):
    """A one-stage detector with its non-maximum suppression inside."""

    def __init__(self):
        super().__init__()
        layers, width = [], 3
        for out in (16, 32, 64, 128):
            layers += [nn.Conv2d(width, out, 3, 2, 1), nn.BatchNorm2d(out), nn.SiLU()]
            width = out
        self.body, self.head = nn.Sequential(*layers), nn.Conv2d(width, 5, 1)

    def forward(self, x):
        y = self.head(self.body(x))[0].flatten(1).transpose(0, 1)
        side = int(math.sqrt(y.shape[0]))
        at = torch.arange(y.shape[0])
        centre = torch.stack([at % side, at // side], 1).float() * 16 + 8 + y[:, :2] * 8
        size = y[:, 2:4].exp() * 24
        boxes, scores = torch.cat([centre - size / 2, centre + size / 2], 1), y[:, 4].sigmoid()
        kept = torchvision.ops.nms(boxes, scores, 0.5)[:50]
        return boxes[kept], scores[kept]


def picture(*sizes):
    return lambda: {"x": torch.randn(*sizes)}


def ids(words, *sizes):
    return torch.randint(0, words, sizes)


vision = lambda name, size=224: (lambda: getattr(torchvision.models, name)(weights=None), picture(1, 3, size, size))
NETWORKS = {
    "resnet18": vision("resnet18"), "resnet50": vision("resnet50"), "mobilenet_v2": vision("mobilenet_v2"), "mobilenet_v3": vision("mobilenet_v3_large"),
    "efficientnet_b0": vision("efficientnet_b0"), "convnext_tiny": vision("convnext_tiny"), "vit_tiny": (Vit, picture(1, 3, 224, 224)),
    "bert": (Encoder, lambda: {"ids": ids(30522, 2, 24), "mask": torch.tensor([[1] * 24, [1] * 17 + [0] * 7]), "kinds": ids(2, 2, 24)}),
    "gpt2": (Decoder, lambda: {"ids": ids(50257, 1, 4), "past": torch.randn(12, 2, 1, 12, 9, 64)}),
    "llama": (Llama, lambda: {"ids": ids(32000, 1, 20)}),
    "lstm_tagger": (Tagger, lambda: {"ids": ids(5000, 2, 23)}),
    "gru": (Gru, lambda: {"x": torch.randn(2, 31, 40), "h": torch.zeros(2, 2, 96)}),
    "unet": (UNet, picture(1, 3, 96, 128)), "detector": (Detector, picture(1, 3, 256, 256)),
}
DYNAMIC = {"bert": {"ids": {0: "n", 1: "t"}, "mask": {0: "n", 1: "t"}, "kinds": {0: "n", 1: "t"}}, "gpt2": {"ids": {1: "t"}, "past": {4: "before"}},
           "llama": {"ids": {1: "t"}}, "lstm_tagger": {"ids": {0: "n", 1: "t"}}, "gru": {"x": {1: "t"}}}


def settle(model):
    """Batch norms get statistics of their own, as trained ones have."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def export(name, folder):
    make, sample = NETWORKS[name]
    model, inputs = settle(make()), sample()
    np.savez(folder / f"{name}.npz", **{k: v.numpy() for k, v in inputs.items()})
    names = [p for p in inspect.signature(model.forward).parameters]
    values = tuple(inputs[k] for k in inputs)
    shown = list(inputs)
    axes = DYNAMIC.get(name, {k: {0: "n"} for k in shown} if name not in ("detector",) else {})
    for exporter in ("script", "dynamo"):
        target = folder / f"{name}.{exporter}.onnx"
        if target.exists():
            continue
        try:
            if exporter == "script":
                torch.onnx.export(model, values, target, dynamo=False, input_names=shown, dynamic_axes=axes, opset_version=17)
            else:
                shapes = {p: {a: torch.export.Dim.AUTO for a in axes.get(k, {})} for p, k in zip(names, shown)}
                torch.onnx.export(model, values, target, dynamo=True, input_names=shown, dynamic_shapes=tuple(shapes.values()), external_data=False, verbose=False)
        except Exception as error:
            print(f"{name}.{exporter}: PyTorch could not export it: {str(error).splitlines()[0][:200]}", flush=True)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or NETWORKS:
        export(name, folder)


if __name__ == "__main__":
    main()
