// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <span>

/// Aggregators: from the numbers of all samples to one.
namespace ptq::aggregate {

/// The mean, summed in double in the order of the samples.
struct mean {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    double sum = 0.0;
    for (const float value : values) {
      sum += static_cast<double>(value);
    }
    return static_cast<float>(sum / static_cast<double>(values.size()));
  }

  friend constexpr auto operator==(const mean&, const mean&) -> bool = default;
};

struct max {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    return *std::max_element(values.begin(), values.end());
  }

  friend constexpr auto operator==(const max&, const max&) -> bool = default;
};

struct min {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    return *std::min_element(values.begin(), values.end());
  }

  friend constexpr auto operator==(const min&, const min&) -> bool = default;
};

} // namespace ptq::aggregate
