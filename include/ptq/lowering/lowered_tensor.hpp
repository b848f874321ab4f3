// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/element_type.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ptq {

/// A constant of the graph as integers: `value = (code - zero point) * scale`.
struct lowered_tensor {
  std::string name{}; ///< Of the constant.
  std::string node{}; ///< The operation that reads it first.
  std::vector<std::size_t> shape{};
  /// In the order of `shape`, row-major: weights of up to 256 levels as int8 or uint8, of more as
  /// int16 or uint16; int32 biases.
  std::variant<
      std::vector<std::int8_t>,
      std::vector<std::uint8_t>,
      std::vector<std::int32_t>,
      std::vector<std::int16_t>,
      std::vector<std::uint16_t>>
      codes{};
  std::optional<std::size_t> axis{}; ///< Of the channels; empty: one scale for all.
  std::vector<float> scales{};
  std::vector<float> zero_points{}; ///< As computed; whole numbers up to rounding noise mostly.
  int bits = 8; ///< That hold every code: 4, 8, 16 or 32. Four of int8 go through `pack_nibbles`.

  friend auto operator==(const lowered_tensor&, const lowered_tensor&) -> bool = default;
};

/// Of which weights zero points that are whole numbers are taken into the codes.
enum class zero_point_removal : std::uint8_t {
  of_all,    ///< Of 4, 8 and 16 bits.
  of_8_bits, ///< As POT does it: those of 4 bits keep theirs, the noise of binary32.
  of_nothing,
};

/// How constants become integers.
struct lowering_options {
  element_type weights_as = element_type::i8; ///< Or `u8`: codes from 0 on, zero points kept.

  /// OpenVINO packs half up. With half to even, codes stand for what the plan's run has.
  rounding ties = rounding::half_up;
  zero_point_removal removed = zero_point_removal::of_all;

  friend constexpr auto operator==(const lowering_options&, const lowering_options&)
      -> bool = default;
};

} // namespace ptq
