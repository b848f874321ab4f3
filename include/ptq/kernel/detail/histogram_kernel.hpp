// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>
#include <cstdint>

namespace ptq::detail {

/// Counts of bins by the first bits of binary32, in two tables: neighbouring values are often
/// alike, and each addition to a counter has to wait for the one before it. Of more tables, the
/// bins in use no longer fit the first cache.
struct histogram_tables {
  static constexpr std::size_t count = 2;

  std::uint32_t* counts; ///< `count * 2 * stride` of them: positive bins, then negative ones.
  std::size_t stride;    ///< Of one sign: bin `i` is at `i + 1`, what is below the bins at 0.
  std::uint32_t first;   ///< Position of bin 0, at least 1.
  unsigned dropped;      ///< Bits of the mantissa that make no difference.
};

/// What is compiled once for each instruction set. Values above the last bin are not looked for.
struct histogram_kernel {
  template <class Arch>
  void operator()(Arch, const float* from, std::size_t size, const histogram_tables& tables)
      const noexcept {
    constexpr std::size_t width = simd::width<Arch>;
    constexpr std::size_t block = 64;
    using integers = xsimd::batch<std::int32_t, Arch>;
    const std::size_t table = 2 * tables.stride;
    const integers all_but_sign(0x7FFFFFFF);
    const integers before(static_cast<std::int32_t>(tables.first) - 1);
    const integers none(0);
    const integers stride(static_cast<std::int32_t>(tables.stride));
    const auto dropped = static_cast<std::int32_t>(tables.dropped);
    alignas(64) std::int32_t bins[block];
    const auto bins_of = [&](const simd::floats<Arch>& x, std::int32_t* to)
                             __attribute__((always_inline)) {
                               const auto bits = xsimd::bitwise_cast<integers>(x);
                               const integers position = (bits & all_but_sign) >> dropped;
                               const integers bin = xsimd::max(position - before, none);
                               (bin + ((bits >> 31) & stride)).store_aligned(to);
                             };
    std::uint32_t* const a = tables.counts;
    std::uint32_t* const b = a + table;
    std::size_t i = 0;
    for (; i + block <= size; i += block) {
      for (std::size_t j = 0; j != block; j += width) {
        bins_of(simd::load<Arch>(from + i + j), bins + j);
      }
      for (std::size_t j = 0; j != block; j += 2) {
        ++a[bins[j]];
        ++b[bins[j + 1]];
      }
    }
    for (; i < size; i += width) {
      const std::size_t rest = size - i < width ? size - i : width;
      bins_of(
          rest == width ? simd::load<Arch>(from + i) : simd::load_first<Arch>(from + i, rest), bins
      );
      for (std::size_t j = 0; j != rest; ++j) {
        ++a[bins[j]];
      }
    }
  }
};

} // namespace ptq::detail
