// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/outlier_prob.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ptq::detail {

/// The value at `share` of the way through the sorted values, between two neighbours in proportion.
inline auto quantile_of(std::vector<float>& values, double share) -> float {
  const double position = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  const auto low = static_cast<double>(*at);
  if (below + 1 == values.size()) {
    return *at;
  }
  const auto high = static_cast<double>(*std::min_element(at + 1, values.end()));
  return static_cast<float>(low + (high - low) * (position - static_cast<double>(below)));
}

/// The quantiles `outlier_prob` and `1 - outlier_prob` of a sample's channel.
struct channel_quantiles {
  double outlier_prob = 1e-4;

  template <class T>
  struct estimation {
    std::vector<T> values{};

    void observe(std::span<const T> more) { values.insert(values.end(), more.begin(), more.end()); }
  };

  template <class T>
  [[nodiscard]] auto start() const -> estimation<T> {
    return {};
  }

  template <class T>
  [[nodiscard]] auto range(const estimation<T>& of) const -> value_range<T> {
    if (of.values.empty()) {
      return {};
    }
    std::vector<T> values = of.values;
    const T low = quantile_of(values, outlier_prob);
    return {low, quantile_of(values, 1.0 - outlier_prob)};
  }

  [[nodiscard]] auto key() const -> std::string {
    return "channel_quantiles/" + shortest(outlier_prob);
  }

  friend constexpr auto operator==(const channel_quantiles&, const channel_quantiles&)
      -> bool = default;
};

} // namespace ptq::detail
