// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>
#include <cstdint>

namespace ptq::detail {

/// Integers in the order of the floats, both zeros being one.
[[nodiscard, gnu::always_inline]] inline auto key_of_float(float x) noexcept -> std::uint32_t {
  const auto bits = __builtin_bit_cast(std::uint32_t, x + 0.0F);
  return bits ^ ((bits >> 31U) != 0 ? 0xFFFFFFFFU : 0x80000000U);
}

[[nodiscard, gnu::always_inline]] inline auto float_of_key(std::uint32_t key) noexcept -> float {
  const std::uint32_t bits = key ^ ((key >> 31U) != 0 ? 0x80000000U : 0xFFFFFFFFU);
  return __builtin_bit_cast(float, bits);
}

/// Values that lie beyond thresholds. @pre `above` and `below` have room for one value more than
/// the sweep has.
struct sifted {
  float low;  ///< Below this, `-x` goes to `below`.
  float high; ///< Above this, `x`, or its magnitude, goes to `above`.
  float* below;
  float* above;
  std::size_t below_count;
  std::size_t above_count;
  bool has_nan;
};

/// Sifts out the few values that lie beyond thresholds: of `x` both ends, or of `|x|` the upper.
template <bool Magnitudes>
struct sift_kernel {
  template <class Arch>
  void operator()(Arch, const float* from, std::size_t size, sifted& to) const noexcept {
    constexpr std::size_t width = simd::width<Arch>;
    constexpr std::size_t group = 4 * width;
    const simd::floats<Arch> low(to.low);
    const simd::floats<Arch> high(to.high);
    simd::mask<Arch> nan = simd::none<Arch>();
    const auto is_beyond = [&](const simd::floats<Arch>& x)
                               __attribute__((always_inline)) -> simd::mask<Arch> {
      if constexpr (Magnitudes) {
        return xsimd::abs(x) > high;
      } else {
        return (x > high) | (x < low);
      }
    };
    std::size_t i = 0;
    for (; i + group <= size; i += group) {
      const auto x0 = simd::load<Arch>(from + i);
      const auto x1 = simd::load<Arch>(from + i + width);
      const auto x2 = simd::load<Arch>(from + i + 2 * width);
      const auto x3 = simd::load<Arch>(from + i + 3 * width);
      nan = nan | simd::unordered<Arch>(x0, x1) | simd::unordered<Arch>(x2, x3);
      const simd::mask<Arch> beyond[4]{is_beyond(x0), is_beyond(x1), is_beyond(x2), is_beyond(x3)};
      if (xsimd::any((beyond[0] | beyond[1]) | (beyond[2] | beyond[3]))) {
        for (std::size_t k = 0; k != 4; ++k) {
          const float* const at = from + i + k * width;
          for (std::uint32_t lanes = simd::lanes_of<Arch>(beyond[k]); lanes != 0;
               lanes &= lanes - 1) {
            sift(at[__builtin_ctz(lanes)], to);
          }
        }
      }
    }
    to.has_nan = to.has_nan || xsimd::any(nan);
    for (std::size_t k = i; k != size; ++k) {
      to.has_nan = to.has_nan || from[k] != from[k];
    }
    for (; i != size; ++i) {
      sift(from[i], to);
    }
  }

private:
  [[gnu::always_inline]] static void sift(float value, sifted& to) noexcept {
    const float x = Magnitudes && value < 0.0F ? -value : value;
    to.above[to.above_count] = x;
    to.above_count += x > to.high ? 1U : 0U;
    if constexpr (!Magnitudes) {
      to.below[to.below_count] = -x;
      to.below_count += x < to.low ? 1U : 0U;
    }
  }
};

/// The key of a rank and the key of the next one, which is the same if there is none.
struct ranked_keys {
  std::uint32_t key;
  std::uint32_t next;
};

/// Selects among keys, a byte at a time from the first bit in which they differ.
struct rank_kernel {
  /// @param rank  Counted from 0 at the least.
  /// @pre `rank < size`. The keys are lost.
  template <class Arch>
  void operator()(Arch, std::uint32_t* keys, std::size_t size, std::size_t rank, ranked_keys& found)
      const noexcept {
    std::uint32_t next = 0;
    bool has_next = false;
    unsigned shift = size > few ? first_shift(keys, size) : 0;
    while (size > few) {
      std::size_t counts[256];
      for (std::size_t& count : counts) {
        count = 0;
      }
      for (std::size_t i = 0; i != size; ++i) {
        ++counts[keys[i] >> shift & 0xFFU];
      }
      std::uint32_t digit = 0;
      for (; rank >= counts[digit]; ++digit) {
        rank -= counts[digit];
      }
      if (rank + 1 == counts[digit]) {
        find_next(keys, size, shift, digit, next, has_next);
      }
      std::size_t kept = 0;
      for (std::size_t i = 0; i != size; ++i) {
        const std::uint32_t key = keys[i];
        keys[kept] = key;
        kept += (key >> shift & 0xFFU) == digit ? 1U : 0U;
      }
      size = kept;
      if (shift == 0) {
        // What is left is equal.
        found = {keys[0], rank + 1 < size || !has_next ? keys[0] : next};
        return;
      }
      shift = shift < 8 ? 0 : shift - 8;
    }
    for (std::size_t i = 1; i < size; ++i) {
      const std::uint32_t key = keys[i];
      std::size_t at = i;
      for (; at != 0 && keys[at - 1] > key; --at) {
        keys[at] = keys[at - 1];
      }
      keys[at] = key;
    }
    found = {keys[rank], rank + 1 < size ? keys[rank + 1] : (has_next ? next : keys[rank])};
  }

private:
  static constexpr std::size_t few = 24;

