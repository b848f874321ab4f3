// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>

// Sums with the same bits on every architecture: element `i` of a block of 4,096 is added to lane
// `i % 32` in binary32; the lanes of a block are added up in a fixed tree whose last two levels are
// binary64, and the blocks in binary64, in order.
namespace ptq::detail {

inline constexpr std::size_t lane_count = 32;
inline constexpr std::size_t block_size = 4096;

template <class Arch>
inline constexpr std::size_t lane_batches = lane_count / simd::width<Arch>;

/// The lanes of one sum.
template <class Arch>
struct lane_sums {
  simd::floats<Arch> lanes[lane_batches<Arch>];

  [[gnu::always_inline]] void clear() noexcept {
    for (auto& lane : lanes) {
      lane = simd::floats<Arch>(0.0F);
    }
  }

  /// Lane `j` plus lane `j + 16`, then `+ 8`, then `+ 4`; the rest in double.
  [[nodiscard, gnu::always_inline]] auto total() const noexcept -> double {
    alignas(16) float four[4];
#if defined(__AVX512F__)
    if constexpr (simd::width<Arch> == 16) {
      const __m512 all = lanes[0] + lanes[1];
      const __m256 high = simd::upper_half(all);
      const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(all), high);
      const __m128 low_four = _mm256_castps256_ps128(eight);
      _mm_store_ps(four, _mm_add_ps(low_four, _mm256_extractf128_ps(eight, 1)));
    } else
#endif
#if defined(__AVX__)
        if constexpr (simd::width<Arch> == 8) {
      const __m256 eight = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
      const __m128 low_four = _mm256_castps256_ps128(eight);
      _mm_store_ps(four, _mm_add_ps(low_four, _mm256_extractf128_ps(eight, 1)));
    } else
#endif
    {
      static_assert(simd::width<Arch> == 4);
      const auto even = (lanes[0] + lanes[4]) + (lanes[2] + lanes[6]);
      const auto odd = (lanes[1] + lanes[5]) + (lanes[3] + lanes[7]);
      (even + odd).store_aligned(four);
    }
    const double even = static_cast<double>(four[0]) + static_cast<double>(four[2]);
    const double odd = static_cast<double>(four[1]) + static_cast<double>(four[3]);
    return even + odd;
  }
};

/// Calls `add(lane, batch)` for every whole batch of `[from, from + size)`, `add_rest(lane, batch,
/// count)` for what is left of a block, filled up with zeros, and `flush()` after each block.
template <class Arch, class Add, class AddRest, class Flush>
[[gnu::always_inline]] inline void for_each_lane(
    const float* from, std::size_t size, Add add, AddRest add_rest, Flush flush
) noexcept {
  constexpr std::size_t width = simd::width<Arch>;
  while (size != 0) {
    const std::size_t block = size < block_size ? size : block_size;
    std::size_t i = 0;
    for (; i + lane_count <= block; i += lane_count) {
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 8
#endif
      for (std::size_t lane = 0; lane != lane_batches<Arch>; ++lane) {
        add(lane, simd::load<Arch>(from + i + lane * width));
      }
    }
    // Unrolled too: a lane whose number is not known at compile time would live in memory.
    std::size_t rest = block - i;
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 8
#endif
    for (std::size_t lane = 0; lane != lane_batches<Arch>; ++lane) {
      const float* const at = from + block - rest;
      if (rest >= width) {
        add(lane, simd::load<Arch>(at));
        rest -= width;
      } else if (rest != 0) {
        add_rest(lane, simd::load_first<Arch>(at, rest), rest);
        rest = 0;
      }
    }
    flush();
    from += block;
    size -= block;
  }
}

} // namespace ptq::detail
