// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/digest.hpp>
#include <ptq/plan/plan.hpp>

#include <bit>
#include <cstdint>

namespace ptq {

/// A number by which a plan is known again: of its quantizers, their grids, and the constants that
/// it replaces, in their order. Groups and the model do not count: plans that differ in nothing
/// else mean the same to an engine.
///
/// @par Determinism The same on every machine. Not a protection against forgery.
[[nodiscard]] inline auto fingerprint(const plan& of) -> std::uint64_t {
  detail::fnv1a hash;
  hash.number(of.quantizers.size());
  for (const auto& entry : of.quantizers) {
    hash.text(entry->tensor);
    hash.number(entry->consumers.size());
    for (const port_name& port : entry->consumers) {
      hash.text(port.node);
      hash.number(port.input);
    }
    hash.number(static_cast<std::uint64_t>(entry->format.bits));
    hash.number(static_cast<std::uint64_t>(entry->format.mode));
    hash.number(entry->format.axis ? *entry->format.axis + 1 : 0);
    hash.number(entry->format.grids.size());
    for (const grid& each : entry->format.grids) {
      for (const float limit : {each.in_low, each.in_high, each.out_low, each.out_high}) {
        hash.number(std::bit_cast<std::uint32_t>(limit));
      }
      hash.number(static_cast<std::uint64_t>(each.levels));
    }
  }
  hash.number(of.constants.size());
  for (const auto& entry : of.constants) {
    hash.text(entry->tensor);
    hash.text(entry->node);
    hash.text(entry->cause);
    hash.numbers(entry->value.shape);
    std::uint64_t values = 0;
    for (const float value : entry->value.values) {
      values = (values ^ std::bit_cast<std::uint32_t>(value)) * 0x9e3779b97f4a7c15U;
      values ^= values >> 32U;
    }
    hash.number(values);
  }
  return hash.value();
}

} // namespace ptq
