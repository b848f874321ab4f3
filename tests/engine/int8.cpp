// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <engine/detail/int8_kernels.hpp>
#include <engine/int8_engine.hpp>

#include "planned.hpp"

namespace {

/// Runs a plan in float and in int8 and says how far the two are apart, in decibels. They differ by
/// a code where a value lies between two codes.
auto agreement(const engine::graph& graph, const ptq::plan& plan, const engine::tensor& samples)
    -> double {
  engine::evaluator evaluator(graph.source(), samples);
  engine::int8_engine lowered(graph, plan);
  const auto count = samples.shape()[0];
  return sqnr(evaluator.outputs(graph, plan, {0, count}), lowered.outputs(samples, 3));
}

auto reasons(const engine::graph& graph, const ptq::plan& plan) -> std::string {
  const engine::int8_engine lowered(graph, plan);
  std::string result;
  for (const auto& each : lowered.float_operations()) {
    result += each.node + ": " + each.reason + "; ";
  }
  return result;
}

/// Weights of at most 7 bits are right on every processor. A half would put the largest one between
/// two codes, where float and packed codes are rounded apart.
constexpr double safe = 0.49;

auto eight_ranges(float low, float high) -> std::vector<std::pair<float, float>> {
  std::vector<std::pair<float, float>> result;
  for (int c = 0; c != 8; ++c) {
    const float factor = 1.0F - 0.1F * static_cast<float>(c);
    result.emplace_back(low * factor, high * factor);
  }
  return result;
}

auto full_plan(const engine::graph& graph) -> plan_maker {
  plan_maker made(graph);
  made.activations("first", 0, {{0, 1}}).weights("first", 0, safe);
  made.activations("depthwise", 0, eight_ranges(0, 1.5F)).weights("depthwise", 0, safe);
  made.activations("pool", 0, {{0, 3}});
  made.activations("flatten", 0, {{0, 2}}).weights("classify", 0, safe);
  return made;
}

} // namespace

TEST_CASE("a network whose weights and activations are all quantized runs in int8 throughout") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const ptq::plan plan = full_plan(graph).done();
  const engine::int8_engine lowered(graph, plan);
  CHECK(lowered.weighted_operations() == 3);
  CHECK(reasons(graph, plan).empty());
  CHECK(agreement(graph, plan, samples_for(of, 8, 0, 1, 20)) > 35);
}

TEST_CASE("a Clip inside the grid is kept: its bound is part of the rounding") {
  const engine::model of = small_network(0.7F);
  const engine::graph graph(of);
  plan_maker made(graph);
  made.activations("first", 0, {{0, 1}}).weights("first", 0, safe);
  made.activations("depthwise", 0, {{0, 1.5F}}).weights("depthwise", 0, safe);
  CHECK(agreement(graph, made.done(), samples_for(of, 8, 0, 1, 21)) > 35);
  // With a scale for each channel no one bound serves them all.
  plan_maker by_channel(graph);
  by_channel.activations("first", 0, {{0, 1}}).weights("first", 0, safe);
  by_channel.activations("depthwise", 0, eight_ranges(0, 1.5F)).weights("depthwise", 0, safe);
  CHECK(reasons(graph, by_channel.done()) == "classify: its weights are not quantized; ");
  CHECK(agreement(graph, by_channel.done(), samples_for(of, 8, 0, 1, 21)) > 35);
}

TEST_CASE("grids of fewer levels than a byte has saturate where they end") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  for (const std::int64_t levels : {255, 100, 16}) {
    plan_maker made(graph);
    made.activations("first", 0, {{0, 1}}, levels).weights("first", 0, safe);
    made.activations("depthwise", 0, eight_ranges(0, 0.5F), levels).weights("depthwise", 0, safe);
    made.activations("pool", 0, {{0, 0.5F}}, levels);
    CHECK(agreement(graph, made.done(), samples_for(of, 8, 0, 1, 22)) > 20);
  }
}

TEST_CASE("biases keep what a unit of the sums would round away, which is much with few bits") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  for (const std::int64_t levels : {256, 16, 4}) {
    plan_maker made(graph);
    made.activations("flatten", 0, {{0, 2}}, levels).weights("classify", 0, 1, levels - 1);
    CHECK(agreement(graph, made.done(), samples_for(of, 8, 0, 1, 29)) > 90);
  }
}

TEST_CASE("zero points are right with padding and without, signed codes too") {
  using ints = std::vector<std::int64_t>;
  for (const std::int64_t pad : {0, 1}) {
    for (const auto& range :
         std::vector<std::pair<float, float>>{{-0.3F, 1}, {-1, 0.992F}, {-0.9F, 0.1F}, {-1, 1}}) {
      onnx_bytes::model made;
      made.input("x", {-1, 16, 6, 6}).constant("w", {16, 16, 3, 3}, noise(2304, 7));
      made.constant("v", {16, 1, 3, 3}, noise(144, 8)).constant("b", {16}, noise(16, 9));
      made.node("Conv", {"x", "w", "b"}, {"c"}, {{"pads", ints{pad, pad, pad, pad}}}, "dense");
      made.node(
          "Conv",
          {"c", "v", "b"},
          {"y"},
          {{"pads", ints{pad, pad, pad, pad}}, {"group", std::int64_t{16}}},
          "depthwise"
      );
      made.output("y");
      const engine::model of = parse(made);
      const engine::graph graph(of);
      plan_maker plan(graph);
      plan.activations("dense", 0, {range}).weights("dense", 0, safe);
      plan.activations("depthwise", 0, {{-20, 25}}).weights("depthwise", std::nullopt, safe);
      CHECK(agreement(graph, plan.done(), samples_for(of, 4, range.first, range.second, 23)) > 35);
      INFO(reasons(graph, plan.done()));
      CHECK(reasons(graph, plan.done()).empty());
    }
  }
}

