// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/detail/measuring_session.hpp>
#include <ptq/algorithm/detail/mixed_preset.hpp>
#include <ptq/algorithm/hyperparameters.hpp>
#include <ptq/core/detail/check_options.hpp>
#include <ptq/core/error.hpp>
#include <ptq/device/devices.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/placement/groups.hpp>
#include <ptq/ranking/budget.hpp>
#include <ptq/ranking/by_joint_nmse.hpp>
#include <ptq/ranking/by_output.hpp>
#include <ptq/ranking/concept.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/ranking/unlabelled_engine.hpp>
#include <ptq/search/bisection.hpp>
#include <ptq/search/concept.hpp>
#include <ptq/search/outcome.hpp>
#include <ptq/search/revert.hpp>
#include <ptq/search/run.hpp>
#include <ptq/search/tune.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ptq {

/// Quantization that holds the accuracy: quantizes with a base algorithm, and reverts as few
/// operations as it can until no metric has dropped by more than the user allows.
///
/// @tparam Base       Any algorithm: called with a graph, an evaluator and, if it takes them,
///                    observers, it returns a plan.
/// @tparam Ranking    Which groups of operations to revert first.
/// @tparam Search     How the groups to revert are found.
/// @tparam Reversion  What becomes of a group that is reverted.
/// @see POT, AccuracyAwareQuantization
template <
    class Base,
    class Ranking = ranking::by_joint_nmse,
    class Search = search::bisection<>,
    class Reversion = revert::to_float>
struct accuracy_aware_quantization {
  static_assert(explain_search_strategy<Search>());
  static_assert(
      reversion<Reversion>,
      "a reversion provides `operator()(const ptq::plan&, const ptq::group&) const -> ptq::plan`"
  );

  Base base{};
  Ranking ranking{};
  Search search{};
  Reversion revert{};
  double maximal_drop = 0.01; ///< Of each metric.
  drop drop_type = drop::absolute;
  std::vector<wanted_metric> metrics{}; ///< Empty: all that the evaluator measures.
  ptq::budget budget{};
  std::string state{}; ///< A file that keeps what was measured, after each step; empty: none.
  bool resume = false; ///< Goes on from `state`, if it is there; otherwise it is written anew.
  const std::atomic<bool>* stop = nullptr; ///< Ends the search; a signal handler may set it.
  ptq::early_stopping early_stopping{};
  /// The float model's own answers are the labels, even if the evaluator has others.
  bool annotation_free = false;
  without_labels unlabelled{}; ///< What is measured without labels.
  /// Of a base with the preset `performance`: tries `mixed` before operations are reverted.
  bool convert_to_mixed_preset = false;
  /// Before operations are reverted: tries the other settings of the base, `hyperparameters_of`, or
  /// its own, `plan_space hyperparameters(const graph&, evaluator&) const`.
  bool tune_hyperparams = false;
  tuning_subset tuning{}; ///< What those settings are compared on.
  /// For evaluators with `fork`: as many work at the same time, on the samples of each measurement.
  /// The result does not depend on it.
  std::size_t threads = 1;

  /// @param tell  Any observers: `on_step`, `on_progress`, `on_note`, `on_time`.
  /// @throws error for bad options, for metrics that are not finite, for a state of another search;
  ///   and what the evaluator throws. What was measured by then is in `state`.
  template <class G, class E, class... Observers>
  [[nodiscard]] auto operator()(const G& of, E&& evaluator, Observers&&... tell) const
      -> accuracy_outcome {
    using engine = std::remove_reference_t<E>;
    if constexpr (evaluator_for<engine, G> && group_ranking_for<Ranking, G, engine>) {
      check_options();
      const observers all = observed_by(tell...);
      const topology in = read_graph(of).nodes;
      beginnings from;
      add_start(from, base, in, of, evaluator, all, tell...);
      if (convert_to_mixed_preset) {
        add_mixed(from, in, of, evaluator, all, tell...);
      }
      return searched(of, in, evaluator, std::move(from), all);
    } else {
      static_assert(explain_evaluator<engine, G>());
      static_assert(explain_group_ranking<Ranking, G, engine>());
      return {};
    }
  }

private:
  struct beginnings {
    std::vector<plan_variants> starts{};
    std::vector<std::function<plan_space()>> settings{}; ///< Of the algorithm of each.
  };

