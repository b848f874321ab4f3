// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/core/tensor_view.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace ptq {

namespace detail {

inline auto float_of_half(std::uint16_t bits) -> float {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const std::uint32_t exponent = bits >> 10U & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide = exponent == 0x1FU ? 0xFFU : exponent + 112U;
  return std::bit_cast<float>(sign | wide << 23U | mantissa << 13U);
}

inline auto element_at(const std::byte* at, element_type type) -> float {
  const auto read = [at]<class T>(T) {
    T value{};
    __builtin_memcpy(&value, at, sizeof value);
    return value;
  };
  switch (type) {
  case element_type::f32:
    return read(0.0F);
  case element_type::f64:
    return static_cast<float>(read(0.0));
  case element_type::f16:
    return float_of_half(read(std::uint16_t{}));
  case element_type::bf16:
    return std::bit_cast<float>(static_cast<std::uint32_t>(read(std::uint16_t{})) << 16U);
  case element_type::i8:
    return static_cast<float>(read(std::int8_t{}));
  case element_type::u8:
    return static_cast<float>(read(std::uint8_t{}));
  case element_type::i16:
    return static_cast<float>(read(std::int16_t{}));
  case element_type::u16:
    return static_cast<float>(read(std::uint16_t{}));
  case element_type::i32:
    return static_cast<float>(read(std::int32_t{}));
  case element_type::i64:
    return static_cast<float>(read(std::int64_t{}));
  case element_type::boolean:
    return read(std::uint8_t{}) != 0 ? 1.0F : 0.0F;
  }
  return 0.0F;
}

/// Calls `visit(pointer to element)` for each element, the last axis fastest.
template <class Visit>
void for_each_element(const tensor_view& view, Visit&& visit) {
  const std::size_t count = view.size();
  const std::size_t width = size_of(view.type());
  std::array<std::size_t, tensor_view::max_rank> index{};
  for (std::size_t n = 0; n != count; ++n) {
    std::ptrdiff_t offset = 0;
    for (std::size_t axis = 0; axis != view.rank(); ++axis) {
      offset += view.dimensions()[axis].offset_of(index[axis]);
    }
    visit(static_cast<const std::byte*>(view.data()) + offset * static_cast<std::ptrdiff_t>(width));
    for (std::size_t axis = view.rank(); axis-- != 0;) {
      if (++index[axis] != view.extent(axis)) {
        break;
      }
      index[axis] = 0;
    }
  }
}

} // namespace detail

/// Calls `visit(channel, std::span<const float>)` until it has seen every element of the tensor:
/// the index on `axis` and values there, in blocks of any size. Without an axis the channel is 0.
///
/// Dense float tensors are visited where they lie; other layouts and types by way of a buffer.
/// @throws error if the tensor has no such axis.
template <class Visit>
void for_each_block(const tensor_view& view, std::optional<std::size_t> axis, Visit&& visit) {
  if (axis && *axis >= view.rank()) {
    throw error("a tensor of shape " + shape_text(view) + " has no axis " + std::to_string(*axis));
  }
  const std::size_t channels = axis ? view.extent(*axis) : 1;
  if (view.size() == 0) {
    return;
  }
  if (view.type() == element_type::f32 && view.is_dense()) {
    std::size_t inner = axis ? 1 : view.size();
    for (std::size_t behind = axis ? *axis + 1 : view.rank(); behind < view.rank(); ++behind) {
      inner *= view.extent(behind);
    }
    const auto* const data = view.data_as<float>();
    const std::size_t rows = view.size() / inner;
    for (std::size_t row = 0; row != rows; ++row) {
      visit(row % channels, std::span<const float>(data + row * inner, inner));
    }
    return;
  }
  constexpr std::size_t block = 4096;
  std::array<float, block> buffer{};
  for (std::size_t channel = 0; channel != channels; ++channel) {
    std::size_t filled = 0;
    const auto flush = [&] {
      visit(channel, std::span<const float>(buffer.data(), filled));
      filled = 0;
    };
    detail::for_each_element(axis ? view.at(*axis, channel) : view, [&](const std::byte* element) {
      buffer[filled++] = detail::element_at(element, view.type());
      if (filled == block) {
        flush();
      }
    });
    if (filled != 0) {
      flush();
    }
  }
}

/// The tensor as floats of its own, row-major.
[[nodiscard]] inline auto to_floats(const tensor_view& view) -> tensor_data {
  tensor_data result;
  for (const dimension& each : view.dimensions()) {
    result.shape.push_back(each.extent);
  }
  result.values.reserve(view.size());
  for_each_block(view, std::nullopt, [&result](std::size_t, std::span<const float> values) {
    result.values.insert(result.values.end(), values.begin(), values.end());
  });
  return result;
}

} // namespace ptq
