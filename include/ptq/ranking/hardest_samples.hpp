// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/evaluator/drop.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/ranking/question.hpp>

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

inline auto
compare(plan_meter& meter, const plan& under, const metric_limit& limit, const samples& range)
    -> comparison {
  comparison result;
  result.float_model = meter.measure_samples(plan{}, range, purpose::baseline);
  result.now = meter.measure_samples(under, range, purpose::ranking);
  const metric& before = metric_called(result.float_model, limit.name);
  const metric& after = metric_called(result.now, limit.name);
  if (!before.per_sample.empty() && !after.per_sample.empty()) {
    result.drops = sample_drops(limit, before, after);
  }
  return result;
}

/// By sample: how far its outputs are from the float model's.
inline auto output_drops(plan_meter& meter, const plan& under, const samples& range, distance kind)
    -> std::vector<double> {
  std::vector<double> result = meter.output_distances(under, range, kind);
  result.pop_back();
  return result;
}

/// The larger the better, whatever the metric's direction.
inline auto score_of(const metric_limit& limit, const metric& found) -> double {
  return limit.direction == higher_is_better ? found.value() : -found.value();
}

} // namespace detail

/// All samples where the float model was measured on them, else a share of them, which is drawn.
[[nodiscard]] inline auto
compared_samples(plan_meter& meter, double metric_subset_ratio, std::uint64_t seed) -> samples {
  const std::size_t count = meter.sample_count();
  if (meter.known_in_full(plan{})) {
    return meter.all_samples();
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

/// Samples in the order in which a plan hurts them.
struct hardest_first {
  std::vector<std::size_t> order{};
  std::string note{}; ///< How ties were broken.
};

/// The samples of `range`, those first whose metric falls most under the plan.
///
/// Samples of the same drop are ordered by a continuous metric of the same measurement where there
/// is one, then drawn. Of a metric without values per sample those come first whose outputs are
/// farthest from the float model's.
[[nodiscard]] inline auto hardest_samples(
    plan_meter& meter,
    const plan& under,
    const metric_limit& limit,
    const samples& range,
    std::uint64_t seed,
    distance outputs
) -> hardest_first {
  const detail::comparison seen = detail::compare(meter, under, limit, range);
  hardest_first result{.note = "ties are drawn with seed " + std::to_string(seed)};
  std::vector<double> drops = seen.drops;
  // Of metrics with a value of the whole, samples may have none; outputs may be no numbers.
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto replace_nan = [](std::vector<double>& in, double by) {
    std::ranges::replace_if(in, [](double each) { return std::isnan(each); }, by);
  };
  replace_nan(drops, -infinity);
  if (drops.empty()) {
    drops = detail::output_drops(meter, under, range, outputs);
    replace_nan(drops, infinity);
    result.note += "; the metric has no values per sample: the worst are those whose outputs are "
                   "farthest off (" +
                   std::string(name_of(outputs)) + ")";
  }
  std::vector<double> finer(range.size(), 0.0);
  const metric* const loss = detail::continuous_metric(seen.now, limit);
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
  for (const std::size_t at : positions) {
    result.order.push_back(range[at]);
  }
  return result;
}

} // namespace ptq::ranking
