// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/shared_value.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/plan/group.hpp>
#include <ptq/plan/quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq {

/// A constant that takes the place of one of the graph's.
///
/// Corrections stack: of several for one tensor the last counts, and taking one away lets the one
/// before it show again.
struct replaced_constant {
  std::string tensor{}; ///< The constant that is replaced.
  std::string node{};   ///< The operation for whose sake: a convolution, a matrix product.
  std::string cause{};  ///< The correction that made it: `fast_bias_correction`, `saturation_fix`.
  tensor_data value{};

  friend auto operator==(const replaced_constant&, const replaced_constant&) -> bool = default;
};

/// Which model a plan was made for.
struct model_identity {
  std::string name{};
  std::string digest{}; ///< Of operations, connections and constants; empty: not checked.

  friend auto operator==(const model_identity&, const model_identity&) -> bool = default;
};

/// What quantization does to a model: the quantizers, and the constants that corrections replaced.
///
/// A regular value. Copies share their entries, so that copying a plan of a large model costs
/// microseconds; nothing in it points into the graph.
struct plan {
  model_identity model{};
  std::vector<shared_value<quantizer>> quantizers{};
  std::vector<shared_value<replaced_constant>> constants{
  }; ///< In the order in which they were made.
  std::vector<shared_value<group>> groups{}; ///< What can leave the plan together.

  /// Does running under this plan differ from running the float model?
  [[nodiscard]] auto empty() const noexcept -> bool {
    return quantizers.empty() && constants.empty();
  }

  /// The value that now stands for the constant `tensor`; null if it is the graph's own.
  [[nodiscard]] auto constant(std::string_view tensor) const -> const tensor_data* {
    const auto last = std::find_if(constants.rbegin(), constants.rend(), [&](const auto& entry) {
      return entry->tensor == tensor;
    });
    return last == constants.rend() ? nullptr : &(*last)->value;
  }

  /// The quantizer through which `node` reads its input `input`; null if it reads the float tensor.
  [[nodiscard]] auto input(std::string_view node, std::size_t input) const -> const quantizer* {
    for (const auto& entry : quantizers) {
      for (const port_name& port : entry->consumers) {
        if (port.input == input && port.node == node) {
          return &*entry;
        }
      }
    }
    return nullptr;
  }

  /// The plan in which the operations of a group run in floating point: without its quantizers, and
  /// without the constants that were replaced for the sake of its operations. A group of which
  /// nothing is in the plan changes nothing.
  [[nodiscard]] auto without(const group& what) const -> plan {
    plan result;
    result.model = model;
    const auto leaves = [&what](const port_name& port) {
      return std::ranges::binary_search(what.quantizers, port);
    };
    for (const auto& entry : quantizers) {
      if (std::ranges::none_of(entry->consumers, leaves)) {
        result.quantizers.push_back(entry);
        continue;
      }
      quantizer rest = *entry;
      std::erase_if(rest.consumers, leaves);
      if (!rest.consumers.empty()) {
        result.quantizers.emplace_back(std::move(rest));
      }
    }
    std::ranges::copy_if(constants, std::back_inserter(result.constants), [&](const auto& entry) {
      return std::ranges::find(what.operations, entry->node) == what.operations.end();
    });
    std::ranges::copy_if(groups, std::back_inserter(result.groups), [&](const auto& entry) {
      return std::ranges::none_of(entry->quantizers, leaves);
    });
    return result;
  }

  friend auto operator==(const plan&, const plan&) -> bool = default;
};

} // namespace ptq
