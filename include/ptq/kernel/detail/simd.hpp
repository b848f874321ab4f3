// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <xsimd/xsimd.hpp>

// What xsimd 8.1 lacks or gets wrong, in one place; the same source builds with later versions.
//
// Everything that a kernel calls names Arch in its type or is always inlined: objects compiled for
// several instruction sets are linked together, and a linker may put the AVX-512 body of a function
// that they share where only SSE2 is allowed.
namespace ptq::detail::simd {

template <class Arch>
using floats = xsimd::batch<float, Arch>;

template <class Arch>
using mask = xsimd::batch_bool<float, Arch>;

template <class Arch>
inline constexpr std::size_t width = floats<Arch>::size;

template <class Arch>
inline constexpr bool is_fma3 = false;
template <class Arch>
inline constexpr bool is_fma3<xsimd::fma3<Arch>> = true;

#if defined(__AVX512F__)
/// Not by `_mm512_extractf64x4_pd`, in whose definition g++ 12 finds a variable without a value.
[[nodiscard, gnu::always_inline]] inline auto upper_half(__m512 all) noexcept -> __m256 {
  const auto whole = static_cast<__mmask8>(-1);
  return _mm256_castpd_ps(_mm512_maskz_extractf64x4_pd(whole, _mm512_castps_pd(all), 1));
}
#endif

/// Does `multiply_add` round once on this architecture?
template <class Arch>
inline constexpr bool fuses_multiply_add =
#if defined(__aarch64__)
    true;
#else
    is_fma3<Arch> || width<Arch> == 16;
#endif

/// `a * b + c`, rounded once. xsimd 8.1's own rounds twice on AVX-512.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
multiply_add(const floats<Arch>& a, const floats<Arch>& b, const floats<Arch>& c) noexcept
    -> floats<Arch> {
  static_assert(fuses_multiply_add<Arch>);
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    return floats<Arch>(_mm512_fmadd_ps(a, b, c));
  } else
#endif
  {
    return xsimd::fma(a, b, c);
  }
}

/// Keeps the compiler from fusing the product `value` with an addition that follows.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto rounded(const floats<Arch>& value) noexcept
    -> floats<Arch> {
  typename floats<Arch>::register_type bits = value;
#if defined(__aarch64__) || defined(__ARM_NEON)
  asm("" : "+w"(bits));
#elif defined(__AVX512F__)
  // "v" reaches all 32 registers, but xmm16 and ymm16 upwards need AVX-512VL.
  if constexpr (width<Arch> == 16) {
    asm("" : "+v"(bits));
  } else {
    asm("" : "+x"(bits));
  }
#else
  asm("" : "+x"(bits));
#endif
  return floats<Arch>(bits);
}

/// As above, for one number.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto rounded(float value) noexcept -> float {
#if defined(__aarch64__) || defined(__ARM_NEON)
  asm("" : "+w"(value));
#else
  asm("" : "+x"(value));
#endif
  return value;
}

/// The IEEE quotient. On Arm, xsimd 8.1's own is an estimate.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
divide(const floats<Arch>& a, const floats<Arch>& b) noexcept -> floats<Arch> {
#if defined(__aarch64__)
  return floats<Arch>(vdivq_f32(a, b));
#else
  return a / b;
#endif
}

/// To the nearest integer, ties to even, the sign of zero kept.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto round_half_even(const floats<Arch>& value) noexcept
    -> floats<Arch> {
#if defined(__SSE2__)
  if constexpr (width<Arch> == 4 && !std::is_base_of_v<xsimd::sse4_1, Arch>) {
    const __m128 exact = rounded<Arch>(value);
    const __m128 sign = _mm_and_ps(exact, _mm_set1_ps(-0.0F));
    const __m128 magic = _mm_set1_ps(8388608.0F); // 2^23: from here on all floats are integers.
    const __m128 size = _mm_andnot_ps(_mm_set1_ps(-0.0F), exact);
    const __m128 whole = _mm_or_ps(_mm_sub_ps(_mm_add_ps(size, magic), magic), sign);
    const __m128 small = _mm_cmplt_ps(size, magic);
    return floats<Arch>(_mm_or_ps(_mm_and_ps(small, whole), _mm_andnot_ps(small, exact)));
  } else
#endif
  {
    return xsimd::nearbyint(value);
  }
}

/// The smaller and the larger of the two. NaN in the *second* comes through on every architecture.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
least(const floats<Arch>& bound, const floats<Arch>& value) noexcept -> floats<Arch> {
  return xsimd::min(bound, value);
}

template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
most(const floats<Arch>& bound, const floats<Arch>& value) noexcept -> floats<Arch> {
  return xsimd::max(bound, value);
}

/// Is one of the two NaN?
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
unordered(const floats<Arch>& a, const floats<Arch>& b) noexcept -> mask<Arch> {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    return mask<Arch>(_mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q));
  } else
#endif
#if defined(__AVX__)
      if constexpr (width<Arch> == 8) {
    return mask<Arch>(_mm256_cmp_ps(a, b, _CMP_UNORD_Q));
  } else
#endif
#if defined(__SSE2__)
      if constexpr (width<Arch> == 4) {
    return mask<Arch>(_mm_cmpunord_ps(a, b));
  } else
#endif
  {
    return !(a == a) | !(b == b);
  }
}

/// The bits of floats as integers.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto bits_of(const floats<Arch>& value) noexcept
    -> xsimd::batch<std::int32_t, Arch> {
  using integers = xsimd::batch<std::int32_t, Arch>;
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    return integers(_mm512_castps_si512(value));
  } else
