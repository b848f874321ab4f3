// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/policy_archetypes.hpp"

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/plan/validate.hpp>

#include <doctest/doctest.h>

#include "support/archetypes.hpp"

namespace {

using namespace ptq::test;

using ranges = ptq::ranges<
    ptq::for_weights<range_estimator_archetype>,
    ptq::for_activations<
        ptq::low<range_estimator_archetype, aggregator_archetype>,
        ptq::high<range_estimator_archetype, aggregator_archetype>>>;
using quantization = ptq::default_quantization<
    preset_archetype,
    device_archetype,
    ranges,
    ptq::schemes<scheme_archetype, scheme_archetype>,
    ptq::corrections<correction_archetype>>;

TEST_CASE("the algorithm uses no more of its policies than their concepts say") {
  const graph_archetype g;
  evaluator_archetype<graph_archetype> evaluator;
  observer_archetype observer;
  const quantization quantize;
  const ptq::plan made = quantize(g, evaluator, observer);
  CHECK_NOTHROW(ptq::validate(made));
  REQUIRE(made.quantizers.size() == 2);
  // The values of sample 1, which the aggregator takes, are 1 and 2; the weights are 1 and 2.
  CHECK(made.quantizers[0]->tensor == "x");
  CHECK(made.quantizers[0]->format.grids == std::vector{ptq::grid{.in_low = -2, .in_high = 2}});
  CHECK(made.quantizers[1]->tensor == "w");
  CHECK(
      made.quantizers[1]->format.grids ==
      std::vector{ptq::grid{.in_low = -2, .in_high = 2, .levels = 255}}
  );
  CHECK(quantize(g, ptq::calibrate(quantize, g, evaluator, ptq::samples{0, 2})) == made);
}

} // namespace
