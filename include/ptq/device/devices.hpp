// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/table.hpp>

#include <concepts>
#include <span>
#include <utility>
#include <vector>

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

inline constexpr quantization_choices per_tensor_activations{
    {8, symmetric, per_tensor}, {8, asymmetric, per_tensor}
};
inline constexpr quantization_choices per_channel_activations{
    {8, symmetric, per_channel}, {8, asymmetric, per_channel}
};
inline constexpr quantization_choices per_channel_weights{
    {8, symmetric, per_channel}, {8, asymmetric, per_channel}
};
inline constexpr op_choices weighted{per_tensor_activations, per_channel_weights};
inline constexpr op_choices depthwise{per_channel_activations, per_channel_weights};
inline constexpr op_choices unweighted{per_tensor_activations, {}};

} // namespace detail

/// x86 with AVX2, AVX-512 or VNNI.
/// @see POT, hardware configuration cpu.json
inline constexpr auto cpu_table = device_table{
    quantizes(op::convolution, detail::weighted),
    quantizes(op::depthwise_convolution, detail::depthwise),
    quantizes(op::transposed_convolution, detail::weighted),
    quantizes(op::matmul, detail::weighted),
    quantizes(op::add, detail::weighted),
    quantizes(op::subtract, detail::weighted),
    quantizes(op::multiply, detail::weighted),
    quantizes(op::divide, detail::weighted),
    quantizes(op::average_pool, detail::unweighted),
    quantizes(op::reduce_mean, detail::unweighted),
    unifies(op::concat),
    passes(op::max_pool),
    passes(op::reduce_max),
    passes(op::reshape),
    passes(op::flatten),
    passes(op::squeeze),
    passes(op::unsqueeze),
    passes(op::transpose),
    passes(op::split),
    passes(op::pad),
    passes(op::slice),
};

struct cpu : of<cpu_table> {
  [[nodiscard]] constexpr auto saturates() const noexcept -> bool { return true; }

  friend constexpr auto operator==(const cpu&, const cpu&) -> bool = default;
};

/// Any device: the rules of `cpu`, which all understand.
struct any : of<cpu_table> {
  [[nodiscard]] constexpr auto saturates() const noexcept -> bool { return true; }

  friend constexpr auto operator==(const any&, const any&) -> bool = default;
};

/// A device known at run time: owns its rules.
class table {
public:
  table() = default;

  explicit table(std::vector<device_rule> rules, bool sums_saturate = false)
      : rules_(std::move(rules)), saturates_(sums_saturate) {}

  /// The rules of another device.
  template <class D>
    requires(!std::same_as<D, table> && ptq::detail::tells_its_rules<D>)
  explicit(false) table(const D& other) : saturates_(ptq::saturates(other)) {
    const std::span<const device_rule> rules = other.rules();
    rules_.assign(rules.begin(), rules.end());
  }

  [[nodiscard]] auto rules() const noexcept -> std::span<const device_rule> { return rules_; }

  [[nodiscard]] auto saturates() const noexcept -> bool { return saturates_; }

  friend auto operator==(const table&, const table&) -> bool = default;

private:
  std::vector<device_rule> rules_;
  bool saturates_ = false;
};

} // namespace ptq::device
