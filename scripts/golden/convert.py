#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts recorded runs of POT 2023.3 into the compact files of tests/golden/data.

  convert.py RECORDED [OUT]

RECORDED holds fashion_ds/fashion_ds.<configuration>.json, fashion_ds/arrays.json and
fashion_ds.stats.npz. What is written, and what it means, stands in README.md beside this script.
The conversion checks itself: from the statistics that it wrote it computes the limits of every
activations quantizer and compares them with those that POT recorded. Needs numpy and onnx (for the
shapes of the tensors).
"""
import json
import pathlib
import sys

import numpy as np
import onnx

MODEL = "fashion_ds"
CONFIGURATIONS = [
    "performance", "mixed", "accuracy", "mixed_cpu",
    "performance_cpu_sat_first_layer", "performance_cpu_sat_all", "performance_cpu_sat_no",
    "mixed_cpu_sat_all", "mixed_wpertensor", "performance_wpertensor",
]
LIMITS = ["in_low", "in_high", "out_low", "out_high"]


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


def numbers(values):
    """float32 as the shortest decimals that read back."""
    return [float(str(value)) for value in flat(values)]


def quantizer(recorded):
    limits = {}
    limits["in_high"] = flat(recorded["in_high"]["values"])
    low = recorded["in_low"]
    limits["in_low"] = -limits["in_high"] if low == "minus_in_high" else flat(low["values"])
    for out in ("out_low", "out_high"):
        same = limits["in" + out[3:]]
        value = recorded[out]
        if value == "minus_in_high":
            limits[out] = -limits["in_high"]
        elif value == "minus_out_high":
            limits[out] = -flat(recorded["out_high"]["values"])
        else:
            limits[out] = same if value == "same" else flat(value["values"])
    shape = recorded["in_high"]["shape"]
    wide = [axis for axis, extent in enumerate(shape) if extent != 1]
    result = {
        "kind": recorded["kind"],
        "tensor": recorded["producer"]["onnx_value"],
        "consumers": [
            {"node": each.get("onnx_node", each["name"]), "input": each["port"]}
            for each in recorded["consumers"]
        ],
        "axis": wide[0] if wide else None,
        "levels": recorded["levels"],
    }
    result.update({name: numbers(limits[name]) for name in LIMITS})
    if "weights" in recorded:
        result["weights_sha256"] = recorded["weights"]["sha256_f32"]
    return result


def bias(recorded):
    before = recorded["before"]
    after = recorded["after"]
    return {
        "node": recorded["onnx_node"],
        "skipped": after == "same",
        "before": numbers(before),
        "after": numbers(before if after == "same" else after),
    }


def compressed(recorded):
    zero_point = recorded["zero_point"]
    (consumer,) = recorded["consumers"]
    codes = dict(recorded["codes"], first16=[int(each) for each in recorded["codes"]["first16"]])
    return {
        "node": consumer["onnx_node"],
        "type": recorded["type"].split("'")[1],
        "shape": recorded["shape"],
        "codes": {key: codes[key] for key in ("first16", "sum", "min", "max", "sha256")},
        "scale": {key: recorded["scale"][key] for key in ("shape", "first8", "sum", "sha256_f32")},
        "zero_point": zero_point,
    }


def dump(path, document):
    """One entry in a few lines, each list of numbers on one."""
    def text(value, indent):
        inner = " " * (indent + 1)
        scalar_list = isinstance(value, list) and all(
            not isinstance(each, (list, dict)) for each in value)
        if isinstance(value, dict) and value and indent < 4:
            items = [inner + json.dumps(key) + ": " + text(each, indent + 1)
                     for key, each in value.items()]
            return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
        if isinstance(value, list) and value and not scalar_list:
            return "[\n" + ",\n".join(inner + text(each, indent + 1) for each in value) + \
                "\n" + " " * indent + "]"
        return json.dumps(value)
    path.write_text(text(document, 0) + "\n")


def convert_configuration(recorded, arrays, name):
    run = resolved(json.loads((recorded / MODEL / f"{MODEL}.{name}.json").read_text()), arrays)
    result = {
        "configuration": name,
        "config": run["config"],
        "counts": run["counts"],
        "top1": run["top1"],
        "quantizers": [quantizer(each) for each in run["fake_quantize"]],
        "biases": [bias(each) for each in run["biases"]],
        "bias_log": run["bias_log"],
        "halved": sorted(each["onnx_node"] for each in run["changed_weights"] if each["halved"]),
        "codes": [compressed(each) for each in run["compressed"]],
    }
    skipped = {each["node"] for each in result["biases"] if each["skipped"]}
    said = {line.split("/WithoutBiases")[0] for line in run["bias_log"] if "skipped" in line}
    if skipped != said:
        sys.exit(f"{name}: POT's log says {sorted(said)} were skipped, the biases {sorted(skipped)}")
    return result


def shapes_of_tensors():
    """Without the axis of the samples."""
    root = pathlib.Path(__file__).resolve().parents[2]
    model = onnx.load(root / "examples" / "models" / f"{MODEL}.onnx")
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {each.name: [d.dim_value for d in each.type.tensor_type.shape.dim[1:]]
            for each in [*graph.input, *graph.value_info, *graph.output]}


def convert_statistics(recorded, out):
    shapes = shapes_of_tensors()
    stats = np.load(recorded / f"{MODEL}.stats.npz")
    index = json.loads(str(stats["index"]))
    tensors = {}

    def save(tensor, statistic, values):
        name = f"{len(files):02}.npy"
        files.append(name)
        np.save(out / name, np.ascontiguousarray(values, dtype="<f4"))
        tensors.setdefault(tensor, {"shape": shapes[tensor]})[statistic] = name

    files = []
    for entry in index:
        key = str(entry["id"])
        for statistic in ("min", "max", "ch_min", "ch_max"):
            if f"{key}/{statistic}" in stats.files:
                save(entry["onnx_value"], statistic, stats[f"{key}/{statistic}"])
        if not np.array_equal(stats[f"{key}/abs_max"],
                              np.maximum(-stats[f"{key}/min"], stats[f"{key}/max"])):
            sys.exit(f"{entry['ir']}: abs_max does not follow from min and max")
    # Bias correction reads means over the samples alone: of what a weighted operation reads, and of
    # what it gives with its bias.
    known = {entry["ir"]: entry["onnx_value"] for entry in index}
    for name in stats.files:
        if name.startswith("bias/"):
            ir = name[5:]
            means = stats[name].astype(np.float64).mean(axis=0)
            save(known.get(ir, ir if ir in shapes else f"{ir}_output_0"), "mean", means)
    samples = len(stats["0/min"])
    dump(out / "index.json", {"model": MODEL, "samples": samples, "tensors": tensors})
    return tensors


def limits_of(entry, out, tensors, preset):
    """POT's default estimators and schemes for 8-bit activations (levels 256)."""
    load = lambda statistic: np.load(out / tensors[entry["tensor"]][statistic]).astype(np.float64)
    channels = entry["axis"] is not None
    low, high = load("ch_min" if channels else "min"), load("ch_max" if channels else "max")
    if preset == "performance":
        absolute = np.maximum(-low, high)
        top = np.atleast_1d(absolute.max(axis=0) if channels else absolute.mean())
        top = np.maximum(top, max(8e-5, 0.01 * top.max()))
        unsigned = load("min").min() >= 0
        return (np.zeros_like(top) if unsigned else -top * 256 / 254), top
    low = np.atleast_1d(low.min(axis=0) if channels else low.mean())
    high = np.atleast_1d(high.max(axis=0) if channels else high.mean())
    narrow = high - low <= 8e-4
    low, high = np.where(narrow, low - 8e-4, low), np.where(narrow, high + 8e-4, high)
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    zero = np.round(-low * 255 / (high - low))
    with np.errstate(divide="ignore", invalid="ignore"):
        low_a = np.where(zero < 255, zero / (zero - 255) * high, low)
        high_b = np.where(zero > 0, (zero - 255) / zero * low, high)
    wider = high - low_a > high_b - low
    return np.where(wider, low_a, low), np.where(wider, high, high_b)


def check(document, out, tensors):
    preset = document["config"]["algorithms"][0]["params"]["preset"]
    worst = 0.0
    for entry in document["quantizers"]:
        if entry["kind"] != "activations":
            continue
        low, high = limits_of(entry, out, tensors, preset)
        width = high - low
        worst = max(worst, np.max(np.abs(low - np.array(entry["in_low"])) / width),
                    np.max(np.abs(high - np.array(entry["in_high"])) / width))
    return worst


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    recorded = pathlib.Path(sys.argv[1])
    default = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "data"
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else default
    statistics = out / f"{MODEL}.statistics"
    statistics.mkdir(parents=True, exist_ok=True)
    arrays = json.loads((recorded / MODEL / "arrays.json").read_text())
    tensors = convert_statistics(recorded, statistics)
    for name in CONFIGURATIONS:
        document = convert_configuration(recorded, arrays, name)
        dump(out / f"{MODEL}.{name}.json", document)
        worst = check(document, statistics, tensors)
        print(f"{name}: {document['counts']}, activation limits from the statistics within "
              f"{worst:.1e} of their width")
        if worst > 1e-6:
            sys.exit(f"{name}: the statistics do not give POT's limits")


main()
