// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/json/plan.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

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

void check_equal(
    const ptq::plan& plan, const golden_run& run, const engine::graph& graph, double activations
) {
  const comparison found = compare(plan, run, graph, {.activations = activations});
  for (const std::string& difference : found.differences) {
    FAIL_CHECK(difference);
  }
  CHECK(found.differences.empty());
}

TEST_CASE("a limit that is not finite is infinitely far from POT's") {
  const ptq::grid recorded{.in_low = 0, .in_high = 1};
  CHECK(distance({recorded}, {recorded}) == 0.0);
  for (const float limit :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ptq::grid mine = recorded;
    mine.out_low = limit;
    CHECK(distance({mine}, {recorded}) == std::numeric_limits<double>::infinity());
  }
}

/// The runs of a model that are to be compared, as far as `which` takes them.
template <class Which>
auto compared_runs(const std::string& model, Which which) -> std::vector<const golden_run*> {
  std::vector<const golden_run*> result;
  for (const auto& [name, entry] : read_comparisons()) {
    if (entry.how == treatment::supported && which(entry) && read_golden(name).model == model) {
      result.push_back(&read_golden(name));
    }
  }
  return result;
}

TEST_CASE("from the recorded statistics each plan is POT's") {
  for (const std::string& model_name : golden_models) {
    const std::vector<const golden_run*> runs =
        compared_runs(model_name, [](const comparison_entry& each) { return !each.engine_only; });
    if (runs.empty()) {
      continue;
    }
    const engine::model model = engine::load(PTQ_MODELS_DIR "/" + model_name + ".onnx");
    const engine::graph graph(model);
    const ptq::statistics collected = golden_statistics(model_name);
    for (const golden_run* const run : runs) {
      INFO(run->name);
      REQUIRE((run->samples.empty() || ptq::samples(run->samples) == ptq::samples(0, 300)));
      check_equal(plan_from(*run, graph, collected), *run, graph, 1e-6);
    }
  }
}

TEST_CASE("a comparison tells each thing in which a plan is not POT's") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  const golden_run& run = read_golden("mixed");
  const ptq::plan equal = plan_from(run, graph, golden_statistics());
  const auto differences = [&](const auto& change) {
    ptq::plan changed = equal;
    change(changed);
    std::string all;
    for (const std::string& each : compare(changed, run, graph, {}).differences) {
      all += each + '\n';
    }
    return all;
  };
  const auto tells = [&](const std::string& part, const auto& change) {
    const std::string told = differences(change);
    INFO(told);
    CHECK(told.find(part) != std::string::npos);
  };
  const auto changed_quantizer = [](ptq::plan& of, ptq::tensor_kind kind, const auto& change) {
    for (auto& each : of.quantizers) {
      if (each->kind == kind) {
        ptq::quantizer other = *each;
        change(other);
        each = std::move(other);
        return;
      }
    }
  };
  CHECK(differences([](ptq::plan&) {}).empty());
  tells(" has no quantizer here", [](ptq::plan& of) { of.quantizers.pop_back(); });
  tells(" has a quantizer here only", [&](ptq::plan& of) {
    changed_quantizer(of, ptq::tensor_kind::activations, [](ptq::quantizer& q) { q.tensor = "y"; });
  });
  tells(" of its width", [&](ptq::plan& of) {
    changed_quantizer(of, ptq::tensor_kind::activations, [](ptq::quantizer& q) {
      q.format.grids.front().in_high *= 1.00001F;
    });
  });
  tells(" of its width", [&](ptq::plan& of) {
    changed_quantizer(of, ptq::tensor_kind::weights, [](ptq::quantizer& q) {
      q.format.grids.front().in_low *= 1.00001F;
    });
  });
  tells(" levels, in POT 255", [&](ptq::plan& of) {
    changed_quantizer(of, ptq::tensor_kind::weights, [](ptq::quantizer& q) {
      q.format.grids.front().levels = 256;
    });
  });
  tells(" has another mode", [&](ptq::plan& of) {
    changed_quantizer(of, ptq::tensor_kind::weights, [](ptq::quantizer& q) {
      q.format.mode = ptq::asymmetric;
    });
  });
  tells("are not POT's\n", [](ptq::plan& of) {
    const auto halved = std::ranges::find_if(of.constants, [](const auto& each) {
      return each->cause == "saturation_fix";
    });
    ptq::replaced_constant other = **halved;
    other.value.values.front() *= -1.0F;
    *halved = std::move(other);
  });
  tells("of saturation_fix, here: none", [](ptq::plan& of) {
    std::erase_if(of.constants, [](const auto& each) { return each->cause == "saturation_fix"; });
  });
  tells(" is not corrected", [](ptq::plan& of) { of.constants.pop_back(); });
  tells(" of the largest", [](ptq::plan& of) {
    ptq::replaced_constant other = *of.constants.back();
    other.value.values.back() += 0.01F;
    of.constants.back() = std::move(other);
  });
}

TEST_CASE("on the example engine each plan is POT's") {
  for (const std::string& model_name : golden_models) {
    const std::vector<const golden_run*> runs =
        compared_runs(model_name, [](const comparison_entry& each) { return each.everyday; });
    if (runs.empty()) {
      continue;
    }
    const engine::model model = engine::load(PTQ_MODELS_DIR "/" + model_name + ".onnx");
    const engine::graph graph(model);
    engine::evaluator evaluator(model, calibration_images());
    for (const golden_run* const run : runs) {
      INFO(run->name);
      check_equal(plan_on(*run, graph, evaluator), *run, graph, 1e-4);
    }
  }
}

TEST_CASE("statistics of parts and of threads are those of the whole") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  engine::evaluator evaluator(model, calibration_images());
  const ptq::default_quantization<ptq::preset::mixed> quantize;
  const ptq::statistics whole = ptq::calibrate(quantize, graph, evaluator, {0, 100});
  ptq::statistics second = ptq::calibrate(quantize, graph, evaluator, {37, 100});
  second.merge(ptq::calibrate(quantize, graph, evaluator, {0, 37}));
  CHECK(second == whole);
  CHECK(ptq::calibrate_in_threads(quantize, graph, evaluator, {0, 100}, 2) == whole);
  CHECK(ptq::calibrate_in_threads(quantize, graph, evaluator, {0, 100}, 7) == whole);
  CHECK(
      ptq::to_json_text(plan_from(read_golden("mixed"), graph, second)) ==
      ptq::to_json_text(plan_from(read_golden("mixed"), graph, whole))
  );
}

} // namespace
