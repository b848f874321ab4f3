// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/recipe.hpp>
#include <ptq/correction/detail/output_error.hpp>
#include <ptq/evaluator/plan_runner.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/small_net.hpp"

namespace {

using namespace ptq::test;

static_assert(ptq::explain_quantization_preset<ptq::recipe::preset>());
static_assert(ptq::explain_scheme_policy<ptq::recipe::schemes>());
static_assert(!ptq::runs_the_model<ptq::recipe::corrections>);

struct fixture : small_net {
  std::vector<std::string> notes{};

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  auto output_error(const ptq::plan& under, const ptq::samples& range) -> double {
    toy_evaluator evaluator(data(40));
    ptq::plan_runner_of<toy_graph, toy_evaluator> run(g, evaluator);
    return ptq::detail::output_error(ptq::read_graph(g).nodes, run, range).of(under);
  }
};

auto causes_in(const ptq::plan& of) -> std::set<std::string> {
  std::set<std::string> result;
  for (const auto& each : of.constants) {
    result.insert(each->cause);
  }
  return result;
}

TEST_CASE_FIXTURE(fixture, "quantizers sit at weights and at what weighted operations read") {
  toy_evaluator evaluator(data());
  const ptq::plan plan = ptq::recipe::standard<>{}(g, evaluator);
  std::set<std::string> weights;
  std::set<std::string> activations;
  for (const auto& each : plan.quantizers) {
    const bool is_weights = each->kind == ptq::tensor_kind::weights;
    (is_weights ? weights : activations).insert(each->tensor);
    CHECK(each->format.mode == (is_weights ? ptq::symmetric : ptq::asymmetric));
    CHECK(each->format.axis.has_value() == is_weights);
    for (const ptq::grid& grid : each->format.grids) {
      const double zero = -static_cast<double>(grid.in_low) / grid.scale();
      CHECK(std::abs(zero - std::nearbyint(zero)) < 1e-4);
    }
  }
  CHECK(weights == std::set<std::string>{"w1", "w2", "w3", "w4", "w5"});
  CHECK(activations == std::set<std::string>{"x", "relu1", "relu2", "flat"});
}

TEST_CASE_FIXTURE(fixture, "options of the recipe are those of the algorithm") {
  toy_evaluator evaluator(data());
  const ptq::recipe::standard<ptq::device::cpu> quantize{
      .stat_subset_size = 5,
      .weights = {.bits = 4, .granularity = ptq::per_tensor},
      .ignored = {.nodes = {"first"}}
  };
  const ptq::plan plan = quantize(g, evaluator);
  CHECK(plan.quantizers.size() == 7);
  CHECK(plan.input("first", 1) == nullptr);
  REQUIRE(plan.input("dense", 1) != nullptr);
  CHECK(plan.input("dense", 1)->format.bits == 4);
  CHECK(plan.input("dense", 1)->format.grids.size() == 1);
  CHECK(evaluator.runs > 5); // it verified
}

TEST_CASE_FIXTURE(fixture, "biases are corrected only as far as the held-back outputs gain") {
  toy_evaluator evaluator(data(40));
  const ptq::recipe::standard<> quantize{.weights = {.bits = 4}, .activations = {.bits = 4}};
  const ptq::plan plan = quantize(g, evaluator, *this);
  CHECK(causes_in(plan).contains("sequential_bias_correction"));
  ptq::plan without = plan;
  std::erase_if(without.constants, [](const auto& each) {
    return each->cause == "sequential_bias_correction";
  });
  const ptq::samples held_back{32, 40};
  double before = output_error(without, held_back);
  for (const auto& each : plan.constants) {
    if (each->cause == "sequential_bias_correction") {
      without.constants.push_back(each);
      const double now = output_error(without, held_back);
      CHECK(now < before);
      before = now;
    }
  }
}

TEST_CASE_FIXTURE(fixture, "four bits lose less than with POT's default") {
  toy_evaluator evaluator(data(40));
  const ptq::recipe::standard<> own{.weights = {.bits = 4}, .activations = {.bits = 4}};
  const ptq::default_quantization<> pot{.weights = {.bits = 4}, .activations = {.bits = 4}};
  const ptq::samples all{0, 40};
  CHECK(output_error(own(g, evaluator), all) < 0.5 * output_error(pot(g, evaluator), all));
}

TEST_CASE_FIXTURE(fixture, "an evaluator that takes no plan gets exact biases, and a note") {
  toy_float_evaluator evaluator(data());
  const ptq::recipe::standard<> quantize{.weights = {.bits = 4}};
  const ptq::plan plan = quantize(g, evaluator, *this);
  CHECK(causes_in(plan) == std::set<std::string>{"exact_bias_correction"});
  CHECK(plan.constants.size() == 5);
  CHECK(evaluator.engine.runs == 12);
  CHECK(notes.front().starts_with("biases: corrected by the weights' error alone"));
  CHECK(quantize(g, ptq::calibrate(quantize, g, evaluator, {0, 12})) == plan);
}

TEST_CASE_FIXTURE(fixture, "statistics from a file and an engine give the plan of one call") {
  toy_evaluator evaluator(data());
  const ptq::recipe::standard<> quantize{.weights = {.bits = 4}};
  const ptq::plan plan = quantize(g, evaluator);
  ptq::statistics merged = ptq::calibrate(quantize, g, evaluator, {7, 12});
  merged.merge(ptq::calibrate(quantize, g, evaluator, {0, 7}));
  CHECK(quantize(g, merged, evaluator) == plan);
  toy_evaluator_of_parts parts(data());
  CHECK(quantize(g, parts).quantizers == plan.quantizers);
}

TEST_CASE_FIXTURE(fixture, "whatever the unit of the samples, the plan is as good") {
  const auto scaled = [](float by) {
    std::vector<ptq::tensor_data> result = data();
    for (ptq::tensor_data& sample : result) {
      for (float& value : sample.values) {
        value *= by;
      }
    }
    return result;
  };
  toy_evaluator small(scaled(0x1p-12F));
  toy_evaluator usual(scaled(1.0F));
  const ptq::recipe::standard<> quantize;
  const auto grid_of_x = [&](toy_evaluator& evaluator) {
    return quantize(g, evaluator).input("first", 0)->format.grids.front();
  };
  CHECK(
      static_cast<double>(grid_of_x(small).in_high) * 0x1p12 ==
      doctest::Approx(static_cast<double>(grid_of_x(usual).in_high)).epsilon(1e-3)
  );
}

TEST_CASE("the recipe has its own places for quantizers") {
  CHECK(ptq::recipe::standard<>{}.where == ptq::where::weighted_inputs);
  CHECK(ptq::default_quantization<>{}.where == ptq::where::device_rules);
}

TEST_CASE("a share, or a number, that leaves no sample is refused by name") {
  ptq::recipe::standard<> quantize;
  std::get<1>(quantize.corrections.each).verified_on = 1.0;
  CHECK(message_of([&] {
          quantize.check_options();
        }) == "the share is 0 to below 1 (option `verified_bias.verified_on`)");
  std::get<1>(quantize.corrections.each) = {.most_samples = 0};
  CHECK(message_of([&] {
          quantize.check_options();
        }) == "at least one sample is needed (option `verified_bias.most_samples`)");
}

} // namespace
