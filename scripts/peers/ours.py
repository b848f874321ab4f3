#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""This library's quantize_onnx, run in ONNX Runtime: ours.py WORK QUANTIZE_ONNX [NET...]; writes WORK/ours.json."""
import pathlib
import subprocess
import sys

import onnxruntime

from measure import measure_all, one_core, onnxruntime_session


def settings(name):
    found = {"default": []}
    if name == "fashion_ds":
        found["per tensor: default"] = ["--weights-granularity", "pertensor"]
    return found


def main(work, program, only):
    def quantize(folder, options):
        out = folder / "ours.onnx"
        out.unlink(missing_ok=True)
        done = subprocess.run([program, str(folder / "source.onnx"), "--calibration", str(folder / "calibration.npy"),
                               "--output", str(out), "--plan", str(folder / "ours.plan.json"),
                               "--report", str(folder / "ours.report.json"), "--quiet", *options],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError((done.stderr.strip() or f"exit status {done.returncode}").replace(f"{folder}/", ""))
        return onnxruntime_session(str(out)), onnxruntime_session(str(out), emulate=True)

    (pathlib.Path(work) / "ours.json").unlink(missing_ok=True)
    measure_all(work, "ours", {"onnxruntime": onnxruntime.__version__}, settings, quantize, only)


if __name__ == "__main__":
    one_core()
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
