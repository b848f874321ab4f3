// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/archetypes.hpp"

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/lowering/lower.hpp>
#include <ptq/plan/resolve.hpp>

#include <doctest/doctest.h>

#include "laws/plan.hpp"

namespace {

using namespace ptq::test;

TEST_CASE("the algorithm uses no more of graph and evaluator than their concepts say") {
  const graph_archetype g;
  evaluator_archetype<graph_archetype> evaluator;
  const ptq::default_quantization<> quantize{.stat_subset_size = 2};

  const ptq::plan made = quantize(g, evaluator);
  check_plan_laws(made);
  CHECK(made.input("sum", 0) != nullptr);
  CHECK_NOTHROW((void)ptq::resolve(g, made));
  CHECK(quantize(g, ptq::calibrate(quantize, g, evaluator, ptq::samples{0, 2})) == made);
  CHECK_NOTHROW((void)ptq::lower(g, made));
}

} // namespace
