#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares what ONNX Runtime made of a model with what quantize_onnx reported of its plan, and with POT or the float model.

    compare.py NAME REPORT.json ACCURACY.json LEAST AGAINST

LEAST is the operation and its least number that must run in integers: `QLinearConv:9`, or `-`. AGAINST is the name of a
recorded run of POT (tests/golden/data), `float`, or `-`. Exits with 1 if ONNX Runtime's accuracy lies further than 0.3 points
(3 where the other one is below 80 %) from the plan's, or from that of POT's int8 model (of its emulation where weights have
4 bits: kernels pack these by another rounding), or more than a point below the float model's, or if too few operations ran
in integers.
"""
import json
import sys


def read(path):
    with open(path) as file:
        return json.load(file)


def near(there, expected):
    return abs(there - expected) <= (0.003 if expected >= 0.8 else 0.03)


def of_pot(name):
    runs = read(f"tests/golden/data/{name.split('.')[0]}.json")["runs"]
    (run,) = [each for each in runs if each["name"] == name]
    return run["top1"]["quantized_emulated" if "_w4" in name else "quantized_int8_kernels"]


name, report, accuracy, least, against = sys.argv[1:]
reported, ran = read(report)["accuracy"], read(accuracy)
expected = {"plan": reported["plan"]}
if against not in ("-", "float"):
    expected["POT"] = of_pot(against)
operation, _, count = least.partition(":")
there = ran["operations"].get(operation, 0)
good = all(near(ran["top1"], each) for each in expected.values()) and there >= int(count or 0)
if against == "float":
    good = good and ran["top1"] >= reported["float"] - 0.01
columns = "  ".join(f"{who} {expected[who]:.4f}" if who in expected else " " * 10 for who in ("plan", "POT"))
print(f"{name:36} float {reported['float']:.4f}  {columns}  ONNX Runtime {ran['top1']:.4f}"
      f"  {f'{operation} {there}' if count else '':14} {'ok' if good else 'FAILED'}")
sys.exit(0 if good else 1)
