// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/ranking/hardest_samples.hpp>
#include <ptq/ranking/question.hpp>
#include <ptq/ranking/sample_order.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ptq::ranking {

namespace detail {

inline auto plans_without_each(const ranking_question& of, const group_set& open)
    -> std::vector<plan> {
  std::vector<plan> result;
  for (const std::size_t g : open) {
    result.push_back(of.variants.of(with_group(of.reverted, g)));
  }
  return result;
}

} // namespace detail

/// Groups by the metric on the samples that quantization hurts most, with that group reverted: the
/// best one first.
///
/// Samples and groups of the same value are ordered by a continuous metric of the same measurement
/// where there is one, a loss for instance; those that still tie are drawn.
///
/// @par Complexity `ranking_subset_size` inferences for each group.
/// @see POT, AccuracyAwareQuantization
struct by_metric {
  std::size_t ranking_subset_size = 300;
  /// Where the user gave the baseline of every metric: the share of the samples that are compared
  /// with the float model to find the worst of them.
  double metric_subset_ratio = 0.5;
  std::uint64_t seed = 0;
  ptq::distance outputs = distance::cosine; ///< For metrics without values per sample.

  void check_options() const {
    if (ranking_subset_size == 0) {
      throw error("at least one sample is needed", {}, "ranking_subset_size");
    }
    if (!(metric_subset_ratio > 0.0) || metric_subset_ratio > 1.0) {
      throw error("the share is above 0 and up to 1", {}, "metric_subset_ratio");
    }
  }

  [[nodiscard]] auto order(const ranking_question& of) const -> ranked_groups {
    hardest_first hardest = hardest_samples(
        of.meter,
        of.variants.of(of.reverted),
        of.limit,
        compared_samples(of.meter, metric_subset_ratio, seed),
        seed,
        outputs
    );
    hardest.order.resize(std::min(ranking_subset_size, hardest.order.size()));
    ranked_groups result{
        .order = {}, .subset = std::move(hardest.order), .note = std::move(hardest.note)
    };
    rank(of, result);
    return result;
  }

  friend constexpr auto operator==(const by_metric&, const by_metric&) -> bool = default;

private:
  void rank(const ranking_question& of, ranked_groups& result) const {
    const samples subset(result.subset);
    const group_set open = of.variants.quantized(of.reverted);
    const std::vector<plan> plans = detail::plans_without_each(of, open);
    of.meter.measure_ahead(plans, subset);
    std::vector<std::tuple<double, double, std::uint64_t, std::size_t>> scores;
    for (std::size_t i = 0; i != open.size(); ++i) {
      const measurement found = of.meter.measure(plans[i], subset, purpose::ranking);
      const double score = detail::score_of(of.limit, metric_called(found, of.limit.name));
      const metric* const loss = detail::continuous_metric(found, of.limit);
      const double finer =
          loss == nullptr ? 0.0
                          : detail::score_of({.name = {}, .direction = loss->direction}, *loss);
      scores.emplace_back(score, finer, drawn(seed, open[i]), open[i]);
    }
    std::ranges::sort(scores, std::ranges::greater{});
    for (const auto& [score, finer, lot, group] : scores) {
      result.order.push_back({group, score});
    }
  }
};

/// POT's own order, to the last tie: samples as numpy 1.24 sorts them, groups of the same score by
/// name, Z first.
/// @see POT, AccuracyAwareQuantization
struct replay_pot {
  std::size_t ranking_subset_size = 300;
  ptq::distance outputs = distance::cosine;
  /// The samples that POT drew to compare, where it was given baselines; empty: all.
  std::vector<std::size_t> compared{};
  /// What POT calls each group: its first FakeQuantize, in an order of its own. Empty: as its first
  /// quantizer is called, `node/fq_input_0` or `node/fq_weights_1`.
  std::vector<std::string> names{};

  void check_options() const {
    if (ranking_subset_size == 0) {
      throw error("at least one sample is needed", {}, "ranking_subset_size");
    }
  }

  /// @throws error for `compared` and `names` that are not those of this search.
  [[nodiscard]] auto order(const ranking_question& of) const -> ranked_groups {
    for (const std::size_t sample : compared) {
      if (sample >= of.meter.sample_count()) {
        throw error(
            "sample " + std::to_string(sample) + " is not one of the " +
                std::to_string(of.meter.sample_count()),
            {},
            "compared"
        );
      }
    }
    if (!names.empty() && names.size() != of.variants.groups().size()) {
      throw error(
          std::to_string(names.size()) + " names for " +
              std::to_string(of.variants.groups().size()) + " groups",
          {},
          "names"
      );
    }
    const samples range = compared.empty() ? of.meter.all_samples() : samples(compared);
    std::vector<double> drops =
        detail::compare(of.meter, of.variants.of(of.reverted), of.limit, range).drops;
    if (drops.empty()) {
      drops = detail::output_drops(of.meter, of.variants.of(of.reverted), range, outputs);
    }
    std::vector<std::size_t> positions = numpy_descending(drops);
    positions.resize(std::min(ranking_subset_size, positions.size()));
    ranked_groups result;
    for (const std::size_t at : positions) {
      result.subset.push_back(range[at]);
    }
    const samples subset(result.subset);
    const group_set open = of.variants.quantized(of.reverted);
    const std::vector<plan> plans = detail::plans_without_each(of, open);
    of.meter.measure_ahead(plans, subset);
    std::vector<std::tuple<double, std::string, std::size_t>> scores;
    for (std::size_t i = 0; i != open.size(); ++i) {
      const measurement found = of.meter.measure(plans[i], subset, purpose::ranking);
      scores.emplace_back(
          detail::score_of(of.limit, metric_called(found, of.limit.name)),
          name_of_group(of, open[i]),
          open[i]
      );
    }
    std::ranges::sort(scores, std::ranges::greater{});
    for (const auto& [score, name, group] : scores) {
      result.order.push_back({group, score});
    }
    return result;
  }

  friend auto operator==(const replay_pot&, const replay_pot&) -> bool = default;

private:
  [[nodiscard]] auto name_of_group(const ranking_question& of, std::size_t group) const
      -> std::string {
    if (!names.empty()) {
      return names.at(group);
    }
    const ptq::group& members = of.variants.groups().at(group);
    if (members.quantizers.empty()) {
      return {};
    }
    const port_name& first = members.quantizers.front();
    const quantizer* const on = of.variants.of({}).input(first.node, first.input);
    const bool weights = on != nullptr && on->kind == tensor_kind::weights;
    return first.node + (weights ? "/fq_weights_" : "/fq_input_") + std::to_string(first.input);
  }
};

} // namespace ptq::ranking
