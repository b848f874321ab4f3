#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what ONNX Runtime computes for three samples of noise: tests/engine/outputs/<model>.txt.

  outputs.py

Needs numpy and onnxruntime. The noise is that of tests/engine/running.hpp.
"""
import pathlib

import numpy as np
import onnxruntime

SAMPLES = 3


def noise(count, seed):
    values = []
    for _ in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        values.append(np.float32((seed >> 8) / 8388608 - 1))
    return np.array(values, np.float32)


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    for model in ("fashion_ds", "fashion_mix", "fashion_vit"):
        session = onnxruntime.InferenceSession(root / f"examples/models/{model}.onnx")
        outputs = session.run(None, {"x": noise(SAMPLES * 784, 40).reshape(SAMPLES, 1, 28, 28)})[0]
        lines = [" ".join(f"{value:.9g}" for value in row) for row in outputs]
        (root / f"tests/engine/outputs/{model}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
