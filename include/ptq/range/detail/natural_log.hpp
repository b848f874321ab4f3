// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>

#include <bit>
#include <cstdint>

namespace ptq::detail {

/// The natural logarithm, to about 1e-15, with the same bits on every machine: the standard
/// library's differ between processors.
/// @pre normal and above 0
[[nodiscard]] inline auto natural_log(double value) noexcept -> double {
  auto bits = std::bit_cast<std::uint64_t>(value);
  auto exponent = static_cast<int>(bits >> 52U) - 1023;
  bits = (bits & 0xFFFFFFFFFFFFFU) | 0x3FF0000000000000U;
  auto mantissa = std::bit_cast<double>(bits);
  if (mantissa > 0x1.6a09e667f3bcdp0) { // the root of 2
    mantissa /= 2.0;
    ++exponent;
  }
  const double ratio = (mantissa - 1.0) / (mantissa + 1.0);
  const double square = rounded(ratio * ratio);
  double series = 0.0;
  for (int odd = 21; odd >= 1; odd -= 2) {
    series = rounded(series * square) + 1.0 / odd;
  }
  return rounded(2.0 * rounded(ratio * series)) + rounded(exponent * 0x1.62e42fefa39efp-1);
}

} // namespace ptq::detail
