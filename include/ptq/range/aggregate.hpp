// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Aggregators: from the numbers of all samples to one.
namespace ptq::aggregate {

/// The mean, summed in double in the order of the samples.
struct mean {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    double sum = 0.0;
    for (const float value : values) {
      sum += static_cast<double>(value);
    }
    return static_cast<float>(sum / static_cast<double>(values.size()));
  }

  friend constexpr auto operator==(const mean&, const mean&) -> bool = default;
};

struct max {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    return *std::max_element(values.begin(), values.end());
  }

  friend constexpr auto operator==(const max&, const max&) -> bool = default;
};

struct min {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    return *std::min_element(values.begin(), values.end());
  }

  friend constexpr auto operator==(const min&, const min&) -> bool = default;
};

namespace detail {

/// @pre sorted, not empty
inline auto middle_of(std::span<const float> sorted) -> float {
  const std::size_t half = sorted.size() / 2;
  if (sorted.size() % 2 == 1) {
    return sorted[half];
  }
  const double sum = static_cast<double>(sorted[half - 1]) + static_cast<double>(sorted[half]);
  return static_cast<float>(sum / 2.0);
}

/// Interpolated between the two next to it.
/// @pre sorted, not empty
inline auto quantile_in(std::span<const float> sorted, double q) -> double {
  const double position = ptq::detail::rounded(q * static_cast<double>(sorted.size() - 1));
  const auto rank = static_cast<std::size_t>(position);
  const auto low = static_cast<double>(sorted[rank]);
  const auto high = static_cast<double>(sorted[std::min(rank + 1, sorted.size() - 1)]);
  return low + ptq::detail::rounded((position - static_cast<double>(rank)) * (high - low));
}

inline auto sorted_values(std::span<const float> values) -> std::vector<float> {
  std::vector<float> result(values.begin(), values.end());
  std::ranges::sort(result);
  return result;
}

/// What lies between the 0.01 and the 0.99 quantile, sorted; all values if that is none.
inline auto without_outliers(std::span<const float> values) -> std::vector<float> {
  constexpr double share = 0.01;
  const std::vector<float> all = sorted_values(values);
  const double low = quantile_in(all, share);
  const double high = quantile_in(all, 1.0 - share);
  std::vector<float> kept;
  for (const float value : all) {
    if (low <= static_cast<double>(value) && static_cast<double>(value) <= high) {
      kept.push_back(value);
    }
  }
  return kept.empty() ? all : kept;
}

/// How many pairs of different values, by place, have a sum of at most `limit`.
inline auto pairs_within(std::span<const float> sorted, double limit) -> std::uint64_t {
  std::uint64_t count = 0;
  std::size_t end = sorted.size();
  for (std::size_t i = 0; i != sorted.size(); ++i) {
    while (end != 0 && static_cast<double>(sorted[i]) + static_cast<double>(sorted[end - 1]) > limit
    ) {
      --end;
    }
    count += end > i + 1 ? end - i - 1 : 0;
  }
  return count;
}

/// The sum of the pair of rank `rank`, counted from 0: bisects the binary64 numbers in their order.
inline auto pair_sum(std::span<const float> sorted, std::uint64_t rank) -> double {
  const auto value_of = [](std::uint64_t key) {
    constexpr std::uint64_t top = std::uint64_t{1} << 63U;
    return std::bit_cast<double>((key & top) != 0 ? key & ~top : ~key);
  };
  const auto key_of = [](double value) {
    constexpr std::uint64_t top = std::uint64_t{1} << 63U;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    return (bits & top) != 0 ? ~bits : bits | top;
  };
  std::uint64_t low = key_of(2.0 * static_cast<double>(sorted.front()));
  std::uint64_t high = key_of(2.0 * static_cast<double>(sorted.back()));
  while (low < high) {
    const std::uint64_t between = low + (high - low) / 2;
    if (pairs_within(sorted, value_of(between)) > rank) {
      high = between;
    } else {
      low = between + 1;
    }
  }
  return value_of(low);
}

} // namespace detail

/// The middle value; of an even count the mean of the two in the middle.
struct median {
  [[nodiscard]] auto operator()(std::span<const float> values) const -> float {
    return detail::middle_of(detail::sorted_values(values));
  }

  friend constexpr auto operator==(const median&, const median&) -> bool = default;
};

/// The mean of the values from the 0.01 to the 0.99 quantile. Of two different values it is their
/// mean, where POT gives NaN.
struct mean_no_outliers {
  [[nodiscard]] auto operator()(std::span<const float> values) const -> float {
    return mean{}(detail::without_outliers(values));
  }

  friend constexpr auto operator==(const mean_no_outliers&, const mean_no_outliers&)
      -> bool = default;
};

/// The median of the values from the 0.01 to the 0.99 quantile; of two different ones their mean.
struct median_no_outliers {
  [[nodiscard]] auto operator()(std::span<const float> values) const -> float {
    return detail::middle_of(detail::without_outliers(values));
  }

  friend constexpr auto operator==(const median_no_outliers&, const median_no_outliers&)
      -> bool = default;
};

/// The Hodges-Lehmann estimator: the median of the means of all pairs. One value is its own, where
/// POT gives NaN.
///
/// @par Complexity Memory for the values alone, not for their pairs.
struct hl_estimator {
  [[nodiscard]] auto operator()(std::span<const float> values) const -> float {
    if (values.size() == 1) {
      return values.front();
    }
    const std::vector<float> sorted = detail::sorted_values(values);
    const std::uint64_t pairs = std::uint64_t{sorted.size()} * (sorted.size() - 1) / 2;
    const double upper = detail::pair_sum(sorted, pairs / 2);
    const double lower = pairs % 2 == 1 ? upper : detail::pair_sum(sorted, pairs / 2 - 1);
    return static_cast<float>((lower + upper) / 4.0);
  }

  friend constexpr auto operator==(const hl_estimator&, const hl_estimator&) -> bool = default;
};

/// Samples that an engine ran `size` at a time, as POT aggregates them: `Inner` over the batches,
/// each of them the mean of its samples (`external` statistics) or their least and greatest value
/// (in the graph). The last batch may be smaller, and counts as much as the others.
///
/// @see POT, parameters `stat_batch_size` and `inplace_statistics`
template <class Inner>
struct in_batches {
  /// What becomes of the samples of one batch.
  enum class batch : std::uint8_t { mean, least, greatest };

  Inner inner{};
  std::size_t size = 1; ///< At least 1.
  batch of_batch = batch::mean;

  [[nodiscard]] auto operator()(std::span<const float> values) const -> float {
    std::vector<float> batches;
    for (std::size_t begin = 0; begin < values.size(); begin += size) {
      const auto part = values.subspan(begin, std::min(size, values.size() - begin));
      batches.push_back(
          of_batch == batch::mean    ? mean{}(part)
          : of_batch == batch::least ? min{}(part)
                                     : max{}(part)
      );
    }
    return inner(batches);
  }

  friend constexpr auto operator==(const in_batches&, const in_batches&) -> bool = default;
};

} // namespace ptq::aggregate
