// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ptq {

/// The exact sum of any number of finite floats.
///
/// A fixed-point number of 384 bits whose unit is the least denormal, so that no addition rounds:
/// the sum of a set of numbers has the same bits in whatever order and in however many parts they
/// were added. Good for 2^64 numbers.
///
/// @see N. J. Higham, "Accuracy and Stability of Numerical Algorithms", on long accumulators
class exact_sum {
public:
  constexpr exact_sum() = default;

  constexpr explicit exact_sum(const std::array<std::uint64_t, 6>& words) : words_(words) {}

  /// @pre `value` is finite.
  constexpr void add(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t exponent = bits >> 23U & 0xFFU;
    const std::uint64_t mantissa = (bits & 0x7FFFFFU) | (exponent == 0 ? 0U : 0x800000U);
    const std::uint32_t shift = exponent == 0 ? 0 : exponent - 1;
    std::array<std::uint64_t, 6> term{};
    const std::size_t word = shift / 64;
    const std::uint32_t offset = shift % 64;
    term[word] = mantissa << offset;
    if (offset > 40) {
      term[word + 1] = mantissa >> (64 - offset);
    }
    accumulate(bits >> 31U == 0 ? term : negated(term));
  }

  constexpr void merge(const exact_sum& other) noexcept { accumulate(other.words_); }

  /// The sum as a double: truncated, so up to one unit in the last place nearer to zero.
  [[nodiscard]] constexpr auto value() const noexcept -> double {
    const bool negative = words_.back() >> 63U != 0;
    const std::array<std::uint64_t, 6> magnitude = negative ? negated(words_) : words_;
    for (std::size_t word = magnitude.size(); word-- != 0;) {
      if (magnitude[word] != 0) {
        const auto unused = static_cast<std::uint32_t>(std::countl_zero(magnitude[word]));
        std::uint64_t top = magnitude[word] << unused;
        if (unused != 0 && word != 0) {
          top |= magnitude[word - 1] >> (64 - unused);
        }
        const int exponent = static_cast<int>(word) * 64 - static_cast<int>(unused) - 149 + 11;
        const double rounded = scaled(static_cast<double>(top >> 11U), exponent);
        return negative ? -rounded : rounded;
      }
    }
    return 0.0;
  }

  [[nodiscard]] constexpr auto words() const noexcept -> const std::array<std::uint64_t, 6>& {
    return words_;
  }

  friend constexpr auto operator==(const exact_sum&, const exact_sum&) -> bool = default;

private:
  static constexpr auto scaled(double value, int exponent) noexcept -> double {
    return value * std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52U);
  }

  static constexpr auto negated(std::array<std::uint64_t, 6> words) noexcept
      -> std::array<std::uint64_t, 6> {
    std::uint64_t carry = 1;
    for (std::uint64_t& word : words) {
      word = ~word + carry;
      carry = carry != 0 && word == 0 ? 1 : 0;
    }
    return words;
  }

  constexpr void accumulate(const std::array<std::uint64_t, 6>& term) noexcept {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i != words_.size(); ++i) {
      const std::uint64_t with_carry = words_[i] + carry;
      carry = with_carry < carry ? 1 : 0;
      words_[i] = with_carry + term[i];
      carry += words_[i] < term[i] ? 1U : 0U;
    }
  }

  std::array<std::uint64_t, 6> words_{}; ///< Two's complement, least significant first.
};

} // namespace ptq