  void check_options() const {
    detail::check_options_of(ranking);
    detail::check_options_of(search);
    early_stopping.check_options();
    budget.check_options();
    tuning.check_options();
    check_maximal_drop(maximal_drop);
    for (const wanted_metric& each : metrics) {
      check_maximal_drop(each.maximal_drop.value_or(0.0), each.name);
    }
    if (threads == 0) {
      throw error("at least one thread is needed", {}, "threads");
    }
  }

  template <class G, class E, class Algorithm, class... Observers>
  static auto quantized(const Algorithm& with, const G& of, E& evaluator, Observers&... tell)
      -> plan {
    if constexpr (requires { with(of, evaluator, tell...); }) {
      return with(of, evaluator, tell...);
    } else {
      static_assert(
          requires { with(of, evaluator); },
          "a base algorithm is called with a graph and an evaluator, and returns a plan"
      );
      return with(of, evaluator);
    }
  }

  [[nodiscard]] auto variants_of(const topology& in, plan start) const -> plan_variants {
    std::vector<group> groups;
    for (const auto& each : start.groups) {
      groups.push_back(*each);
    }
    if (groups.empty()) {
      groups = groups_of(in, view_of(device::any{}), start);
    }
    return {std::move(start), std::move(groups), [this](const plan& now, const group& what) {
              return plan(revert(now, what));
            }};
  }

  template <class Algorithm, class G, class E, class... Observers>
  void add_start(
      beginnings& to,
      const Algorithm& with,
      const topology& in,
      const G& of,
      E& evaluator,
      const observers& all,
      Observers&... tell
  ) const {
    using tuned = detail::tuned_algorithm<std::remove_cv_t<Algorithm>>;
    if (tune_hyperparams) {
      if constexpr (requires {
                      { with.hyperparameters(of, evaluator) } -> std::convertible_to<plan_space>;
                    }) {
        to.settings.emplace_back([algorithm = with, &of, &evaluator] {
          return plan_space(algorithm.hyperparameters(of, evaluator));
        });
      } else if constexpr (tuned::possible) {
        const auto space = hyperparameters_of(with, plan_evaluator_for<E, G>);
        statistics seen = calibrate(space, of, evaluator, with.default_part(evaluator), tell...);
        to.starts.push_back(variants_of(in, with(of, seen, evaluator, tell...)));
        to.settings.emplace_back([space, &of, &evaluator, from = std::move(seen)] {
          return space.plans(of, from, evaluator);
        });
        return;
      } else {
        all.on_note({"tune_hyperparams", "is left out: the base is no default_quantization"});
      }
    }
    to.starts.push_back(variants_of(in, quantized(with, of, evaluator, tell...)));
    to.settings.resize(to.starts.size());
  }

  template <class G, class E, class... Observers>
  void add_mixed(
      beginnings& to,
      const topology& in,
      const G& of,
      E& evaluator,
      const observers& all,
      Observers&... tell
  ) const {
    using mixed = detail::mixed_preset<std::remove_cv_t<Base>>;
    if constexpr (mixed::possible) {
      if (const auto other = mixed::of(base)) {
        add_start(to, *other, in, of, evaluator, all, tell...);
        return;
      }
    }
    all.on_note({"convert_to_mixed_preset", "is left out: the base has not the preset performance"}
    );
  }

  template <class G, class E>
  auto searched(
      const G& of, const topology& in, E& evaluator, beginnings from, const observers& all
  ) const -> accuracy_outcome {
    const auto session =
        detail::measuring_session::over(of, evaluator, annotation_free, unlabelled, all);
    plan_meter meter(
        *session.engine, {.budget = budget, .stop = stop, .state = state, .threads = threads}, all
    );
    const std::string about =
        digest(in) + " with " + std::to_string(session.engine->sample_count()) +
        " samples, from plan " + std::to_string(fingerprint(from.starts.front().of({}))) + ", by " +
        session.measured_by;
    detail::measuring_session::begin(meter, state, resume, about);
    const search_run run{
        .metrics = metrics,
        .maximal_drop = maximal_drop,
        .drop_type = drop_type,
        .early_stopping = early_stopping,
        .rank = ranker_of(ranking, of, evaluator),
        .search = [this](search_context& context) { return search_result(search(context)); },
        .settings = std::move(from.settings),
        .variants_of = [this, &in](plan made) { return variants_of(in, std::move(made)); },
        .tuning = tuning
    };
    return run(from.starts, meter);
  }
};

} // namespace ptq
