// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/value_range.hpp>

#include <algorithm>
#include <span>

namespace ptq {

/// The range that holds all of these: what tensors on one grid have before a scheme aligns it.
/// @throws error if there are none.
[[nodiscard]] inline auto unified_range(std::span<const value_range<float>> ranges)
    -> value_range<float> {
  if (ranges.empty()) {
    throw error("no ranges to unify", "unified_range");
  }
  value_range<float> result = ranges.front();
  for (const value_range<float>& each : ranges) {
    result.low = std::min(result.low, each.low);
    result.high = std::max(result.high, each.high);
  }
  return result;
}

/// The first of these grids, with the least and the greatest limit of all. Zero may then lie beside
/// a code.
/// @throws error if there are none.
/// @see POT, unified scales
[[nodiscard]] inline auto unified_grid(std::span<const grid> grids) -> grid {
  if (grids.empty()) {
    throw error("no grids to unify", "unified_grid");
  }
  grid result = grids.front();
  for (const grid& each : grids) {
    result.in_low = std::min(result.in_low, each.in_low);
    result.in_high = std::max(result.in_high, each.in_high);
  }
  result.out_low = result.in_low;
  result.out_high = result.in_high;
  return result;
}

} // namespace ptq
