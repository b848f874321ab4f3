// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>
#include <cstddef>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

TEST_CASE("each recorded run is there and whole") {
  for (const std::string& configuration : golden_configurations) {
    INFO(configuration);
    const golden_run run = read_golden(configuration);
    CHECK(run.configuration == configuration);
    CHECK(run.preset == configuration.substr(0, configuration.find('_')));
    CHECK(run.device == (configuration.find("_cpu") == std::string::npos ? "ANY" : "CPU"));
    CHECK(run.top1_float == doctest::Approx(0.8982));
    REQUIRE(run.quantizers.size() == 21);
    CHECK(run.biases.size() == 10);
    CHECK(run.codes.size() == 10);
    std::size_t weights = 0;
    for (const golden_quantizer& each : run.quantizers) {
      const ptq::quantizer& q = each.quantizer;
      const bool of_weights = q.kind == ptq::tensor_kind::weights;
      weights += of_weights ? 1U : 0U;
      CHECK(q.tensor.empty() == of_weights);
      CHECK(q.consumers.size() == 1);
      CHECK(q.format.grids.size() == (q.format.axis ? q.format.grids.size() : 1));
      CHECK(q.format.grids[0].in_low < q.format.grids[0].in_high);
    }
    CHECK(weights == 10);
  }
  CHECK(read_golden("mixed_wpertensor").top1_emulated == doctest::Approx(0.404));
  CHECK(read_golden("mixed_cpu_sat_all").halved.size() == 10);
  CHECK(read_golden("performance_cpu_sat_no").halved.empty());
}

TEST_CASE("the recorded statistics are there and whole") {
  const std::map<std::string, golden_tensor> tensors = read_golden_tensors();
  CHECK(tensors.size() == 22);
  CHECK(tensors.at("x").shape == std::vector<std::uint64_t>{1, 28, 28});
  CHECK(
      tensors.at("/0/0.2/Clip_output_0").statistics.at("ch_max").shape ==
      std::vector<std::size_t>{300, 16}
  );

  const ptq::statistics collected = golden_statistics();
  CHECK(collected.per_sample({"x", "extremes"}).size() == 300);
  double highest = 0.0;
  for (const auto& [sample, numbers] : collected.per_sample({"x", "extremes"})) {
    highest += static_cast<double>(numbers.at(1)) / 300.0;
  }
  CHECK(highest == doctest::Approx(0.99966013).epsilon(1e-7)); // in_high of `x` in POT
  CHECK(collected.mean({"x", "mean/1"}).at(0) == doctest::Approx(0.29147694));
  CHECK(collected.per_sample({"/0/0.2/Clip_output_0", "extremes/1"}).at(299).size() == 32);
}

} // namespace
