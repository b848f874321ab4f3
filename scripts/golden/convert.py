#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts recorded runs of POT 2023.3 into the compact files of tests/golden/data.

  convert.py RECORDED MODELS [OUT]

RECORDED holds, for each model, <model>/<run>.json, <model>/arrays.json, <model>.stats.npz and where
weights were aligned <model>.aligned_weights.npz; MODELS holds <model>.onnx. What is written, and
what it means, stands in README.md beside this script. The conversion checks itself: POT's log agrees
with the biases that were kept, the scales follow from the limits, and from the statistics that it
wrote it computes the limits of every activations quantizer of the default estimators and compares
them with those that POT recorded. Needs numpy and onnx.
"""
import hashlib
import json
import pathlib
import re
import sys

import numpy as np
import onnx
from onnx import numpy_helper

MODELS = ["fashion_ds", "fashion_mix", "fashion_vit"]

# Statistics of each sample, and their names here.
RECORDED = {"min": "min", "max": "max", "ch_min": "ch_min", "ch_max": "ch_max",
            "q1e-4": "low_quantile", "q1-1e-4": "high_quantile", "absq1-1e-4": "abs_quantile"}
# What MO made of fashion_vit's scale behind q x k^T: a factor on k^T, a tensor of no ONNX value.
SCALED_KEYS = {"Multiply_1401": "/b1/Transpose_2_output_0", "Multiply_1403": "/b2/Transpose_2_output_0"}


def resolved(value, arrays):
    """The value with every "@17" replaced by array 17."""
    if isinstance(value, str) and re.fullmatch("@[0-9]+", value):
        return arrays[int(value[1:])]
    if isinstance(value, list):
        return [resolved(each, arrays) for each in value]
    if isinstance(value, dict):
        return {key: resolved(each, arrays) for key, each in value.items()}
    return value


def flat(values):
    return np.asarray(values, dtype=np.float32).ravel()


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def decimal(value):
    """The shortest decimal that reads back, by way of binary64 too."""
    shortest = float(str(value))
    if np.float32(shortest) != value:
        sys.exit(f"{value} does not read back")
    return shortest


class Arrays:
    """Arrays of float32, each kept once: those of one or two numbers in place, others by index."""

    def __init__(self):
        self.index, self.values = {}, []

    def __call__(self, values):
        values = flat(values)
        if values.size <= 2:
            return [decimal(value) for value in values]
        key = values.tobytes()
        if key not in self.index:
            self.index[key] = len(self.values)
            self.values.append(values)
        return self.index[key]

    def at(self, kept):
        return np.asarray(kept, dtype=np.float32) if isinstance(kept, list) else self.values[kept]

    def save(self, path):
        np.save(path, np.concatenate(self.values).astype("<f4"))
        return [values.size for values in self.values]


class Pool:
    """Values, each kept once."""

    def __init__(self):
        self.index, self.values = {}, []

    def __call__(self, value):
        key = json.dumps(value)
        if key not in self.index:
            self.index[key] = len(self.values)
            self.values.append(value)
        return self.index[key]


class Names:
    """From the names of MO's model to those of the ONNX file."""

    def __init__(self, path):
        model = onnx.load(path)
        graph = onnx.shape_inference.infer_shapes(model).graph
        self.nodes = {each.name: each for each in graph.node}
        self.maker = {out: each for each in graph.node for out in each.output}
        self.readers = {}
        for each in graph.node:
            for port, value in enumerate(each.input):
                self.readers.setdefault(value, []).append((each.name, port))
        self.constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        self.shapes = {each.name: [d.dim_value for d in each.type.tensor_type.shape.dim[1:]]
                       for each in [*graph.input, *graph.value_info, *graph.output]}

    def consumer(self, recorded):
        """Node and input. Names that MO made stay."""
        name = recorded.get("onnx_node") or recorded["name"].removesuffix("/WithoutBiases")
        if recorded["type"] == "MatMul" and self.nodes[name].op_type == "Mul":
            name = self.maker[self.nodes[name].input[0]].name  # the scale behind it was moved before it
        return {"node": name, "input": recorded["port"]}

    @staticmethod
    def operation(recorded):
        return recorded["onnx_node"] or recorded["op"].removesuffix("/WithoutBiases")

    def value(self, tap):
        """The ONNX value of a statistics tap: an operation, or `operation:output` of a split."""
        if tap in SCALED_KEYS:
            return SCALED_KEYS[tap]
        name, _, port = tap.partition(":")
        for candidate in (name, f"{name}_output_{port or 0}"):
            if candidate in self.shapes:
                return candidate
        sys.exit(f"no ONNX value for {tap}")


