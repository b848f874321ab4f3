// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace ptq {

/// An output of a node: the tensor that it produces.
template <class Id>
struct tensor_ref {
  Id node{};
  std::uint32_t output = 0;

  constexpr tensor_ref() = default;

  /// Output 0 of `of`.
  constexpr tensor_ref(Id of, std::uint32_t index = 0) : node(of), output(index) {}

  /// What stands at an optional input that is not connected, so that the others keep their numbers.
  [[nodiscard]] static constexpr auto absent() -> tensor_ref {
    return {Id{}, std::numeric_limits<std::uint32_t>::max()};
  }

  [[nodiscard]] constexpr auto is_absent() const noexcept -> bool {
    return output == std::numeric_limits<std::uint32_t>::max();
  }

  friend auto operator==(const tensor_ref&, const tensor_ref&) -> bool = default;

  // Not defaulted: an id needs `<` and `==`, but no `<=>`.
  friend constexpr auto operator<=>(const tensor_ref& a, const tensor_ref& b)
      -> std::strong_ordering {
    if (a.node < b.node) {
      return std::strong_ordering::less;
    }
    return b.node < a.node ? std::strong_ordering::greater : a.output <=> b.output;
  }
};

} // namespace ptq
