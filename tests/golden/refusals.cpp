// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/error.hpp>

#include <cstddef>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/comparisons.hpp"
#include "golden/images.hpp"
#include "golden/plans.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

/// The refused runs of a model that are answered by a sentence or by the plan of another run.
auto answered_runs(const std::string& model) -> std::map<std::string, comparison_entry> {
  std::map<std::string, comparison_entry> result = read_comparisons();
  std::erase_if(result, [&model](const auto& each) {
    const treatment how = each.second.how;
    return read_golden(each.first).model != model ||
           (how != treatment::same_as && how != treatment::refused);
  });
  return result;
}

TEST_CASE("what POT refused is refused with a sentence or planned as it should be") {
  for (const std::string& model_name : golden_models) {
    const std::map<std::string, comparison_entry> runs = answered_runs(model_name);
    if (runs.empty()) {
      continue;
    }
    const engine::model model = engine::load(PTQ_MODELS_DIR "/" + model_name + ".onnx");
    const engine::graph graph(model);
    const ptq::statistics collected = golden_statistics(model_name);
    for (const auto& [name, entry] : runs) {
      INFO(name);
      if (entry.how == treatment::refused) {
        try {
          static_cast<void>(plan_from(read_golden(name), graph, collected));
          FAIL_CHECK("not refused");
        } catch (const ptq::error& problem) {
          CHECK(std::string(problem.what()).find(entry.text) != std::string::npos);
        }
      } else {
        const golden_run& expected = read_golden(entry.text);
        const ptq::plan plan = plan_from(asked_like(read_golden(name), expected), graph, collected);
        CHECK(compare(plan, expected, graph, {}).differences.empty());
      }
    }
  }
}

TEST_CASE("weights of one asymmetric range are planned, which POT could not") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  const golden_run& run = read_golden("accuracy_wpertensor_asym");
  CHECK(run.refused);
  const ptq::plan plan = plan_from(run, graph, golden_statistics());
  std::size_t weights = 0;
  for (const auto& each : plan.quantizers) {
    if (each->kind == ptq::tensor_kind::weights) {
      ++weights;
      CHECK(each->format.mode == ptq::asymmetric);
      REQUIRE(each->format.grids.size() == 1);
      CHECK(each->format.grids.front().levels == 256);
      CHECK(each->format.grids.front().in_low < 0.0F);
      CHECK(each->format.grids.front().in_high > 0.0F);
    }
  }
  CHECK(weights == 10);
}

} // namespace
