// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_data.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace ptq::detail {

/// A bias and the one that shall take its place.
struct bias_change {
  tensor_data value{};
  double magnitude =
      0.0; ///< The largest `|new - old| / |old|`; infinite if the old one has a zero.
};

inline auto changed_bias(const tensor_data& old, const std::vector<double>& shift) -> bias_change {
  bias_change result{old, 0.0};
  for (std::size_t c = 0; c != shift.size(); ++c) {
    const auto before = static_cast<double>(old.values[c]);
    result.value.values[c] = static_cast<float>(before + shift[c]);
    result.magnitude =
        before == 0.0
            ? std::numeric_limits<double>::infinity()
            : std::max(
                  result.magnitude,
                  std::abs((static_cast<double>(result.value.values[c]) - before) / before)
              );
  }
  return result;
}

/// Why a change is not made; empty if it is below the threshold.
inline auto why_left(const bias_change& change, double threshold) -> std::string {
  if (change.magnitude < threshold) {
    return {};
  }
  return std::isinf(change.magnitude)
             ? "it has a zero in it"
             : "it would change by " + std::to_string(change.magnitude) +
                   " of its value, not below the threshold " + std::to_string(threshold);
}

} // namespace ptq::detail
