// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>

#include <filesystem>

#include "graph.hpp"

namespace engine {

/// Writes the model as the plan says it in standard ONNX (operator set 13): weights stored as int8
/// in front of DequantizeLinear, activations through QuantizeLinear and DequantizeLinear (uint8),
/// replaced constants in place of the model's.
///
/// A Clip or Relu whose bounds the codes imply is dropped, so that runtimes see a convolution
/// between quantizers; it is kept where they could not run that in integers, which is where a
/// quantizer on either side has a scale for each channel. Grids that QuantizeLinear cannot say, and
/// zero points that are no whole numbers, are written out in float arithmetic.
///
/// `file` is either whole or as it was.
/// @throws ptq::error if the plan is of another model.
/// @throws error if the file cannot be written.
void write_int8_onnx(const graph& of, const ptq::plan& under, const std::filesystem::path& file);

} // namespace engine
