// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/scheme/concept.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace ptq {

/// What values are cut to, whatever was seen of them. An infinite end cuts nothing.
struct clipping {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();

  /// The grid with its limits cut. Zero may then lie beside a code, and a symmetric grid is
  /// symmetric no more.
  /// @see POT, `clipping_value`
  [[nodiscard]] constexpr auto of(grid on) const noexcept -> grid {
    on.in_low = std::max(on.in_low, low);
    on.in_high = std::min(on.in_high, high);
    on.out_low = on.in_low;
    on.out_high = on.in_high;
    return on;
  }

  /// The range with its ends cut.
  [[nodiscard]] constexpr auto of(value_range<float> range) const noexcept -> value_range<float> {
    return {std::clamp(range.low, low, high), std::clamp(range.high, low, high)};
  }

  /// @throws error unless zero lies between the ends.
  void check_options() const {
    if (!(low <= 0.0F && high >= 0.0F && low < high)) {
      throw error("values are cut to a range that holds zero", {}, "clipping");
    }
  }

  friend constexpr auto operator==(const clipping&, const clipping&) -> bool = default;
};

namespace scheme {

/// The grids of another scheme for values that are cut: its limits are cut, as in POT, or the
/// ranges before it makes grids of them, so that they are as it promises.
template <class Scheme>
struct clipped {
  static_assert(explain_quantization_scheme<Scheme>());

  Scheme scheme{};
  clipping to{};
  bool before_alignment = false;

  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    if (before_alignment) {
      std::vector<value_range<float>> cut;
      for (const value_range<float>& range : ranges) {
        cut.push_back(to.of(range));
      }
      return scheme.grids(cut, request);
    }
    std::vector<grid> result = scheme.grids(ranges, request);
    for (grid& each : result) {
      each = to.of(each);
      if (!(each.in_low < each.in_high)) {
        throw error("clipping leaves nothing of a grid", {}, "clipping");
      }
    }
    return result;
  }

  void check_options() const {
    detail::check_options_of(scheme);
    to.check_options();
  }

  friend auto operator==(const clipped&, const clipped&) -> bool = default;
};

} // namespace scheme

} // namespace ptq
