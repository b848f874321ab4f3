// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/scheme/check.hpp>
#include <ptq/scheme/concept.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace ptq::scheme {

/// Zero in the middle: `[-m, m]` for weights, `[0, m]` for activations that are never negative,
/// `[-m levels / (levels - 2), m]` for all others, where `m` is the upper end of the range.
///
/// Each `m` is lifted to at least `floor` and to `relative_floor` of the widest channel's.
/// @see POT, symmetric quantization
struct symmetric {
  float floor = 8e-5F;
  double relative_floor = 0.01;

  /// Is zero always on a code? As in POT it lies between two for weights with an even number of
  /// levels and for signed activations with an odd one. If it is, the number of levels decides
  /// between the two ranges with both signs, not the kind of tensor.
  bool align_always = false;

  /// @throws error for NaN or infinity, and for both signs on two levels.
  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    check_scheme_input(ranges, request);
    const bool weights = request.kind == tensor_kind::weights;
    const bool both_signs = weights || request.has_negative || request.is_signed;
    const bool even = align_always ? request.levels % 2 == 0 : !weights;
    if (both_signs && even && request.levels < 3) {
      throw error("two levels do not hold zero and both signs", {}, "levels");
    }
    float widest = 0.0F;
    for (const value_range<float>& range : ranges) {
      widest = std::max(widest, range.high);
    }
    const float least =
        std::max(floor, static_cast<float>(relative_floor * static_cast<double>(widest)));
    std::vector<grid> result;
    for (const value_range<float>& range : ranges) {
      const float high = std::max(range.high, least);
      float low = both_signs ? -high : 0.0F;
      if (both_signs && even) {
        const auto levels = static_cast<double>(request.levels);
        low =
            detail::limit_of(-detail::rounded(static_cast<double>(high) * levels) / (levels - 2.0));
      }
      result.push_back(
          {.in_low = low,
           .in_high = high,
           .out_low = low,
           .out_high = high,
           .levels = request.levels}
      );
    }
    return result;
  }

  /// @throws error for a floor that is not above 0, or a relative floor that is no share.
  void check_options() const {
    if (!(floor > 0.0F) || !(floor < std::numeric_limits<float>::max())) {
      throw error("the floor of a range is above 0 and finite", {}, "symmetric.floor");
    }
    if (!(relative_floor >= 0.0 && relative_floor <= 1.0)) {
      throw error("the relative floor is 0 to 1", {}, "symmetric.relative_floor");
    }
  }

  friend constexpr auto operator==(const symmetric&, const symmetric&) -> bool = default;
};

} // namespace ptq::scheme
