// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ptq {

/// How a value halfway between two codes is rounded.
enum class rounding : std::uint8_t {
  half_even, ///< OpenVINO's runtime, ONNX, PyTorch.
  half_up,   ///< `floor(t + 0.5)`: OpenVINO's packing of weights.
  half_away, ///< Away from zero: TensorFlow Lite.
};

/// Does the grid treat both signs alike?
enum class mode : std::uint8_t { symmetric, asymmetric };

/// One grid for the whole tensor, or one for each channel.
enum class granularity : std::uint8_t { per_tensor, per_channel };

/// What a quantizer sits on: a constant, or a tensor that depends on the sample.
enum class tensor_kind : std::uint8_t { weights, activations };

using enum mode;
using enum granularity;

} // namespace ptq
