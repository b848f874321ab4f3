// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/quantile_position.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace ptq::detail {

/// Ascending, with all zeros positive: their order would otherwise be seen in the result.
[[nodiscard]] constexpr auto sorted(std::span<const float> values) -> std::vector<float> {
  std::vector<float> result(values.begin(), values.end());
  std::transform(result.begin(), result.end(), result.begin(), [](float v) { return v + 0.0F; });
  std::sort(result.begin(), result.end());
  return result;
}

/// @pre `ascending` is sorted and not empty
[[nodiscard]] constexpr auto quantile_of_sorted(std::span<const float> ascending, double q)
    -> double {
  const quantile_position at = quantile_position::of(ascending.size(), q);
  return at.between(
      static_cast<double>(ascending[at.below]), static_cast<double>(ascending[at.above()])
  );
}

/// The middle value, or the mean of the two in the middle.
/// @pre `ascending` is sorted and not empty
[[nodiscard]] constexpr auto median_of(std::span<const float> ascending) -> float {
  const std::size_t half = ascending.size() / 2;
  return ascending.size() % 2 == 1 ? ascending[half]
                                   : static_cast<float>(
                                         (static_cast<double>(ascending[half - 1]) +
                                          static_cast<double>(ascending[half])) /
                                         2.0
                                     );
}

} // namespace ptq::detail
