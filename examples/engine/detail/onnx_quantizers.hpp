// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/lowering/lowered_tensor.hpp>
#include <ptq/plan/plan.hpp>

#include <string>

#include "onnx_file.hpp"

namespace engine::detail {

/// How far a zero point may lie from a whole number: the noise of limits in binary32.
[[nodiscard]] auto zero_point_tolerance(std::int64_t levels) -> double;

/// Can these weights be said by a DequantizeLinear (and an Add, should a zero point be no whole
/// number)?
[[nodiscard]] auto can_write_weights(const ptq::lowered_tensor& weights) -> bool;

/// Codes as a constant in front of DequantizeLinear.
/// @param packed Codes of four bits go two to a byte.
/// @return the name of the weights' values
/// @pre `can_write_weights`
auto write_weights(
    onnx_file& into, const std::string& name, const ptq::lowered_tensor& weights, bool packed
) -> std::string;

/// QuantizeLinear and DequantizeLinear, or float arithmetic for grids that these cannot say.
/// @param name  of the tensor that is quantized
/// @param input The value that is read: `name`, or what a dropped Clip reads.
/// @param extents of the tensor
/// @param apart Something has to stand between the input and QuantizeLinear: runtimes take an
///              operation and the quantizer behind it together, and cannot run that by channel.
/// @return the name of the quantized values
auto write_activations(
    onnx_file& into,
    const std::string& name,
    const std::string& input,
    const shape& extents,
    const ptq::quantizer& by,
    bool apart
) -> std::string;

} // namespace engine::detail
