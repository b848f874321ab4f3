// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/plan/group.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace ptq::detail {

/// Takes out of the groups the inputs that are not quantized, and the groups of which none is left.
inline void keep_quantized_groups(plan& of) {
  std::set<port_name> quantized;
  for (const auto& entry : of.quantizers) {
    quantized.insert(entry->consumers.begin(), entry->consumers.end());
  }
  const auto in_float = [&](const port_name& port) { return !quantized.contains(port); };
  for (auto& entry : of.groups) {
    if (std::ranges::any_of(entry->quantizers, in_float)) {
      group rest = *entry;
      std::erase_if(rest.quantizers, in_float);
      entry = std::move(rest);
    }
  }
  std::erase_if(of.groups, [](const auto& entry) { return entry->quantizers.empty(); });
}

/// By input: which of a plan's quantizers is on it.
inline auto places_of(const plan& of) -> std::map<port_name, std::size_t> {
  std::map<port_name, std::size_t> result;
  for (std::size_t q = 0; q != of.quantizers.size(); ++q) {
    for (const port_name& port : of.quantizers[q]->consumers) {
      result.emplace(port, q);
    }
  }
  return result;
}

inline auto is_before(
    const std::map<port_name, std::size_t>& places, const port_name& first, const port_name& next
) -> bool {
  const auto a = places.find(first);
  const auto b = places.find(next);
  return a != places.end() && b != places.end() && a->second < b->second;
}

/// @throws error if entries of the two cannot be in one plan.
inline void check_same_start(const plan& one, const plan& other) {
  const auto& [a, b] = std::pair(one.model.digest, other.model.digest);
  if (!a.empty() && !b.empty() && a != b) {
    throw error("the plan is of another model: " + b + ", not " + a, {}, "revert");
  }
  const auto of_the_model = [](const plan& of) {
    auto result = of.constants;
    std::erase_if(result, [](const auto& entry) { return !entry->node.empty(); });
    return result;
  };
  if (of_the_model(one) != of_the_model(other)) {
    throw error(
        "the plan has other constants that were replaced for the whole model", {}, "revert"
    );
  }
}

} // namespace ptq::detail

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
    detail::keep_quantized_groups(result);
    return result;
  }

  friend constexpr auto operator==(const to_weights_only&, const to_weights_only&)
      -> bool = default;
};

/// It is quantized as in another plan of the same model: with more bits, for instance.
/// @throws error if the other plan is of another model, or has other constants that were replaced
///   for the sake of no single operation.
struct to_plan {
  ptq::plan other{};

  [[nodiscard]] auto operator()(const plan& now, const group& what) const -> plan {
    detail::check_same_start(now, other);
    plan result = now.without(what);
    const auto here = detail::places_of(now);
    const auto there = detail::places_of(other);
    const auto insert = [&](const shared_value<quantizer>& entry) {
      const auto place = std::ranges::find_if(result.quantizers, [&](const auto& each) {
        const port_name& first = entry->consumers.front();
        const port_name& next = each->consumers.front();
        return detail::is_before(here, first, next) || detail::is_before(there, first, next);
      });
      result.quantizers.insert(place, entry);
    };
    for (const auto& entry : other.quantizers) {
      quantizer part = *entry;
      std::erase_if(part.consumers, [&](const port_name& port) {
        return !std::ranges::binary_search(what.quantizers, port);
      });
      if (part.consumers.size() == entry->consumers.size()) {
        insert(entry);
      } else if (!part.consumers.empty()) {
        insert(std::move(part));
      }
    }
    for (const auto& entry : other.constants) {
      if (std::ranges::find(what.operations, entry->node) != what.operations.end()) {
        result.constants.push_back(entry);
      }
    }
    result.groups = now.groups;
    detail::keep_quantized_groups(result);
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
