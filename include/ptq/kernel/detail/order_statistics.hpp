// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/simd.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace ptq::detail {

/// Two neighbours in the order of some values.
using neighbours = std::pair<float, float>;

/// The `count` greatest of `size` values, in no order: batches that hold nothing above the least
/// value that counts so far are passed over, so that nearly all values cost one comparison.
struct greatest_kernel {
  template <class Arch>
  void operator()(
      Arch,
      const float* from,
      std::size_t size,
      std::size_t count,
      float sign,
      std::vector<float>& kept
  ) const {
    constexpr std::size_t width = simd::width<Arch>;
    const std::size_t room = 2 * count + 1024;
    kept.clear();
    kept.reserve(room + 4 * width);
    float least = -std::numeric_limits<float>::infinity();
    const auto shrink = [&]() __attribute__((noinline)) {
      if (kept.size() > count) {
        const auto last = kept.begin() + static_cast<std::ptrdiff_t>(count);
        std::nth_element(kept.begin(), last - 1, kept.end(), [](float a, float b) {
          return a > b;
        });
        kept.erase(last, kept.end());
        least = kept.back();
      }
    };
    const auto add = [&](std::size_t begin, std::size_t end) __attribute__((noinline)) {
      for (std::size_t i = begin; i != end; ++i) {
        if (const float value = sign * from[i]; value > least) {
          kept.push_back(value);
        }
      }
      if (kept.size() >= room) {
        shrink();
      }
    };
    std::size_t i = 0;
    const simd::floats<Arch> signs(sign);
    for (; i + 4 * width <= size; i += 4 * width) {
      const auto a = xsimd::max(
          simd::load<Arch>(from + i) * signs, simd::load<Arch>(from + i + width) * signs
      );
      const auto b = xsimd::max(
          simd::load<Arch>(from + i + 2 * width) * signs,
          simd::load<Arch>(from + i + 3 * width) * signs
      );
      if (xsimd::any(xsimd::max(a, b) > simd::floats<Arch>(least))) {
        add(i, i + 4 * width);
      }
    }
    add(i, size);
    // Values that equal the least one kept were passed over once there were enough: put them back.
    shrink();
    if (kept.size() < count) {
      kept.resize(count, least);
    }
  }
};

/// The bits of a float as a number that is ordered as the floats are.
[[nodiscard]] constexpr auto ordered_key(float value) noexcept -> std::uint32_t {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits >> 31U) != 0 ? ~bits : bits | 0x80000000U;
}

/// The values of ranks `rank` and `rank + 1` from below: counts by the first bits of their keys,
/// and looks closer at those of one count.
inline auto selected(const float* from, std::size_t size, std::size_t rank) -> neighbours {
  constexpr unsigned dropped = 18;
  std::vector<std::uint32_t> counts(std::size_t{1} << (32U - dropped));
  for (std::size_t i = 0; i != size; ++i) {
    ++counts[ordered_key(from[i]) >> dropped];
  }
  const auto bin_of = [&](std::size_t wanted) {
    std::size_t below = 0;
    std::size_t bin = 0;
    while (below + counts[bin] <= wanted) {
      below += counts[bin++];
    }
    return std::pair(bin, wanted - below);
  };
  const auto pick = [&](std::size_t bin, std::size_t within, bool next) -> neighbours {
    std::vector<float> values;
    values.reserve(counts[bin]);
    for (std::size_t i = 0; i != size; ++i) {
      if (ordered_key(from[i]) >> dropped == bin) {
        values.push_back(from[i]);
      }
    }
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(within);
    std::nth_element(values.begin(), at, values.end());
    return {*at, next ? *std::min_element(at + 1, values.end()) : *at};
  };
  const auto [bin, within] = bin_of(rank);
  if (rank + 1 == size) {
    return pick(bin, within, false);
  }
  const auto [after, in_after] = bin_of(rank + 1);
  if (after == bin) {
    return pick(bin, within, true);
  }
  return {pick(bin, within, false).first, pick(after, in_after, false).first};
}

} // namespace ptq::detail
