// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/least_error.hpp>
#include <ptq/range/detail/magnitude_tail.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace ptq {

/// The magnitude at which clipping plus rounding cost least, exactly, without candidates.
///
/// @par Definition
/// The `c` with the least `c^2 M / (12 q^2) + sum of m_j max(a_j - c, 0)^2`, where `a_j` are the
/// magnitudes, `m_j` their masses, `M` the sum of those, and `q` the greatest code. Where
/// asymmetric, both ends are cut at `c`, and `q` is half of the greatest code if there are both
/// signs.
/// @see ai-edge-quantizer, the clipping of OSCAR
struct exact_clip {
  static constexpr bool uses_masses = true;

  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(of);
    const detail::spread_magnitudes magnitudes(of);
    const double rounding = 1.0 / (12.0 * squared(greatest_code(full, target)));
    // The derivative, halved, grows with the clip: its zero by bisection.
    double below = 0.0;
    double beyond = magnitudes.most();
    for (int step = 0; step != 100; ++step) {
      const double clip = (below + beyond) / 2.0;
      const detail::tail above = magnitudes.above(clip);
      const double rest = above.moment - detail::rounded(clip * above.mass);
      (detail::rounded(clip * magnitudes.mass()) * rounding < rest ? below : beyond) = clip;
    }
    return detail::cut_at(beyond, full, target);
  }

  [[nodiscard]] auto range(
      std::span<const float> values, std::span<const float> masses, const target_grid& target
  ) const -> value_range<float> {
    const value_range<float> full = detail::full_range(values);
    return detail::cut_at(clip_of(values, masses, greatest_code(full, target)), full, target);
  }

  /// The clip alone, in double.
  /// @pre at least one value; no masses, or as many
  [[nodiscard]] static auto
  clip_of(std::span<const float> values, std::span<const float> masses, double greatest_code)
      -> double {
    std::vector<std::pair<double, double>> sorted; // magnitude, mass
    double mass = 0.0;
    for (std::size_t i = 0; i != values.size(); ++i) {
      const double own = masses.empty() ? 1.0 : static_cast<double>(masses[i]);
      sorted.emplace_back(std::abs(static_cast<double>(values[i])), own);
    }
    std::ranges::sort(sorted, [](const auto& a, const auto& b) { return b < a; });
    for (const auto& [magnitude, own] : sorted) {
      mass += own;
    }
    const double rounding = mass / (12.0 * squared(greatest_code));
    double best = sorted.front().first;
    double least = detail::rounded(squared(best)) * rounding;
    double clipped = 0.0; // the sums of mass, mass times magnitude and times its square
    double first = 0.0;
    double second = 0.0;
    for (std::size_t k = 0; k != sorted.size(); ++k) {
      const auto& [magnitude, own] = sorted[k];
      const double moment = detail::rounded(magnitude * own);
      clipped += own;
      first += moment;
      second += detail::rounded(moment * magnitude);
      if (!(rounding + clipped > 0.0)) {
        continue;
      }
      const double next = k + 1 == sorted.size() ? 0.0 : sorted[k + 1].first;
      const double clip = std::clamp(first / (rounding + clipped), next, magnitude);
      const double square = detail::rounded(clip * clip);
      const double error = detail::rounded(square * (rounding + clipped)) -
                           detail::rounded(2.0 * clip * first) + second;
      if (error < least) {
        least = error;
        best = clip;
      }
    }
    return best;
  }

  friend constexpr auto operator==(const exact_clip&, const exact_clip&) -> bool = default;

private:
  static auto squared(double value) -> double { return value * value; }

  static auto greatest_code(const value_range<float>& full, const target_grid& target) -> double {
    const auto last = static_cast<double>(target.levels - 1);
    if (target.mode == symmetric) {
      return std::max(detail::code_grid_of(full, target).highest, 1.0);
    }
    return full.low < 0.0F && full.high > 0.0F ? last / 2.0 : last;
  }
};

} // namespace ptq
