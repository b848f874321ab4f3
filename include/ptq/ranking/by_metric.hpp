// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
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

/// How much worse each sample is than under the float model.
inline auto sample_drops(const metric_limit& limit, const metric& float_model, const metric& now)
    -> std::vector<double> {
  std::vector<double> result;
  for (std::size_t i = 0; i != now.per_sample.size(); ++i) {
    const double lost = float_model.per_sample[i] - now.per_sample[i];
    result.push_back(limit.direction == higher_is_better ? lost : -lost);
  }
  return result;
}

/// A metric of the same measurements whose values do not tie, to break ties with: the first beside
/// `limit` that has a value other than 0 and 1 for each sample.
inline auto continuous_metric(const measurement& in, const metric_limit& limit) -> const metric* {
  const auto found = std::ranges::find_if(in, [&](const metric& each) {
    return each.name != limit.name && std::ranges::any_of(each.per_sample, [](double value) {
             return value != 0.0 && value != 1.0;
           });
  });
  return found == in.end() ? nullptr : &*found;
}

/// What a ranking by a metric compares: each sample under the float model and now.
struct comparison {
  measurement float_model{};
  measurement now{};
  std::vector<double> drops{}; ///< Of the metric in work; empty if it has no values per sample.
};

inline auto compare(const ranking_question& of, const samples& range) -> comparison {
  comparison result;
  result.float_model = of.meter.measure_samples(plan{}, range, purpose::baseline);
  result.now = of.meter.measure_samples(of.variants.of(of.reverted), range, purpose::ranking);
  const metric& before = metric_called(result.float_model, of.limit.name);
  const metric& after = metric_called(result.now, of.limit.name);
  if (!before.per_sample.empty() && !after.per_sample.empty()) {
    result.drops = sample_drops(of.limit, before, after);
  }
  return result;
}

/// By sample: how far its outputs are from the float model's.
inline auto output_drops(const ranking_question& of, const samples& range, distance kind)
    -> std::vector<double> {
  std::vector<double> result = of.meter.output_distances(of.variants.of(of.reverted), range, kind);
  result.pop_back();
  return result;
}

inline auto plans_without_each(const ranking_question& of, const group_set& open)
    -> std::vector<plan> {
  std::vector<plan> result;
  for (const std::size_t g : open) {
    result.push_back(of.variants.of(with_group(of.reverted, g)));
  }
  return result;
}

/// The larger the better, whatever the metric's direction.
inline auto score_of(const metric_limit& limit, const metric& found) -> double {
  return limit.direction == higher_is_better ? found.value() : -found.value();
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
    const samples range = compared(of);
    const detail::comparison seen = detail::compare(of, range);
    ranked_groups result;
    result.note = "ties are drawn with seed " + std::to_string(seed);
    std::vector<double> drops = seen.drops;
    // Of metrics with a value of the whole, samples may have none; outputs may be no numbers.
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto replace_nan = [](std::vector<double>& in, double by) {
      std::ranges::replace_if(in, [](double each) { return std::isnan(each); }, by);
    };
    replace_nan(drops, -infinity);
    if (drops.empty()) {
      drops = detail::output_drops(of, range, outputs);
      replace_nan(drops, infinity);
      result.note += "; the metric has no values per sample: the worst are those whose outputs are "
                     "farthest off (" +
                     std::string(name_of(outputs)) + ")";
    }
    std::vector<double> finer(range.size(), 0.0);
    const metric* const loss = detail::continuous_metric(seen.now, of.limit);
    const metric* const before =
        loss == nullptr ? nullptr : &metric_called(seen.float_model, loss->name);
    if (before != nullptr && before->per_sample.size() == loss->per_sample.size()) {
      finer =
          detail::sample_drops({.name = loss->name, .direction = loss->direction}, *before, *loss);
      replace_nan(finer, -infinity);
      result.note = "ties are broken by `" + loss->name + "`, then " +
                    result.note.substr(std::string("ties are ").size());
    }
    std::vector<std::size_t> positions(range.size());
    std::iota(positions.begin(), positions.end(), std::size_t{0});
    std::ranges::sort(positions, std::ranges::greater{}, [&](std::size_t at) {
      return std::tuple(drops[at], finer[at], drawn(seed, range[at]), at);
    });
    positions.resize(std::min(ranking_subset_size, positions.size()));
    for (const std::size_t at : positions) {
      result.subset.push_back(range[at]);
    }
    rank(of, result);
    return result;
  }

  friend constexpr auto operator==(const by_metric&, const by_metric&) -> bool = default;

private:
  /// All samples where the float model was measured on them, else a share of them.
  [[nodiscard]] auto compared(const ranking_question& of) const -> samples {
    const std::size_t count = of.meter.sample_count();
    if (of.meter.known_in_full(plan{})) {
      return of.meter.all_samples();
    }
    std::vector<std::pair<std::uint64_t, std::size_t>> lots;
    for (std::size_t s = 0; s != count; ++s) {
      lots.emplace_back(drawn(seed + 1, s), s);
    }
    std::ranges::sort(lots);
    const auto share = static_cast<std::size_t>(static_cast<double>(count) * metric_subset_ratio);
    lots.resize(std::clamp<std::size_t>(share, 1, count));
    std::vector<std::size_t> result;
    for (const auto& [lot, sample] : lots) {
      result.push_back(sample);
    }
    std::ranges::sort(result);
    return samples(std::move(result));
  }

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
    std::vector<double> drops = detail::compare(of, range).drops;
    if (drops.empty()) {
      drops = detail::output_drops(of, range, outputs);
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
