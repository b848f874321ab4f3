// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/op.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ptq {

/// One way in which a device can take a tensor: `{8, symmetric, per_channel}`.
struct quantization_choice {
  int bits = 8; ///< 2 to 32.
  ptq::mode mode = symmetric;
  ptq::granularity granularity = per_tensor;
  std::optional<std::int64_t> level_low{}; ///< The least code; empty: follows from the bits.
  std::optional<std::int64_t> level_high{};
  bool unified_zero_point = false; ///< Of asymmetric weights: one zero point for all channels.

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

  /// One way with explicit codes: `{16, symmetric, per_tensor, -32767, 32767}`.
  constexpr quantization_choices(
      int bits, mode how, granularity of, std::int64_t level_low, std::int64_t level_high
  )
      : quantization_choices{quantization_choice{bits, how, of, level_low, level_high}} {}

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

/// What an operation takes: its activations, and its constants; and what it gives.
struct op_choices {
  quantization_choices activations{};
  quantization_choices weights{};
  quantization_choices outputs{}; ///< Of a device that quantizes what leaves an operation.

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
  bool one_grid = false; ///< It quantizes, and all its inputs must have one grid.

  friend constexpr auto operator==(const device_rule&, const device_rule&) -> bool = default;
};

[[nodiscard]] constexpr auto quantizes(op kind, const op_choices& choices) -> device_rule {
  return {kind, device_rule::role::quantizes, choices, false};
}

/// Runs in low precision if its inputs are quantized, and all of them on one grid.
[[nodiscard]] constexpr auto unifies(op kind, const op_choices& choices) -> device_rule {
  return {kind, device_rule::role::quantizes, choices, true};
}

[[nodiscard]] constexpr auto passes(op kind) -> device_rule {
  return {kind, device_rule::role::passes, {}, false};
}

[[nodiscard]] constexpr auto unifies(op kind) -> device_rule {
  return {kind, device_rule::role::unifies, {}, false};
}

/// Whose runtime a device stands for: what it fuses, and so which patterns of operations stay in
/// floating point there.
enum class device_family : std::uint8_t { own, cpu, cpu_spr, gpu, npu, gna };

/// What a device does beyond single operations.
struct device_traits {
  device_family family = device_family::own;
  int primary_bits = 8; ///< Preferred where the readers of one tensor differ in their bits.
  op deciding_reader = op::other; ///< Decides how a tensor is quantized, not what made the tensor.

  friend constexpr auto operator==(const device_traits&, const device_traits&) -> bool = default;
};

/// A device as placement sees it.
struct device_view {
  std::span<const device_rule> rules{};
  device_traits traits{};

  constexpr device_view() = default;

  constexpr device_view(std::span<const device_rule> of, const device_traits& with)
      : rules(of), traits(with) {}

  template <class Rules>
    requires std::convertible_to<const Rules&, std::span<const device_rule>>
  explicit(false) constexpr device_view(const Rules& of) : rules(of) {}
};

/// A device is data: a list of rules. What has no rule stays in floating point.
template <std::size_t Count>
struct device_table {
  std::array<device_rule, Count> rules{};
};

template <class... Rules>
device_table(Rules...) -> device_table<sizeof...(Rules)>;

/// The rules of a table and some more.
template <std::size_t Count, class... Rules>
[[nodiscard]] constexpr auto with(const device_table<Count>& table, const Rules&... more)
    -> device_table<Count + sizeof...(Rules)> {
  device_table<Count + sizeof...(Rules)> result;
  std::ranges::copy(table.rules, result.rules.begin());
  std::size_t next = Count;
  ((result.rules[next++] = more), ...);
  return result;
}

namespace detail {

template <class D>
concept tells_its_rules = requires(const D& device) {
  { device.rules() } -> std::convertible_to<std::span<const device_rule>>;
  // Not a container by value: the library looks at the rules after the call.
  requires !std::ranges::range<decltype(device.rules())> ||
               std::ranges::borrowed_range<decltype(device.rules())>;
};

struct has_saturates {
  void saturates();
};

template <class D>
struct also_has_saturates : D, has_saturates {};

template <class D>
concept mentions_saturates =
    std::is_class_v<D> && !std::is_final_v<D> && !requires { &also_has_saturates<D>::saturates; };

template <class D>
concept tells_whether_it_saturates = requires(const D& device) {
  { device.saturates() } -> std::convertible_to<bool>;
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
      "a device provides `rules() const`, a view of or reference to its ptq::device_rule's; a "
      "table "
      "becomes a device as ptq::device::of<table>"
  );
  static_assert(
      detail::tells_whether_it_saturates<D> || !detail::mentions_saturates<D>,
      "`saturates` is there, but not as `saturates() const -> bool`"
  );
  static_assert(std::semiregular<D>, "a device is default constructible and copyable");
  return target_device<D>;
}

/// Can sums of `u8 x s8` products overflow 16 bits on this device? Then the saturation fix applies.
template <target_device D>
[[nodiscard]] constexpr auto saturates(const D& device) -> bool {
  if constexpr (detail::tells_whether_it_saturates<D>) {
    return device.saturates();
  } else {
    return false;
  }
}

/// The device's rules and traits; a device without `traits() const -> device_traits` has those of
/// its own family.
template <target_device D>
[[nodiscard]] constexpr auto view_of(const D& device) -> device_view {
  if constexpr (requires {
                  { device.traits() } -> std::convertible_to<device_traits>;
                }) {
    return {device.rules(), device.traits()};
  } else {
    return {device.rules(), {}};
  }
}

/// @throws error for rules that no run could follow: bits that are not 2 to 32, codes in the wrong
///   order, two rules for one operation.
inline void check_rules(std::span<const device_rule> rules) {
  for (const device_rule& rule : rules) {
    const std::string kind(name_of(rule.kind));
    for (const quantization_choices* choices :
         {&rule.choices.activations, &rule.choices.weights, &rule.choices.outputs}) {
      for (const quantization_choice& choice : choices->list()) {
        if (choice.bits < 2 || choice.bits > 32) {
          throw error(
              "bits are 2 to 32, not " + std::to_string(choice.bits),
              "the device's rule for " + kind,
              "device"
          );
        }
        if (choice.level_low && choice.level_high && *choice.level_low >= *choice.level_high) {
          throw error(
              "the least code, " + std::to_string(*choice.level_low) +
                  ", is not below the greatest, " + std::to_string(*choice.level_high),
              "the device's rule for " + kind,
              "device"
          );
        }
      }
    }
    if (std::ranges::count(rules, rule.kind, &device_rule::kind) != 1) {
      throw error("the device has two rules for one operation", kind, "device");
    }
  }
}

} // namespace ptq
