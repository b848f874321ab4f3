// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/search/keep_best.hpp>

#include <cstddef>
#include <string>

#include "planned.hpp"

namespace {

auto without_times(ptq::accuracy_outcome of) -> ptq::accuracy_outcome {
  for (ptq::step& each : of.trace) {
    each.seconds = 0.0;
  }
  return of;
}

} // namespace

TEST_CASE("a search on the engine has the same plan and trace with any number of threads") {
  const engine::model of = engine::load(std::string(PTQ_MODELS_DIR) + "/fashion_ds.onnx");
  const engine::graph graph(of);
  const engine::tensor samples = samples_for(of, 330, 0, 1, 21);
  engine::evaluator unlabelled(of, samples);
  const auto labels = engine::top1(unlabelled.outputs(graph, {}, {0, 330}));
  const auto start = [&] {
    engine::evaluator calibration(of, samples);
    return ptq::default_quantization<>{
        .stat_subset_size = 20, .weights = {.bits = 4}, .activations = {.bits = 4}
    }(graph, calibration);
  }();
  const auto base = [&](const engine::graph&, engine::evaluator&) { return start; };
  ptq::
      accuracy_aware_quantization<decltype(base), ptq::ranking::by_metric, ptq::search::keep_best<>>
          control{.base = base, .ranking = {.ranking_subset_size = 40}, .maximal_drop = 0.02};
  for (const bool annotation_free : {false, true}) {
    for (const bool early : {true, false}) {
      CAPTURE(annotation_free);
      CAPTURE(early);
      control.annotation_free = annotation_free;
      control.unlabelled.annotation_conf_threshold = 0.0;
      control.early_stopping.enabled = early;
      control.threads = 1;
      engine::evaluator alone(of, samples, labels);
      const auto expected = without_times(control(graph, alone));
      CHECK(expected.evaluations > 2);
      CHECK(expected.operations_reverted > 0);
      for (const std::size_t threads : {2U, 4U}) {
        CAPTURE(threads);
        control.threads = threads;
        engine::evaluator forked(of, samples, labels);
        CHECK(without_times(control(graph, forked)) == expected);
      }
    }
  }
}
