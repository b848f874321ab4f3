#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts what the peers' runs wrote into one file: merge.py WORK RESULTS.json."""
import json
import pathlib
import sys

from measure import net, nets, processor

PEERS = ("pot", "nncf", "onnxruntime")


def main(work, target):
    files = {peer: json.loads((pathlib.Path(work) / f"{peer}.json").read_text()) for peer in PEERS
             if (pathlib.Path(work) / f"{peer}.json").exists()}
    merged = {"processor": processor(), "versions": {}, "nets": {}}
    for file in files.values():
        merged["versions"].update(file["versions"])
    for folder in nets(work):
        rows = {peer: {setting: {key: value for key, value in row.items() if key != "seconds"}
                       for setting, row in file["nets"].get(folder.name, {}).items()} for peer, file in files.items()}
        merged["nets"][folder.name] = {"about": net(folder), "tools": rows}
    pathlib.Path(target).write_text(json.dumps(merged, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