def limits_recorded(recorded):
    limits = {}
    limits["in_high"] = flat(recorded["in_high"]["values"])
    low = recorded["in_low"]
    limits["in_low"] = -limits["in_high"] if low == "minus_in_high" else flat(low["values"])
    for out in ("out_low", "out_high"):
        value = recorded[out]
        limits[out] = limits["in" + out[3:]] if value == "same" else flat(value["values"])
    return limits


def is_transposed(recorded, consumer, names):
    """Is the constant in MO's model the transpose of the ONNX file's?"""
    node = names.nodes.get(consumer["node"])
    if node is None or node.op_type != "MatMul":
        return False
    shape = names.constants[node.input[consumer["input"]]].shape
    return list(shape[::-1]) == recorded["shape"]


def quantizer(recorded, arrays, names):
    producer = recorded["producer"]
    weights = recorded["kind"] == "weights"
    consumers = [names.consumer(each) for each in recorded["consumers"]]
    shape = recorded["in_high"]["shape"]
    wide = [axis for axis, extent in enumerate(shape) if extent != 1]
    result = {
        "kind": recorded["kind"],
        "tensor": None if weights else producer["onnx_value"] or names.value(producer["name"]),
        "consumers": consumers,
        "axis": wide[0] if wide else None,
        "levels": recorded["levels"],
    }
    limits = limits_recorded(recorded)
    for name in ("in_low", "in_high"):
        result[name] = arrays(limits[name])
    for name in ("out_low", "out_high"):
        if recorded[name] != "same":
            result[name] = arrays(limits[name])
    if producer["name"] in SCALED_KEYS:
        result["factor"] = 12 ** -0.5
    if weights:
        if consumers[0]["node"] in SCALED_KEYS:
            result["of_moved_scale"] = True
        result["weights"] = recorded["weights"]["sha256_f32"]
        if is_transposed(recorded["weights"], consumers[0], names):
            result["transposed"] = True
    return result


def verdicts(log):
    """POT's words on each operation: set or skipped, and the relative change."""
    result = {}
    for line in log or []:
        if found := re.fullmatch(r"Setting bias for (\S+?)\.\s+Magnitude: (\S+)", line):
            result[found[1]] = {"verdict": "set", "magnitude": float(found[2])}
        elif found := re.fullmatch(r"(\S+) skipped by threshold", line):
            result[found[1]] = {"verdict": "skipped"}
        elif found := re.fullmatch(r"Magnitude for (\S+?)\.?:? (\S+)\. Skipping", line):
            result[found[1]] = {"verdict": "skipped", "magnitude": float(found[2])}
        elif not line.startswith("Dropped "):
            result.setdefault("?", []).append(line)
    return result


def is_kept(recorded):
    """Did correction leave the bias as it found it?"""
    return recorded["after"] in ("same", recorded["aligned"])


def bias(recorded, said, arrays):
    result = {"node": Names.operation(recorded), "before": arrays(recorded["before"])}
    if recorded["aligned"] != "same":
        result["aligned"] = arrays(recorded["aligned"])
    if not is_kept(recorded):
        result["after"] = arrays(recorded["after"])
    result.update(said)
    return result


def summary(recorded):
    return {"sha256": recorded["sha256_f32"], "first8": recorded["first8"], "sum": recorded["sum"]}


def changed(recorded, aligned, arrays):
    result = {"node": Names.operation(recorded), "halved": recorded["halved"], "before": recorded["before"]["sha256_f32"]}
    if recorded["aligned"]:
        result["aligned"] = summary(recorded["after_alignment"])
        for name, values in aligned.items():
            if sha256(values) == result["aligned"]["sha256"]:
                result["aligned"]["values"] = arrays(values)
    result["after"] = summary(recorded["after"])
    result["cause"] = ("saturation_fix" if recorded["halved"] else
                       "channel_alignment" if recorded["aligned"] else "overflow_correction")
    return result


def compressed(recorded, names, arrays):
    zero_point = recorded["zero_point"]
    consumers = [names.consumer(each) for each in recorded["consumers"]]
    return {
        "consumers": consumers,
        "type": re.search("int[48]", recorded["type"])[0],
        "shape": recorded["shape"],
        "transposed": is_transposed(recorded, consumers[0], names),
        "sha256": recorded["codes"]["sha256"],
        "scale_sha256": recorded["scale"]["sha256_f32"],
        "zero_points": None if zero_point is None else arrays(zero_point["values"]),
    }


