// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/tensor_view.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace ptq {

/// The mean of the squares of each channel.
///
/// @par Determinism
/// The square of a float is exact in double, so that fused and unfused sums have the same bits;
/// value `i` of a block goes to sum `i % 8`.
[[nodiscard]] inline auto mean_squares(const tensor_view& view, std::size_t axis)
    -> std::vector<double> {
  const std::size_t channels = view.extent(axis);
  const double count = static_cast<double>(view.size()) / static_cast<double>(channels);
  std::vector<double> result(channels);
  if (axis + 1 == view.rank() && view.type() == element_type::f32 && view.is_dense()) {
    const auto* at = view.data_as<float>();
    for (std::size_t row = 0; row != view.size() / channels; ++row) {
      for (std::size_t c = 0; c != channels; ++c) {
        const auto value = static_cast<double>(*at++);
        result[c] += value * value;
      }
    }
    for (double& sum : result) {
      sum /= count;
    }
    return result;
  }
  for_each_block(view, axis, [&result](std::size_t channel, std::span<const float> values) {
    std::array<double, 8> lanes{};
    const float* const at = values.data();
    const std::size_t whole = values.size() / 8 * 8;
    for (std::size_t i = 0; i != whole; i += 8) {
      for (std::size_t lane = 0; lane != 8; ++lane) {
        const auto value = static_cast<double>(at[i + lane]);
        lanes[lane] += value * value;
      }
    }
    for (std::size_t i = whole; i != values.size(); ++i) {
      const auto value = static_cast<double>(at[i]);
      lanes[i - whole] += value * value;
    }
    result[channel] += ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                       ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  });
  for (double& sum : result) {
    sum /= count;
  }
  return result;
}

} // namespace ptq
