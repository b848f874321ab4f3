// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>

#include <span>

namespace ptq::aggregate {

/// An exponential moving average over the samples in the order of their indices: from the first
/// sample's number on, `m <- momentum m + (1 - momentum) x`, in double.
struct moving_average {
  double momentum = 0.9; ///< 0 to below 1; 0 keeps only the last sample.

  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    auto average = static_cast<double>(values.front());
    for (const float value : values.subspan(1)) {
      average = detail::rounded(momentum * average) +
                detail::rounded((1.0 - momentum) * static_cast<double>(value));
    }
    return static_cast<float>(average);
  }

  void check_options() const {
    if (!(momentum >= 0.0 && momentum < 1.0)) {
      throw error("a momentum is 0 to below 1", {}, "moving_average.momentum");
    }
  }

  friend constexpr auto operator==(const moving_average&, const moving_average&) -> bool = default;
};

} // namespace ptq::aggregate
