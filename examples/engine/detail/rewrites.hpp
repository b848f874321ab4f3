// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string_view>

#include "editor.hpp"

/// What OpenVINO's Model Optimizer made of a model before POT saw it, as far as it decides where
/// quantizers are put. Each rewrite keeps the names of the values that it does not do away with.
///
/// A Clip is a clamp, a global average pool a mean, a LeakyRelu a PRelu and a Gemm a matrix product
/// with a bias by what engine::graph tells of them: no rewrite is needed.
namespace engine::detail {

/// A BatchNormalization that alone reads a convolution becomes part of its weights and bias.
void fold_batch_normalization(model& of);

/// A LayerNormalization becomes a normalisation, a product and a sum.
void split_layer_normalization(model& of);

/// `(x - mean(x)) / sqrt(mean((x - mean(x))^2) + e)` over the last axes becomes a normalisation.
void find_mean_variance_normalization(model& of);

/// `x (1 + erf(x / sqrt(2))) / 2`, in any order of the factors, becomes a GELU.
void find_gelu(model& of);

/// `x clip(x + 3, 0, 6) / 6`, in any order of the factors, becomes a hard-swish.
void find_hard_swish(model& of);

/// `x sigmoid(x)` becomes a swish.
void find_swish(model& of);

/// A quotient by a constant becomes a product, and a difference a sum.
void divide_by_multiplying(model& of);

/// A constant factor for each channel behind a convolution, or a number behind a matrix product
/// with constant weights, becomes part of the weights.
///
/// A number behind a product of two tensors, as the one of attention, Model Optimizer moves onto
/// the right tensor: q (c k^T) in place of c (q k^T). POT's quantizer then sits on c k^T, which no
/// ONNX value holds, and its grid is c times that of k^T. Here the number stays where it is, and
/// the product reads k^T through a node that passes values on: it stands for the product with c
/// where quantizers are placed, and so a quantizer sits on k^T alone. It gives the same integers:
/// the grid of c x is c times the grid of x. The number itself is no tensor of the graph.
void move_factors_into_products(model& of);

/// All of them, in an order in which none hides what another looks for.
void rewrite(model& of);

} // namespace engine::detail
