// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/clipped.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace ptq {

namespace detail {

template <class Ranges>
concept has_clipping_values = requires(const Ranges& policy, tensor_kind kind) {
  policy.clipping_of(kind);
  policy.clips();
};

} // namespace detail

/// Clips estimated ranges, if the policy has clipping values for them. A range that lies beyond one
/// shrinks to it.
template <class Ranges>
void clip_ranges(const Ranges& policy, tensor_kind kind, std::vector<value_range<float>>& found) {
  if constexpr (detail::has_clipping_values<Ranges>) {
    const clipping_values bounds = policy.clipping_of(kind);
    if (policy.clips() != clip_at::ranges) {
      return;
    }
    for (value_range<float>& range : found) {
      if (bounds.low) {
        range.low = std::max(range.low, *bounds.low);
        range.high = std::max(range.high, *bounds.low);
      }
      if (bounds.high) {
        range.low = std::min(range.low, *bounds.high);
        range.high = std::min(range.high, *bounds.high);
      }
    }
  }
}

/// Clips the limits of finished grids, if the policy has clipping values for them.
/// @param tensor  For the message.
/// @throws error if nothing is left of a grid.
template <class Ranges>
void clip_grids(
    const Ranges& policy, tensor_kind kind, std::vector<grid>& found, const std::string& tensor
) {
  if constexpr (detail::has_clipping_values<Ranges>) {
    const clipping_values bounds = policy.clipping_of(kind);
    if (policy.clips() != clip_at::grids) {
      return;
    }
    for (grid& each : found) {
      each.in_high = bounds.high ? std::min(each.in_high, *bounds.high) : each.in_high;
      each.in_low = bounds.low ? std::max(each.in_low, *bounds.low) : each.in_low;
      if (!(each.in_low < each.in_high)) {
        throw error("the clipping values leave nothing of its grid", tensor, "clipping_value");
      }
      each.out_low = each.in_low;
      each.out_high = each.in_high;
    }
  }
}

} // namespace ptq