TEST_CASE("a zero point for each channel is laid around the input as padding") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  std::vector<std::pair<float, float>> ranges;
  for (int c = 0; c != 8; ++c) {
    ranges.emplace_back(-0.1F * static_cast<float>(c), 1.5F);
  }
  plan_maker plan(graph);
  plan.activations("first", 0, {{0, 1}}).weights("first", 0, safe);
  plan.activations("depthwise", 0, ranges).weights("depthwise", 0, safe);
  CHECK(reasons(graph, plan.done()) == "classify: its weights are not quantized; ");
  CHECK(agreement(graph, plan.done(), samples_for(of, 8, 0, 1, 28)) > 35);
}

TEST_CASE("a matrix product reads its weights in either order and folds its zero point") {
  for (const bool transposed : {false, true}) {
    onnx_bytes::model made;
    made.input("x", {-1, 24}).constant("b", {7}, noise(7, 11));
    made.constant(
        "w", transposed ? onnx_bytes::dims{7, 24} : onnx_bytes::dims{24, 7}, noise(168, 10)
    );
    made.node(
        "Gemm", {"x", "w", "b"}, {"y"}, {{"transB", std::int64_t{transposed ? 1 : 0}}}, "product"
    );
    made.output("y");
    const engine::model of = parse(made);
    const engine::graph graph(of);
    plan_maker plan(graph);
    plan.activations("product", 0, {{-0.4F, 1}}).weights("product", transposed ? 0 : 1, safe);
    CHECK(reasons(graph, plan.done()).empty());
    CHECK(agreement(graph, plan.done(), samples_for(of, 8, -0.4F, 1, 24)) > 60);
  }
}

TEST_CASE("what cannot be exact in int8 runs in float on fake-quantized values, with its reason") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const engine::tensor samples = samples_for(of, 4, 0, 1, 25);
  const auto said = [&](const plan_maker& plan, const char* reason) {
    CHECK_MESSAGE(
        reasons(graph, plan.done()).find(reason) != std::string::npos, reasons(graph, plan.done())
    );
    CHECK(agreement(graph, plan.done(), samples) > 35);
  };
  said(plan_maker(graph), "first: its weights are not quantized; depthwise: ");
  said(plan_maker(graph).weights("first", 0, safe), "first: its input is not quantized");
  said(
      plan_maker(graph).weights("first", 0, safe).activations("first", 0, {{0, 1}}, 512),
      "first: its input has 512 levels"
  );
  said(
      plan_maker(graph)
          .weights("first", 0, safe)
          .activations("first", 0, {{0, 1}, {0, 0.9F}, {0, 0.5F}}),
      "first: its input has a scale for each channel"
  );
  said(
      plan_maker(graph).weights("first", 1, safe).activations("first", 0, {{0, 1}}),
      "first: its weights have their scales on another axis"
  );
  plan_maker asymmetric(graph);
  asymmetric.activations("first", 0, {{0, 1}}).weights("first");
  ptq::quantizer weights = asymmetric.last();
  for (auto& grid : weights.format.grids) {
    grid.in_low = grid.out_low = -0.37F * grid.in_high;
    grid.levels = 256;
  }
  said(asymmetric.add(std::move(weights)), "first: its weights are asymmetric");
  plan_maker between(graph);
  between.weights("first", 0, safe).activations("first", 0, {{0, 1}});
  ptq::quantizer input = between.last();
  input.format.grids[0].in_low = input.format.grids[0].out_low = -0.00172F;
  said(between.add(std::move(input)), "first: zero lies between two codes of its input");
}

TEST_CASE("weights of the full range run in int8 only where sums are exact") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  plan_maker plan(graph);
  plan.activations("first", 0, {{0, 1}}).weights("first");
  const std::string said = reasons(graph, plan.done());
  CHECK((said.find("first: ") == std::string::npos) == engine::detail::sums_are_exact());
  CHECK(agreement(graph, plan.done(), samples_for(of, 4, 0, 1, 26)) > 35);
}

TEST_CASE("replaced constants take effect in int8") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  ptq::plan plan = full_plan(graph).done();
  const engine::tensor samples = samples_for(of, 4, 0, 1, 27);
  engine::int8_engine before(graph, plan);
  const engine::tensor unchanged = before.outputs(samples);
  plan.constants.emplace_back(ptq::replaced_constant{
      .tensor = "b3", .node = "classify", .cause = "test", .value = {{5}, {9, 9, 9, 9, 9}}
  });
  engine::int8_engine after(graph, plan);
  const engine::tensor changed = after.outputs(samples);
  for (std::size_t i = 0; i != changed.size(); ++i) {
    const float bias = 9 - std::get<engine::tensor>(of.nodes[6].value).data()[i % 5];
    CHECK(std::abs(changed.data()[i] - unchanged.data()[i] - bias) < 0.02F);
  }
}
