#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""POT on OpenVINO 2023.3: peer_pot.py WORK [NET...]; writes WORK/pot.json.

POT runs as it is, but for two things: inference in float32 (elsewhere the plugin takes bfloat16 unasked), and one
statistics request at a time, so that samples are seen in order.
"""
import os
import sys
import tempfile

import openvino.tools.pot.engines.ie_engine as engine
import openvino.tools.pot.pipeline.initializer as initializer
import openvino.tools.pot.utils.launcher as launcher
from openvino.runtime import Core, serialize
from openvino.tools import mo
from openvino.tools.pot import DataLoader, IEEngine, compress_model_weights, create_pipeline, load_model, save_model

from measure import load, measure_all, net, one_core, openvino_session


class Float32Core(Core):
    def __init__(self):
        super().__init__()
        self.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"})


engine.Core = launcher.Core = Float32Core
initializer.send_configuration = lambda *_, **__: None


class Samples(DataLoader):
    def __init__(self, samples):
        super().__init__({})
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index], 0


def settings(name):
    base = {"target_device": "CPU", "preset": "performance"}
    mixed = base | {"preset": "mixed"}
    full = {"use_fast_bias": False}
    extremes = {"activations": {"range_estimator": {"min": {"type": "min", "aggregator": "min"},
                                                    "max": {"type": "max", "aggregator": "max"}}}}
    found = {
        "performance": base,
        "mixed": mixed,
        "performance, full bias correction": base | full,
        "mixed, full bias correction": mixed | full,
        "mixed, min-max over all samples": mixed | extremes,
        "mixed, min-max over all samples, full bias correction": mixed | extremes | full,
    }
    if name in ("fashion_vit", "ppocr_recognition"):
        found["transformer"] = base | {"model_type": "transformer"}
        found["mixed, transformer"] = mixed | {"model_type": "transformer"}
    if name == "fashion_ds":
        one = {"weights": {"bits": 8, "mode": "symmetric", "granularity": "pertensor"}}
        found |= {f"per tensor: {key}": value | one for key, value in list(found.items())[:4]}
    return found


def quantize(folder, options):
    samples = load(folder, "calibration")
    ir = str(folder / "pot.xml")
    if not os.path.exists(ir):
        model = mo.convert_model(str(folder / "source.onnx"), compress_to_fp16=False, silent=True,
                                 input_shape=[1, *samples.shape[1:]])
        serialize(model, ir, ir[:-3] + "bin")
    parameters = options | {"stat_subset_size": len(samples)}
    model = load_model({"model_name": folder.name, "model": ir, "weights": ir[:-3] + "bin"},
                       target_device=options["target_device"])
    ours = IEEngine(config={"device": "CPU", "stat_requests_number": 1, "eval_requests_number": 1},
                    data_loader=Samples(samples), metric=None)
    quantized = create_pipeline([{"name": "DefaultQuantization", "params": parameters}], ours).run(model)
    core = Float32Core()
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        for emulate in (True, False):
            if not emulate:
                compress_model_weights(quantized)
            path = save_model(quantized, os.path.join(scratch, str(emulate)), "quantized")[0]["model"]
            read = core.read_model(path)
            if net(folder)["batch"] > 1:
                read.reshape([net(folder)["batch"], *samples.shape[1:]])
            runs.append(openvino_session(core, read, emulate))
    return runs[1], runs[0]


if __name__ == "__main__":
    one_core()
    measure_all(sys.argv[1], "pot", {"openvino-dev": "2023.3.0"}, settings, quantize, sys.argv[2:])
