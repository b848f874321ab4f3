// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/value_range.hpp>
#include <ptq/kernel/extremes.hpp>

#include <algorithm>
#include <span>
#include <string_view>

namespace ptq {

/// The least and the greatest of the values seen. What `min`, `max` and `abs_max` read off.
template <class T>
struct extremes_estimation {
  T low{};
  T high{};
  bool any = false;

  void observe(std::span<const T> values) {
    if (values.empty()) {
      return;
    }
    const auto found = extremes_of(values);
    low = any ? std::min(low, found.low) : found.low;
    high = any ? std::max(high, found.high) : found.high;
    any = true;
  }

  friend auto operator==(const extremes_estimation&, const extremes_estimation&) -> bool = default;
};

inline constexpr std::string_view extremes_key = "extremes";

/// The least value: `[min, min]`.
struct min {
  template <class T>
  [[nodiscard]] auto start() const -> extremes_estimation<T> {
    return {};
  }

  template <class T>
  [[nodiscard]] auto range(const extremes_estimation<T>& of) const -> value_range<T> {
    return {of.low, of.low};
  }

  [[nodiscard]] constexpr auto key() const -> std::string_view { return extremes_key; }

  friend constexpr auto operator==(const min&, const min&) -> bool = default;
};

/// The greatest value: `[max, max]`.
struct max {
  template <class T>
  [[nodiscard]] auto start() const -> extremes_estimation<T> {
    return {};
  }

  template <class T>
  [[nodiscard]] auto range(const extremes_estimation<T>& of) const -> value_range<T> {
    return {of.high, of.high};
  }

  [[nodiscard]] constexpr auto key() const -> std::string_view { return extremes_key; }

  friend constexpr auto operator==(const max&, const max&) -> bool = default;
};

/// The greatest magnitude `m`: `[-m, m]`.
struct abs_max {
  template <class T>
  [[nodiscard]] auto start() const -> extremes_estimation<T> {
    return {};
  }

  template <class T>
  [[nodiscard]] auto range(const extremes_estimation<T>& of) const -> value_range<T> {
    const T most = std::max(of.low < T{0} ? -of.low : of.low, of.high < T{0} ? -of.high : of.high);
    return {-most, most};
  }

  [[nodiscard]] constexpr auto key() const -> std::string_view { return extremes_key; }

  friend constexpr auto operator==(const abs_max&, const abs_max&) -> bool = default;
};

} // namespace ptq
