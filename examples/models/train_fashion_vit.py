#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains a network like fashion_vit.onnx: a small vision transformer for Fashion-MNIST.

Needs Debian's python3-torch and dataset-fashion-mnist:

    train_fashion_vit.py [--data /usr/share/datasets/fashion-mnist] [--epochs 5] OUTPUT.onnx

The file beside this script has 87.09 % top-1 on the 10,000 test images. Another run gives weights, and names of nodes,
that are like these and not the same.
"""
import argparse

import torch
from torch import nn

from train_fashion_ds import accuracy, load, train

WIDTH = 48
HEADS = 4
TOKENS = 16


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1 = nn.LayerNorm(WIDTH)
        self.n2 = nn.LayerNorm(WIDTH)
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.f1 = nn.Linear(WIDTH, 2 * WIDTH)
        self.f2 = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        inner = WIDTH // HEADS
        n = self.n1(x)
        q, k, v = (layer(n).reshape(-1, TOKENS, HEADS, inner) for layer in (self.q, self.k, self.v))
        # The factor of the softmax stands behind the product.
        weights = torch.softmax(q.transpose(1, 2) @ k.permute(0, 2, 3, 1) * inner**-0.5, -1)
        x = x + self.o((weights @ v.transpose(1, 2)).transpose(1, 2).reshape(-1, TOKENS, WIDTH))
        return x + self.f2(nn.functional.gelu(self.f1(self.n2(x))))


class Transformer(nn.Module):
    """Tokens of 7x7 pixels, learned positions, two blocks, the mean over the tokens, ten classes."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(1, WIDTH, 7, 7)
        self.pos = nn.Parameter(0.02 * torch.randn(1, TOKENS, WIDTH))
        self.b1 = Block()
        self.b2 = Block()
        self.norm = nn.LayerNorm(WIDTH)
        self.fc = nn.Linear(WIDTH, 10)

    def forward(self, x):
        x = self.patch(x).reshape(-1, WIDTH, TOKENS).transpose(1, 2) + self.pos
        return self.fc(self.norm(self.b2(self.b1(x))).mean(1))


def main():
    parser = argparse.ArgumentParser(description="Trains a vision transformer on Fashion-MNIST, as ONNX.")
    parser.add_argument("output")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()

    torch.manual_seed(3)
    torch.set_num_threads(1)
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    train(model, *load(arguments.data, "train"), arguments.epochs, rate=3e-3, optimizer=optimizer)
    model.eval()
    print(f"top-1 on the test images: {100 * accuracy(model, *load(arguments.data, 't10k')):.2f} %")
    torch.onnx.export(
        model,
        torch.zeros(1, 1, 28, 28),
        arguments.output,
        opset_version=13,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
    )


if __name__ == "__main__":
    main()
