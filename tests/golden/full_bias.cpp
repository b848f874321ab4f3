// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/full_bias.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/images.hpp"

namespace {

using namespace ptq::test;

/// The bias of the last operation, which depends on the corrections of all before it.
auto last_bias(const ptq::tensor_options& weights) -> std::vector<float> {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  engine::evaluator evaluator(model, calibration_images());
  const ptq::default_quantization<
      ptq::preset::mixed,
      ptq::device::any,
      ptq::default_ranges,
      ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
      ptq::corrections<ptq::correction::saturation_fix, ptq::correction::full_bias>>
      quantize{.weights = weights};
  const ptq::plan plan = quantize(graph, evaluator);
  CHECK(std::ranges::count_if(plan.constants, [](const auto& each) {
          return each->cause == "bias_correction";
        }) == 10);
  const ptq::tensor_data* const bias = plan.constant("11.bias");
  REQUIRE(bias != nullptr);
  return bias->values;
}

void check_near(const std::vector<float>& actual, const std::vector<float>& recorded) {
  REQUIRE(actual.size() == recorded.size());
  for (std::size_t c = 0; c != recorded.size(); ++c) {
    // As near as two engines are in binary32.
    CHECK(std::abs(actual[c] - recorded[c]) < 2e-5F);
  }
}

// POT 2023.3, `mixed`, `use_fast_bias` false, 300 images.
TEST_CASE("full bias correction gives POT's biases") {
  check_near(
      last_bias({}),
      {0.06877615F,
       0.07424917F,
       -0.13282241F,
       0.40979168F,
       0.036706623F,
       -0.06760812F,
       0.22339204F,
       -0.087981336F,
       -0.014911484F,
       -0.3334849F}
  );
}

TEST_CASE("full bias correction gives POT's biases where weights have one grid for all channels") {
  check_near(
      last_bias({.granularity = ptq::per_tensor}),
      {0.8903208F,
       -0.9006229F,
       0.34964097F,
       0.52897155F,
       0.16896194F,
       -0.42251024F,
       1.2785853F,
       -0.84316427F,
       -0.37223947F,
       -0.41573513F}
  );
}

} // namespace
