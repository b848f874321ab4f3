// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

// Codes of one and two bytes, to and from floats.
namespace ptq::detail::simd {

/// Loads codes as numbers.
template <class Arch, class Code>
  requires(sizeof(Code) == 1)
[[nodiscard, gnu::always_inline]] inline auto load(const Code* from) noexcept -> floats<Arch> {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    __m128i bytes;
    __builtin_memcpy(&bytes, from, 16);
    const __m512i wide =
        std::is_signed_v<Code> ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
    return floats<Arch>(_mm512_cvtepi32_ps(wide));
  } else
#endif
#if defined(__AVX2__)
      if constexpr (width<Arch> == 8) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    const __m256i wide =
        std::is_signed_v<Code> ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
    return floats<Arch>(_mm256_cvtepi32_ps(wide));
  } else
#endif
  {
    alignas(64) float wide[width<Arch>];
    for (std::size_t i = 0; i != width<Arch>; ++i) {
      wide[i] = static_cast<float>(from[i]);
    }
    return floats<Arch>::load_aligned(wide);
  }
}

template <class Arch, class Code>
  requires(sizeof(Code) == 2)
[[nodiscard, gnu::always_inline]] inline auto load(const Code* from) noexcept -> floats<Arch> {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    __m256i words;
    __builtin_memcpy(&words, from, 32);
    const __m512i wide =
        std::is_signed_v<Code> ? _mm512_cvtepi16_epi32(words) : _mm512_cvtepu16_epi32(words);
    return floats<Arch>(_mm512_cvtepi32_ps(wide));
  } else
#endif
#if defined(__AVX2__)
      if constexpr (width<Arch> == 8) {
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m256i wide =
        std::is_signed_v<Code> ? _mm256_cvtepi16_epi32(words) : _mm256_cvtepu16_epi32(words);
    return floats<Arch>(_mm256_cvtepi32_ps(wide));
  } else
#endif
  {
    alignas(64) float wide[width<Arch>];
    for (std::size_t i = 0; i != width<Arch>; ++i) {
      wide[i] = static_cast<float>(from[i]);
    }
    return floats<Arch>::load_aligned(wide);
  }
}

/// Stores integers that fit the type. What NaN becomes is unspecified.
template <class Arch, class Code>
  requires(sizeof(Code) == 1)
[[gnu::always_inline]] inline void store(Code* to, const floats<Arch>& value) noexcept {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(value));
    __builtin_memcpy(to, &bytes, 16);
  } else
#endif
#if defined(__AVX2__)
      if constexpr (width<Arch> == 8) {
    const __m256i wide = _mm256_cvtps_epi32(value);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    const __m128i bytes =
        std::is_signed_v<Code> ? _mm_packs_epi16(words, words) : _mm_packus_epi16(words, words);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), bytes);
  } else
#endif
#if defined(__SSE2__)
      if constexpr (width<Arch> == 4) {
    const __m128i wide = _mm_cvtps_epi32(value);
    const __m128i words = _mm_packs_epi32(wide, wide);
    const __m128i bytes =
        std::is_signed_v<Code> ? _mm_packs_epi16(words, words) : _mm_packus_epi16(words, words);
    const int four = _mm_cvtsi128_si32(bytes);
    __builtin_memcpy(to, &four, 4);
  } else
#endif
  {
    alignas(64) float wide[width<Arch>];
    value.store_aligned(wide);
    for (std::size_t i = 0; i != width<Arch>; ++i) {
      to[i] = static_cast<Code>(static_cast<std::int32_t>(wide[i]));
    }
  }
}

template <class Arch, class Code>
  requires(sizeof(Code) == 2)
[[gnu::always_inline]] inline void store(Code* to, const floats<Arch>& value) noexcept {
#if defined(__AVX512F__)
  if constexpr (width<Arch> == 16) {
    const __m256i words = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(value));
    __builtin_memcpy(to, &words, 32);
  } else
#endif
#if defined(__AVX2__)
      if constexpr (width<Arch> == 8) {
    const __m256i wide = _mm256_cvtps_epi32(value);
    const __m128i low = _mm256_castsi256_si128(wide);
    const __m128i high = _mm256_extracti128_si256(wide, 1);
    const __m128i words =
        std::is_signed_v<Code> ? _mm_packs_epi32(low, high) : _mm_packus_epi32(low, high);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), words);
  } else
#endif
#if defined(__SSE2__)
      if constexpr (width<Arch> == 4) {
    // Only signed words can be packed: unsigned ones are moved there and back.
    const __m128i middle = _mm_set1_epi32(std::is_signed_v<Code> ? 0 : 32768);
    const __m128i wide = _mm_sub_epi32(_mm_cvtps_epi32(value), middle);
    const __m128i sign = _mm_set1_epi16(std::is_signed_v<Code> ? 0 : -32768);
    const __m128i words = _mm_xor_si128(_mm_packs_epi32(wide, wide), sign);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), words);
  } else
#endif
  {
    alignas(64) float wide[width<Arch>];
    value.store_aligned(wide);
    for (std::size_t i = 0; i != width<Arch>; ++i) {
      to[i] = static_cast<Code>(static_cast<std::int32_t>(wide[i]));
    }
  }
}

} // namespace ptq::detail::simd
