// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/scheme/concept.hpp>
#include <ptq/scheme/symmetric.hpp>

#include <span>
#include <vector>

namespace ptq::scheme {

/// Symmetric weights that use half of their codes, so that pairs of `u8 x s8` products stay within
/// 16 bits: the grid for one bit less, its limits moved out until it has all the levels.
///
/// The constant is not changed, as `correction::saturation_fix` changes it. Activations are as
/// `scheme` makes them.
/// @par Definition
/// With `L` levels and `h = (L + 1) / 2`, rounded down: the limits for `h` levels (for `L` if `L`
/// is odd), times `(L - 1) / (h - 1)`. So 255 levels give twice the limits, and 256 give the steps
/// of 128.
/// @see NNCF, `half_range` of weights
struct half_range {
  symmetric scheme{};

  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    if (request.kind != tensor_kind::weights) {
      return scheme.grids(ranges, request);
    }
    if (request.levels < 4) {
      throw error("half the range needs at least 4 levels", {}, "half_range");
    }
    scheme_request half = request;
    half.levels = (request.levels + 1) / 2;
    const auto factor =
        static_cast<double>(request.levels - 1) / static_cast<double>(half.levels - 1);
    std::vector<grid> result = scheme.grids(ranges, request.levels % 2 == 0 ? half : request);
    for (grid& each : result) {
      each.in_low = detail::limit_of(static_cast<double>(each.in_low) * factor);
      each.in_high = detail::limit_of(static_cast<double>(each.in_high) * factor);
      each.out_low = each.in_low;
      each.out_high = each.in_high;
      each.levels = request.levels;
    }
    return result;
  }

  void check_options() const { scheme.check_options(); }

  friend constexpr auto operator==(const half_range&, const half_range&) -> bool = default;
};

} // namespace ptq::scheme
