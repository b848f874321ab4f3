// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/detail/measuring_session.hpp>
#include <ptq/algorithm/hyperparameters.hpp>
#include <ptq/algorithm/tuning_space.hpp>
#include <ptq/core/detail/check_options.hpp>
#include <ptq/core/error.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/plan/fingerprint.hpp>
#include <ptq/ranking/budget.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/ranking/unlabelled_engine.hpp>
#include <ptq/search/configuration.hpp>
#include <ptq/search/tpe.hpp>
#include <ptq/search/tuning_outcome.hpp>
#include <ptq/search/tuning_search.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

template <class Base>
inline constexpr bool is_tuning_space = false;
template <class Algorithm>
inline constexpr bool is_tuning_space<tuning_space<Algorithm>> = true;

template <class Base>
concept makes_a_tuning_space =
    requires(const Base& base, const topology& in) { base.space(in, true); };

/// The settings of what the user gave: a space, an algorithm that makes one of a graph, or an
/// algorithm with the usual ones.
template <class Base>
[[nodiscard]] auto space_of(const Base& base, const topology& in, bool runs_plans) {
  if constexpr (is_tuning_space<Base>) {
    return base;
  } else if constexpr (makes_a_tuning_space<Base>) {
    return base.space(in, runs_plans);
  } else {
    return hyperparameters_of(base, runs_plans);
  }
}

} // namespace detail

/// Quantization by the best of many configurations: the cheapest within the limits, or, where
/// nothing costs, the most accurate one.
///
/// The statistics for all of them are collected in one pass. Configurations are measured on
/// `eval_subset_size` samples; what is returned was measured on all.
///
/// @tparam Base    A `tuning_space`, a `tunable_quantization`, or a `default_quantization`, whose
///                 `hyperparameters_of` are tried.
/// @tparam Search  Which configuration to measure next.
/// @see POT, TunableQuantization and the TPE optimizer
template <class Base, class Search = search::tpe>
struct tuned_quantization {
  static_assert(explain_configuration_search<Search>());

  Base base{};
  Search search{};
  /// What a plan costs, the less the better: bytes, operations in many bits, microseconds. Empty:
  /// nothing.
  std::function<double(const plan&)> cost{};
  double maximal_drop = 0.01; ///< Of each metric.
  drop drop_type = drop::absolute;
  std::vector<wanted_metric> metrics{}; ///< Empty: all that the evaluator measures.
  std::size_t eval_subset_size = 0;     ///< Evenly spread samples; 0: all.
  std::size_t finalists =
      5; ///< Of the best on a part of the samples, how many may be measured on all.
  ptq::budget budget{};
  std::string state{}; ///< A file that keeps what was measured, after each step; empty: none.
  bool resume = false; ///< Goes on from `state`, if it is there; otherwise it is written anew.
  const std::atomic<bool>* stop = nullptr; ///< Ends the search; a signal handler may set it.
  /// The float model's own answers are the labels, even if the evaluator has others.
  bool annotation_free = false;
  without_labels unlabelled{}; ///< What is measured without labels.

  /// @param tell  Any observers: `on_step`, `on_progress`, `on_note`, `on_time`.
  /// @throws error for bad options, for metrics and costs that are not finite, for a state of
  ///   another search; and what the evaluator throws. What was measured by then is in `state`.
  template <class G, class E, class... Observers>
  [[nodiscard]] auto operator()(const G& of, E&& evaluator, Observers&&... tell) const
      -> tuning_outcome {
    using engine = std::remove_reference_t<E>;
    if constexpr (evaluator_for<engine, G>) {
      check_options();
      const observers all = observed_by(tell...);
      const topology in = read_graph(of).nodes;
      const auto space = detail::space_of(base, in, plan_evaluator_for<engine, G>);
      const plan_space plans = space.plans(
          of, calibrate(space, of, evaluator, space.default_part(evaluator), tell...), evaluator
      );
      const auto session =
          detail::measuring_session::over(of, evaluator, annotation_free, unlabelled, all);
      plan_meter meter(*session.engine, {.budget = budget, .stop = stop, .state = state}, all);
      detail::measuring_session::begin(
          meter,
          state,
          resume,
          digest(in) + " with " + std::to_string(meter.sample_count()) +
              " samples, tuned from plan " +
              std::to_string(fingerprint(plans.plan_of(plans.start()))) + ", by " +
              session.measured_by
      );
      return tuning_search{
          .metrics = metrics,
          .maximal_drop = maximal_drop,
          .drop_type = drop_type,
          .eval_subset_size = eval_subset_size,
          .finalists = finalists,
          .cost = cost,
          .search = [this](auto axes, auto so_far) { return search.suggest(axes, so_far); }
      }(plans, meter);
    } else {
      static_assert(explain_evaluator<engine, G>());
      return {};
    }
  }

private:
  void check_options() const {
    detail::check_options_of(search);
    budget.check_options();
    check_maximal_drop(maximal_drop);
    for (const wanted_metric& each : metrics) {
      check_maximal_drop(each.maximal_drop.value_or(0.0), each.name);
    }
  }
};

} // namespace ptq
