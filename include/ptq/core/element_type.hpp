// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ptq {

/// The type of a tensor's elements in memory.
enum class element_type : std::uint8_t { f32, f64, f16, bf16, i8, u8, i16, u16, i32, i64, boolean };

/// Bytes of one element.
[[nodiscard]] constexpr auto size_of(element_type type) noexcept -> std::size_t {
  switch (type) {
  case element_type::i8:
  case element_type::u8:
  case element_type::boolean:
    return 1;
  case element_type::f16:
  case element_type::bf16:
  case element_type::i16:
  case element_type::u16:
    return 2;
  case element_type::f32:
  case element_type::i32:
    return 4;
  case element_type::f64:
  case element_type::i64:
    return 8;
  }
  return 0;
}

[[nodiscard]] constexpr auto name_of(element_type type) noexcept -> std::string_view {
  switch (type) {
  case element_type::f32:
    return "float32";
  case element_type::f64:
    return "float64";
  case element_type::f16:
    return "float16";
  case element_type::bf16:
    return "bfloat16";
  case element_type::i8:
    return "int8";
  case element_type::u8:
    return "uint8";
  case element_type::i16:
    return "int16";
  case element_type::u16:
    return "uint16";
  case element_type::i32:
    return "int32";
  case element_type::i64:
    return "int64";
  case element_type::boolean:
    return "bool";
  }
  return "?";
}

/// The element type that stores a `T`.
template <class T>
inline constexpr bool has_element_type = false;
template <class T>
inline constexpr element_type element_type_of = element_type::f32;

#define PTQ_ELEMENT_TYPE(type, value)                                                              \
  template <>                                                                                      \
  inline constexpr bool has_element_type<type> = true;                                             \
  template <>                                                                                      \
  inline constexpr element_type element_type_of<type> = element_type::value;

PTQ_ELEMENT_TYPE(float, f32)
PTQ_ELEMENT_TYPE(double, f64)
PTQ_ELEMENT_TYPE(std::int8_t, i8)
PTQ_ELEMENT_TYPE(std::uint8_t, u8)
PTQ_ELEMENT_TYPE(std::int16_t, i16)
PTQ_ELEMENT_TYPE(std::uint16_t, u16)
PTQ_ELEMENT_TYPE(std::int32_t, i32)
PTQ_ELEMENT_TYPE(std::int64_t, i64)
PTQ_ELEMENT_TYPE(bool, boolean)
#undef PTQ_ELEMENT_TYPE

} // namespace ptq
