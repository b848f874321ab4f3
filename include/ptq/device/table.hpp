// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/op.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

namespace ptq {

/// One way in which a device can take a tensor: `{8, symmetric, per_channel}`.
struct quantization_choice {
  int bits = 8; ///< 2 to 16.
  ptq::mode mode = symmetric;
  ptq::granularity granularity = per_tensor;

  friend constexpr auto operator==(const quantization_choice&, const quantization_choice&)
      -> bool = default;
};

/// Up to four ways, the fastest first and the most accurate last; none means floating point.
class quantization_choices {
public:
  static constexpr std::size_t most = 4;

  constexpr quantization_choices() = default;

  /// One way: `{8, symmetric, per_channel}`.
  constexpr quantization_choices(int bits, mode how, granularity of)
      : quantization_choices{quantization_choice{bits, how, of}} {}

  /// Several ways: `{{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}}`.
  constexpr quantization_choices(std::initializer_list<quantization_choice> list) {
    for (const quantization_choice& choice : list) {
      push_back(choice);
    }
  }

  /// @throws error if there are `most` already.
  constexpr void push_back(const quantization_choice& choice) {
    if (size_ == most) {
      throw error("a device offers more than four ways to quantize one input");
    }
    list_[size_++] = choice;
  }

  [[nodiscard]] constexpr auto list() const noexcept -> std::span<const quantization_choice> {
    return std::span(list_).first(size_);
  }

  [[nodiscard]] constexpr auto empty() const noexcept -> bool { return size_ == 0; }

  friend constexpr auto operator==(const quantization_choices&, const quantization_choices&)
      -> bool = default;

private:
  std::array<quantization_choice, most> list_{};
  std::size_t size_ = 0;
};

/// What an operation takes: its activations, and its constants.
struct op_choices {
  quantization_choices activations{};
  quantization_choices weights{};

  friend constexpr auto operator==(const op_choices&, const op_choices&) -> bool = default;
};

/// What a device does with one kind of operation.
struct device_rule {
  enum class role : std::uint8_t {
    quantizes, ///< Runs in low precision if its inputs are quantized.
    passes,    ///< Only moves or selects values: runs in whatever precision they are in.
    unifies,   ///< As `passes`, and all its inputs must have one grid.
  };

  op kind = op::other;
  role does = role::quantizes;
  op_choices choices{};

  friend constexpr auto operator==(const device_rule&, const device_rule&) -> bool = default;
};

[[nodiscard]] constexpr auto quantizes(op kind, const op_choices& choices) -> device_rule {
  return {kind, device_rule::role::quantizes, choices};
}

[[nodiscard]] constexpr auto passes(op kind) -> device_rule {
  return {kind, device_rule::role::passes, {}};
}

[[nodiscard]] constexpr auto unifies(op kind) -> device_rule {
  return {kind, device_rule::role::unifies, {}};
}

/// A device is data: a list of rules. What has no rule stays in floating point.
template <std::size_t Count>
struct device_table {
  std::array<device_rule, Count> rules{};
};

template <class... Rules>
device_table(Rules...) -> device_table<sizeof...(Rules)>;

namespace detail {

template <class D>
concept tells_its_rules = requires(const D& device) {
  { device.rules() } -> std::convertible_to<std::span<const device_rule>>;
};

} // namespace detail

/// What a plan is made for: `rules() const`, convertible to `std::span<const device_rule>`; and, if
/// its int8 sums can overflow 16 bits, `saturates() const -> bool`.
template <class D>
concept target_device = std::semiregular<D> && detail::tells_its_rules<D>;

/// Is `target_device<D>`, but fails to compile with a sentence.
template <class D>
consteval auto explain_target_device() -> bool {
  static_assert(
      detail::tells_its_rules<D>,
      "a device provides `rules() const`, convertible to std::span<const ptq::device_rule>; a "
      "table "
      "becomes a device as ptq::device::of<table>"
  );
  static_assert(std::semiregular<D>, "a device is default constructible and copyable");
  return target_device<D>;
}

/// Can sums of `u8 x s8` products overflow 16 bits on this device? Then the saturation fix applies.
template <target_device D>
[[nodiscard]] constexpr auto saturates(const D& device) -> bool {
  if constexpr (requires {
                  { device.saturates() } -> std::convertible_to<bool>;
                }) {
    return device.saturates();
  } else {
    return false;
  }
}

} // namespace ptq
