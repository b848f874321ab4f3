// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/group.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <concepts>

/// What becomes of a group that is reverted.
namespace ptq::revert {

/// Its operations run in floating point.
struct to_float {
  [[nodiscard]] auto operator()(const plan& now, const group& what) const -> plan {
    return now.without(what);
  }

  friend constexpr auto operator==(const to_float&, const to_float&) -> bool = default;
};

/// Its weights stay quantized, what it reads does not.
struct to_weights_only {
  [[nodiscard]] auto operator()(const plan& now, const group& what) const -> plan {
    plan result = now;
    result.quantizers.clear();
    for (const auto& entry : now.quantizers) {
      quantizer rest = *entry;
      if (rest.kind == tensor_kind::activations) {
        std::erase_if(rest.consumers, [&](const port_name& port) {
          return std::ranges::binary_search(what.quantizers, port);
        });
      }
      if (rest.consumers.size() == entry->consumers.size()) {
        result.quantizers.push_back(entry);
      } else if (!rest.consumers.empty()) {
        result.quantizers.emplace_back(std::move(rest));
      }
    }
    return result;
  }

  friend constexpr auto operator==(const to_weights_only&, const to_weights_only&)
      -> bool = default;
};

/// It is quantized as in another plan of the same model: with more bits, for instance.
struct to_plan {
  ptq::plan other{};

  [[nodiscard]] auto operator()(const plan& now, const group& what) const -> plan {
    plan result = now.without(what);
    for (const auto& entry : other.quantizers) {
      quantizer part = *entry;
      std::erase_if(part.consumers, [&](const port_name& port) {
        return !std::ranges::binary_search(what.quantizers, port);
      });
      if (part.consumers.size() == entry->consumers.size()) {
        result.quantizers.push_back(entry);
      } else if (!part.consumers.empty()) {
        result.quantizers.emplace_back(std::move(part));
      }
    }
    for (const auto& entry : other.constants) {
      if (std::ranges::find(what.operations, entry->node) != what.operations.end()) {
        result.constants.push_back(entry);
      }
    }
    result.groups = now.groups;
    return result;
  }

  friend auto operator==(const to_plan&, const to_plan&) -> bool = default;
};

} // namespace ptq::revert

namespace ptq {

/// What becomes of a plan when a group is reverted: `operator()(const plan&, const group&) const ->
/// plan`. Reverting groups in another order gives the same plan, but for the order of its entries.
template <class R>
concept reversion =
    std::copy_constructible<R> && requires(const R& policy, const plan& now, const group& what) {
      { policy(now, what) } -> std::convertible_to<plan>;
    };

} // namespace ptq
