#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares what ONNX Runtime made of a model with what quantize_onnx reported of its plan.

    compare.py NAME REPORT.json ACCURACY.json LEAST_CONVOLUTIONS

Exits with 1 if the accuracies lie further apart than 0.3 points (3 where the plan's is below 80 %), or if fewer convolutions
than LEAST_CONVOLUTIONS ran as QLinearConv.
"""
import json
import sys

name, report, accuracy, least = sys.argv[1:]
with open(report) as file:
    plan = json.load(file)["accuracy"]["plan"]
with open(accuracy) as file:
    there = json.load(file)
tolerance = 0.003 if plan >= 0.8 else 0.03
convolutions = there["operations"].get("QLinearConv", 0)
good = abs(plan - there["top1"]) <= tolerance and convolutions >= int(least)
print(f"{name:24} plan {plan:.4f}  ONNX Runtime {there['top1']:.4f}  QLinearConv {convolutions}"
      f"  {'ok' if good else 'FAILED'}")
sys.exit(0 if good else 1)
