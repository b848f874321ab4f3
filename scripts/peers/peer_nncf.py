#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NNCF on OpenVINO: peer_nncf.py WORK [NET...]; writes WORK/nncf.json."""
import sys

import nncf
import openvino
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters as Advanced
from nncf.quantization.advanced_parameters import QuantizationParameters
from nncf.quantization.range_estimator import RangeEstimatorParametersSet

from measure import load, measure_all, one_core, openvino_session

CORE = openvino.Core()
CORE.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"})


def settings(name):
    mixed = {"preset": nncf.QuantizationPreset.MIXED}
    full = {"fast_bias_correction": False}
    extremes = RangeEstimatorParametersSet.MINMAX
    found = {
        "default": {},
        "mixed": mixed,
        "full bias correction": full,
        "mixed, full bias correction": mixed | full,
        "no bias correction": {"advanced_parameters": Advanced(disable_bias_correction=True)},
        "min-max over all samples": {"advanced_parameters": Advanced(activations_range_estimator_params=extremes)},
        "min-max over all samples, full bias correction": full | {
            "advanced_parameters": Advanced(activations_range_estimator_params=extremes)},
    }
    if name in ("fashion_vit", "ppocr_recognition"):
        found["transformer"] = {"model_type": nncf.ModelType.TRANSFORMER}
    if name == "fashion_ds":
        one = Advanced(weights_quantization_params=QuantizationParameters(per_channel=False))
        found |= {f"per tensor: {key}": value | {"advanced_parameters": one} for key, value in list(found.items())[:4]}
    return found


def quantize(folder, options):
    samples = load(folder, "calibration")
    # Not CORE.read_model: it leaves biases behind a Reshape, where NNCF's corrections do not find them.
    model = openvino.convert_model(str(folder / "float.onnx"))
    model.reshape([1, *samples.shape[1:]])
    quantized = nncf.quantize(model, nncf.Dataset([samples[i:i + 1] for i in range(len(samples))]),
                              subset_size=len(samples), **options)
    quantized.reshape([-1, *samples.shape[1:]])
    return openvino_session(CORE, quantized), openvino_session(CORE, quantized, emulate=True)


if __name__ == "__main__":
    one_core()
    nncf.set_log_level("ERROR")
    measure_all(sys.argv[1], "nncf", {"nncf": nncf.__version__, "openvino": openvino.__version__.split("-")[0]}, settings,
                quantize, sys.argv[2:])
