// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/detail/check_options.hpp>
#include <ptq/core/error.hpp>
#include <ptq/range/ranges.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace ptq {

/// Where clipping values apply.
enum class clip_at : std::uint8_t {
  ranges, ///< What is estimated, before a scheme makes a symmetric or an aligned grid of it.
  grids, ///< The limits of the finished grids, one at a time, as POT does: symmetry and the code of
         ///< zero are lost.
};

/// Bounds of a range: no low end lies below `low`, no high end above `high`.
struct clipping_values {
  std::optional<float> low{};
  std::optional<float> high{};

  friend constexpr auto operator==(const clipping_values&, const clipping_values&)
      -> bool = default;
};

/// Ranges with bounds that hold whatever is estimated.
/// @see POT, `clipping_value`
template <class Ranges>
struct clipped {
  static_assert(explain_range_policy<Ranges>());

  Ranges ranges{};
  clipping_values weights{};
  clipping_values activations{};
  clip_at where = clip_at::ranges;

  [[nodiscard]] auto of_weights(mode wanted) const { return ranges.of_weights(wanted); }

  [[nodiscard]] auto of_activations(mode wanted, granularity of_site) const {
    return ranges.of_activations(wanted, of_site);
  }

  [[nodiscard]] auto clipping_of(tensor_kind kind) const -> clipping_values {
    return kind == tensor_kind::weights ? weights : activations;
  }

  [[nodiscard]] auto clips() const -> clip_at { return where; }

  /// @throws error for a bound that is not finite, or a low one that is not below the high one.
  void check_options() const {
    ptq::detail::check_options_of(ranges);
    check(weights, "weights");
    check(activations, "activations");
  }

  friend auto operator==(const clipped&, const clipped&) -> bool = default;

private:
  static void check(const clipping_values& bounds, const char* kind) {
    const auto refuse = [kind](const std::string& problem, const char* side) {
      throw error(problem, {}, std::string(kind) + '.' + side);
    };
    const auto is_finite = [](const std::optional<float>& bound) {
      return !bound || *bound - *bound == 0.0F;
    };
    if (!is_finite(bounds.low) || !is_finite(bounds.high)) {
      refuse("a clipping value is finite", is_finite(bounds.low) ? "high" : "low");
    }
    if (bounds.low && bounds.high && !(*bounds.low < *bounds.high)) {
      refuse("the clipping value of the low side is not below that of the high side", "low");
    }
  }
};

} // namespace ptq
