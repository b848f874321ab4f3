// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/kernel/detail/order_statistics.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <xsimd/xsimd.hpp>

namespace ptq {

/// The exact quantile of some values, interpolated between the two next to it.
///
/// @par Definition
/// With the values in order `s[0..n-1]` and `p = q (n - 1)`, `k = floor(p)`: `s[k] + (p - k)
/// (s[k+1] - s[k])` in binary64, rounded to binary32. Zeros are positive.
/// @param values  Finite, at least one.
/// @param q       0 to 1.
/// @throws error for `q` outside of that, and for no values.
/// @par Complexity
/// Near either end of the order one comparison for most values; elsewhere one count and one more
/// look. The values stay as they are.
/// @par Determinism
/// The same bits for any order of the values, on every architecture.
/// @see NumPy, quantile, method `linear`
template <class Arch = xsimd::default_arch>
[[nodiscard]] auto quantile_of(std::span<const float> values, double q) -> float {
  if (!(q >= 0.0 && q <= 1.0)) {
    throw error("a quantile is 0 to 1, not " + std::to_string(q), "quantile_of");
  }
  if (values.empty()) {
    throw error("there are no values to take a quantile of", "quantile_of");
  }
  const std::size_t size = values.size();
  const double position = detail::rounded(q * static_cast<double>(size - 1));
  const auto rank = std::min(static_cast<std::size_t>(position), size - 1);
  const double share = position - static_cast<double>(rank);
  detail::neighbours found;
  const std::size_t from_above = size - rank;
  const std::size_t from_below = std::min(rank + 2, size);
  if (std::min(from_above, from_below) <= size / 64 + 8) {
    const bool above = from_above <= from_below;
    const std::size_t count = above ? from_above : from_below;
    const float sign = above ? 1.0F : -1.0F;
    std::vector<float> kept;
    detail::greatest_kernel{}(Arch{}, values.data(), size, count, sign, kept);
    std::ranges::sort(kept);
    if (above) {
      found = {kept[0], kept[count > 1 ? 1 : 0]};
    } else {
      const std::size_t of_rank = count - 1 - rank;
      found = {sign * kept[of_rank], sign * kept[of_rank == 0 ? 0 : of_rank - 1]};
    }
  } else {
    found = detail::selected(values.data(), size, rank);
  }
  const auto low = static_cast<double>(found.first);
  const auto high = static_cast<double>(found.second);
  return static_cast<float>(low + detail::rounded(share * (high - low))) + 0.0F;
}

} // namespace ptq
