// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstddef>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "golden/comparisons.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

TEST_CASE("each recorded run is in the list of comparisons, and nothing else is") {
  std::set<std::string> recorded;
  for (const std::string& model : golden_models) {
    for (const auto& [name, run] : golden_runs(model)) {
      recorded.insert(name);
    }
  }
  std::set<std::string> listed;
  for (const auto& [name, entry] : read_comparisons()) {
    listed.insert(name);
  }
  for (const std::string& name : recorded) {
    INFO(name);
    CHECK(listed.contains(name));
  }
  for (const std::string& name : listed) {
    INFO(name);
    CHECK(recorded.contains(name));
  }
}

TEST_CASE("what POT refused is listed as such, and no other run") {
  for (const auto& [name, entry] : read_comparisons()) {
    INFO(name);
    const golden_run& run = read_golden(name);
    if (entry.how == treatment::supported) {
      CHECK(!run.refused);
    } else if (entry.how != treatment::not_yet) {
      CHECK(run.refused);
    }
    CHECK((
        entry.how == treatment::supported || entry.how == treatment::planned || !entry.text.empty()
    ));
    if (entry.how == treatment::same_as) {
      CHECK(!read_golden(entry.text).refused);
    }
  }
}

TEST_CASE("each recorded run is there and whole") {
  const std::map<std::string, std::size_t> count{
      {"fashion_ds", 86}, {"fashion_mix", 92}, {"fashion_vit", 25}
  };
  const std::map<std::string, double> accuracy{
      {"fashion_ds", 0.8982}, {"fashion_mix", 0.8995}, {"fashion_vit", 0.8709}
  };
  const std::map<std::string, std::size_t> biases{
      {"fashion_ds", 10}, {"fashion_mix", 13}, {"fashion_vit", 14}
  };
  for (const std::string& model : golden_models) {
    CHECK(golden_runs(model).size() == count.at(model));
    for (const auto& [name, run] : golden_runs(model)) {
      INFO(name);
      CHECK(run.name == name);
      CHECK(run.algorithms.size() >= 1);
      if (run.refused) {
        CHECK(!run.refused->message.empty());
        continue;
      }
      CHECK(run.top1_float == doctest::Approx(accuracy.at(model)));
      CHECK(run.biases.size() == biases.at(model));
      std::size_t weights = 0;
      for (const golden_quantizer& each : run.quantizers) {
        const ptq::quantizer& q = each.quantizer;
        const bool of_weights = q.kind == ptq::tensor_kind::weights;
        weights += of_weights ? 1U : 0U;
        CHECK(q.tensor.empty() == of_weights);
        CHECK(each.weights_sha256.empty() != of_weights);
        CHECK(!q.consumers.empty());
        CHECK(q.format.grids.size() == (q.format.axis ? q.format.grids.size() : 1));
        CHECK(q.format.grids[0].in_low < q.format.grids[0].in_high);
      }
      const bool of_gna = run.parameters().value("target_device", "ANY").starts_with("GNA");
      CHECK((run.codes.size() == weights || of_gna));
    }
  }
}

TEST_CASE("the runs hold what POT did") {
  CHECK(read_golden("mixed").quantizers.size() == 21);
  CHECK(read_golden("fashion_mix.mixed").quantizers.size() == 30);
  CHECK(read_golden("fashion_vit.mixed").quantizers.size() == 44);
  CHECK(read_golden("mixed_wpertensor").top1_emulated == doctest::Approx(0.404));
  CHECK(read_golden("mixed_cpu_sat_all").weights.size() == 10);
  CHECK(read_golden("mixed_cpu_sat_all").weights.front().cause == "saturation_fix");
  CHECK(read_golden("performance_cpu_sat_no").weights.empty());
  CHECK(read_golden("mixed_w4").codes.front().bits == 4);
  CHECK(read_golden("mixed_gna").weights.front().cause == "overflow_correction");
  CHECK(read_golden("mixed_vpu").refused->message == "Unsupported target_device : VPU");
  CHECK(read_golden("fashion_ds_dynamic.mixed").refused);
  const std::vector<std::size_t> shuffled = read_golden("mixed_shuffle").samples;
  REQUIRE(shuffled.size() == 300);
  CHECK(shuffled[0] == 864);
  CHECK(shuffled[299] < 1000);
  CHECK(read_golden("mixed_subset30").samples.size() == 30);
  const golden_run& aligned = read_golden("fashion_mix.mixed");
  REQUIRE(aligned.aligned_pairs.size() == 1);
  CHECK(
      aligned.aligned_pairs.front() ==
      std::pair<std::string, std::string>{"/lin/lin.0/Conv", "/exp/exp.0/Conv"}
  );
  REQUIRE(aligned.aligned_medians.size() == 1);
  CHECK(aligned.aligned_medians.front().tensor == "/lin/lin.1/BatchNormalization_output_0");
  CHECK(aligned.aligned_medians.front().low.size() == 32);
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

  CHECK(
      read_golden_tensors("fashion_mix")
          .at("/lin/lin.1/BatchNormalization_output_0")
          .statistics.at("quantile_max")
          .shape == std::vector<std::size_t>{300, 32}
  );
  CHECK(
      golden_statistics("fashion_vit")
          .per_sample({"/b1/Transpose_2_output_0", "extremes"})
          .size() == 300
  );
}

} // namespace
