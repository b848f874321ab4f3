#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts what POT 2023.3 packed into the compact files of tests/golden/packing.

  convert_packing.py RECORDED [OUT]

RECORDED holds <model>/<model>.<configuration>.json and <model>/arrays.json. What is written, and
what it means, stands in README.md beside this script. The conversion checks itself: scales and zero
points are computed afresh from the limits and equal POT's to the bit. Needs numpy.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np

CONFIGURATIONS = {
    "fashion_ds": [
        "mixed_w4", "mixed_w6", "mixed_w8_full_range", "accuracy_w4_asym", "accuracy",
        "accuracy_npu", "mixed_npu", "performance_cpu_sat_all", "performance_cpu_sat_first_layer",
        "performance_cpu_sat_no", "mixed_wpertensor",
    ],
}


def resolved(value, arrays):
    """The value with every "@17" replaced by array 17."""
    if isinstance(value, str) and value.startswith("@"):
        return arrays[int(value[1:])]
    if isinstance(value, list):
        return [resolved(each, arrays) for each in value]
    if isinstance(value, dict):
        return {key: resolved(each, arrays) for key, each in value.items()}
    return value


def flat(values):
    return np.asarray(values, dtype=np.float32).ravel()


def limits_of(recorded):
    in_high = flat(recorded["in_high"]["values"])
    limits = {"in_high": in_high}
    for name in ("in_low", "out_high", "out_low"):
        value = recorded[name]
        if value == "minus_in_high":
            limits[name] = -in_high
        elif value == "minus_out_high":
            limits[name] = -limits["out_high"]
        elif value == "same":
            limits[name] = limits["in" + name[3:]]
        else:
            limits[name] = flat(value["values"])
    return limits


def sha256(values):
    return hashlib.sha256(np.ascontiguousarray(values, "<f4").tobytes()).hexdigest()


def check(entry, limits, levels, where):
    width = limits["out_high"] - limits["out_low"]
    scale = width / np.float32(levels - 1)
    recorded = entry["scale"]
    same = (sha256(scale) == recorded["sha256_f32"] if "sha256_f32" in recorded
            else np.array_equal(flat(recorded["values"]), scale))
    zero = np.float32(-(levels // 2)) - limits["out_low"] / scale
    if entry["zero_point"] is not None:
        same = same and np.array_equal(flat(entry["zero_point"]["values"]), zero)
    if not same:
        sys.exit(f"{where}: scales or zero points do not follow from the limits")


class arrays_of:
    """Lists of numbers, each written once."""

    def __init__(self):
        self.lines = []
        self.known = {}

    def put(self, values):
        text = " ".join(str(value) for value in values)
        if text not in self.known:
            self.known[text] = len(self.lines)
            self.lines.append(f"numbers {text}")
        return str(self.known[text])


def convert(recorded, model, configurations):
    arrays = json.loads((recorded / model / "arrays.json").read_text())
    numbers = arrays_of()
    lines = []
    for name in configurations:
        run = resolved(json.loads((recorded / model / f"{model}.{name}.json").read_text()), arrays)
        quantizers = {(reader["name"], reader["port"]): each for each in run["fake_quantize"]
                      if "weights" in each for reader in each["consumers"]}
        lines.append(f"configuration {name}")
        for entry in run["compressed"]:
            reader = entry["consumers"][0]
            quantizer = quantizers[(reader["name"], reader["port"])]
            limits = limits_of(quantizer)
            check(entry, limits, quantizer["levels"], f"{model}.{name}, {reader['name']}")
            shape = quantizer["in_high"]["shape"]
            wide = [axis for axis, extent in enumerate(shape) if extent != 1]
            lines.append(" ".join([
                f"  {reader.get('onnx_node') or reader['name']} {reader['port']}",
                "x".join(str(extent) for extent in entry["shape"]),
                str(wide[0]) if wide else "-",
                str(quantizer["levels"]),
                *(numbers.put(limits[each]) for each in ("in_low", "in_high", "out_low", "out_high")),
                "removed" if entry["zero_point"] is None else "kept",
                quantizer["weights"]["sha256_f32"],
                entry["codes"]["sha256"],
            ]))
    return numbers.lines + lines


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    recorded = pathlib.Path(sys.argv[1])
    root = pathlib.Path(__file__).resolve().parents[2]
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else root / "tests" / "golden" / "packing"
    out.mkdir(parents=True, exist_ok=True)
    for model, configurations in CONFIGURATIONS.items():
        (out / f"{model}.txt").write_text("\n".join(convert(recorded, model, configurations)) + "\n")


if __name__ == "__main__":
    main()
