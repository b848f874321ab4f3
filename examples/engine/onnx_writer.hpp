// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>

#include <filesystem>

#include "graph.hpp"

namespace engine {

/// How a plan is written.
struct onnx_options {
  /// Weights of four bits two to a byte, as INT4; otherwise, like those of 2 to 7 bits, as INT8.
  /// Runtimes multiply more of the latter as integers.
  bool four_bit_types = true;
};

/// Writes the model as the plan says it in standard ONNX: weights stored as integers in front of
/// DequantizeLinear, activations through QuantizeLinear and DequantizeLinear, replaced constants in
/// place of the model's.
///
/// Weights are INT8, INT16 or INT4, activations UINT8 or UINT16, fewer levels than their type has
/// with bounds of their own. The operator set is 13, and 21 with IR version 10 where types of 4 or
/// 16 bits are used.
///
/// A Clip or Relu whose bounds the codes imply is dropped, so that runtimes see a convolution
/// between quantizers; it is kept where they could not run that in integers, which is where a
/// quantizer on either side has a scale for each channel. Grids that QuantizeLinear cannot say, and
/// zero points that are no whole numbers, are written out in float arithmetic.
///
/// `file` is either whole or as it was.
/// @throws ptq::error if the plan is of another model.
/// @throws error if the file cannot be written.
void write_int8_onnx(
    const graph& of,
    const ptq::plan& under,
    const std::filesystem::path& file,
    const onnx_options& how = {}
);

} // namespace engine
