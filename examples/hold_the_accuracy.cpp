// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Quantizes to few bits, and takes back as few operations as it must to hold the accuracy.
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/observer/print_steps.hpp>
#include <ptq/ptq.hpp>
#include <ptq/search/keep_best.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iostream>

#include "support/labelled_net.hpp"

//! [ranking]
/// Reverts first what is cheapest in floating point: here, what has the fewest inputs.
struct by_float_cycles {
  auto score(
      const small_net::graph& of,
      const ptq::plan& /*now*/,
      const ptq::group& what,
      labelled_evaluator& /*engine*/
  ) const -> double {
    double cycles = 0.0;
    for (const int id : of.nodes()) {
      if (std::ranges::count(what.operations, of.name(id)) != 0) {
        cycles += static_cast<double>(of.at(of.inputs(id)[1].node).values.size());
      }
    }
    return -cycles;
  }
};

//! [ranking]

int main() {
  const small_net::graph graph;
  labelled_evaluator evaluator(graph, 400);

  //! [use]
  const ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu> quantize{
      .weights = {.bits = 2}, .activations = {.bits = 2}
  };
  const ptq::accuracy_aware_quantization control{.base = quantize, .maximal_drop = 0.02};
  const auto outcome = control(graph, evaluator, ptq::print_steps(std::cout));
  if (!outcome.reached) {
    std::cout << "missed by " << outcome.missed_by << ": " << name_of(outcome.why) << '\n';
  }
  //! [use]
  std::cout << outcome.operations_reverted << " of " << outcome.operations_quantized
            << " operations in float\n";

  //! [choices]
  using control_type = ptq::
      accuracy_aware_quantization<decltype(quantize), by_float_cycles, ptq::search::keep_best<>>;
  const control_type other{
      .base = quantize,
      .maximal_drop = 0.05,
      .drop_type = ptq::drop::relative,
      .budget = {.evaluations = 200, .time = std::chrono::minutes(30)},
      .state = "search.state"
  };
  //! [choices]
  std::cout << other(graph, evaluator).operations_reverted << " by the cycles they cost\n";
}
