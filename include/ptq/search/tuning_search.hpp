// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/observer/step.hpp>
#include <ptq/ranking/budget.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/search/configuration.hpp>
#include <ptq/search/run.hpp>
#include <ptq/search/tune.hpp>
#include <ptq/search/tuning_outcome.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// How configurations are searched: the accuracy to hold, and the policy behind one type.
struct tuning_search {
  std::vector<wanted_metric> metrics{}; ///< Empty: all that the evaluator measures.
  double maximal_drop = 0.01;
  drop drop_type = drop::absolute;
  std::size_t eval_subset_size = 0; ///< Samples, evenly spread, to compare on; 0: all.
  std::size_t finalists =
      0; ///< Of the best on a part of the samples, how many are measured on all.
  std::function<double(const plan&)> cost{};
  std::function<std::optional<configuration>(std::span<const search_axis>, std::span<const trial>)>
      search{};

  /// Measures the float model, then configurations, and in the end the best of them on all samples.
  /// @throws error for options, for what the evaluator answers, and what the evaluator throws.
  [[nodiscard]] auto operator()(const plan_space& space, plan_meter& meter) const
      -> tuning_outcome {
    if (meter.sample_count() == 0) {
      throw error("there are no samples to measure on");
    }
    detail::trace_keeper trace(meter);
    meter.without_bounds(true);
    const measurement first = meter.measure(plan{}, meter.all_samples(), purpose::baseline);
    meter.without_bounds(false);
    const std::vector<metric_limit> limits = limits_of(first, metrics, maximal_drop, drop_type);
    step begin = step_of(meter, step_kind::baseline);
    for (const metric_limit& limit : limits) {
      begin.metrics.push_back({limit.name, limit.baseline, 0.0, limit.maximal_drop});
    }
    begin.decision = "measured";
    begin.samples = begin.seen = meter.sample_count();
    trace(std::move(begin));

    tuning_outcome result;
    const samples subset = eval_subset_size == 0
                               ? meter.all_samples()
                               : ranking::spread_samples(meter.sample_count(), eval_subset_size);
    try {
      trace.searching = true;
      tuning_run{
          .space = space,
          .meter = meter,
          .limits = limits,
          .subset = subset,
          .limited = true,
          .cost = cost,
          .record = std::ref(trace)
      }(suggested{&search}, result.trials);
    } catch (const detail::search_ended& ended) {
      result.why = ended.why;
    }
    trace.searching = false;
    const trial best = result.trials.empty() ? trial{.at = space.start(), .score = {}, .plan = 0}
                       : result.why == stop_reason::requested
                           ? best_trial(result.trials)
                           : best_in_full(space, meter, limits, result.trials, trace);
    finish(space, meter, limits, best, result);
    step end = step_of(meter, step_kind::result);
    end.configuration = result.changes;
    end.metrics = result.returned;
    end.seen = result.returned_in_full ? meter.sample_count() : subset.size();
    end.decision = result.reached ? "reached" : "not reached";
    end.reason = std::string(name_of(result.why));
    trace(std::move(end));
    result.trace = std::move(trace.steps);
    return result;
  }

private:
  struct suggested {
    const std::function<
        std::optional<configuration>(std::span<const search_axis>, std::span<const trial>)>* by;

    [[nodiscard]] auto
    suggest(std::span<const search_axis> axes, std::span<const trial> so_far) const
        -> std::optional<configuration> {
      return (*by)(axes, so_far);
    }
  };

  static auto step_of(const plan_meter& meter, step_kind kind) -> step {
    step made{.kind = kind, .of = meter.sample_count()};
    made.evaluations = meter.candidates();
    made.inferred = meter.inferred();
    made.seconds = meter.seconds();
    return made;
  }

  /// The best of the trials, measured on all samples: the first of them that is within the limits,
  /// else the one that is nearest to them.
  [[nodiscard]] auto best_in_full(
      const plan_space& space,
      plan_meter& meter,
      const std::vector<metric_limit>& limits,
      const std::vector<trial>& trials,
      detail::trace_keeper& trace
  ) const -> trial {
    std::vector<const trial*> sorted;
    for (const trial& each : trials) {
      sorted.push_back(&each);
    }
    std::ranges::sort(sorted, [](const trial* a, const trial* b) {
      return a->score < b->score || (a->score == b->score && a < b);
    });
    meter.without_bounds(true);
    const trial* nearest = nullptr;
    double least = 0.0;
    std::set<std::uint64_t> seen;
    for (const trial* const at : sorted) {
      const trial& each = *at;
      if (!seen.insert(each.plan).second) {
        continue;
      }
      if (seen.size() > std::max<std::size_t>(finalists, 1)) {
        break;
      }
      const plan under = space.plan_of(each.at);
      const std::size_t before = meter.inferred().total();
      const std::vector<metric_drop> found = drops_in_full(meter, limits, under);
      const double excess = excess_of(limits, found);
      if (meter.inferred().total() != before) {
        step told = step_of(meter, step_kind::tuning);
        told.configuration = space.text_of(each.at);
        told.metrics = found;
        told.samples = meter.inferred().total() - before;
        told.seen = meter.sample_count();
        told.decision = excess <= 0.0 ? "fits" : "does not fit";
        told.reason = "measured on all samples";
        trace(std::move(told));
      }
      if (nearest == nullptr || excess < least) {
        nearest = &each;
        least = excess;
      }
      if (excess <= 0.0) {
        break;
      }
    }
    meter.without_bounds(false);
    return *nearest;
  }

  [[nodiscard]] static auto
  drops_in_full(plan_meter& meter, const std::vector<metric_limit>& limits, const plan& under)
      -> std::vector<metric_drop> {
    const measurement found = meter.measure(under, meter.all_samples(), purpose::candidates);
    std::vector<metric_drop> result;
    for (const metric_limit& limit : limits) {
      const double value = metric_called(found, limit.name).value();
      result.push_back({limit.name, value, limit.drop_to(value), limit.maximal_drop});
    }
    return result;
  }

  [[nodiscard]] static auto
  excess_of(const std::vector<metric_limit>& limits, const std::vector<metric_drop>& found)
      -> double {
    std::vector<double> drops;
    for (const metric_drop& each : found) {
      drops.push_back(each.drop);
    }
    return std::max(worst_excess(limits, drops), 0.0);
  }

  void finish(
      const plan_space& space,
      plan_meter& meter,
      const std::vector<metric_limit>& limits,
      const trial& best,
      tuning_outcome& result
  ) const {
    result.configuration = best.at;
    result.changes = space.text_of(best.at);
    result.plan = space.plan_of(best.at);
    result.cost = best.score.cost;
    result.returned_in_full = meter.knows(result.plan, meter.all_samples());
    if (result.returned_in_full) {
      result.returned = drops_in_full(meter, limits, result.plan);
      result.missed_by = excess_of(limits, result.returned);
    } else {
      result.missed_by = best.score.excess;
    }
    result.reached = result.returned_in_full && result.missed_by <= 0.0;
    if (!result.reached && result.why == stop_reason::met) {
      result.why = stop_reason::unreachable;
    }
    const plan start = space.plan_of(space.start());
    if (meter.knows(start, meter.all_samples())) {
      result.start = drops_in_full(meter, limits, start);
    }
    for (const metric_limit& limit : limits) {
      result.measured_by += (result.measured_by.empty() ? "" : ", ") + limit.name;
    }
    result.inferred = meter.inferred();
    result.evaluations = meter.candidates();
  }
};

} // namespace ptq
