#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prepares what every tool is measured on.

    data.py WORK FASHION_MNIST MODELS [OCR_ASSETS FONTS]

Writes for each net WORK/nets/NET/{calibration,test,labels,reference}.npy and net.json. FASHION_MNIST holds the IDX files,
MODELS the fashion_*.onnx, OCR_ASSETS the unpacked package with PP-OCR's nets, FONTS DejaVu's .ttf files. The reference is
what ONNX Runtime makes of the float model in float32, for the first `reference` test samples.
"""
import gzip
import json
import pathlib
import random
import sys

import numpy
import onnx
import onnxruntime
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from measure import accuracy_of, one_core, onnxruntime_session

CALIBRATION = 300
WORDS = """the and you that was for are with his they this have from one had word but not what all were when your can said there
use each which she how their will other about out many then them these some her would make like him into time has look two more
write see number way could people than first water been call who oil now find long down day did get come made may part over new
sound take only little work know place year live back give most very after thing our just name good sentence man think say great
where help through much before line right too mean old any same tell boy follow came want show also around form three small set
put end does another well large must big even such because turn here why ask went men read need land different home move try kind
hand picture again change off play spell air away animal house point page letter mother answer found study still learn should
Monday Tuesday August October London Berlin Oslo Total Invoice Price Date""".split()


def idx(path, offset):
    return numpy.frombuffer(gzip.open(path).read(), numpy.uint8, offset=offset)


def fashion(folder):
    def images(name):
        pixels = idx(folder / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
        return pixels.astype(numpy.float32) / numpy.float32(255)

    labels = idx(folder / "t10k-labels-idx1-ubyte.gz", 8).astype(numpy.int64)
    return images("train")[:CALIBRATION], images("t10k"), labels


class Typesetter:
    """Renders words with DejaVu's fonts; the same seed gives the same images."""

    def __init__(self, fonts, seed):
        self.fonts = sorted(path for path in fonts.glob("DejaVu*.ttf") if "Display" not in path.name)
        self.random = random.Random(seed)

    def text(self, least, most):
        words = []
        for _ in range(self.random.randint(least, most)):
            kind = self.random.random()
            word = self.random.choice(WORDS)
            words.append(str(self.random.randint(0, 99999)) if kind < 0.15 else word.upper() if kind < 0.25 else word)
        return " ".join(words)

    def colours(self):
        dark = tuple(self.random.randint(0, 90) for _ in range(3))
        light = tuple(self.random.randint(165, 255) for _ in range(3))
        return (dark, light) if self.random.random() < 0.8 else (light, dark)

    def font(self, smallest, largest):
        return ImageFont.truetype(str(self.random.choice(self.fonts)), self.random.randint(smallest, largest))

    def line(self, text):
        ink, paper = self.colours()
        font = self.font(24, 44)
        left, top, right, bottom = font.getbbox(text)
        margin = [self.random.randint(2, 8) for _ in range(4)]
        image = Image.new("RGB", (right - left + margin[0] + margin[1], bottom - top + margin[2] + margin[3]), paper)
        ImageDraw.Draw(image).text((margin[0] - left, margin[2] - top), text, ink, font)
        image = image.rotate(self.random.uniform(-1.5, 1.5), Image.Resampling.BILINEAR, fillcolor=paper)
        return self.worn(image)

    def page(self, size):
        ink, paper = self.colours()
        image = Image.new("RGB", (size, size), paper)
        draw = ImageDraw.Draw(image)
        y = self.random.randint(4, 40)
        while y < size - 30:
            font = self.font(12, 30)
            draw.text((self.random.randint(4, size // 3), y), self.text(1, 4), ink, font)
            y += int(font.size * self.random.uniform(1.4, 3))
        return self.worn(image)

    def worn(self, image):
        image = image.filter(ImageFilter.GaussianBlur(self.random.uniform(0, 0.9)))
        noise = numpy.random.default_rng(self.random.getrandbits(32)).normal(0, self.random.uniform(0, 8),
                                                                             numpy.asarray(image).shape)
        return Image.fromarray(numpy.clip(numpy.asarray(image, numpy.float64) + noise, 0, 255).astype(numpy.uint8))


def fitted(image, width, height=48):
    """As PaddleOCR does it: resized to the height, at most the width, BGR in [-1, 1], zeros to the right."""
    there = min(width, max(1, -(-image.width * height // image.height)))
    pixels = numpy.asarray(image.resize((there, height), Image.Resampling.BILINEAR), numpy.float32)[:, :, ::-1]
    out = numpy.zeros((3, height, width), numpy.float32)
    out[:, :, :there] = (pixels.transpose(2, 0, 1) / numpy.float32(255) - numpy.float32(0.5)) / numpy.float32(0.5)
    return out


def orientation(fonts, count, seed):
    setter = Typesetter(fonts, seed)
    samples, labels = [], []
    for number in range(count):
        image = setter.line(setter.text(2, 4))
        samples.append(fitted(image if number % 2 == 0 else image.rotate(180), 192))
        labels.append(number % 2)
    return numpy.stack(samples), numpy.array(labels)


def recognition(fonts, count, seed):
    setter = Typesetter(fonts, seed)
    samples, labels = [], []
    for _ in range(count):
        text = setter.text(1, 3)
        samples.append(fitted(setter.line(text), 320))
        labels.append(text)
    return numpy.stack(samples), numpy.array(labels)


def detection(fonts, count, seed, size=320):
    setter = Typesetter(fonts, seed)
    mean = numpy.array([0.485, 0.456, 0.406], numpy.float32)
    deviation = numpy.array([0.229, 0.224, 0.225], numpy.float32)
    pages = [numpy.asarray(setter.page(size), numpy.float32)[:, :, ::-1] / numpy.float32(255) for _ in range(count)]
    return numpy.stack([((page - mean) / deviation).transpose(2, 0, 1) for page in pages]), numpy.zeros(count, numpy.int64)


def prepare(source, folder, shape):
    """Writes the net with fixed sizes, and the same in operator set 13 for tools that need it for scales per channel."""
    model = onnx.load(source)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for dim, size in zip(dims[1:], shape):
        dim.dim_value = size
    onnx.save(model, folder / "source.onnx")
    if model.opset_import[0].version < 13:
        model = onnx.version_converter.convert_version(model, 13)
    onnx.save(model, folder / "float.onnx")


def write(work, name, source, calibration, test, labels, what, reference, batch):
    folder = work / "nets" / name
    folder.mkdir(parents=True, exist_ok=True)
    numpy.save(folder / "calibration.npy", numpy.ascontiguousarray(calibration))
    numpy.save(folder / "test.npy", numpy.ascontiguousarray(test))
    numpy.save(folder / "labels.npy", labels)
    prepare(source, folder, test.shape[1:])
    run = onnxruntime_session(str(folder / "source.onnx"))
    numpy.save(folder / "reference.npy", numpy.concatenate([run(test[i:i + batch]) for i in range(0, reference, batch)]))
    net = {"name": name, "what": what, "batch": batch, "calibration": len(calibration), "test": len(test),
           "reference": reference}
    (folder / "net.json").write_text(json.dumps(net))
    net["float"] = accuracy_of(folder, run)
    (folder / "net.json").write_text(json.dumps(net, indent=1))
    print(f"{name}: float {net['float']:.2f} %", flush=True)


def main(work, images, models, assets=None, fonts=None):
    one_core()
    calibration, test, labels = fashion(images)
    for name in ("fashion_ds", "fashion_mix", "fashion_vit"):
        source = models / f"{name}.onnx"
        if source.exists():
            write(work, name, source, calibration, test, labels, "top1", 2000, 100)
    if assets is None:
        return
    write(work, "ppocr_orientation", assets / "ch_ppocr_mobile_v2.0_cls_infer.onnx",
          orientation(fonts, CALIBRATION, 1)[0], *orientation(fonts, 800, 2), "top1", 800, 1)
    recognized = recognition(fonts, 400, 4)
    keys = (assets / "ppocr_keys_v1.txt").read_text(encoding="utf-8").split("\n")
    folder = work / "nets" / "ppocr_recognition"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "characters.json").write_text(json.dumps([""] + keys[:6623] + [" "]))
    write(work, "ppocr_recognition", assets / "ch_PP-OCRv4_rec_infer.onnx",
          recognition(fonts, CALIBRATION, 3)[0], *recognized, "lines", 200, 1)
    write(work, "ppocr_detection", assets / "ch_PP-OCRv4_det_infer.onnx",
          detection(fonts, 100, 5)[0], *detection(fonts, 60, 6), "overlap", 60, 1)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 6):
        sys.exit(__doc__)
    main(*map(pathlib.Path, sys.argv[1:]))
