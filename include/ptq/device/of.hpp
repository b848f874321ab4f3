// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/table.hpp>

#include <span>

namespace ptq::device {

/// The device of a constexpr table: `inline constexpr auto my_npu = ptq::device_table{...};`, then
/// `ptq::device::of<my_npu>`.
template <const auto& Table>
struct of {
  [[nodiscard]] constexpr auto rules() const noexcept -> std::span<const device_rule> {
    return Table.rules;
  }

  friend constexpr auto operator==(const of&, const of&) -> bool = default;
};

namespace detail {

/// A device of POT: a table, and what its runtime fuses.
template <
    const auto& Table,
    device_family Family,
    int PrimaryBits = 8,
    bool Saturates = false,
    op DecidingReader = op::other>
struct known : of<Table> {
  [[nodiscard]] constexpr auto traits() const noexcept -> device_traits {
    return {Family, PrimaryBits, DecidingReader};
  }

  [[nodiscard]] constexpr auto saturates() const noexcept -> bool { return Saturates; }

  friend constexpr auto operator==(const known&, const known&) -> bool = default;
};

} // namespace detail

} // namespace ptq::device
