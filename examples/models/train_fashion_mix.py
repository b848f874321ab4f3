#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains a network like fashion_mix.onnx: one of each thing that a convolutional network may hold, for Fashion-MNIST.

Needs Debian's python3-torch and dataset-fashion-mnist:

    train_fashion_mix.py [--data /usr/share/datasets/fashion-mnist] [--epochs 3] OUTPUT.onnx

The file beside this script has 89.95 % top-1 on the 10,000 test images. Another run gives weights, and names of nodes,
that are like these and not the same. The BatchNormalization nodes are kept.
"""
import argparse

import torch
from torch import nn

from train_fashion_ds import accuracy, load, train


def convolution(inputs, outputs, kernel=1, stride=1, groups=1, after=None):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([after] if after else []))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.a = nn.Conv2d(channels, squeezed, 1)
        self.b = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.b(torch.relu(self.a(self.pool(x)))))


class Mix(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = convolution(1, 24, 3, 2, after=nn.Hardswish())
        self.r1a = convolution(24, 24, 3, after=nn.ReLU())
        self.r1b = convolution(24, 24, 3)
        self.ba = convolution(12, 16, 3, after=nn.LeakyReLU(0.1))
        self.pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.bb = convolution(12, 16, after=nn.ReLU())
        self.lin = convolution(32, 32)
        self.exp = convolution(32, 48, after=nn.ReLU())
        self.max = nn.MaxPool2d(2)
        self.se = SqueezeExcite(48, 12)
        self.dw = convolution(48, 48, 3, groups=48, after=nn.ReLU6())
        self.pw = convolution(48, 48)
        self.act2 = nn.LeakyReLU(0.1)
        self.down = convolution(48, 64, 3, 2, after=nn.ReLU())
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.stem(x)
        x = torch.relu(x + self.r1b(self.r1a(x)))
        a, b = torch.split(x, 12, 1)
        x = torch.cat([self.ba(a), self.bb(self.pool(b))], 1)
        x = self.max(self.exp(self.lin(x)))
        x = self.se(x)
        x = self.act2(x + self.pw(self.dw(x)))
        x = nn.functional.adaptive_avg_pool2d(self.down(x), 1)
        return self.fc(torch.flatten(x, 1))


def main():
    parser = argparse.ArgumentParser(description="Trains a CNN of many operations on Fashion-MNIST, as ONNX.")
    parser.add_argument("output")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()

    torch.manual_seed(2)
    torch.set_num_threads(1)
    model = Mix()
    train(model, *load(arguments.data, "train"), arguments.epochs, rate=0.2)
    model.eval()
    print(f"top-1 on the test images: {100 * accuracy(model, *load(arguments.data, 't10k')):.2f} %")
    torch.onnx.export(
        model,
        torch.zeros(1, 1, 28, 28),
        arguments.output,
        opset_version=13,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
    )


if __name__ == "__main__":
    main()
