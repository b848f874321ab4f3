#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Top-1 of an ONNX classifier in ONNX Runtime, and the operations that it runs.

    accuracy.py MODEL.onnx X.npy Y.npy

Prints one line of JSON: {"top1": 0.8964, "operations": {"QLinearConv": 9, ...}}. The operations are
those of the graph as ONNX Runtime optimised it for this processor.
"""
import collections
import json
import pathlib
import sys
import tempfile

import numpy
import onnx
import onnxruntime


def main(model, samples, labels):
    images = numpy.load(samples)
    classes = numpy.load(labels)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as scratch:
        optimised = pathlib.Path(scratch) / "optimised.onnx"
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(optimised)
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(str(optimised)).graph
    operations = collections.Counter(node.op_type for node in graph.node)
    name = session.get_inputs()[0].name
    right = 0
    for first in range(0, len(images), 100):
        logits = session.run(None, {name: images[first:first + 100]})[0]
        right += int((logits.argmax(1) == classes[first:first + 100]).sum())
    print(json.dumps({"top1": right / len(images), "operations": dict(operations)}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
