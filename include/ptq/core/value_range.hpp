// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace ptq {

/// The closed interval `[low, high]` that a tensor's values are taken to lie in.
template <class T>
struct value_range {
  T low{};
  T high{};

  friend constexpr auto operator==(const value_range&, const value_range&) -> bool = default;
};

} // namespace ptq
