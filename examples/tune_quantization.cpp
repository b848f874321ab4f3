// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Looks for the settings of an algorithm: POT's twelve, axes of one's own, and settings for each
// operation.
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/algorithm/tunable_quantization.hpp>
#include <ptq/algorithm/tuned_quantization.hpp>
#include <ptq/observer/print_steps.hpp>
#include <ptq/ptq.hpp>
#include <ptq/search/grid.hpp>

#include <cstddef>
#include <iostream>
#include <optional>
#include <span>

#include "support/labelled_net.hpp"

//! [cost]
/// The bits of all weights.
auto bits_of_weights(const ptq::plan& of) -> double {
  double bits = 0.0;
  for (const auto& each : of.quantizers) {
    bits += each->kind == ptq::tensor_kind::weights ? each->format.bits : 0;
  }
  return bits;
}

//! [cost]

//! [search]
/// The first axis alone.
struct first_axis {
  auto suggest(std::span<const ptq::search_axis> axes, std::span<const ptq::trial> so_far) const
      -> std::optional<ptq::configuration> {
    ptq::configuration next(axes.size());
    next.front() = so_far.size();
    return next.front() < axes.front().choices.size() ? std::optional(next) : std::nullopt;
  }
};

//! [search]

int main() {
  const small_net::graph graph;
  labelled_evaluator evaluator(graph, 400);
  using algorithm = ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu>;
  const algorithm quantize{.weights = {.bits = 2}, .activations = {.bits = 2}};

  //! [hyperparameters]
  const ptq::accuracy_aware_quantization control{
      .base = quantize,
      .maximal_drop = 0.005,
      .tune_hyperparams = true,
      .tuning = {.ranking_subset_size = 100}
  };
  const auto held = control(graph, evaluator, ptq::print_steps(std::cout));
  //! [hyperparameters]
  std::cout << held.configuration << ": " << held.operations_reverted << " operations in float\n\n";

  //! [space]
  const ptq::tuning_space<algorithm> space{
      .base = quantize,
      .axes =
          {{.name = "weights.bits",
            .choices =
                {{"3", [](algorithm& of) { of.weights.bits = 3; }},
                 {"4", [](algorithm& of) { of.weights.bits = 4; }}},
            .ordered = true},
           {.name = "activations.mode",
            .choices = {{"symmetric", [](algorithm& of) { of.activations.mode = ptq::symmetric; }}}}
          }
  };
  const ptq::tuned_quantization<ptq::tuning_space<algorithm>, ptq::search::grid> every{
      .base = space, .cost = bits_of_weights, .maximal_drop = 0.02
  };
  const auto cheapest = every(graph, evaluator, ptq::print_steps(std::cout));
  //! [space]
  std::cout << cheapest.changes << ": " << cheapest.cost << " bits\n\n";

  //! [per_operation]
  const ptq::tunable_quantization<algorithm> per_operation{
      .base = quantize,
      .tuning_scope = {ptq::tunes::bits, ptq::tunes::range_estimator},
      .estimator_tuning_scope = {ptq::tunes_estimator::type},
      .bits_choices = {3, 4}
  };
  const ptq::tuned_quantization<ptq::tunable_quantization<algorithm>> tune{
      .base = per_operation,
      .search = {.max_trials = 60, .seed = 7},
      .cost = bits_of_weights,
      .maximal_drop = 0.01,
      .budget = {.evaluations = 50}
  };
  const auto best = tune(graph, evaluator);
  //! [per_operation]
  std::cout << best.changes << ": " << best.cost << " bits, drop " << best.drop() << ", "
            << best.trials.size() << " trials\n";

  const ptq::tuned_quantization<ptq::tuning_space<algorithm>, first_axis> one{.base = space};
  std::cout << one(graph, evaluator).changes << '\n';
}
