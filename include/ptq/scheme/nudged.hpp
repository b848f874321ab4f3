// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/scheme/check.hpp>
#include <ptq/scheme/concept.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace ptq::scheme {

/// Both ends of the range, widened to hold zero, and then shifted by less than half a step so that
/// zero falls on a code: the steps are those of the range, but one of its ends is cut.
///
/// A range narrower than `floor` gets its width.
/// @see ONNX Runtime, `compute_scale_zp`; TensorFlow Lite, ai-edge-quantizer
struct nudged {
  double floor = 1e-4;

  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    check_scheme_input(ranges, request);
    if (request.unified_zero_point) {
      throw error("a nudged grid has a zero point of its own", {}, "unified_zero_point");
    }
    const auto last = static_cast<double>(request.levels - 1);
    std::vector<grid> result;
    for (const value_range<float>& range : ranges) {
      const double low = range.low < 0.0F ? static_cast<double>(range.low) : 0.0;
      double high = range.high > 0.0F ? static_cast<double>(range.high) : 0.0;
      high = high - low < floor ? low + floor : high;
      const double scale = (high - low) / last;
      const double zero = std::nearbyint(-low / scale);
      const float in_low = detail::limit_of(-zero * scale);
      const float in_high = detail::limit_of((last - zero) * scale);
      result.push_back(
          {.in_low = in_low,
           .in_high = in_high,
           .out_low = in_low,
           .out_high = in_high,
           .levels = request.levels}
      );
    }
    return result;
  }

  /// @throws error for a floor that is not above 0.
  void check_options() const {
    if (!(floor > 0.0) || !(floor < std::numeric_limits<double>::max())) {
      throw error("the floor of a range is above 0 and finite", {}, "nudged.floor");
    }
  }

  friend constexpr auto operator==(const nudged&, const nudged&) -> bool = default;
};

} // namespace ptq::scheme
