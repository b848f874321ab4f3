// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/int8_engine.hpp"
#include "engine/model.hpp"
#include "golden/images.hpp"
#include "golden/plans.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

TEST_CASE("on 10,000 images the plan and its int8 form are as accurate as POT's") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  engine::evaluator calibration(model, calibration_images());
  const engine::tensor images = test_images();
  const std::vector<std::int64_t> labels = test_labels();
  engine::evaluator test(model, images, labels);
  const ptq::samples all{0, test.sample_count()};
  REQUIRE(all.size() == 10'000);
  CHECK(test.measure(graph, {}, all).front().value() == doctest::Approx(0.8982).epsilon(1e-6));

  for (const std::string& configuration : golden_configurations) {
    INFO(configuration);
    const golden_run& run = read_golden(configuration);
    const ptq::plan plan = plan_on(run, graph, calibration);
    const double under_plan = test.measure(graph, plan, all).front().value();
    CHECK(std::abs(under_plan - run.top1_emulated) <= accuracy_tolerance(run.top1_emulated));
    engine::int8_engine lowered(graph, plan);
    const std::vector<std::int64_t> classes = engine::top1(lowered.outputs(images));
    std::size_t right = 0;
    for (std::size_t i = 0; i != classes.size(); ++i) {
      right += classes[i] == labels[i] ? 1U : 0U;
    }
    const double in_int8 = static_cast<double>(right) / 10'000.0;
    CHECK(std::abs(in_int8 - run.top1_int8) <= accuracy_tolerance(run.top1_int8));
    MESSAGE(
        configuration,
        ": plan ",
        under_plan,
        " (POT ",
        run.top1_emulated,
        "), int8 ",
        in_int8,
        " (POT ",
        run.top1_int8,
        ")"
    );
  }
}

} // namespace
