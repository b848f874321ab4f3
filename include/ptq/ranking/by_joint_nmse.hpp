// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/ranking/question.hpp>

#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

namespace ptq {

namespace detail {

/// The scalar products of some vectors of one length with each other: `[a][b]`.
inline auto gram_of(std::span<const std::vector<double>> of) -> std::vector<std::vector<double>> {
  std::vector<std::vector<double>> result(of.size(), std::vector<double>(of.size()));
  for (std::size_t a = 0; a != of.size(); ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double sum = 0.0;
      for (std::size_t i = 0; i != of[a].size(); ++i) {
        sum += rounded(of[a][i] * of[b][i]);
      }
      result[a][b] = sum;
      result[b][a] = sum;
    }
  }
  return result;
}

/// Vectors in the order in which leaving them out leaves the shortest sum of the others, step by
/// step.
inline auto shortest_rest(const std::vector<std::vector<double>>& gram)
    -> std::vector<ranked_group> {
  std::vector<double> with_rest; // of each vector with the sum of those that are left
  double length = 0.0;
  for (const std::vector<double>& row : gram) {
    with_rest.push_back(std::accumulate(row.begin(), row.end(), 0.0));
    length += with_rest.back();
  }
  std::vector<std::size_t> left(gram.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  std::vector<ranked_group> result;
  while (!left.empty()) {
    std::size_t best = 0;
    const auto gain = [&](std::size_t at) {
      return 2.0 * with_rest[left[at]] - gram[left[at]][left[at]];
    };
    for (std::size_t at = 1; at != left.size(); ++at) {
      best = gain(at) > gain(best) ? at : best;
    }
    const std::size_t out = left[best];
    result.push_back({out, length});
    length -= gain(best);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
    for (const std::size_t each : left) {
      with_rest[each] -= gram[each][out];
    }
  }
  return result;
}

} // namespace detail

namespace ranking {

/// Groups by how much closer the model's outputs come when they are reverted, one behind the
/// other: errors that cancel each other, or add up, count together. Needs no labels, and the same
/// inferences as `by_nmse`.
///
/// @par Definition Where `e(g)` is what group g alone does to the outputs, those of a plan are
///   taken to be off by the sum of `e` over its quantized groups. Each step reverts the group that
///   leaves the least `|sum|^2`, as a share of the outputs' `|.|^2`. The score is that share
///   before the step.
/// @par Complexity `ranking_subset_size` inferences for each group, and as many of the float model.
struct by_joint_nmse {
  static constexpr bool compares_outputs = true;

  std::size_t ranking_subset_size = 32; ///< Evenly spread over the samples.

  void check_options() const {
    if (ranking_subset_size == 0) {
      throw error("at least one sample is needed", {}, "ranking_subset_size");
    }
  }

  /// @throws error if outputs are not finite.
  [[nodiscard]] auto order(const ranking_question& of) const -> ranked_groups {
    const samples range = spread_samples(of.meter.sample_count(), ranking_subset_size);
    const group_set everything = of.variants.everything();
    const group_set open = of.variants.quantized(of.reverted);
    std::vector<plan> alone;
    for (const std::size_t g : open) {
      alone.push_back(of.variants.of(without_group(everything, g)));
    }
    of.meter.errors_ahead(alone, range);
    std::vector<std::vector<double>> errors;
    for (const plan& each : alone) {
      errors.push_back(of.meter.output_errors(each, range));
    }
    ranked_groups result{.order = ptq::detail::shortest_rest(ptq::detail::gram_of(errors))};
    for (ranked_group& each : result.order) {
      if (each.score != each.score) {
        throw error("the outputs are not finite under a plan that quantizes one group alone");
      }
      each.group = open[each.group];
    }
    result.subset.assign(range.begin(), range.end());
    return result;
  }

  friend constexpr auto operator==(const by_joint_nmse&, const by_joint_nmse&) -> bool = default;
};

} // namespace ranking

} // namespace ptq
