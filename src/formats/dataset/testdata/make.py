"""Makes the files of this folder with NumPy and Pillow, the references of the tests beside it. Run it here; the files are committed."""
import gzip, io, struct, zipfile, zlib
import numpy as np
from PIL import Image

def pattern(h, w, c):
    i = np.arange(h * w * c, dtype=np.int64)
    return ((i * 37 + i * i * 11 + (i // 7) * 5) % 256).astype(np.uint8).reshape(h, w, c)

def picture(a):
    return Image.fromarray(a[:, :, 0] if a.shape[2] == 1 else a)

# Resizing: one line a case, "height width channels to_height to_width crc32 first16bytes"
lines = []
for h, w, c, th, tw in [(9, 13, 3, 4, 5), (7, 5, 3, 11, 8), (200, 300, 3, 149, 224), (28, 28, 1, 32, 32), (333, 500, 3, 256, 384), (1, 50, 1, 1, 7),
                        (50, 1, 3, 13, 1), (17, 17, 3, 17, 5), (17, 17, 3, 5, 17), (640, 3, 1, 224, 224)]:
    out = picture(pattern(h, w, c)).resize((tw, th), Image.BILINEAR).tobytes()
    lines.append(f"{h} {w} {c} {th} {tw} {zlib.crc32(out)} {out[:16].hex()}")
open("resize.txt", "w").write("\n".join(lines) + "\n")

# Pictures and what Pillow reads from them as RGB (or L): NAME height width channels crc32
lines = []
smooth = np.add.outer(np.arange(24) * 5, np.arange(40) * 3)[:, :, None] * np.array([1, 1, 1]) + np.array([0, 40, 80])
rgb = (smooth % 256).astype(np.uint8)
def save(name, image, **options):
    image.save(name, **options)
    back = Image.open(name)
    back = back.convert("L" if back.mode in ("L", "1", "I;16") else "RGB")
    lines.append(f"{name} {back.height} {back.width} {len(back.getbands())} {zlib.crc32(back.tobytes())}")
save("rgb.jpg", Image.fromarray(rgb), quality=90)
save("rgb_progressive.jpg", Image.fromarray(rgb), quality=70, progressive=True)
save("grey.jpg", Image.fromarray(rgb[:, :, 0]), quality=90)
save("rgb.png", Image.fromarray(rgb))
save("grey.png", Image.fromarray(rgb[:, :, 0]))
save("rgba.png", Image.fromarray(np.dstack([rgb, rgb[:, :, 0]])))
save("palette.png", Image.fromarray(rgb).quantize(17))
save("bits.png", Image.fromarray(rgb[:, :, 0] > 100))
open("pictures.txt", "w").write("\n".join(lines) + "\n")
Image.fromarray(rgb).convert("CMYK").save("cmyk.jpg")

# Arrays, all with the values 0, 1, … of their shape
lines = []
for name, a in [("f4", np.arange(6, dtype="<f4").reshape(2, 3)), ("f8", np.arange(6, dtype="<f8").reshape(2, 3)), ("f2", np.arange(6, dtype="<f2").reshape(2, 3)),
                ("i1", np.arange(6, dtype="i1").reshape(2, 3)), ("u1", np.arange(6, dtype="u1").reshape(2, 3)), ("i2", np.arange(6, dtype="<i2").reshape(2, 3)),
                ("u2", np.arange(6, dtype="<u2").reshape(2, 3)), ("i4", np.arange(6, dtype="<i4").reshape(2, 3)), ("u4", np.arange(6, dtype="<u4").reshape(2, 3)),
                ("i8", np.arange(6, dtype="<i8").reshape(2, 3)), ("u8", np.arange(6, dtype="<u8").reshape(2, 3)), ("b1", np.arange(2).astype("?")),
                ("f4_big", np.arange(6, dtype=">f4").reshape(2, 3)), ("i2_fortran", np.asfortranarray(np.arange(24, dtype="<i2").reshape(2, 3, 4))),
                ("f8_big_fortran", np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3))), ("scalar", np.array(0.0)), ("empty", np.zeros((0, 3), "f4")),
                ("vector", np.arange(5, dtype="<i8"))]:
    np.save(name + ".npy", a)
    lines.append(f"{name} {a.dtype.kind}{a.dtype.itemsize} {' '.join(map(str, a.shape))}")
open("arrays.txt", "w").write("\n".join(lines) + "\n")
for version in (2, 3):
    with open(f"version{version}.npy", "wb") as f:
        np.lib.format.write_array(f, np.arange(6, dtype="<f4").reshape(2, 3), version=(version, 0))
np.save("words.npy", np.array([["a", "Grüße"], ["世界🙂", ""]]))
np.save("bytes.npy", np.array([b"one", b"three"]))

# Archives
x, y = np.arange(12, dtype="f4").reshape(4, 3), np.array([0, 2, 1, 2])
np.savez("stored.npz", x=x, y=y)
np.savez_compressed("deflated.npz", x_train=x, y_train=y, x_test=x[:2] + 100, y_test=y[:2])

def npy(a):
    f = io.BytesIO()
    np.save(f, a)
    return f.getvalue()

data = npy(x)
crc = zlib.crc32(data)
local = struct.pack("<IHHHHHIIIHH", 0x04034b50, 45, 0, 0, 0, 0, crc, 0xffffffff, 0xffffffff, 5, 20) + b"x.npy" + struct.pack("<HHQQ", 1, 16, len(data), len(data))
central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 45, 45, 0, 0, 0, 0, crc, 0xffffffff, 0xffffffff, 5, 28, 0, 0, 0, 0, 0xffffffff) + b"x.npy" + \
    struct.pack("<HHQQQ", 1, 24, len(data), len(data), 0)
at = len(local) + len(data)
end64 = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 1, 1, len(central), at)
locator = struct.pack("<IIQI", 0x07064b50, 0, at + len(central), 1)
end = struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
open("zip64.npz", "wb").write(local + data + central + end64 + locator + end)
with zipfile.ZipFile("zip64.npz") as z:
    assert z.read("x.npy") == data

# IDX: three pictures of 2 x 2 and their labels; one of each other type
images = struct.pack(">HBBIII", 0, 8, 3, 3, 2, 2) + bytes([0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6])
open("images.idx", "wb").write(images)
with open("images.idx.gz", "wb") as f:
    f.write(gzip.compress(images, mtime=0))
open("labels.idx", "wb").write(struct.pack(">HBBI", 0, 8, 1, 3) + bytes([2, 0, 1]))
for code, form in ((9, "b"), (0xb, "h"), (0xc, "i"), (0xd, "f"), (0xe, "d")):
    open(f"type{code:x}.idx", "wb").write(struct.pack(f">HBBI3{form}", 0, code, 1, 3, -1, 0, 100))
