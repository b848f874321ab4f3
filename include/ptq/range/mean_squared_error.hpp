// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/least_error.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <span>

namespace ptq {

/// The range with the least squared quantization error of all values.
///
/// @par Definition
/// Of the shares `k / candidates` of the full range, from 1 to all, that with the least error;
/// where asymmetric, each end is then moved alone likewise. Of equal errors, the wider range. From
/// a histogram the error is that of values spread evenly over each bin, in closed form; of a
/// constant it is exact.
/// @see Choukroun et al., Low-bit quantization of neural networks for efficient inference
struct mean_squared_error {
  int candidates = 100; ///< 1 to 100,000.

  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float> {
    return detail::least_error_range(
        detail::full_range(of), target, candidates, detail::histogram_errors(of, target)
    );
  }

  [[nodiscard]] auto
  range(std::span<const float> values, std::span<const float>, const target_grid& target) const
      -> value_range<float> {
    return detail::least_error_range(
        detail::full_range(values), target, candidates, detail::exact_errors(values, {}, target)
    );
  }

  void check_options() const {
    detail::check_candidates(candidates, "mean_squared_error.candidates");
  }

  friend constexpr auto operator==(const mean_squared_error&, const mean_squared_error&)
      -> bool = default;
};

/// The range of a constant with the least squared error of what it is multiplied with: the error of
/// each weight counts by the mean square of the activations that meet it.
///
/// For weights alone. Without masses it is `mean_squared_error`.
/// @par Definition
/// The least sum of `mass (w - wq)^2` over the shares of the full range.
struct weighted_mean_squared_error {
  static constexpr bool uses_masses = true;

  int candidates = 200; ///< 1 to 100,000.

  [[nodiscard]] auto range(
      std::span<const float> values, std::span<const float> masses, const target_grid& target
  ) const -> value_range<float> {
    return detail::least_error_range(
        detail::full_range(values), target, candidates, detail::exact_errors(values, masses, target)
    );
  }

  void check_options() const {
    detail::check_candidates(candidates, "weighted_mean_squared_error.candidates");
  }

  friend constexpr auto
  operator==(const weighted_mean_squared_error&, const weighted_mean_squared_error&)
      -> bool = default;
};

} // namespace ptq
