// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/ranking/plan_variants.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ptq {

/// Measures plans for a ranking of the user's own. A reference of one pointer: it lives as long as
/// the call that it was given to. Answers are kept, and count against the budget.
class measure_ref {
public:
  explicit measure_ref(plan_meter& meter) : meter_(&meter) {}

  auto operator()(const plan& under, const samples& range) const -> measurement {
    return meter_->measure(under, range, under.empty() ? purpose::baseline : purpose::ranking);
  }

  /// Of the outputs under a plan to those of the float model.
  [[nodiscard]] auto
  output_distance(const plan& under, const samples& range, distance kind = distance::nmse) const
      -> double {
    return meter_->output_distance(under, range, kind);
  }

  [[nodiscard]] auto sample_count() const -> std::size_t { return meter_->sample_count(); }

private:
  plan_meter* meter_;
};

/// A group with its score: the higher, the sooner it is reverted.
struct ranked_group {
  std::size_t group = 0;
  double score = 0.0;

  friend auto operator==(const ranked_group&, const ranked_group&) -> bool = default;
};

/// The answer of a ranking: groups, the one to revert first in front.
struct ranked_groups {
  std::vector<ranked_group> order{};
  std::vector<std::size_t> subset{}; ///< The samples that it looked at, in its order.
  std::string note{};                ///< How ties were broken, what could not be used.
};

/// Puts the highest score in front, of the same score the first group.
/// @throws error for a score that is not a number.
inline void sort_by_score(ranked_groups& groups) {
  for (const ranked_group& each : groups.order) {
    if (each.score != each.score) {
      throw error("the score of group " + std::to_string(each.group) + " is not a number");
    }
  }
  std::ranges::sort(groups.order, [](const ranked_group& a, const ranked_group& b) {
    return a.score != b.score ? a.score > b.score : a.group < b.group;
  });
}

/// What a ranking is asked: which of the groups that are still quantized should be reverted first?
struct ranking_question {
  plan_variants& variants;
  plan_meter& meter;
  const group_set& reverted;
  const metric_limit& limit; ///< The metric in work.
};

namespace ranking {

/// Numbers that look random, from a seed and an index: the same on every machine.
[[nodiscard]] constexpr auto drawn(std::uint64_t seed, std::uint64_t index) noexcept
    -> std::uint64_t {
  std::uint64_t value = (seed + 1) * 0x9e3779b97f4a7c15U + index * 0xbf58476d1ce4e5b9U;
  for (int round = 0; round != 2; ++round) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    value ^= value >> 31U;
  }
  return value;
}

/// `count` samples, evenly spread over all of them.
[[nodiscard]] inline auto spread_samples(std::size_t of, std::size_t count) -> samples {
  if (count >= of) {
    return {0, of};
  }
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i != count; ++i) {
    result.push_back(i * of / count);
  }
  return samples(std::move(result));
}

} // namespace ranking

} // namespace ptq
