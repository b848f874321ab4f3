// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/range/detail/sorted_values.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ptq::detail {

/// How many pairs of two different places in `ascending` have a sum of at most `bound`.
[[nodiscard]] constexpr auto pairs_up_to(std::span<const float> ascending, double bound)
    -> std::uint64_t {
  std::uint64_t count = 0;
  std::size_t partners = ascending.size();
  for (std::size_t i = 0; i != ascending.size(); ++i) {
    while (partners != 0 &&
           static_cast<double>(ascending[i]) + static_cast<double>(ascending[partners - 1]) > bound
    ) {
      --partners;
    }
    // Places 0 to i have been counted as the first of their pairs.
    count += partners > i + 1 ? partners - i - 1 : 0;
  }
  return count;
}

/// Integers in the order of the doubles, and back.
[[nodiscard]] constexpr auto key_of_double(double value) noexcept -> std::uint64_t {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return bits >> 63U != 0 ? ~bits : bits | std::uint64_t{1} << 63U;
}

[[nodiscard]] constexpr auto double_of_key(std::uint64_t key) noexcept -> double {
  return std::bit_cast<double>(key >> 63U != 0 ? key & ~(std::uint64_t{1} << 63U) : ~key);
}

/// The sum of a pair that has `rank` sums below it: halving the doubles between the least and the
/// greatest sum, which takes 64 sweeps over the values and no memory.
/// @pre `ascending` is sorted and finite, and has more than `rank` pairs
[[nodiscard]] constexpr auto pair_sum(std::span<const float> ascending, std::uint64_t rank)
    -> double {
  const double least = static_cast<double>(ascending[0]) + static_cast<double>(ascending[1]);
  const double most = static_cast<double>(ascending[ascending.size() - 1]) +
                      static_cast<double>(ascending[ascending.size() - 2]);
  std::uint64_t low = key_of_double(least);
  std::uint64_t high = key_of_double(most);
  while (low != high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (pairs_up_to(ascending, double_of_key(middle)) > rank) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return double_of_key(low);
}

} // namespace ptq::detail

namespace ptq::aggregate {

/// The Hodges-Lehmann estimator: the median of the means of all pairs of samples, a sample not
/// paired with itself. Of one sample, its value.
///
/// @par Complexity
/// O(n log n) in time and O(n) in memory; the pairs are never listed.
/// @see POT, aggregator `hl_estimator`, which gives NaN for one sample
struct hl_estimator {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    const std::vector<float> ascending = detail::sorted(values);
    if (ascending.size() == 1) {
      return ascending.front();
    }
    const std::uint64_t pairs =
        std::uint64_t{ascending.size()} * (ascending.size() - std::size_t{1}) / 2;
    const double upper = detail::pair_sum(ascending, pairs / 2);
    const double lower = pairs % 2 == 1 ? upper : detail::pair_sum(ascending, pairs / 2 - 1);
    return static_cast<float>((lower + upper) / 4.0);
  }

  friend constexpr auto operator==(const hl_estimator&, const hl_estimator&) -> bool = default;
};

} // namespace ptq::aggregate
