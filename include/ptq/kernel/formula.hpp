// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// How a kernel computes fake-quantization. All but `approximate` give the same bits.
namespace ptq::formula {

/// Both divisions as a multiplication by a reciprocal in two parts, with one fused multiply-add;
/// true division where that is not exact, or where the architecture cannot fuse.
/// @see docs/kernels.md
struct exact {
  friend constexpr auto operator==(exact, exact) -> bool = default;
};

/// True division everywhere.
struct division {
  friend constexpr auto operator==(division, division) -> bool = default;
};

/// One rounded reciprocal instead of each division: up to twice as fast while the data is in the
/// first cache. Changes the last bits of most values, and the level of about one value in a
/// million.
struct approximate {
  friend constexpr auto operator==(approximate, approximate) -> bool = default;
};

} // namespace ptq::formula
