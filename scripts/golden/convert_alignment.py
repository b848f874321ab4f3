#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts what POT 2023.3 did to the one pair of convolutions of fashion_mix that it aligned, `lin`
and `exp` behind it, into .npy files of tests/golden/alignment.

  convert_alignment.py RECORDED [OUT]

RECORDED holds fashion_mix/fashion_mix.performance.json, fashion_mix/arrays.json,
fashion_mix.stats.npz and fashion_mix.aligned_weights.npz. Needs numpy.

  low, high             [sample, channel] quantiles 1e-4 and 1 - 1e-4 of lin's output
  <l>_weights, _bias    of l = first (lin), second (exp): as they came
  <l>_weights_aligned, _bias_aligned
  <l>_bias_corrected    after alignment and fast bias correction
  in_mean, first_mean_aligned, second_mean   [channel], over 300 samples: of lin's input, lin's and
                        exp's output; first_mean is lin's before alignment, computed back from it
"""
import json
import pathlib
import sys

import numpy as np


def main():
    recorded = pathlib.Path(sys.argv[1])
    out = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "tests/golden/alignment")
    out.mkdir(parents=True, exist_ok=True)
    run = json.load(open(recorded / "fashion_mix" / "fashion_mix.performance.json"))
    arrays = json.load(open(recorded / "fashion_mix" / "arrays.json"))
    stats = np.load(recorded / "fashion_mix.stats.npz")
    weights = np.load(recorded / "fashion_mix.aligned_weights.npz")

    def save(name, values):
        np.save(out / f"{name}.npy", np.ascontiguousarray(values, dtype=np.float32))

    def numbers(value):
        return np.asarray(arrays[int(value[1:])], dtype=np.float32)

    tap = "align//lin/lin.1/BatchNormalization/channel_range_"
    low, high = stats[tap + "min"], stats[tap + "max"]
    save("low", low)
    save("high", high)
    nodes = {"first": "/lin/lin.0/Conv", "second": "/exp/exp.0/Conv"}
    for layer, node in nodes.items():
        bias = next(each for each in run["biases"] if each["onnx_node"] == node)
        save(f"{layer}_weights", weights[bias["op"] + "/before"])
        save(f"{layer}_weights_aligned", weights[bias["op"] + "/aligned"])
        save(f"{layer}_bias", numbers(bias["before"]))
        save(f"{layer}_bias_aligned", numbers(bias["aligned"]))
        save(f"{layer}_bias_corrected", numbers(bias["after"]))
    lo, hi = np.median(low, axis=0), np.median(high, axis=0)
    scale = (hi - lo) / np.median(hi - lo)
    means = run["bias_stats_mean"]
    aligned = numbers(means["/lin/lin.1/BatchNormalization"])
    save("in_mean", numbers(means["/Concat"]))
    save("first_mean_aligned", aligned)
    save("first_mean", aligned * scale + (lo + hi) / 2)
    save("second_mean", numbers(means["/exp/exp.1/BatchNormalization"]))


main()
