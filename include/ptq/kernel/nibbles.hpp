// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ptq {

/// What stores a code of four bits until it is packed.
template <class Code>
concept nibble_code = std::same_as<Code, std::int8_t> || std::same_as<Code, std::uint8_t>;

/// How many bytes `count` codes of four bits take.
[[nodiscard]] constexpr auto nibble_bytes(std::size_t count) noexcept -> std::size_t {
  return count / 2 + count % 2;
}

/// Packs codes of four bits, two to a byte: the first in the lower half. What an odd number of
/// codes leaves free is 0.
/// @throws error for a code that four bits do not hold (-8..7, or 0..15 if unsigned), and for room
///   of another size than `nibble_bytes`
/// @see OpenVINO, types i4 and u4; ONNX, INT4 and UINT4
template <nibble_code Code>
void pack_nibbles(std::span<const Code> codes, std::span<std::uint8_t> bytes) {
  if (bytes.size() != nibble_bytes(codes.size())) {
    throw error(
        std::to_string(codes.size()) + " codes of four bits, and room for " +
            std::to_string(bytes.size()) + " bytes",
        "pack_nibbles"
    );
  }
  constexpr unsigned offset = std::signed_integral<Code> ? 8 : 0;
  unsigned beyond = 0;
  const auto half_byte = [&](std::size_t i) {
    const auto code = static_cast<std::uint8_t>(codes[i]);
    beyond |= static_cast<std::uint8_t>(code + offset) & 0xF0U;
    return code & 0xFU;
  };
  for (std::size_t b = 0; b != codes.size() / 2; ++b) {
    bytes[b] = static_cast<std::uint8_t>(half_byte(2 * b) | (half_byte(2 * b + 1) << 4U));
  }
  if (codes.size() % 2 != 0) {
    bytes.back() = static_cast<std::uint8_t>(half_byte(codes.size() - 1));
  }
  if (beyond != 0) {
    throw error("a code does not fit into four bits", "pack_nibbles");
  }
}

/// The codes of packed bytes; signed ones are -8..7.
/// @throws error for bytes of another number than `nibble_bytes`
template <nibble_code Code>
void unpack_nibbles(std::span<const std::uint8_t> bytes, std::span<Code> codes) {
  if (bytes.size() != nibble_bytes(codes.size())) {
    throw error(
        std::to_string(bytes.size()) + " bytes, and room for " + std::to_string(codes.size()) +
            " codes of four bits",
        "unpack_nibbles"
    );
  }
  const auto code_of = [](unsigned half) {
    constexpr unsigned offset = std::signed_integral<Code> ? 8 : 0;
    return static_cast<Code>(static_cast<int>((half ^ offset)) - static_cast<int>(offset));
  };
  for (std::size_t b = 0; b != codes.size() / 2; ++b) {
    codes[2 * b] = code_of(bytes[b] & 0xFU);
    codes[2 * b + 1] = code_of(static_cast<unsigned>(bytes[b]) >> 4U);
  }
  if (codes.size() % 2 != 0) {
    codes.back() = code_of(bytes.back() & 0xFU);
  }
}

} // namespace ptq
