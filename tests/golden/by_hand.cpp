// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>

#include <doctest/doctest.h>

#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/plans.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

TEST_CASE("an algorithm chosen at run time gives the bits of the type written by hand") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  const ptq::statistics collected = golden_statistics();
  const auto chosen = [&](const char* configuration) {
    return plan_from(read_golden(configuration), graph, collected);
  };
  const ptq::default_quantization<> performance;
  CHECK(performance(graph, collected) == chosen("performance"));
  const ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu> mixed;
  CHECK(mixed(graph, collected) == chosen("mixed_cpu"));
  const ptq::default_quantization<ptq::preset::accuracy> accuracy;
  CHECK(accuracy(graph, collected) == chosen("accuracy"));
  CHECK(performance(graph, collected) != accuracy(graph, collected));
}

} // namespace
