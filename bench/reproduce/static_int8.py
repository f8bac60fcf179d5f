"""Static INT8 of a detector and a text recognizer by omni and by ONNX Runtime's quantizer: the same pictures, the same runtime, two measures of closeness."""
import contextlib
import io
import math
import random

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image, ImageDraw, ImageFont

FONTS = "/usr/share/fonts/truetype/dejavu"
TEXT = "/usr/share/common-licenses/GPL-3"
SIZE = 416  # of a YOLOX picture


def letterboxed(path):
    """BGR 0..255 in the upper left of a grey square, as YOLOX takes it."""
    picture = Image.open(path).convert("RGB")
    ratio = min(SIZE / picture.width, SIZE / picture.height)
    width, height = int(picture.width * ratio), int(picture.height * ratio)
    out = np.full((SIZE, SIZE, 3), 114, np.float32)
    out[:height, :width] = np.asarray(picture.resize((width, height), Image.BILINEAR))
    return out[:, :, ::-1].transpose(2, 0, 1)


def text_line(seed, words, fonts):
    """Some words of a licence in a random face, size and shade, as a recognizer takes it."""
    draw = random.Random(seed)
    font = ImageFont.truetype(draw.choice(fonts), draw.randint(22, 32))
    start, text = draw.randrange(len(words) - 12), ""
    for word in words[start:start + 12]:
        if font.getlength(f"{text} {word}") > 305:
            break
        text = f"{text} {word}".strip()
    picture = Image.new("RGB", (320, 48), (draw.randint(200, 255),) * 3)
    ImageDraw.Draw(picture).text((5, draw.randint(2, 10)), text, font=font, fill=(draw.randint(0, 60),) * 3)
    return np.asarray(picture, np.float32).transpose(2, 0, 1) / 127.5 - 1


def detector_pictures(shared, count):
    paths = sorted((shared / "data" / "imagenet-sample").glob("*.JPEG"))
    return [letterboxed(p) for p in paths[::5][:count[0]]], [letterboxed(p) for p in paths[2::5][:count[1]]]


def text_lines(count):
    import pathlib
    words = [w for w in pathlib.Path(TEXT).read_text().split() if w.isascii()]
    fonts = sorted(str(p) for p in pathlib.Path(FONTS).glob("*.ttf"))
    return [text_line(i, words, fonts) for i in range(count[0])], [text_line(1000 + i, words, fonts) for i in range(count[1])]


class Reader(CalibrationDataReader):
    def __init__(self, name, samples):
        self.feeds = iter({name: s[None]} for s in samples)

    def get_next(self):
        return next(self.feeds, None)


def theirs(model, name, samples, method, target):
    """ONNX Runtime's quantizer, per channel, everything else as it is by default."""
    prepared, newer = target.with_suffix(".prepared"), target.with_suffix(".newer")
    onnx.save(onnx.version_converter.convert_version(onnx.load(model), 13), newer)  # per-channel scales exist since opset 13
    with contextlib.redirect_stdout(io.StringIO()):
        quant_pre_process(str(newer), str(prepared), skip_symbolic_shape=True)
        quantize_static(str(prepared), str(target), Reader(name, samples), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
                        weight_type=QuantType.QInt8, per_channel=True, calibrate_method=getattr(CalibrationMethod, method))
    for file in (prepared, newer):
        file.unlink()
    return target


def outputs(path, name, samples):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [session.run(None, {name: s[None]})[0][0] for s in samples]


def signal_to_noise(truth, other):
    power = sum((t.astype(np.float64) ** 2).sum() for t in truth)
    noise = sum(((t.astype(np.float64) - o) ** 2).sum() for t, o in zip(truth, other))
    return 10 * math.log10(power / noise) if noise else math.inf


def _grid():
    cells = []
    for stride in (8, 16, 32):
        n = SIZE // stride
        y, x = np.mgrid[:n, :n]
        cells.append(np.stack([x.ravel(), y.ravel(), np.full(n * n, stride)], 1))
    return np.concatenate(cells)


def overlap(box, others):
    width = np.clip(np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0]), 0, None)
    height = np.clip(np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1]), 0, None)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return width * height / np.maximum(area(box) + area(others) - width * height, 1e-9)


def detections(output, threshold=0.3, suppress=0.45):
    """(class, box) of what is kept after non-maximum suppression."""
    grid = _grid()
    centre, size = (output[:, :2] + grid[:, :2]) * grid[:, 2:], np.exp(output[:, 2:4]) * grid[:, 2:]
    scores = output[:, 4:5] * output[:, 5:]
    classes, best = scores.argmax(1), scores.max(1)
    boxes = np.concatenate([centre - size / 2, centre + size / 2], 1)
    kept = []
    for i in np.argsort(-best, kind="stable"):
        if best[i] < threshold:
            break
        if all(c != classes[i] or overlap(boxes[i], b[None])[0] < suppress for c, b in kept):
            kept.append((classes[i], boxes[i]))
    return kept


def detector_agreement(truth, other):
    """Percent of the float model's detections, and of those that it does not have, that are found at an overlap of 0.5 in the same class."""
    found = total = 0
    for t, o in zip(truth, other):
        expected, left = detections(t), detections(o)
        total += max(len(expected), len(left))
        for label, box in expected:
            match = next((i for i, (c, b) in enumerate(left) if c == label and overlap(box, b[None])[0] >= 0.5), None)
            if match is not None:
                found += 1
                left.pop(match)
    return 100 * found / max(1, total)


def decoded(output):
    """Classes without repetitions and blanks (0)."""
    best = output.argmax(1)
    return [int(c) for i, c in enumerate(best) if c and (i == 0 or c != best[i - 1])]


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, last + (x != y))
    return row[-1]


def text_agreement(truth, other):
    """Percent of the float model's characters that stay."""
    pairs = [(decoded(t), decoded(o)) for t, o in zip(truth, other)]
    return 100 * (1 - sum(distance(t, o) for t, o in pairs) / max(1, sum(len(t) for t, _ in pairs)))
