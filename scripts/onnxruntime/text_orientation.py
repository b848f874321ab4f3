#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Renders lines of text, upright and upside down, for PP-OCR's text-orientation net.

    text_orientation.py FONTS OUT

FONTS holds DejaVu's .ttf files. Writes OUT/calibration.npy, OUT/test.npy and OUT/test_labels.npy.
"""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peers"))
from data import CALIBRATION, orientation  # noqa: E402


def main(fonts, out):
    calibration, _ = orientation(fonts, CALIBRATION, 1)
    test, labels = orientation(fonts, 800, 2)
    numpy.save(out / "calibration.npy", calibration)
    numpy.save(out / "test.npy", test)
    numpy.save(out / "test_labels.npy", labels)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
