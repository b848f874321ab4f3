// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/outcome.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/scripted_search.hpp"

namespace ptq::test {

inline constexpr std::size_t scripted_samples = 2000;

/// What was reverted.
inline auto operations_of(const accuracy_outcome& of) -> std::vector<std::string> {
  std::vector<std::string> result;
  for (const group& each : of.reverted) {
    result.insert(result.end(), each.operations.begin(), each.operations.end());
  }
  return result;
}

/// The true drop of top-1 with these groups quantized.
inline auto
true_drop(const scripted_engine::lead_function& lead, const std::vector<bool>& quantized)
    -> double {
  double lost = 0.0;
  for (std::size_t s = 0; s != scripted_samples; ++s) {
    lost += lead(std::vector<bool>(quantized.size()), s) > 0.0 ? 1.0 : 0.0;
    lost -= lead(quantized, s) > 0.0 ? 1.0 : 0.0;
  }
  return lost / static_cast<double>(scripted_samples);
}

/// The fewest groups that have to be reverted, from all plans there are.
inline auto fewest(const scripted_engine::lead_function& lead, std::size_t groups, double limit)
    -> std::size_t {
  std::size_t best = groups;
  for (std::size_t plan = 0; plan != std::size_t{1} << groups; ++plan) {
    std::vector<bool> quantized(groups);
    for (std::size_t g = 0; g != groups; ++g) {
      quantized[g] = (plan >> g & 1U) != 0;
    }
    const auto reverted = static_cast<std::size_t>(std::ranges::count(quantized, false));
    if (reverted < best && true_drop(lead, quantized) <= limit + 1e-12) {
      best = reverted;
    }
  }
  return best;
}

inline const std::vector<double> eight{0.02, 0.3, 0.01, 0.05, 0.6, 0.02, 0.1, 0.03};

/// What must hold of every result.
inline void check_outcome(
    const accuracy_outcome& found,
    const scripted_engine& engine,
    const scripted_engine::lead_function& lead,
    std::size_t groups
) {
  CHECK(found.returned_in_full);
  const std::vector<bool> quantized = quantized_groups(found.plan, groups);
  CHECK(found.drop() == doctest::Approx(true_drop(lead, quantized)).epsilon(1e-12));
  for (const auto& [of, times] : engine.counts->times) {
    CHECK_MESSAGE(times == 1, "sample " << of.second << " was measured " << times << " times");
  }
  CHECK(found.inferred.baseline + found.inferred.candidates == engine.counts->measured);
}

} // namespace ptq::test