def check_scales(run, recorded):
    limits = {}
    for each in recorded["fake_quantize"]:
        if each["kind"] == "weights":
            limits[json.dumps(each["consumers"])] = (limits_recorded(each), each["levels"])
    for each in recorded["compressed"] or []:
        of, levels = limits[json.dumps(each["consumers"])]
        scale = (of["out_high"] - of["out_low"]) / np.float32(levels - 1)
        if sha256(scale) != each["scale"]["sha256_f32"]:
            sys.exit(f"{run}: the scales of {each['consumers']} do not follow from the limits")


def samples_of(recorded):
    """The samples of the statistics: the first so many, or a list."""
    read = recorded["samples"]["first_pass"]
    if read == "indices 0..299 in order":
        return 300
    read = [int(each) for each in read]
    return len(read) if read == list(range(len(read))) else read


class Model:
    def __init__(self, name, recorded, models):
        self.name, self.folder = name, recorded / name
        self.names = Names(models / f"{name}.onnx")
        self.recorded_arrays = json.loads((self.folder / "arrays.json").read_text())
        aligned = recorded / f"{name}.aligned_weights.npz"
        self.aligned = dict(np.load(aligned)) if aligned.exists() else {}
        self.arrays = Arrays()
        self.pools = {each: Pool() for each in ("quantizers", "biases", "weights", "codes")}

    def run(self, path):
        recorded = resolved(json.loads(path.read_text()), self.recorded_arrays)
        result = {"name": path.stem, "algorithms": recorded["config"]["algorithms"]}
        if "note" in recorded:
            result["note"] = recorded["note"]
        if "refused" in recorded:
            result["refused"] = {each: recorded["refused"][each] for each in ("type", "message")}
            return result
        said = verdicts(recorded["bias_log"])
        if "?" in said:
            sys.exit(f"{path.stem}: {said['?']}")
        pools, arrays = self.pools, self.arrays
        result["samples"] = samples_of(recorded)
        result["top1"] = recorded["top1"]
        result["quantizers"] = [pools["quantizers"](quantizer(each, arrays, self.names))
                                for each in recorded["fake_quantize"]]
        result["biases"] = [pools["biases"](bias(each, said.get(each["op"], {}), arrays))
                            for each in recorded["biases"]]
        result["weights"] = [pools["weights"](changed(each, self.aligned, arrays))
                             for each in recorded["changed_weights"]]
        result["codes"] = [pools["codes"](compressed(each, self.names, arrays))
                           for each in recorded["compressed"] or []]
        node = {each["op"]: Names.operation(each) for each in recorded["biases"]}
        result["aligned_pairs"] = [[node[each] for each in pair] for pair in recorded["align_pairs"] or []]
        result["aligned_medians"] = {
            self.names.value(tap): {"low": arrays(of["channel_range_min"]), "high": arrays(of["channel_range_max"])}
            for tap, of in (recorded.get("align_stats_median") or {}).items()}
        self.check(result, recorded, said, node)
        check_scales(path.stem, recorded)
        return result

    def check(self, run, recorded, said, node):
        kept = {each["op"] for each in recorded["biases"] if is_kept(each)}
        if unknown := said.keys() - node.keys():
            sys.exit(f"{run['name']}: POT's log speaks of {unknown}")
        for op, each in said.items():
            if (each["verdict"] == "skipped") != (op in kept):
                sys.exit(f"{run['name']}: POT's log and the biases disagree on {op}")
        if silent := node.keys() - said.keys() - kept:
            sys.exit(f"{run['name']}: POT's log is silent about {silent}")
        count = [len(run["quantizers"]), sum(recorded["counts"].values())]
        if count[0] != count[1]:
            sys.exit(f"{run['name']}: {count} quantizers")

    def convert(self, out):
        runs = [self.run(path) for path in sorted(self.folder.glob(f"{self.name}*.json"))]
        lengths = self.arrays.save(out / f"{self.name}.npy")
        document = {"model": self.name, "arrays": lengths}
        document.update({name: pool.values for name, pool in self.pools.items()})
        dump(out / f"{self.name}.json", {**document, "runs": runs})
        return runs


