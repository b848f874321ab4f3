// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/graph/topology.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ptq {

namespace detail {

/// The 64-bit FNV-1a hash of what it is fed. Numbers count as 8 bytes, the lowest first.
class fnv1a {
public:
  void byte(std::uint8_t value) noexcept { state_ = (state_ ^ value) * 0x100000001b3U; }

  void number(std::uint64_t value) noexcept {
    for (unsigned shift = 0; shift != 64; shift += 8) {
      byte(static_cast<std::uint8_t>(value >> shift));
    }
  }

  void text(std::string_view value) noexcept {
    number(value.size());
    for (const char c : value) {
      byte(static_cast<std::uint8_t>(c));
    }
  }

  void numbers(const std::vector<std::size_t>& values) noexcept {
    number(values.size());
    for (const std::size_t value : values) {
      number(value);
    }
  }

  /// The bytes of elements that lie one after the other.
  void elements(const std::byte* first, std::size_t count, std::size_t width) noexcept {
    for (std::size_t i = 0; i != count; ++i) {
      for (std::size_t b = 0; b != width; ++b) {
        const bool little = std::endian::native == std::endian::little;
        byte(std::to_integer<std::uint8_t>(first[i * width + (little ? b : width - 1 - b)]));
      }
    }
  }

  [[nodiscard]] auto value() const noexcept -> std::uint64_t { return state_; }

private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

inline void feed_constant(fnv1a& hash, const constant_view& view) {
  hash.text(name_of(view.type()));
  hash.number(view.rank());
  for (const dimension& d : view.dimensions()) {
    hash.number(d.extent);
  }
  const auto* const first = static_cast<const std::byte*>(view.data());
  const std::size_t width = size_of(view.type());
  if (view.is_dense()) {
    hash.elements(first, view.size(), width);
    return;
  }
  for_each_element(view, [&](const std::byte* element) { hash.elements(element, 1, width); });
}

struct feed_attributes {
  fnv1a& hash;

  void operator()(std::monostate) const {}

  void operator()(const convolution_attributes& of) const {
    hash.numbers(of.strides);
    hash.numbers(of.dilations);
    hash.numbers(of.pads_begin);
    hash.numbers(of.pads_end);
    hash.number(of.groups);
  }

  void operator()(const matmul_attributes& of) const {
    hash.number((of.transpose_a ? 1U : 0U) + (of.transpose_b ? 2U : 0U));
  }

  void operator()(const axis_attributes& of) const { hash.number(of.axis); }

  void operator()(const recurrent_attributes& of) const {
    hash.number(of.linear_before_reset ? 1U : 0U);
  }
};

} // namespace detail

/// A fingerprint of all that the graph tells: names, operations, attributes, connections and the
/// types, shapes and values of constants. By it a plan knows its model again.
///
/// @return `fnv1a64:` and 16 hexadecimal digits.
/// @par Determinism The same on every machine and for every layout of the constants in memory. Not
///   a protection against forgery.
[[nodiscard]] inline auto digest(const topology& of) -> std::string {
  detail::fnv1a hash;
  hash.number(of.nodes.size());
  for (const topology::node& node : of.nodes) {
    hash.text(node.name);
    hash.text(name_of(node.kind));
    hash.number(node.inputs.size());
    for (const std::size_t input : node.inputs) {
      hash.number(input == topology::none ? ~std::uint64_t{0} : input);
    }
    hash.number(node.attributes ? node.attributes->index() + 1 : 0);
    if (node.attributes) {
      std::visit(detail::feed_attributes{hash}, *node.attributes);
    }
    hash.number(node.constant ? 1 : 0);
    if (node.constant) {
      detail::feed_constant(hash, *node.constant);
    }
  }
  for (const topology::tensor& tensor : of.tensors) {
    hash.text(tensor.name);
  }
  std::string text = "fnv1a64:";
  for (unsigned shift = 64; shift != 0; shift -= 4) {
    text += "0123456789abcdef"[(hash.value() >> (shift - 4)) & 15U];
  }
  return text;
}

} // namespace ptq
