// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/observer/step.hpp>
#include <ptq/plan/fingerprint.hpp>
#include <ptq/ranking/hardest_samples.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/search/configuration.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ptq {

/// The samples on which configurations are compared before the best is measured on all: those that
/// quantization hurts most.
struct tuning_subset {
  std::size_t ranking_subset_size = 300;
  /// Where the user gave the baseline of every metric: the share of the samples that are compared
  /// with the float model to find the worst of them.
  double metric_subset_ratio = 0.5;
  std::uint64_t seed = 0;                   ///< Draws what ties.
  ptq::distance outputs = distance::cosine; ///< For metrics without values per sample.

  void check_options() const {
    if (ranking_subset_size == 0) {
      throw error("at least one sample is needed", {}, "tuning.ranking_subset_size");
    }
    if (!(metric_subset_ratio > 0.0) || metric_subset_ratio > 1.0) {
      throw error("the share is above 0 and up to 1", {}, "tuning.metric_subset_ratio");
    }
  }

  /// The hardest samples of each metric in turn; all samples if there are no more than asked for,
  /// or if neither values per sample nor outputs tell which those are.
  /// @see POT, AccuracyAwareQuantization, `tune_hyperparams`
  [[nodiscard]] auto
  of(plan_meter& meter, const plan& under, const std::vector<metric_limit>& limits) const
      -> samples {
    const bool tells = meter.measures_samples() || meter.engine().shows_outputs();
    if (ranking_subset_size >= meter.sample_count() || !tells) {
      return meter.all_samples();
    }
    const samples compared = ranking::compared_samples(meter, metric_subset_ratio, seed);
    std::vector<std::vector<std::size_t>> orders;
    for (const metric_limit& limit : limits) {
      orders.push_back(ranking::hardest_samples(meter, under, limit, compared, seed, outputs).order
      );
    }
    std::set<std::size_t> taken;
    for (std::size_t at = 0; at != compared.size(); ++at) {
      for (const std::vector<std::size_t>& order : orders) {
        if (taken.size() != ranking_subset_size) {
          taken.insert(order[at]);
        }
      }
    }
    return samples(std::vector<std::size_t>(taken.begin(), taken.end()));
  }

  friend constexpr auto operator==(const tuning_subset&, const tuning_subset&) -> bool = default;
};

/// How configurations are measured and compared.
struct tuning_run {
  const plan_space& space;
  plan_meter& meter;
  const std::vector<metric_limit>& limits;
  samples subset;
  bool limited = false; ///< Do the limits count on these samples? Otherwise the drop alone.
  std::function<double(const plan&)> cost{}; ///< Of plans within the limits; empty: none.
  std::function<void(step)> record{};

  /// What the search suggests, to the end; the algorithm as it is comes first.
  /// @param trials  Receives each configuration that was measured, also where this throws.
  /// @throws error for a metric or a cost that is not finite; detail::search_ended when the budget
  ///   is used up; what the evaluator throws.
  template <configuration_search Search>
  void operator()(const Search& search, std::vector<trial>& trials) const {
    const std::vector<metric_limit> here = limits_on_subset();
    std::optional<configuration> next = space.start();
    while (next) {
      check_configuration(space.axes, *next);
      if (detail::was_tried(trials, *next)) {
        throw error("a search suggested the same configuration twice", space.text_of(*next));
      }
      measure(*next, here, trials);
      next = search.suggest(
          std::span<const search_axis>(space.axes), std::span(std::as_const(trials))
      );
    }
  }

private:
  [[nodiscard]] auto limits_on_subset() const -> std::vector<metric_limit> {
    std::vector<metric_limit> result = limits;
    if (subset.size() != meter.sample_count()) {
      const measurement found = meter.measure(plan{}, subset, purpose::baseline);
      for (metric_limit& each : result) {
        each.baseline = metric_called(found, each.name).value();
      }
    }
    return result;
  }

  void measure(
      const configuration& at, const std::vector<metric_limit>& here, std::vector<trial>& trials
  ) const {
    const plan under = space.plan_of(at);
    trial made{.at = at, .score = {}, .plan = fingerprint(under)};
    const bool known = meter.knows(under, subset);
    if (!known) {
      meter.begin_candidate();
    }
    step told{.kind = step_kind::tuning, .seen = subset.size(), .of = meter.sample_count()};
    const std::size_t before = meter.inferred().total();
    const measurement found = meter.measure(under, subset, purpose::candidates);
    if (!known) {
      meter.count_candidate();
    }
    std::vector<double> values;
    for (std::size_t m = 0; m != here.size(); ++m) {
      const double value = metric_called(found, here[m].name).value();
      const double drop = here[m].drop_to(value);
      const double scale = limits[m].baseline == 0.0 ? 1.0 : std::abs(limits[m].baseline);
      made.score.drop = m == 0 ? drop / scale : std::max(made.score.drop, drop / scale);
      values.push_back(value);
      const double limit = limited ? here[m].maximal_drop : std::numeric_limits<double>::infinity();
      told.metrics.push_back({here[m].name, value, drop, limit});
    }
    if (limited) {
      made.score.excess = std::max(worst_excess(here, drops_of(here, values)), 0.0);
    }
    const metric* const finer = ranking::detail::continuous_metric(found, here.front());
    if (finer != nullptr) {
      made.score.finer = finer->direction == lower_is_better ? finer->value() : -finer->value();
    }
    if (cost) {
      made.score.cost = cost(under);
      if (!std::isfinite(made.score.cost)) {
        throw error("the cost is not finite", space.text_of(at));
      }
    }
    told.configuration = space.text_of(at);
    std::tie(told.decision, told.reason) = compared(made, finer, trials);
    told.samples = meter.inferred().total() - before;
    told.evaluations = meter.candidates();
    told.inferred = meter.inferred();
    told.seconds = meter.seconds();
    trials.push_back(std::move(made));
    record(std::move(told));
  }

  /// The decision and its reason.
  [[nodiscard]] auto
  compared(const trial& made, const metric* finer, const std::vector<trial>& trials) const
      -> std::pair<std::string, std::string> {
    if (trials.empty()) {
      return {"best so far", "the algorithm as it is"};
    }
    const auto same = std::ranges::find(trials, made.plan, &trial::plan);
    if (same != trials.end()) {
      return {"not better", "the same plan as (" + space.text_of(same->at) + ")"};
    }
    const trial& best = best_trial(trials);
    const bool better = made.score < best.score;
    const std::string other = "(" + space.text_of(best.at) + ")";
    std::string reason = made.score.excess != best.score.excess ? "by its excess over the limits"
                         : made.score.cost != best.score.cost   ? "by its cost"
                                                                : "by its drop";
    if (made.score.excess == best.score.excess && made.score.cost == best.score.cost &&
        made.score.drop == best.score.drop) {
      reason = made.score == best.score
                   ? "ties with " + other + ", which came before"
                   : "its drop ties with " + other + "; by `" + finer->name + "`";
    }
    return {better ? "best so far" : "not better", std::move(reason)};
  }
};

} // namespace ptq
