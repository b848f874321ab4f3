#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""This library's quantize_onnx, run in ONNX Runtime: ours.py WORK QUANTIZE_ONNX [NET...]; writes WORK/ours.json.

Where the program was not asked to write the model as ONNX, what it measured on the example engine, int8 and under the plan."""
import json
import pathlib
import subprocess
import sys

import onnxruntime

from measure import measure_all, net, one_core, onnxruntime_session


def settings(name):
    found = {"default": [], "pot": ["--recipe", "pot"]}
    if name == "fashion_ds":
        found["per tensor: default"] = ["--weights-granularity", "pertensor"]
        found["per tensor: pot"] = ["--recipe", "pot", "--weights-granularity", "pertensor"]
    return found


def main(work, program, only):
    def run(folder, options):
        done = subprocess.run([program, str(folder / "source.onnx"), "--calibration", str(folder / "calibration.npy"),
                               "--report", str(folder / "ours.report.json"), "--quiet", *options],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError((done.stderr.strip() or f"exit status {done.returncode}").replace(f"{folder}/", ""))

    def quantize(folder, options):
        out = folder / "ours.onnx"
        out.unlink(missing_ok=True)
        try:
            run(folder, ["--output", str(out), *options])
        except RuntimeError as problem:
            if "cannot be written yet" not in str(problem) or net(folder)["what"] != "top1":
                raise
            run(folder, ["--test", str(folder / "test.npy"), "--labels", str(folder / "labels.npy"), *options])
            report = json.loads((folder / "ours.report.json").read_text())
            return [{"accuracy": round(100 * report["accuracy"][way], 4), "snr_db": round(report["output_sqnr_db"][way], 2),
                     "engine": "example engine"} for way in ("int8", "plan")]
        return onnxruntime_session(str(out)), onnxruntime_session(str(out), emulate=True)

    (pathlib.Path(work) / "ours.json").unlink(missing_ok=True)
    measure_all(work, "ours", {"onnxruntime": onnxruntime.__version__}, settings, quantize, only)


if __name__ == "__main__":
    one_core()
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
