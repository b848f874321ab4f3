// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/depthwise_equalisation.hpp>
#include <ptq/correction/verified_bias.hpp>
#include <ptq/range/mean_squared_error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::depthwise_equalisation;

static_assert(ptq::explain_plan_correction<depthwise_equalisation>());
static_assert(!ptq::runs_the_model<depthwise_equalisation>);

using quantization = ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::ranges<
        ptq::for_weights<ptq::weighted_mean_squared_error>,
        ptq::for_activations<ptq::both<ptq::mean_squared_error>>>,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<depthwise_equalisation>>;

/// A clamp as ONNX's Clip: its limits are constants on inputs 1 and 2.
auto clipped(toy_graph& g, toy_graph::tensor in, float low, float high) -> toy_graph::tensor {
  const auto compute = [low, high](std::span<const ptq::tensor_data> values) {
    ptq::tensor_data result = values[0];
    for (float& value : result.values) {
      value = std::clamp(value, low, high);
    }
    return std::vector{result};
  };
  return g.other(
      "clip",
      {in, g.constant("low", {}, {low}), g.constant("high", {}, {high})},
      compute,
      ptq::op::clamp
  );
}

/// A convolution whose channels are 8 : 4 : 2 : 1 wide, what `between` adds, a depthwise one.
struct fixture {
  toy_graph g{};
  toy_graph::tensor x = g.input("x");
  std::vector<std::string> notes{};

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  auto first() -> toy_graph::tensor {
    std::vector<float> weights = toy_numbers(8, 3, 0.5F, 1.0F);
    std::vector<float> bias = toy_numbers(4, 4, 0.1F, 0.3F);
    for (std::size_t i = 0; i != 8; ++i) {
      weights[i] /= static_cast<float>(std::size_t{1} << (i / 2));
      bias[i / 2] /= i % 2 == 0 ? static_cast<float>(std::size_t{1} << (i / 2)) : 1.0F;
    }
    return g.convolution(
        "first", x, g.constant("w1", {4, 2, 1, 1}, weights), g.constant("b1", {4}, bias)
    );
  }

  auto depthwise(toy_graph::tensor between) -> toy_graph::tensor {
    return g.convolution(
        "depthwise",
        between,
        g.constant("w2", {4, 1, 3, 3}, toy_numbers(36, 5)),
        g.constant("b2", {4}, toy_numbers(4, 6)),
        {.pads_begin = {1, 1}, .pads_end = {1, 1}, .groups = 4}
    );
  }

  static auto data() { return toy_samples(8, {1, 2, 6, 6}, -0.5F, 2.0F); }

  static auto per_tensor_activations() -> quantization {
    return {.activations = {.granularity = ptq::per_tensor}};
  }

  auto plan_of(const quantization& quantize) -> ptq::plan {
    toy_evaluator evaluator(data());
    return quantize(g, evaluator, *this);
  }

  /// The greatest value of each channel of a tensor in the model with the plan's constants.
  auto widths(toy_graph::tensor of, const ptq::plan& under) -> std::vector<float> {
    ptq::plan constants;
    constants.constants = under.constants;
    const auto resolved = ptq::resolve(g, constants);
    std::vector<float> result(4, 0.0F);
    for (const ptq::tensor_data& sample : data()) {
      const ptq::tensor_data seen = toy_run(g, resolved, std::span(&sample, 1)).at(of);
      for (std::size_t i = 0; i != seen.values.size(); ++i) {
        float& most = result[i / (seen.values.size() / 4)];
        most = std::max(most, std::abs(seen.values[i]));
      }
    }
    return result;
  }

  auto outputs(toy_graph::tensor of, const ptq::plan& under) -> std::vector<float> {
    const auto resolved = ptq::resolve(g, under);
    std::vector<float> result;
    for (const ptq::tensor_data& sample : data()) {
      const auto seen = toy_run(g, resolved, std::span(&sample, 1)).at(of).values;
      result.insert(result.end(), seen.begin(), seen.end());
    }
    return result;
  }

  void check_function_is_kept(toy_graph::tensor y, const ptq::plan& plan) {
    ptq::plan constants;
    constants.constants = plan.constants;
    const std::vector<float> before = outputs(y, {});
    const std::vector<float> after = outputs(y, constants);
    for (std::size_t i = 0; i != before.size(); ++i) {
      CHECK(std::abs(before[i] - after[i]) < 1e-5F);
    }
  }

  static auto of_activations(ptq::plan plan) -> ptq::plan {
    std::erase_if(plan.quantizers, [](const auto& each) {
      return each->kind == ptq::tensor_kind::weights;
    });
    return plan;
  }

  auto error_of(toy_graph::tensor y, const ptq::plan& plan) -> double {
    const std::vector<float> wanted = outputs(y, {});
    const std::vector<float> reached = outputs(y, plan);
    double sum = 0.0;
    for (std::size_t i = 0; i != wanted.size(); ++i) {
      sum += std::pow(static_cast<double>(wanted[i] - reached[i]), 2.0);
    }
    return sum;
  }
};

