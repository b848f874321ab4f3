#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts recorded searches of POT 2023.3 into tests/golden/accuracy_aware.

  convert_accuracy_aware.py RECORDED [OUT]

RECORDED holds accuracy_aware/graphs and accuracy_aware/pot. The form of what is written stands in
README.md beside this script.
"""
import base64
import json
import pathlib
import sys

import numpy as np

from convert_placements import TYPES, ordered

LOWER = {"nll"}


def graph_of(listed):
    """The operations without FakeQuantize, in topological order, and FakeQuantize's places."""
    by_name, order, source = ordered(listed)
    nodes = []
    for name in order:
        each = by_name[name]
        kind = "constant" if each["type"] == "Const" else TYPES[each["type"]]
        nodes.append([kind, name, *(source(producer) for producer in each["inputs"])])
    places = {}
    for each in listed:
        if each["type"] == "FakeQuantize":
            reads = each["inputs"][0]
            consumers = [[c["name"], port] for c in listed if c["type"] != "FakeQuantize"
                         for port, producer in enumerate(c["inputs"]) if producer == each["name"]]
            places[each["name"]] = {
                "tensor": reads, "consumers": sorted(consumers),
                "weights": by_name[reads]["type"] == "Const",
            }
    return {"nodes": nodes, "quantizers": places}


def decode(values):
    if "bits" in values:
        bits = np.frombuffer(bytes.fromhex(values["bits"]), np.uint8)
        return np.unpackbits(bits)[:values["n"]].astype(np.float64)
    found = np.frombuffer(base64.b64decode(values["f32le_base64"]), "<f4").astype(np.float64)
    return found.reshape(values["raw_output_shape"]) if "raw_output_shape" in values else found


def cosine(u, v):
    return 1 - np.dot(u, v) / np.sqrt(np.dot(u, u) * np.dot(v, v))


def packed(values):
    """A string of hexadecimal digits: bits, or float32, or float64 where float32 is not exact."""
    values = np.asarray(values, np.float64)
    if np.isin(values, (0, 1)).all():
        return {"bits": np.packbits(values.astype(np.uint8)).tobytes().hex(), "count": len(values)}
    if (values.astype(np.float32) == values).all():
        return {"float32": values.astype("<f4").tobytes().hex()}
    return {"float64": values.astype("<f8").tobytes().hex()}