  [[gnu::always_inline]] static auto
  first_shift(const std::uint32_t* keys, std::size_t size) noexcept -> unsigned {
    std::uint32_t in_all = keys[0];
    std::uint32_t in_any = keys[0];
    for (std::size_t i = 1; i != size; ++i) {
      in_all &= keys[i];
      in_any |= keys[i];
    }
    const std::uint32_t differing = in_all ^ in_any;
    return differing < 0x100U ? 0 : 24 - static_cast<unsigned>(__builtin_clz(differing));
  }

  // The least key behind the digit: the next of the last key that has the digit.
  [[gnu::always_inline]] static void find_next(
      const std::uint32_t* keys,
      std::size_t size,
      unsigned shift,
      std::uint32_t digit,
      std::uint32_t& next,
      bool& has_next
  ) noexcept {
    for (std::size_t i = 0; i != size; ++i) {
      if ((keys[i] >> shift & 0xFFU) > digit && (!has_next || keys[i] < next)) {
        next = keys[i];
        has_next = true;
      }
    }
  }
};

/// Leading bits of a key by which values are counted.
inline constexpr unsigned counted_bits = 14;
inline constexpr unsigned shift_to_counted = 32 - counted_bits;

/// Counts values by the leading bits of their keys.
struct key_histogram_kernel {
  /// @pre `counts` has `1 << counted_bits` elements
  template <class Arch>
  void operator()(Arch, const float* from, std::size_t size, std::uint32_t* counts, bool& has_nan)
      const noexcept {
    using integers = xsimd::batch<std::int32_t, Arch>;
    constexpr std::size_t width = simd::width<Arch>;
    constexpr std::size_t group = 4 * width;
    alignas(64) std::int32_t keys[group];
    const integers sign(static_cast<std::int32_t>(0x80000000U));
    const integers leading((1 << counted_bits) - 1);
    simd::mask<Arch> nan = simd::none<Arch>();
    std::size_t i = 0;
    for (; i + group <= size; i += group) {
      for (std::size_t k = 0; k != 4; ++k) {
        const auto x = simd::load<Arch>(from + i + k * width);
        nan = nan | simd::unordered<Arch>(x, x);
        const integers bits = simd::bits_of<Arch>(x + simd::floats<Arch>(0.0F));
        const integers key = bits ^ ((bits >> 31) | sign);
        ((key >> static_cast<std::int32_t>(shift_to_counted)) & leading)
            .store_aligned(keys + k * width);
      }
      for (std::size_t k = 0; k != group; ++k) {
        ++counts[keys[k]];
      }
    }
    has_nan = has_nan || xsimd::any(nan);
    for (; i != size; ++i) {
      has_nan = has_nan || from[i] != from[i];
      ++counts[key_of_float(from[i]) >> shift_to_counted];
    }
  }
};

/// Gathers the keys of the values in `[low, high]`.
struct gather_kernel {
  /// @pre `keys` has room for one more than there are; `count` is 0
  template <class Arch>
  void operator()(
      Arch,
      const float* from,
      std::size_t size,
      float low,
      float high,
      std::uint32_t* keys,
      std::size_t& count
  ) const noexcept {
    constexpr std::size_t width = simd::width<Arch>;
    const simd::floats<Arch> least(low);
    const simd::floats<Arch> most(high);
    std::size_t i = 0;
    const auto gather = [&](std::size_t until) __attribute__((always_inline)) {
      for (; i != until; ++i) {
        keys[count] = key_of_float(from[i]);
        count += from[i] >= low && from[i] <= high ? 1U : 0U;
      }
    };
    while (i + 2 * width <= size) {
      const auto x0 = simd::load<Arch>(from + i);
      const auto x1 = simd::load<Arch>(from + i + width);
      if (xsimd::any(((x0 >= least) & (x0 <= most)) | ((x1 >= least) & (x1 <= most)))) {
        gather(i + 2 * width);
      } else {
        i += 2 * width;
      }
    }
    gather(size);
  }
};

} // namespace ptq::detail
