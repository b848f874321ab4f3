// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/ranking/concept.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/ranking/plan_variants.hpp>
#include <ptq/search/concept.hpp>
#include <ptq/search/context.hpp>
#include <ptq/search/early_stopping.hpp>
#include <ptq/search/one_at_a_time.hpp>
#include <ptq/search/outcome.hpp>
#include <ptq/search/tune.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// How a search is run: the accuracy to hold, and the policies behind one type each.
struct search_run {
  std::vector<wanted_metric> metrics{}; ///< Empty: all that the evaluator measures.
  double maximal_drop = 0.01;
  drop drop_type = drop::absolute;
  ptq::early_stopping early_stopping{};
  ranker rank{};
  std::function<search_result(search_context&)> search{};
  /// For each start: other settings of its algorithm, to be tried before operations are reverted.
  /// Empty: there are none.
  std::vector<std::function<plan_space()>> settings{};
  std::function<plan_variants(plan)> variants_of{}; ///< Of the plan of a setting.
  tuning_subset tuning{};

  /// Measures the float model, then searches among the variants of the first plan that holds the
  /// accuracy, or else of the nearest to it.
  /// @param starts  At least one.
  /// @throws error for options, for what the evaluator answers, and what the evaluator throws.
  [[nodiscard]] auto operator()(std::vector<plan_variants>& starts, plan_meter& meter) const
      -> accuracy_outcome;
};

namespace detail {

/// Keeps the trace, and tells observers.
class trace_keeper {
public:
  explicit trace_keeper(plan_meter& meter) : meter_(&meter) {}

  void operator()(step made) {
    made.number = steps.size();
    steps.push_back(std::move(made));
    if (meter_->tell().on_step(steps.back()) == enough && searching) {
      throw search_ended{stop_reason::requested};
    }
  }

  std::vector<step> steps{};
  bool searching = false; ///< May an observer end it?

private:
  plan_meter* meter_;
};

/// The groups of a search, one plan after the other, until a result is measured in full.
inline auto settle(
    search_context& in,
    plan_meter& meter,
    trace_keeper& trace,
    const std::function<search_result(search_context&)>& search
) -> search_result {
  std::set<group_set> failed;
  for (;;) {
    search_result found;
    bool over = false;
    try {
      trace.searching = true;
      found = search(in);
      in.flush();
      if (found.why == stop_reason::met && in.reconsider(found.reverted)) {
        continue;
      }
    } catch (const search_ended& ended) {
      found = {in.best(), ended.why};
      over = true;
    }
    trace.searching = false;
    if (over && found.why == stop_reason::requested) {
      return found;
    }
    // A search that insists on what failed in full would do so for ever.
    const bool insists = !over && found.why == stop_reason::met && failed.contains(found.reverted);
    if (insists) {
      found = {in.best(), stop_reason::unreachable};
      over = true;
    }
    meter.without_bounds(true);
    const bool may_fail = !over && found.why == stop_reason::met;
    const verdict last = may_fail ? in.confirm(found.reverted) : in.measure(found.reverted);
    in.flush();
    if (over) { // what fits on a part of the samples may not fit on all
      for (group_set next = in.best(); next != found.reverted; next = in.best()) {
        found.reverted = std::move(next);
        in.measure(found.reverted);
        in.flush();
      }
    }
    if (insists && in.measure(found.reverted).fits) {
      found.why = stop_reason::met;
    }
    meter.without_bounds(false);
    if (over || last.fits || found.why != stop_reason::met) {
      return found;
    }
    failed.insert(found.reverted);
  }
}

/// A plan of another setting, and what is known of its variants.
struct tuned_start {
  plan_variants variants;
  std::unique_ptr<search_context> context{};
};

/// Tries the settings one at a time, and measures the best one in full.
/// @return Empty if none is nearer to the limits than the start.
inline auto tuned(
    const search_run& how,
    const plan_space& space,
    search_context& start,
    plan_meter& meter,
    trace_keeper& trace
) -> std::unique_ptr<tuned_start> {
  const double before = start.measure({}).excess;
  start.flush();
  const plan& as_given = start.variants().of({});
  std::vector<trial> trials;
  tuning_run{
      .space = space,
      .meter = meter,
      .limits = start.limits(),
      .subset = how.tuning.of(meter, as_given, start.limits()),
      .record = std::ref(trace)
  }(search::one_at_a_time{}, trials);
  const trial& best = best_trial(trials);
  if (best.plan == trials.front().plan) {
    return nullptr;
  }
  auto result = std::make_unique<tuned_start>(tuned_start{how.variants_of(space.plan_of(best.at))});
  result->context = std::make_unique<search_context>(
      result->variants,
      meter,
      start.limits(),
      how.rank,
      how.early_stopping,
      std::ref(trace),
      space.text_of(best.at)
  );
  const verdict now = result->context->measure({});
  const bool nearer = now.fits || now.excess < before;
  result->context->decide(
      now.fits ? "fits"
      : nearer ? "kept"
               : "rolled back",
      nearer ? "nearer to the limits than the algorithm as it is"
             : "no nearer to the limits than the algorithm as it is"
  );
  result->context->flush();
  return nearer ? std::move(result) : nullptr;
}

} // namespace detail

