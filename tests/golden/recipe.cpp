// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/recipe.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/int8_engine.hpp"
#include "engine/model.hpp"
#include "golden/images.hpp"

namespace {

using namespace ptq::test;

/// The library's own recipe on fashion_ds, 300 training images for calibration, 10,000 to test.
struct fixture {
  engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  engine::graph graph{model};
  engine::evaluator calibration{model, calibration_images()};
  engine::tensor images = test_images();
  std::vector<std::int64_t> labels = test_labels();
  engine::evaluator test{model, images, labels};
  ptq::samples all{0, 10'000};
  engine::tensor in_float = test.outputs(graph, {}, all);

  auto share_right(const engine::tensor& outputs) const -> double {
    const std::vector<std::int64_t> classes = engine::top1(outputs);
    std::size_t right = 0;
    for (std::size_t i = 0; i != classes.size(); ++i) {
      right += classes[i] == labels[i] ? 1U : 0U;
    }
    return static_cast<double>(right) / static_cast<double>(classes.size());
  }

  /// By how many points of top-1 the float model is better.
  auto loss(const engine::tensor& outputs) const -> double {
    return 100.0 * (share_right(in_float) - share_right(outputs));
  }

  auto decibels(const engine::tensor& outputs) const -> double {
    double signal = 0.0;
    double noise = 0.0;
    for (std::size_t i = 0; i != in_float.size(); ++i) {
      const auto wanted = static_cast<double>(in_float.data()[i]);
      signal += wanted * wanted;
      noise += std::pow(wanted - static_cast<double>(outputs.data()[i]), 2.0);
    }
    return 10.0 * std::log10(signal / noise);
  }

  template <class Device = ptq::device::any>
  auto outputs_with(const ptq::recipe::standard<Device>& quantize) -> engine::tensor {
    return test.outputs(graph, quantize(graph, calibration), all);
  }
};

TEST_CASE_FIXTURE(fixture, "with eight bits the library's recipe keeps accuracy and outputs") {
  const ptq::plan plan = ptq::recipe::standard<>{}(graph, calibration);
  const engine::tensor planned = test.outputs(graph, plan, all);
  CHECK(loss(planned) < 0.15);
  CHECK(decibels(planned) > 39.5);
  engine::int8_engine lowered(graph, plan);
  const engine::tensor integral = lowered.outputs(images);
  CHECK(loss(integral) < 0.15);
  CHECK(decibels(integral) > 39.5);
}

TEST_CASE_FIXTURE(fixture, "weights with one grid for a tensor lose less than half a point") {
  const engine::tensor outputs = outputs_with<>({.weights = {.granularity = ptq::per_tensor}});
  CHECK(loss(outputs) < 0.5); // with POT's default: 49.4
  CHECK(decibels(outputs) > 34.0);
}

TEST_CASE_FIXTURE(fixture, "weights, and activations, of four bits lose little") {
  CHECK(loss(outputs_with<>({.weights = {.bits = 4}})) < 1.0); // with POT's default: 6.5
  CHECK(loss(outputs_with<>({.weights = {.bits = 4}, .activations = {.bits = 4}})) < 2.0); // 13.8
}

TEST_CASE_FIXTURE(fixture, "so do weights of eight bits beside activations of 16 on GNA3") {
  CHECK(loss(outputs_with<ptq::device::gna3>({})) < 0.5); // with POT's default: 47.6
}

} // namespace
