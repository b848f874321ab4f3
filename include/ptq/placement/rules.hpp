// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/device/table.hpp>

#include <map>
#include <span>

namespace ptq::detail {

/// The rules of a device, by kind of operation.
class rule_book {
public:
  explicit rule_book(std::span<const device_rule> rules) {
    for (const device_rule& rule : rules) {
      by_kind_.emplace(rule.kind, &rule);
    }
  }

  [[nodiscard]] auto of(op kind) const -> const device_rule* {
    const auto found = by_kind_.find(kind);
    return found == by_kind_.end() ? nullptr : found->second;
  }

  [[nodiscard]] auto quantizes(op kind) const -> bool {
    const device_rule* const rule = of(kind);
    return rule != nullptr && rule->does == device_rule::role::quantizes;
  }

  /// Only moves values: a quantizer behind it may as well stand before it.
  [[nodiscard]] auto moves(op kind) const -> bool {
    const device_rule* const rule = of(kind);
    return rule != nullptr && rule->does != device_rule::role::quantizes;
  }

  /// All its inputs must have one grid.
  [[nodiscard]] auto unifies(op kind) const -> bool {
    const device_rule* const rule = of(kind);
    return rule != nullptr && (rule->does == device_rule::role::unifies || rule->one_grid);
  }

private:
  std::map<op, const device_rule*> by_kind_;
};

inline auto is_weighted(op kind) -> bool {
  return kind == op::convolution || kind == op::depthwise_convolution ||
         kind == op::transposed_convolution || kind == op::grouped_transposed_convolution ||
         kind == op::matmul;
}

inline auto is_recurrent(op kind) -> bool {
  return kind == op::lstm || kind == op::gru;
}

inline auto joins_its_inputs(op kind) -> bool {
  return kind == op::concat;
}

/// Moves values of its first input to a place given by the others, or of all its inputs.
inline auto moves_all_inputs(op kind) -> bool {
  return kind == op::concat || kind == op::pad || kind == op::convert_like;
}

} // namespace ptq::detail
