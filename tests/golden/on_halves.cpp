// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/reference.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/images.hpp"
#include "golden/openvino_kernel.hpp"
#include "golden/plans.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

struct on_a_half {
  float x, low, high;
  std::int64_t levels;
  float level;     ///< What the CPU plugin of OpenVINO 2023.3 gave.
  float reference; ///< To even; or where the quotient of the reference falls beside the half.
};

TEST_CASE("values on halves go where OpenVINO's kernel sends them") {
  // Weights of the first layer of fashion_mix.mixed_w4, halved; zeros of
  // fashion_ds.performance_a8_narrow.
  const std::vector<on_a_half> recorded{
      {-2.365553379058838F, -4.731106758117676F, 4.731106758117676F, 15, 4, 4},
      {1.3796865940093994F, -2.759373188018799F, 2.759373188018799F, 15, 10, 11},
      {1.1649787425994873F, -2.3299574851989746F, 2.3299574851989746F, 15, 10, 10},
      {0.10610944032669067F, -0.21221888065338135F, 0.21221888065338135F, 15, 11, 10},
      {-2.873171806335449F, -5.746343612670898F, 5.746343612670898F, 15, 3, 4},
      {-0.8396401405334473F, -1.6792802810668945F, 1.6792802810668945F, 15, 3, 4},
      {-1.7389380931854248F, -3.4778761863708496F, 3.4778761863708496F, 15, 3, 4},
      {-0.5651982426643372F, -1.1303964853286743F, 1.1303964853286743F, 15, 4, 4},
      {0.0F, -4.2023363F, 4.169377F, 255, 127, 127},
      {0.0F, -5.0138254F, 4.974501F, 255, 127, 128},
      {0.0F, -4.068783F, 4.036871F, 255, 128, 128},
      {0.0F, -3.410702F, 3.3839514F, 255, 127, 128},
  };
  for (const on_a_half& each : recorded) {
    CAPTURE(each.x);
    CAPTURE(each.low);
    const ptq::grid on{each.low, each.high, each.low, each.high, each.levels};
    CHECK(openvino_kernel(on).level(each.x) == each.level);
    CHECK(ptq::reference::level(each.x, on) == each.reference);
  }
}

TEST_CASE("beside halves OpenVINO's kernel and the library agree") {
  const ptq::grid on{-3.0F, 3.0F, -3.0F, 3.0F, 255};
  const openvino_kernel kernel(on);
  for (int i = -40; i <= 40; ++i) {
    const float x = 0.0913F * static_cast<float>(i);
    CHECK(kernel(x) == doctest::Approx(ptq::reference::fake_quantize(x, on)).epsilon(1e-5));
  }
}

/// A run on the halves: with OpenVINO's kernel it is as accurate as POT measured in it.
void check_accuracy(const std::string& name) {
  CAPTURE(name);
  const golden_run& run = read_golden(name);
  const engine::model model = engine::load(PTQ_MODELS_DIR "/" + run.model + ".onnx");
  const engine::graph graph(model);
  engine::evaluator calibration(model, calibration_images());
  const ptq::plan plan = plan_on(run, graph, calibration);
  const double reached =
      accuracy_with_openvino_kernel(graph, plan, run, test_images(), test_labels());
  CHECK(std::abs(reached - run.top1_emulated) <= accuracy_tolerance(run.top1_emulated));
  engine::evaluator test(model, test_images(), test_labels());
  const double own = test.measure(graph, plan, {0, test.sample_count()}).front().value();
  CHECK(std::abs(own - run.top1_emulated) > accuracy_tolerance(run.top1_emulated));
  MESSAGE(name, ": with OpenVINO's kernel ", reached, " (POT ", run.top1_emulated, "), own ", own);
}

TEST_CASE("where zeros lie on a half, POT's accuracy is that of OpenVINO's kernel") {
  check_accuracy("fashion_ds.performance_a8_narrow");
}

TEST_CASE("where weights of 4 bits lie on halves, POT's accuracy is that of OpenVINO's kernel") {
  check_accuracy("fashion_mix.mixed_w4");
}

} // namespace
