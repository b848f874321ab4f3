// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/configuration.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <utility>

namespace ptq::search {

/// Changes one axis at a time, and goes on from the best.
///
/// In each stage, every other choice of each of its axes is tried alone; the next stage begins at
/// the best configuration so far. Axes of one stage are not combined.
/// @see POT, ParamsGridSearchAlgorithm: a stage for the ranges, then one for the bias correction
struct one_at_a_time {
  [[nodiscard]] auto suggest(std::span<const search_axis> axes, std::span<const trial> so_far) const
      -> std::optional<configuration> {
    std::set<std::size_t> stages;
    for (const search_axis& each : axes) {
      stages.insert(each.stage);
    }
    configuration best(axes.size());
    if (!ptq::detail::was_tried(so_far, best)) {
      return best;
    }
    for (const std::size_t stage : stages) {
      const configuration from = best;
      const trial* least = &*std::ranges::find(so_far, from, &trial::at);
      for (std::size_t a = 0; a != axes.size(); ++a) {
        for (std::size_t c = 0; axes[a].stage == stage && c != axes[a].choices.size(); ++c) {
          configuration at = from;
          at[a] = c;
          const auto known = std::ranges::find(so_far, at, &trial::at);
          if (known == so_far.end()) {
            return at;
          }
          least = known->score < least->score ? &*known : least;
        }
      }
      best = least->at;
    }
    return std::nullopt;
  }

  friend constexpr auto operator==(const one_at_a_time&, const one_at_a_time&) -> bool = default;
};

} // namespace ptq::search
