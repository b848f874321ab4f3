// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "golden/plans.hpp"

#include "golden/quantize.hpp"

namespace ptq::test {

auto plan_from(const golden_run& run, const engine::graph& of, const statistics& collected)
    -> plan {
  return quantization_of(run)(of, collected);
}

auto plan_on(const golden_run& run, const engine::graph& of, engine::evaluator& evaluator) -> plan {
  const chosen_quantization quantize = quantization_of(run);
  return quantize(of, calibrate(quantize, of, evaluator, samples_of(run)), evaluator);
}

auto asked_like(const golden_run& run, const golden_run& recorded) -> golden_run {
  golden_run result = run;
  result.weights = recorded.weights;
  result.biases = recorded.biases;
  return result;
}

} // namespace ptq::test