def convert(recorded, path):
    run = json.loads(path.read_text())
    if "refused" in run or run["stop"] in ("no_metric", "refused"):
        return None
    parameters = run["params"]
    names = list(run["baseline"])
    events = run["events"]
    evaluations = [e for e in events if e["event"] == "evaluate"]
    # the float model's values per sample: of the first evaluation, or of one behind the search's begin
    of_float = [e for e in evaluations if e["fqs_in_model"] == 0 and e["stage"] != "search"]
    if parameters.get("target_device") == "GNA":
        of_float = evaluations[:1]
    listed = next(e for e in events if e["event"] in ("mixed", "quantize"))["fqs"]
    ranked = [e for e in events if e["event"] == "ranking"]
    in_order = ranked[0]["fqs_in_model"] if ranked else listed
    result = {
        "graph": run["graph"].removesuffix(".json"),
        "samples": run["data"]["validation"][2] - run["data"]["validation"][1],
        "metrics": [{"name": n, "lower_is_better": n in LOWER} for n in names],
        "maximal_drop": parameters.get("maximal_drop", 0.01),
        "relative": parameters.get("drop_type") == "relative",
        "ranking_subset_size": parameters.get("ranking_subset_size", 300),
        "max_iter_num": parameters.get("max_iter_num"),
        "use_prev_if_drop_increase": parameters.get("use_prev_if_drop_increase", True),
        "baseline": [run["baseline"][n] for n in names],
        "baseline_given": bool(parameters.get("metrics")) and all(
            "baseline_value" in m for m in parameters["metrics"]),
        "order": in_order,
        "stop": run["stop"],
        "evaluations": [], "rankings": [], "steps": [],
    }
    compared = None
    if of_float and of_float[-1]["per_sample_of"] != "all":
        compared = of_float[-1]["per_sample_of"]
    result["compared"] = compared

    def values_of(event, n):
        found = decode(event["per_sample"][n])
        reference = decode(of_float[-1]["per_sample"][n])
        if found.ndim > 1:  # raw outputs: what POT compares is their distance
            return {"distances": [cosine(u, v) for u, v in zip(reference, found)]}
        return {"values": found}

    # what is measured under which set of reverted groups
    reverted, kept = [], {}
    start = len(events)
    for i, e in enumerate(events):
        if e["event"] == "scope_search":
            start = i
            result["start_drop"] = [e["drop"][n] for n in names]
    before = [e for e in events[:start] if e["event"] == "evaluate" and e not in of_float[:1]
              and not (compared is not None and e["fqs_in_model"] == 0)]
    sign = {n: -1.0 if n in LOWER else 1.0 for n in names}
    start_drop = result.get("start_drop") or [run["start_drop"][n] for n in names]
    of_start = next(e for e in reversed(before) if all(
        abs(sign[n] * (run["baseline"][n] - e["metrics"][n]) - d) < 1e-15
        for n, d in zip(names, start_drop)))

    def keep(key, event):
        kept[tuple(sorted(key))] = event

    keep([], of_start)
    steps = iter(run["steps"])
    used = set()
    pending = None
    for e in events[start + 1:]:
        if e["event"] == "remove":
            pending = (e["of"][0], next(steps))
        elif e["event"] == "evaluate" and e["stage"] == "search" and pending is not None:
            name, step = pending
            tried = [*reverted, name]
            keep(tried, e)
            result["steps"].append({"picked": name, "group": sorted(step["group"]),
                                    "operations": sorted(step["ops"]), "rolled_back": step["rolled_back"]})
            if not step["rolled_back"]:
                reverted = tried
            pending = None
        elif e["event"] == "ranking":
            used.add(tuple(sorted(reverted)))
            result["rankings"].append({
                "metric": e["metric"], "reverted": sorted(reverted), "subset": e["subset"],
                "scores": {v["fq"]: v["score"] for v in e["visited"]}, "order": e["order"],
                "groups": {v["fq"]: sorted(v["group"]) for v in e["visited"]} if not result["rankings"] else None,
                "operations": {v["fq"]: sorted(v["ops"]) for v in e["visited"]} if not result["rankings"] else None,
            })
    for key, e in kept.items():
        entry = {"reverted": list(key), "metrics": [e["metrics"][n] for n in names]}
        if key in used:
            entry["per_sample"] = []
            for n in names:
                found = values_of(e, n)
                entry["per_sample"].append(packed(found["values"]) if "values" in found
                                           else {"distances": packed(found["distances"])})
        result["evaluations"].append(entry)
    if used:
        float_values = [decode(of_float[-1]["per_sample"][n]) for n in names]
        result["float_per_sample"] = [packed(v) if v.ndim == 1 else None for v in float_values]
    return result


def main():
    recorded = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).resolve().parents[2]
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here / "tests/golden/accuracy_aware"
    (out / "graphs").mkdir(parents=True, exist_ok=True)
    (out / "traces").mkdir(parents=True, exist_ok=True)
    graphs = set()
    for path in sorted((recorded / "accuracy_aware/pot").glob("*.json")):
        made = convert(recorded, path)
        if made is None:
            continue
        graphs.add(made["graph"])
        (out / "traces" / path.name).write_text(json.dumps(made, separators=(",", ":")) + "\n")
    for name in sorted(graphs):
        listed = json.loads((recorded / f"accuracy_aware/graphs/{name}.json").read_text())
        (out / f"graphs/{name}.json").write_text(
            json.dumps(graph_of(listed), separators=(",", ":")) + "\n")
    print(len(list((out / "traces").iterdir())), "traces,", len(graphs), "graphs")


if __name__ == "__main__":
    main()