TEST_CASE_FIXTURE(fixture, "through ReLU all channels become as wide as the widest") {
  const auto r = g.relu("relu", first());
  const auto y = depthwise(r);
  g.output("y", y);
  const std::vector<float> before = widths(r, {});
  CHECK(before[0] > 6.0F * before[3]);
  const ptq::plan plan = plan_of(per_tensor_activations());
  const std::vector<float> after = widths(r, plan);
  for (const float width : after) {
    CHECK(std::abs(width / before[0] - 1.0F) < 1e-5F);
  }
  check_function_is_kept(y, plan);
  CHECK(notes[0] == "depthwise: channels made equally wide by `first`");

  quantization without = per_tensor_activations();
  std::get<0>(without.corrections.each).least_scale = 1.0;
  const ptq::plan as_it_was = plan_of(without);
  CHECK(as_it_was.constants.empty());
  CHECK(error_of(y, of_activations(plan)) < 0.7 * error_of(y, of_activations(as_it_was)));
}

TEST_CASE_FIXTURE(
    fixture, "weights of a channel that never fires become no wider than the others'"
) {
  const auto dead = g.convolution(
      "first",
      x,
      g.constant("w1", {4, 2, 1, 1}, {1, 1, 1, 1, -1, -1, 1, 1}),
      g.constant("b1", {4}, {2, 2, -9, 2})
  );
  std::vector<float> weights = toy_numbers(36, 5);
  for (std::size_t i = 18; i != 27; ++i) {
    weights[i] *= 100.0F;
  }
  const auto y = g.convolution(
      "depthwise",
      g.relu("relu", dead),
      g.constant("w2", {4, 1, 3, 3}, weights),
      g.constant("b2", {4}, toy_numbers(4, 6)),
      {.pads_begin = {1, 1}, .pads_end = {1, 1}, .groups = 4}
  );
  g.output("y", y);
  const ptq::plan plan = plan_of(per_tensor_activations());
  REQUIRE(plan.constant("w2") != nullptr);
  const auto widths = ptq::slice_maxima(*plan.constant("w2"), 0);
  CHECK(std::abs(widths[2] / std::max({widths[0], widths[1], widths[3]}) - 1.0) < 1e-5);
  check_function_is_kept(y, plan);
}

TEST_CASE_FIXTURE(fixture, "a channel is widened by no more than is allowed") {
  const auto r = g.relu("relu", first());
  g.output("y", depthwise(r));
  quantization quantize = per_tensor_activations();
  std::get<0>(quantize.corrections.each).least_scale = 0.5;
  const ptq::plan plan = plan_of(quantize);
  const std::vector<float> before = widths(r, {});
  const std::vector<float> after = widths(r, plan);
  CHECK(std::abs(after[3] / before[3] - 2.0F) < 1e-5F);
}

TEST_CASE_FIXTURE(fixture, "through a clamp channels are widened as far as it does not cut") {
  fixture alone;
  const float widest = alone.widths(alone.first(), {})[0];
  SUBCASE("that cuts the widest") {
    const auto c = clipped(g, first(), 0.0F, 0.5F * widest);
    const auto y = depthwise(c);
    g.output("y", y);
    const ptq::plan plan = plan_of(per_tensor_activations());
    check_function_is_kept(y, plan);
    const std::vector<float> before = widths(c, {});
    const std::vector<float> after = widths(c, plan);
    CHECK(std::abs(after[0] - before[0]) < 1e-6F); // is cut, and stays
    CHECK(std::abs(after[3] / (0.9F * 0.5F * widest) - 1.0F) < 1e-5F);
  }
  SUBCASE("whose limits are not around zero") {
    g.output("y", depthwise(clipped(g, first(), 0.1F, 100.0F)));
    CHECK(plan_of(per_tensor_activations()).constants.empty());
  }
}

TEST_CASE_FIXTURE(fixture, "what would cost, or is not needed, is left as it is") {
  const auto r = g.relu("relu", first());
  g.output("y", depthwise(r));
  SUBCASE("weights with one grid") {
    quantization quantize = per_tensor_activations();
    quantize.weights.granularity = ptq::per_tensor;
    CHECK(plan_of(quantize).constants.empty());
  }
  SUBCASE("activations with a grid for each channel") {
    CHECK(plan_of({}).constants.empty());
  }
  SUBCASE("an evaluator that runs no plans") {
    toy_float_evaluator evaluator(data());
    CHECK(per_tensor_activations()(g, evaluator).constants.empty());
  }
}

TEST_CASE_FIXTURE(fixture, "a tensor that something else reads stays") {
  const auto r = g.relu("relu", first());
  g.output("y", depthwise(r));
  g.output("z", r);
  CHECK(plan_of(per_tensor_activations()).constants.empty());
}

TEST_CASE("options that are none are refused by name") {
  CHECK(message_of([] {
          depthwise_equalisation{.headroom = 1.0}.check_options();
        }) == "it is 0 to below 1 (option `depthwise_equalisation.headroom`)");
  CHECK(message_of([] {
          depthwise_equalisation{.least_scale = 0.0}.check_options();
        }) == "it is above 0 and at most 1 (option `depthwise_equalisation.least_scale`)");
}

} // namespace
