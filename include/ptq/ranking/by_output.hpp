// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/ranking/question.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ptq::ranking {

/// Which plan shows what a group does.
enum class isolation : std::uint8_t {
  alone,   ///< That group quantized and nothing else: what it does to the float model.
  reverted ///< That group reverted and nothing else: what is gained.
};

/// Groups by what they do to the model's outputs: the one that moves them farthest is reverted
/// first. Needs no labels, and few samples, since a distance has no ties.
///
/// @par Complexity `ranking_subset_size` inferences for each group, and as many of the float model.
template <distance Kind = distance::nmse>
struct by_output {
  static constexpr bool compares_outputs = true;

  std::size_t ranking_subset_size = 16; ///< Evenly spread over the samples.
  isolation show = isolation::alone;

  void check_options() const {
    if (ranking_subset_size == 0) {
      throw error("at least one sample is needed", {}, "ranking_subset_size");
    }
  }

  [[nodiscard]] auto order(const ranking_question& of) const -> ranked_groups {
    const samples range = spread_samples(of.meter.sample_count(), ranking_subset_size);
    const group_set everything = of.variants.everything();
    const group_set open = of.variants.quantized(of.reverted);
    std::vector<plan> plans;
    for (const std::size_t g : open) {
      plans.push_back(of.variants.of(
          show == isolation::alone ? without_group(everything, g) : with_group(of.reverted, g)
      ));
    }
    of.meter.compare_ahead(plans, range, Kind);
    ranked_groups result;
    for (std::size_t i = 0; i != open.size(); ++i) {
      const double off = of.meter.output_distance(plans[i], range, Kind);
      result.order.push_back({open[i], show == isolation::alone ? off : -off});
    }
    sort_by_score(result);
    result.subset.assign(range.begin(), range.end());
    return result;
  }

  friend constexpr auto operator==(const by_output&, const by_output&) -> bool = default;
};

using by_nmse = by_output<distance::nmse>;
using by_cosine = by_output<distance::cosine>;
using by_kl = by_output<distance::kl>;

} // namespace ptq::ranking