def dump(path, document):
    """Each entry of each list on a line."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = "[\n" + ",\n".join(json.dumps(each, separators=(",", ":")) for each in value) + "\n]"
        else:
            value = json.dumps(value, separators=(",", ":"))
        lines.append(f"{json.dumps(key)}:{value}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def convert_statistics(model, recorded, out):
    names = model.names
    stats = np.load(recorded / f"{model.name}.stats.npz")
    index = json.loads(str(stats["index"]))
    arrays, tensors = Arrays(), {}

    def save(tensor, statistic, values):
        tensors.setdefault(tensor, {"shape": names.shapes[tensor]})[statistic] = {
            "of": arrays(values), "shape": list(values.shape)}

    for entry in index:
        key, tensor = str(entry["id"]), entry["onnx_value"] or names.value(entry["ir"])
        for statistic, kept in RECORDED.items():
            if f"{key}/{statistic}" in stats.files:
                values = stats[f"{key}/{statistic}"]
                if entry["onnx_value"] is None:  # of the scaled tensor
                    values = (values.astype(np.float64) * 12 ** 0.5).astype(np.float32)
                save(tensor, kept, values)
        if not np.array_equal(stats[f"{key}/abs_max"],
                              np.maximum(-stats[f"{key}/min"], stats[f"{key}/max"])):
            sys.exit(f"{entry['ir']}: abs_max does not follow from min and max")
    for name in stats.files:
        # Bias correction reads means over the samples alone: of what a weighted operation reads, and
        # of what it gives with its bias.
        if name.startswith("bias/"):
            save(names.value(name[5:]), "mean", stats[name].astype(np.float64).mean(axis=0))
        elif found := re.fullmatch("align/(.*)/channel_range_(min|max)", name):
            save(names.value(found[1]), "quantile_" + found[2], stats[name])
    document = {"model": model.name, "samples": len(stats["0/min"]), "tensors": tensors}
    lengths = arrays.save(out / f"{model.name}.statistics.npy")
    lines = [f"{json.dumps(name)}:{json.dumps(of, separators=(',', ':'))}" for name, of in tensors.items()]
    (out / f"{model.name}.statistics.json").write_text(
        "{\n" + f'"model":"{model.name}",\n"samples":{document["samples"]},\n"arrays":{json.dumps(lengths)},\n'
        + '"tensors":{\n' + ",\n".join(lines) + "\n}\n}\n")
    return {name: {statistic: arrays.at(each["of"]).reshape(each["shape"])
                   for statistic, each in of.items() if statistic != "shape"}
            for name, of in tensors.items()}


def limits_of(entry, statistics, preset):
    """POT's default estimators and schemes for 8-bit activations (levels 256)."""
    channels = entry["axis"] is not None
    of = statistics[entry["tensor"]]
    load = lambda statistic: of[statistic].astype(np.float64) * entry.get("factor", 1.0)
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


def check_statistics(model, runs, statistics):
    """Of the runs of the presets alone: the tensors of a concatenation share a range."""
    entries = model.pools["quantizers"].values
    values = lambda kept: model.arrays.at(kept).astype(np.float64)
    for preset in ("performance", "mixed", "accuracy"):
        run = next(each for each in runs if each["name"] == f"{model.name}.{preset}")
        found = {}
        for index in run["quantizers"]:
            entry = entries[index]
            if entry["kind"] == "activations":
                found[index] = limits_of(entry, statistics, preset)
        joined = [index for index in found if entries[index]["consumers"][0]["node"] == "/Concat"]
        for index in joined:
            found[index] = (min(found[each][0] for each in joined), max(found[each][1] for each in joined))
        worst = 0.0
        for index, (low, high) in found.items():
            entry, width = entries[index], high - low
            worst = max(worst, np.max(np.abs(low - values(entry["in_low"])) / width),
                        np.max(np.abs(high - values(entry["in_high"])) / width))
        print(f"{run['name']}: activation limits from the statistics within {worst:.1e} of their width")
        if worst > 1e-6:
            sys.exit(f"{run['name']}: the statistics do not give POT's limits")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    recorded, models = (pathlib.Path(each) for each in sys.argv[1:3])
    default = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "data"
    out = pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else default
    out.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        model = Model(name, recorded, models)
        runs = model.convert(out)
        statistics = convert_statistics(model, recorded, out)
        check_statistics(model, runs, statistics)
        refused = sum("refused" in each for each in runs)
        print(f"{name}: {len(runs)} runs, {refused} of them refused; "
              f"{', '.join(f'{len(pool.values)} {what}' for what, pool in model.pools.items())}")


main()