#endif
#if defined(__AVX__)
      if constexpr (width<Arch> == 8) {
    return integers(_mm256_castps_si256(value));
  } else
#endif
#if defined(__SSE2__)
      if constexpr (width<Arch> == 4) {
    return integers(_mm_castps_si128(value));
  } else
#endif
  {
    alignas(64) float numbers[width<Arch>];
    alignas(64) std::int32_t bits[width<Arch>];
    value.store_aligned(numbers);
    __builtin_memcpy(bits, numbers, sizeof bits);
    return integers::load_aligned(bits);
  }
}

/// A bit for each lane, that of the first lane being the lowest.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto lanes_of(const mask<Arch>& of) noexcept
    -> std::uint32_t {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    return std::uint32_t{of.data};
  } else
#endif
#if defined(__AVX__)
      if constexpr (width<Arch> == 8) {
    return static_cast<std::uint32_t>(_mm256_movemask_ps(of.data));
  } else
#endif
#if defined(__SSE2__)
      if constexpr (width<Arch> == 4) {
    return static_cast<std::uint32_t>(_mm_movemask_ps(of.data));
  } else
#endif
  {
    std::uint32_t lanes = 0;
    for (std::size_t i = 0; i != width<Arch>; ++i) {
      lanes |= of.get(i) ? std::uint32_t{1} << i : 0U;
    }
    return lanes;
  }
}

/// No lane at all.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto none() noexcept -> mask<Arch> {
  return floats<Arch>(0.0F) > floats<Arch>(0.0F);
}

template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto load(const float* from) noexcept -> floats<Arch> {
  return floats<Arch>::load_unaligned(from);
}

template <class Arch>
[[gnu::always_inline]] inline void store(float* to, const floats<Arch>& value) noexcept {
  value.store_unaligned(to);
}

/// The first `count` elements, which may be none, and zeros; reads nothing behind them.
/// @pre `count < width<Arch>`
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
load_first(const float* from, std::size_t count) noexcept -> floats<Arch> {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    const auto wanted = static_cast<__mmask16>((1U << count) - 1U);
    return floats<Arch>(_mm512_maskz_loadu_ps(wanted, from));
  } else
#endif
#if defined(__AVX2__)
      if constexpr (width<Arch> == 8) {
    const __m256i wanted = _mm256_cmpgt_epi32(
        _mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
    );
    return floats<Arch>(_mm256_maskload_ps(from, wanted));
  } else
#endif
  {
    alignas(64) float some[width<Arch>]{};
    for (std::size_t i = 0; i != count; ++i) {
      some[i] = from[i];
    }
    return floats<Arch>::load_aligned(some);
  }
}

/// The least and the greatest of a batch without NaN.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto least_of(const floats<Arch>& value) noexcept
    -> float {
#if defined(__SSE2__)
  __m128 four;
#if defined(__AVX__)
  __m256 eight;
#endif
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    const __m512 all = value;
    eight = _mm256_min_ps(_mm512_castps512_ps256(all), upper_half(all));
  }
#endif
#if defined(__AVX__)
  if constexpr (width<Arch> == 8) {
    eight = value;
  }
  if constexpr (width<Arch> != 4) {
    four = _mm_min_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
#endif
  if constexpr (width<Arch> == 4) {
    four = value;
  }
  const __m128 two = _mm_min_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_min_ss(two, _mm_shuffle_ps(two, two, 1)));
#else
  alignas(64) float all[width<Arch>];
  value.store_aligned(all);
  float result = all[0];
  for (std::size_t i = 1; i != width<Arch>; ++i) {
    result = all[i] < result ? all[i] : result;
  }
  return result;
#endif
}

template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto most_of(const floats<Arch>& value) noexcept -> float {
  return -least_of<Arch>(-value);
}

/// Half of a batch, as doubles.
template <class Arch>
using doubles = xsimd::batch<double, Arch>;

/// Adds the first half of `value` to `low`, the second to `high`.
template <class Arch>
[[gnu::always_inline]] inline void
accumulate(doubles<Arch>& low, doubles<Arch>& high, const floats<Arch>& value) noexcept {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    const __m512 all = value;
    const __m256 upper = upper_half(all);
    low += doubles<Arch>(_mm512_cvtps_pd(_mm512_castps512_ps256(all)));
    high += doubles<Arch>(_mm512_cvtps_pd(upper));
  } else
#endif
#if defined(__AVX__)
      if constexpr (width<Arch> == 8) {
    const __m256 all = value;
    low += doubles<Arch>(_mm256_cvtps_pd(_mm256_castps256_ps128(all)));
    high += doubles<Arch>(_mm256_cvtps_pd(_mm256_extractf128_ps(all, 1)));
  } else
#endif
#if defined(__SSE2__)
      if constexpr (width<Arch> == 4) {
    const __m128 all = value;
    low += doubles<Arch>(_mm_cvtps_pd(all));
    high += doubles<Arch>(_mm_cvtps_pd(_mm_movehl_ps(all, all)));
  } else
#endif
  {
    alignas(64) float narrow[width<Arch>];
    alignas(64) double wide[width<Arch>];
    value.store_aligned(narrow);
    for (std::size_t i = 0; i != width<Arch>; ++i) {
      wide[i] = static_cast<double>(narrow[i]);
    }
    low += doubles<Arch>::load_aligned(wide);
    high += doubles<Arch>::load_aligned(wide + width<Arch> / 2);
  }
}

} // namespace ptq::detail::simd
