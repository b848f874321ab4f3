// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/least_error.hpp>
#include <ptq/range/detail/magnitude_tail.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <cmath>
#include <span>

namespace ptq {

/// Optimally clipped tensors: the magnitude at which what clipping and what rounding cost balance.
///
/// @par Definition
/// The fixed point of `c <- S(c) / (4^-b / d (n - n(c)) + n(c))` over `n` values, where `n(c)` of
/// them have a magnitude above `c`, which add up to `S(c)`, `4^b` is the square of the levels, and
/// `d` is 3, or 12 where no value is negative. Where asymmetric, both ends are cut at `c`.
/// @see Sakr et al., Optimal clipping and magnitude-aware differentiation for improved
///   quantization-aware training
struct octav {
  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(of);
    return detail::cut_at(
        fixed_point(detail::spread_magnitudes(of), full.low < 0.0F, target), full, target
    );
  }

  [[nodiscard]] auto
  range(std::span<const float> values, std::span<const float>, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(values);
    return detail::cut_at(
        fixed_point(detail::sorted_magnitudes(values), full.low < 0.0F, target), full, target
    );
  }

  friend constexpr auto operator==(const octav&, const octav&) -> bool = default;

private:
  template <class Magnitudes>
  static auto fixed_point(const Magnitudes& of, bool has_negative, const target_grid& target)
      -> double {
    const bool both_signs = has_negative || target.kind == tensor_kind::weights;
    const auto levels = static_cast<double>(target.levels + target.levels % 2);
    const double rounding = 1.0 / (levels * levels) / (both_signs ? 3.0 : 12.0);
    double clip = 0.0;
    for (int step = 0; step != 200; ++step) {
      const detail::tail above = of.above(clip);
      const double next =
          above.moment / (detail::rounded(rounding * (of.mass() - above.mass)) + above.mass);
      if (!(next < of.most()) || next == 0.0) {
        return of.most();
      }
      if (std::abs(next - clip) <= 1e-12 * next) {
        return next;
      }
      clip = next;
    }
    return clip;
  }
};

} // namespace ptq