inline auto search_run::operator()(std::vector<plan_variants>& starts, plan_meter& meter) const
    -> accuracy_outcome {
  if (meter.sample_count() == 0) {
    throw error("there are no samples to measure on");
  }
  detail::trace_keeper trace(meter);
  const bool given = !metrics.empty() && std::ranges::all_of(metrics, [](const auto& each) {
    return each.baseline_value.has_value();
  });
  meter.without_bounds(true);
  const measurement first =
      given ? meter.measure(starts.front().of({}), meter.all_samples(), purpose::candidates)
            : meter.measure(plan{}, meter.all_samples(), purpose::baseline);
  meter.without_bounds(false);
  const std::vector<metric_limit> limits = limits_of(first, metrics, maximal_drop, drop_type);
  std::vector<std::unique_ptr<search_context>> contexts;
  for (plan_variants& each : starts) {
    contexts.push_back(
        std::make_unique<search_context>(each, meter, limits, rank, early_stopping, std::ref(trace))
    );
  }
  step begin = contexts.front()->step_at(step_kind::baseline, {}, {});
  for (const metric_limit& limit : limits) {
    begin.metrics.push_back({limit.name, limit.baseline, 0.0, limit.maximal_drop});
  }
  begin.decision = given ? "given" : "measured";
  begin.seen = given ? 0 : meter.sample_count();
  trace(std::move(begin));

  search_context* in = contexts.front().get();
  std::unique_ptr<detail::tuned_start> tuned;
  search_result found;
  bool asked_to_end = false;
  try {
    for (const auto& each : contexts) {
      const verdict now = each->judge({});
      each->flush();
      const bool nearer = now.excess < in->judge({}).excess;
      in = now.fits || nearer ? each.get() : in;
      if (now.fits) {
        break;
      }
    }
    const auto which = static_cast<std::size_t>(
        std::ranges::find(contexts, in, &std::unique_ptr<search_context>::get) - contexts.begin()
    );
    // In full: what fits on a part of the samples may not fit on all.
    if (which < settings.size() && settings[which] && !in->measure({}).fits) {
      trace.searching = true;
      tuned = detail::tuned(*this, settings[which](), *in, meter, trace);
      in = tuned ? tuned->context.get() : in;
    }
  } catch (const detail::search_ended& ended) {
    // A used-up budget the search meets again; an observer asks once.
    asked_to_end = ended.why == stop_reason::requested;
  }
  trace.searching = false;
  found = asked_to_end ? search_result{in->best(), stop_reason::requested}
                       : detail::settle(*in, meter, trace, search);

  accuracy_outcome result;
  const verdict* const of_result = in->find(found.reverted);
  const verdict* const of_start = in->find({});
  const verdict last = of_result == nullptr ? verdict{} : *of_result;
  const verdict start = of_start == nullptr ? verdict{} : *of_start;
  const plan_variants& variants = in->variants();
  result.plan = in->variants().of(found.reverted);
  result.why = found.why;
  result.reached = last.fits && last.in_full && found.why != stop_reason::everything_reverted;
  result.missed_by = std::max(last.excess, 0.0);
  for (const metric_limit& limit : limits) {
    result.measured_by += (result.measured_by.empty() ? "" : ", ") + limit.name;
  }
  result.start = in->metrics_of(start);
  result.start_in_full = start.in_full;
  result.returned = in->metrics_of(last);
  result.returned_in_full = last.in_full;
  for (const std::size_t g : found.reverted) {
    result.reverted.push_back(variants.groups()[g]);
  }
  result.operations_reverted = variants.operations_of(found.reverted).size();
  result.operations_quantized = variants.operations_of(variants.everything()).size();
  result.inferred = meter.inferred();
  result.evaluations = meter.candidates();
  result.configuration = in->configuration();
  step end = in->step_at(step_kind::result, found.reverted, meter.inferred());
  end.metrics = result.returned;
  end.seen = last.seen;
  end.decision = result.reached ? "reached" : "not reached";
  end.reason = std::string(name_of(result.why));
  end.evaluations = result.evaluations;
  trace(std::move(end));
  result.trace = std::move(trace.steps);
  return result;
}

} // namespace ptq
