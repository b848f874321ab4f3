// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ptq {

/// The five numbers of a fake-quantizer for one tensor or one channel.
///
/// @par Definition
/// With `L = levels - 1`: `x <= min(in_low, in_high)` becomes `out_low`, `x > max(in_low, in_high)`
/// becomes `out_high`, all else `round((x - in_low) / (in_high - in_low) * L) / L * (out_high -
/// out_low) + out_low`, in binary32, ties to even. NaN stays NaN.
/// @see OpenVINO, operation FakeQuantize-1
struct grid {
  float in_low = 0.0F;
  float in_high = 0.0F;
  float out_low = in_low;
  float out_high = in_high;
  std::int64_t levels = 256; ///< How many codes; at least 2. Wide enough for 2^32.

  /// The distance of two neighbouring values of the output: `(out_high - out_low) / (levels - 1)`.
  [[nodiscard]] constexpr auto scale() const noexcept -> double {
    return (static_cast<double>(out_high) - static_cast<double>(out_low)) /
           static_cast<double>(levels - 1);
  }

  /// The code, counted from 0 at `out_low`, whose value is 0. Not rounded; 0 where `scale()` is 0.
  [[nodiscard]] constexpr auto zero_point() const noexcept -> double {
    const double step = scale();
    return step == 0.0 ? 0.0 : -static_cast<double>(out_low) / step;
  }

  friend constexpr auto operator==(const grid&, const grid&) -> bool = default;
};

} // namespace ptq
