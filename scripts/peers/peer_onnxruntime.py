#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Static quantization of ONNX Runtime: peer_onnxruntime.py WORK [NET...]; writes WORK/onnxruntime.json."""
import pathlib
import sys

import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from measure import load, measure_all, one_core, onnxruntime_session

CALIBRATORS = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy,
               "percentile": CalibrationMethod.Percentile}


class Reader(CalibrationDataReader):
    def __init__(self, name, samples):
        self.samples = iter([{name: samples[i:i + 1]} for i in range(len(samples))])

    def get_next(self):
        return next(self.samples, None)


def settings(name):
    base = {"calibrator": "minmax", "activations": QuantType.QUInt8, "per_channel": True, "reduce_range": False}
    found = {
        "minmax": base,
        "minmax, reduce_range": base | {"reduce_range": True},
        "minmax, s8 activations": base | {"activations": QuantType.QInt8},
    }
    if not name.startswith("ppocr") or name == "ppocr_orientation":
        found |= {"entropy": base | {"calibrator": "entropy"}, "percentile": base | {"calibrator": "percentile"}}
    if name == "fashion_ds":
        found |= {f"per tensor: {key}": value | {"per_channel": False} for key, value in list(found.items())[:2]}
    return found


def quantize(folder, options):
    prepared, out = str(folder / "prepared.onnx"), str(folder / "onnxruntime.onnx")
    if not pathlib.Path(prepared).exists():
        quant_pre_process(str(folder / "float.onnx"), prepared, skip_symbolic_shape=True)
    name = onnxruntime.InferenceSession(prepared, providers=["CPUExecutionProvider"]).get_inputs()[0].name
    quantize_static(prepared, out, Reader(name, load(folder, "calibration")), quant_format=QuantFormat.QDQ,
                    per_channel=options["per_channel"], reduce_range=options["reduce_range"],
                    activation_type=options["activations"], weight_type=QuantType.QInt8,
                    calibrate_method=CALIBRATORS[options["calibrator"]])
    return onnxruntime_session(out), onnxruntime_session(out, emulate=True)


if __name__ == "__main__":
    one_core()
    measure_all(sys.argv[1], "onnxruntime", {"onnxruntime": onnxruntime.__version__}, settings, quantize, sys.argv[2:])
