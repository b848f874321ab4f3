// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/cpu.hpp>
#include <ptq/device/gna.hpp>
#include <ptq/device/npu.hpp>
#include <ptq/device/of.hpp>
#include <ptq/device/table.hpp>

#include <concepts>
#include <span>
#include <utility>
#include <vector>

namespace ptq::device {

/// A device known at run time: owns its rules.
class table {
public:
  table() = default;

  explicit table(std::vector<device_rule> rules, bool sums_saturate = false)
      : rules_(std::move(rules)), saturates_(sums_saturate) {}

  /// The rules of another device.
  template <class D>
    requires(!std::same_as<D, table> && ptq::detail::tells_its_rules<D>)
  explicit(false) table(const D& other)
      : traits_(view_of(other).traits), saturates_(ptq::saturates(other)) {
    const std::span<const device_rule> rules = other.rules();
    rules_.assign(rules.begin(), rules.end());
  }

  [[nodiscard]] auto rules() const noexcept -> std::span<const device_rule> { return rules_; }

  [[nodiscard]] auto traits() const noexcept -> device_traits { return traits_; }

  [[nodiscard]] auto saturates() const noexcept -> bool { return saturates_; }

  friend auto operator==(const table&, const table&) -> bool = default;

private:
  std::vector<device_rule> rules_;
  device_traits traits_{};
  bool saturates_ = false;
};

} // namespace ptq::device
