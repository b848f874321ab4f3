#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares what ONNX Runtime made of a model with what quantize_onnx reported of its plan, and with POT.

    compare.py NAME REPORT.json ACCURACY.json LEAST_CONVOLUTIONS RUN

RUN is the name of a recorded run of POT (tests/golden/data), or `-` if POT did not run this. Exits with 1 if ONNX Runtime's accuracy lies
further than 0.3 points (3 where the other one is below 80 %) from the plan's or from that of POT's int8 model, or if fewer
convolutions than LEAST_CONVOLUTIONS ran as QLinearConv.
"""
import json
import sys


def read(path):
    with open(path) as file:
        return json.load(file)


def near(there, expected):
    return abs(there - expected) <= (0.003 if expected >= 0.8 else 0.03)


name, report, accuracy, least, recorded = sys.argv[1:]
expected = {"plan": read(report)["accuracy"]["plan"]}
if recorded != "-":
    runs = read(f"tests/golden/data/{recorded.split('.')[0]}.json")["runs"]
    (run,) = [each for each in runs if each["name"] == recorded]
    expected["POT"] = run["top1"]["quantized_int8_kernels"]
ran = read(accuracy)
convolutions = ran["operations"].get("QLinearConv", 0)
good = all(near(ran["top1"], each) for each in expected.values()) and convolutions >= int(least)
columns = "  ".join(f"{who} {expected[who]:.4f}" if who in expected else " " * 10 for who in ("plan", "POT"))
print(f"{name:32} {columns}  ONNX Runtime {ran['top1']:.4f}  QLinearConv {convolutions}"
      f"  {'ok' if good else 'FAILED'}")
sys.exit(0 if good else 1)
