# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What all tools are measured by: accuracy over the test samples, signal-to-noise ratio at the outputs."""
import json
import math
import os
import pathlib

import numpy


def one_core():
    """Keeps this process, and the threads that tools start, on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def processor():
    """What of this processor decides whether 8-bit kernels saturate."""
    try:
        flags = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return "unknown instructions"
    wide = "AVX-512" if "avx512bw" in flags else "AVX2" if "avx2" in flags else "neither AVX2 nor AVX-512"
    return f"{wide}, {'with' if flags & {'avx512_vnni', 'avx_vnni'} else 'without'} VNNI"


def nets(work, only=()):
    folders = sorted(path.parent for path in (pathlib.Path(work) / "nets").glob("*/net.json"))
    return [folder for folder in folders if not only or folder.name in only]


def net(folder):
    return json.loads((folder / "net.json").read_text())


def load(folder, name):
    return numpy.load(folder / f"{name}.npy", mmap_mode="r")


def onnxruntime_session(path, emulate=False):
    """A function from a batch to the first output. `emulate` keeps QuantizeLinear and DequantizeLinear in float."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if emulate:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: numpy.ascontiguousarray(batch)})[0]


def openvino_session(core, model, emulate=False):
    """The same in OpenVINO. `emulate` executes each FakeQuantize in float."""
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    if emulate:
        config["LP_TRANSFORMS_MODE"] = "NO"
    request = core.compile_model(model, "CPU", config).create_infer_request()
    return lambda batch: numpy.array(request.infer({0: numpy.ascontiguousarray(batch)})[request.model_outputs[0]])


def decoded(probabilities, characters):
    text, last = [], 0
    for code in probabilities.argmax(-1):
        if code != last and code != 0:
            text.append(characters[code])
        last = code
    return "".join(text).replace(" ", "")


def judge(folder):
    """A function from (outputs, first sample) to the share that is right of each sample."""
    what = net(folder)["what"]
    labels = load(folder, "labels")
    if what == "top1":
        return lambda outputs, first: outputs.argmax(1) == labels[first:first + len(outputs)]
    if what == "lines":
        characters = json.loads((folder / "characters.json").read_text())
        return lambda outputs, first: [decoded(each, characters) == str(label).replace(" ", "")
                                       for each, label in zip(outputs, labels[first:])]
    reference = load(folder, "reference")

    def overlap(outputs, first):
        shares = []
        for each, expected in zip(outputs > 0.3, reference[first:first + len(outputs)] > 0.3):
            union = numpy.logical_or(each, expected).sum()
            shares.append(numpy.logical_and(each, expected).sum() / union if union else 1.0)
        return shares

    return overlap


def accuracy_of(folder, run):
    return measure(folder, run)["accuracy"]


def measure(folder, run):
    """{"accuracy": percent, "snr_db": of the outputs for which there is a reference}; of what was measured already, that."""
    if not callable(run):
        return run
    about = net(folder)
    test, reference, right = load(folder, "test"), load(folder, "reference"), judge(folder)
    shares, signal, noise = [], 0.0, 0.0
    for first in range(0, len(test), about["batch"]):
        outputs = run(test[first:first + about["batch"]])
        shares.extend(right(outputs, first))
        if first < len(reference):
            expected = reference[first:first + len(outputs)].astype(numpy.float64)
            signal += float((expected ** 2).sum())
            noise += float(((expected - outputs[:len(expected)].astype(numpy.float64).reshape(expected.shape)) ** 2).sum())
    snr = None if not math.isfinite(noise) else 10 * math.log10(signal / noise) if noise else 999.0
    return {"accuracy": round(100 * float(numpy.mean(shares)), 4), "snr_db": None if snr is None else round(snr, 2)}


def measure_all(work, tool, versions, settings, quantize, only=()):
    """Runs `quantize(folder, setting) -> (deployed, emulated)` for each net and setting(net); WORK/TOOL.json grows as it goes."""
    import time
    path = pathlib.Path(work) / f"{tool}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results["versions"] = versions
    rows = results.setdefault("nets", {})
    for folder in nets(work, only):
        for setting, options in settings(folder.name).items():
            if setting in rows.get(folder.name, {}):
                continue
            start = time.monotonic()
            try:
                deployed, emulated = quantize(folder, options)
                seconds = time.monotonic() - start
                row = {"deployed": measure(folder, deployed), "emulated": measure(folder, emulated),
                       "seconds": round(seconds, 1)}
            except Exception as error:  # a refusal is a result too
                row = {"refused": f"{type(error).__name__}: {error}".splitlines()[0][:160]}
            rows.setdefault(folder.name, {})[setting] = row
            path.write_text(json.dumps(results, indent=1))
            print(f"{tool} {folder.name} {setting}: {json.dumps(row)}", flush=True)
