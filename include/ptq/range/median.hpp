// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/range/detail/sorted_values.hpp>

#include <span>

namespace ptq::aggregate {

/// The middle value; of an even number, the mean of the two in the middle.
struct median {
  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    return detail::median_of(detail::sorted(values));
  }

  friend constexpr auto operator==(const median&, const median&) -> bool = default;
};

} // namespace ptq::aggregate
