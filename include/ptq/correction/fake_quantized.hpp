// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/plan/quantizer.hpp>

#include <span>

namespace ptq {

/// The constant as the quantized model sees it: each value on its grid, ties to even.
/// @throws error if the format does not fit the constant.
[[nodiscard]] inline auto fake_quantized(tensor_data constant, const uniform_format& format)
    -> tensor_data {
  if (format.axis) {
    fake_quantize(
        constant.view(),
        std::span<float>(constant.values),
        channel_grids{.axis = *format.axis, .grids = format.grids}
    );
  } else {
    fake_quantize(
        std::span<const float>(constant.values),
        std::span<float>(constant.values),
        format.grids.front()
    );
  }
  return constant;
}

} // namespace ptq
