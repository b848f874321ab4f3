// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/kernel/quantile.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ptq {

/// The values of one sample of a tensor or channel. What `quantile` and `abs_quantile` read off.
template <class T>
struct values_estimation {
  /// Kept until the sample is done: samples are then collected one at a time.
  static constexpr bool holds_values = true;

  std::vector<T> values{};

  void observe(std::span<const T> more) { values.insert(values.end(), more.begin(), more.end()); }

  friend auto operator==(const values_estimation&, const values_estimation&) -> bool = default;
};

namespace detail {

inline auto quantile_key(const char* name, double outlier_prob) -> std::string {
  std::string digits(32, ' ');
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), outlier_prob).ptr;
  digits.resize(static_cast<std::size_t>(end - digits.data()));
  return std::string(name) + "(" + digits + ")";
}

inline void check_outlier_prob(double outlier_prob, const char* option) {
  if (!(outlier_prob >= 0.0 && outlier_prob <= 0.5)) {
    throw error(
        "the share of values beyond a quantile is 0 to 0.5, not " + std::to_string(outlier_prob),
        {},
        option
    );
  }
}

} // namespace detail

/// The values that a share of all lies below and above: `[quantile(outlier_prob), quantile(1 -
/// outlier_prob)]`.
/// @see POT, range estimator type `quantile`
struct quantile {
  double outlier_prob = 1e-4; ///< 0 to 0.5.

  template <class T>
  [[nodiscard]] auto start() const -> values_estimation<T> {
    return {};
  }

  template <class T>
  [[nodiscard]] auto range(const values_estimation<T>& of) const -> value_range<T> {
    if (of.values.empty()) {
      return {};
    }
    return {quantile_of(of.values, outlier_prob), quantile_of(of.values, 1.0 - outlier_prob)};
  }

  [[nodiscard]] auto key() const -> std::string {
    return detail::quantile_key("quantile", outlier_prob);
  }

  void check_options() const { detail::check_outlier_prob(outlier_prob, "quantile.outlier_prob"); }

  friend constexpr auto operator==(const quantile&, const quantile&) -> bool = default;
};

/// The magnitude `a` that a share of all exceeds: `[-a, a]`.
/// @see POT, range estimator type `abs_quantile`
struct abs_quantile {
  double outlier_prob = 1e-4; ///< 0 to 0.5.

  template <class T>
  [[nodiscard]] auto start() const -> values_estimation<T> {
    return {};
  }

  template <class T>
  [[nodiscard]] auto range(const values_estimation<T>& of) const -> value_range<T> {
    if (of.values.empty()) {
      return {};
    }
    std::vector<T> magnitudes;
    magnitudes.reserve(of.values.size());
    for (const T value : of.values) {
      magnitudes.push_back(std::abs(value));
    }
    const T most = quantile_of(magnitudes, 1.0 - outlier_prob);
    return {-most, most};
  }

  [[nodiscard]] auto key() const -> std::string {
    return detail::quantile_key("abs_quantile", outlier_prob);
  }

  void check_options() const {
    detail::check_outlier_prob(outlier_prob, "abs_quantile.outlier_prob");
  }

  friend constexpr auto operator==(const abs_quantile&, const abs_quantile&) -> bool = default;
};

} // namespace ptq
