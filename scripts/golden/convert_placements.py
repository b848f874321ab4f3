#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts recorded runs of POT 2023.3 into tests/golden/placements/<model>.txt.

  convert_placements.py RECORDED [OUT]

RECORDED holds accuracy_aware/graphs, accuracy_aware/pot and <model>/<model>.<configuration>.json.
The form of what is written stands in README.md beside this script.
"""
import json
import pathlib
import sys

TYPES = {
    "Parameter": "input", "Result": "output", "Convolution": "convolution", "MatMul": "matmul",
    "Add": "add", "Multiply": "multiply", "Subtract": "subtract", "Divide": "divide", "ReLU": "relu",
    "PReLU": "prelu", "Clamp": "clamp", "Sigmoid": "sigmoid", "HardSigmoid": "hard_sigmoid",
    "ReduceMean": "reduce_mean", "AvgPool": "average_pool", "MaxPool": "max_pool", "Concat": "concat",
    "VariadicSplit": "split", "Split": "split", "Reshape": "reshape", "Transpose": "transpose",
    "MVN": "mean_variance_normalization", "SoftMax": "softmax", "Gelu": "gelu",
}


def ordered(listed):
    """The nodes by name, the names without FakeQuantize in topological order, what stands before FakeQuantize."""
    by_name = {each["name"]: each for each in listed}
    done, order = set(), []

    def source(name):
        return source(by_name[name]["inputs"][0]) if by_name[name]["type"] == "FakeQuantize" else name

    def visit(name):
        if name in done:
            return
        done.add(name)
        for producer in by_name[name]["inputs"]:
            visit(source(producer))
        order.append(name)

    for each in listed:
        if each["type"] not in ("FakeQuantize", "Const"):
            visit(each["name"])
    return by_name, order, source


def ports_of(by_name):
    """The inputs that read each FakeQuantize."""
    ports = {}
    for each in by_name.values():
        for port, producer in enumerate(each["inputs"]):
            if by_name[producer]["type"] == "FakeQuantize" and each["type"] != "FakeQuantize":
                ports.setdefault(producer, []).append((each["name"], port))
    return ports


def text(ports):
    return " ".join(f"{node}.{port}" for node, port in sorted(ports))


def convert(recorded, out, model):
    listed = json.loads((recorded / f"accuracy_aware/graphs/{model}.w4.json").read_text())
    by_name, order, source = ordered(listed)
    depthwise = set()
    for path in (recorded / model).glob(f"{model}.mixed_gpu.json"):
        for each in json.loads(path.read_text())["fake_quantize"]:
            depthwise |= {c["name"] for c in each["consumers"] if c["type"] == "GroupConvolution"}
    lines = []
    for name in order:
        each = by_name[name]
        if each["type"] == "Const":
            lines.append(f"constant {name}")
            continue
        kind = "depthwise_convolution" if name in depthwise else TYPES[each["type"]]
        inputs = [source(producer) for producer in each["inputs"]]
        lines.append(" ".join([kind, name, *inputs]))
    ports = ports_of(by_name)
    trace = None
    for path in sorted((recorded / "accuracy_aware/pot").glob(f"{model}.w4_*.json")):
        for event in json.loads(path.read_text())["events"]:
            if trace is None and "visited" in event:
                trace = event["visited"]
    for each in trace:
        members = [port for name in each["group"] for port in ports[name]]
        lines.append(f"group {text(members)} : {' '.join(sorted(each['ops']))}")
    seen = {}
    for path in sorted((recorded / model).glob(f"{model}.*.json")):
        run = json.loads(path.read_text())
        if "refused" in run:
            continue
        parameters = run["config"]["algorithms"]
        device = next((a["params"].get("target_device", "ANY") for a in parameters), "ANY")
        parameters = next(a["params"] for a in parameters if "Quantization" in a["name"])
        ignored = parameters.get("ignored", {})
        options = [device, parameters["preset"], parameters.get("model_type", "none")]
        if ignored.get("skip_model"):
            options.append("skip")
        options += ["name=" + name for name in ignored.get("scope", [])]
        options += ["type=" + TYPES[o["type"]] for o in ignored.get("operations", [])
                    if "attributes" not in o]
        quantizers = []
        for each in run["fake_quantize"]:
            consumers = [(c["name"], c["port"]) for c in each["consumers"]]
            quantizers.append(f"  {each['levels']} {text(consumers)}")
        # Bits and codes of the user's own change levels, not places.
        if {"weights", "activations"} & parameters.keys():
            continue
        key = " ".join(options)
        value = sorted(quantizers)
        if seen.setdefault(key, value) != value:
            raise SystemExit(f"{path}: another placement for `{key}`")
    for key, quantizers in seen.items():
        lines.append(f"configuration {key}")
        lines += quantizers
    (out / f"{model}.txt").write_text("\n".join(lines) + "\n")
    print(model, len(seen), "configurations")


def main():
    recorded = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).resolve().parents[2]
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here / "tests/golden/placements"
    out.mkdir(parents=True, exist_ok=True)
    for model in ("fashion_ds", "fashion_mix", "fashion_vit"):
        convert(recorded, out, model)


if __name__ == "__main__":
    main()
