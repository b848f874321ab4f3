// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/quantile_position.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/kernel/quantile.hpp>
#include <ptq/range/detail/outlier_prob.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ptq {

/// The outer quantiles of the values seen, or the upper one of their magnitudes.
///
/// Told how many values are to come, it keeps those that can matter, otherwise all.
template <bool Magnitudes>
class quantile_estimation {
public:
  /// @throws error for a share that is none
  explicit quantile_estimation(double outlier_prob) : outlier_prob_(outlier_prob) {
    detail::check_outlier_prob(outlier_prob);
  }

  /// So many values are to come. Without this, all values are kept until the range is asked for.
  /// @throws error if values were already seen
  void expect(std::size_t count) {
    if (seen_ != 0) {
      throw error("a quantile needs all values of a sample at once, and these came in parts");
    }
    expected_ = count;
    const std::size_t above = count == 0 ? 0 : count - upper(count).below;
    const std::size_t below = count == 0 || Magnitudes ? 0 : lower(count).above() + 1;
    keeps_all_ = above + below > count / 8;
    if (!keeps_all_) {
      above_ = running_tail<>(above);
      below_ = running_tail<>(below);
    }
  }

  void observe(std::span<const float> values) {
    seen_ += values.size();
    if (keeps_all_) {
      all_.insert(all_.end(), values.begin(), values.end());
    } else {
      detail::sift_into<xsimd::default_arch, Magnitudes>(values, below_, above_);
    }
  }

  /// @throws error if other than the expected number of values was seen
  [[nodiscard]] auto range() const -> value_range<float> {
    if (expected_ != 0 && seen_ != expected_) {
      throw error(
          "a quantile of " + std::to_string(expected_) + " values was asked for, and " +
          std::to_string(seen_) + " were seen"
      );
    }
    if (seen_ == 0) {
      return {};
    }
    const float high = end(upper(seen_), above_, 1.0 - outlier_prob_);
    if constexpr (Magnitudes) {
      return {-high, high};
    } else {
      return {end(lower(seen_), below_, outlier_prob_), high};
    }
  }

private:
  [[nodiscard]] auto upper(std::size_t count) const -> quantile_position {
    return quantile_position::of(count, 1.0 - outlier_prob_);
  }

  [[nodiscard]] auto lower(std::size_t count) const -> quantile_position {
    return quantile_position::of(count, outlier_prob_);
  }

  [[nodiscard]] auto end(const quantile_position& at, const running_tail<>& tail, double q) const
      -> float {
    if (!keeps_all_) {
      return detail::quantile_of_tail(tail, seen_, at, q > 0.5);
    }
    if constexpr (Magnitudes) {
      std::vector<float> magnitudes(all_);
      for (float& value : magnitudes) {
        value = value < 0.0F ? -value : value;
      }
      return quantile_of(magnitudes, q);
    } else {
      return quantile_of(all_, q);
    }
  }

  double outlier_prob_;
  std::size_t expected_ = 0;
  std::size_t seen_ = 0;
  bool keeps_all_ = true;
  std::vector<float> all_{};
  running_tail<> below_{};
  running_tail<> above_{};
};

/// The `outlier_prob`-quantile of the values and the `1 - outlier_prob`-quantile: `[low, high]`,
/// exact, each linear between the two values next to it in order.
///
/// @par Complexity
/// Where the number of values is known beforehand, memory for `4 outlier_prob` of them.
/// @see POT, range estimator type `quantile`; numpy.quantile, method `linear`
struct quantile {
  double outlier_prob = 1e-4; ///< The share of values beyond each end. In [0, 0.5).

  template <class T>
    requires std::same_as<T, float>
  [[nodiscard]] auto start() const -> quantile_estimation<false> {
    return quantile_estimation<false>(outlier_prob);
  }

  [[nodiscard]] auto key() const -> std::string {
    return "quantile " + detail::shortest(outlier_prob);
  }

  void check_options() const { detail::check_outlier_prob(outlier_prob); }

  friend constexpr auto operator==(const quantile&, const quantile&) -> bool = default;
};

/// `[-q, q]`, `q` being the exact `1 - outlier_prob`-quantile of the magnitudes.
/// @see POT, range estimator type `abs_quantile`
struct abs_quantile {
  double outlier_prob = 1e-4; ///< The share of values beyond the ends. In [0, 0.5).

  template <class T>
    requires std::same_as<T, float>
  [[nodiscard]] auto start() const -> quantile_estimation<true> {
    return quantile_estimation<true>(outlier_prob);
  }

  [[nodiscard]] auto key() const -> std::string {
    return "abs_quantile " + detail::shortest(outlier_prob);
  }

  void check_options() const { detail::check_outlier_prob(outlier_prob); }

  friend constexpr auto operator==(const abs_quantile&, const abs_quantile&) -> bool = default;
};

} // namespace ptq
