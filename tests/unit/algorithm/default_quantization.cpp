// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/plan/validate.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/some_statistics.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using schemes = ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>;
using corrections = ptq::corrections<ptq::correction::saturation_fix, ptq::correction::fast_bias>;

/// conv -> relu -> depthwise -> relu -> pool -> flatten -> product, with biases.
auto small_net() -> toy_graph {
  toy_graph g;
  const auto x = g.input("x");
  const auto c = g.convolution(
      "conv",
      x,
      g.constant("conv.w", {3, 2, 3, 3}, toy_numbers(54, 1)),
      g.constant("conv.b", {3}, {1, 2, 3}),
      {.pads_begin = {1, 1}, .pads_end = {1, 1}}
  );
  const auto r = g.relu("relu1", c);
  const auto d = g.convolution(
      "dw",
      r,
      g.constant("dw.w", {3, 1, 3, 3}, toy_numbers(27, 2)),
      g.constant("dw.b", {3}, {1, -2, 3}),
      {.groups = 3}
  );
  const auto flat = g.flatten("flat", g.reduce_mean("pool", g.relu("relu2", d)));
  g.matmul(
      "fc",
      flat,
      g.constant("fc.w", {4, 3}, toy_numbers(12, 3)),
      g.constant("fc.b", {4}, {1, 2, 3, 4}),
      {.transpose_b = true}
  );
  return g;
}

auto small_data(std::size_t count = 20) {
  return toy_samples(count, {1, 2, 6, 6}, -0.5F, 2.0F);
}

/// `x: symmetric`, `w: weights asymmetric 256 per channel`.
auto modes_of(const ptq::plan& p) -> std::vector<std::string> {
  std::vector<std::string> lines;
  for (const auto& each : p.quantizers) {
    lines.push_back(
        each->tensor + (each->kind == ptq::tensor_kind::weights ? ": weights " : ": ") +
        (each->format.mode == ptq::symmetric ? "symmetric " : "asymmetric ") +
        std::to_string(each->format.grids.front().levels) +
        (each->format.axis ? " per channel" : "")
    );
  }
  return lines;
}

template <class Preset, class Device>
auto plan_of_small_net() -> ptq::plan {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const ptq::plan p = ptq::default_quantization<Preset, Device>{}(g, evaluator);
  CHECK_NOTHROW(ptq::validate(p));
  CHECK(evaluator.runs == 20);
  return p;
}

TEST_CASE("each preset gives its modes on each device") {
  using lines = std::vector<std::string>;
  const auto expected = [](const std::string& activations, const std::string& weights) {
    return lines{
        "x: " + activations,
        "conv.w: weights " + weights,
        "relu1: " + activations + " per channel",
        "dw.w: weights " + weights,
        "relu2: " + activations,
        "pool: " + activations,
        "fc.w: weights " + weights,
    };
  };
  const lines performance = expected("symmetric 256", "symmetric 255 per channel");
  const lines mixed = expected("asymmetric 256", "symmetric 255 per channel");
  const lines accuracy = expected("asymmetric 256", "asymmetric 256 per channel");
  using ptq::device::any;
  using ptq::device::cpu;
  CHECK(modes_of(plan_of_small_net<ptq::preset::performance, any>()) == performance);
  CHECK(modes_of(plan_of_small_net<ptq::preset::performance, cpu>()) == performance);
  CHECK(modes_of(plan_of_small_net<ptq::preset::mixed, any>()) == mixed);
  CHECK(modes_of(plan_of_small_net<ptq::preset::mixed, cpu>()) == mixed);
  CHECK(modes_of(plan_of_small_net<ptq::preset::accuracy, any>()) == accuracy);
  CHECK(modes_of(plan_of_small_net<ptq::preset::accuracy, cpu>()) == accuracy);
}

TEST_CASE("a plan says of which model it is, who reads what, and what was replaced") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const ptq::plan p = ptq::default_quantization<>{}(g, evaluator);
  CHECK(p.model.digest == ptq::digest(ptq::read_graph(g).nodes));
  CHECK(p.input("fc", 0) == nullptr);
  REQUIRE(p.input("flat", 0) != nullptr);
  CHECK(p.input("flat", 0)->tensor == "pool");
  std::vector<std::string> replaced;
  for (const auto& each : p.constants) {
    replaced.push_back(each->tensor + " " + each->cause);
  }
  CHECK(
      replaced ==
      std::vector<std::string>{
          "conv.w saturation_fix",
          "conv.b fast_bias_correction",
          "dw.b fast_bias_correction",
          "fc.b fast_bias_correction"
      }
  );
}

TEST_CASE("policies chosen at run time give the bits of the types written by hand") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  using by_hand = ptq::default_quantization<
      ptq::preset::mixed,
      ptq::device::cpu,
      ptq::ranges<
          ptq::for_weights<ptq::abs_max>,
          ptq::for_activations<
              ptq::low<ptq::min, ptq::aggregate::mean>,
              ptq::high<ptq::max, ptq::aggregate::max>>>>;
  using estimator = ptq::one_of<ptq::min, ptq::max, ptq::abs_max>;
  using aggregator = ptq::one_of<ptq::aggregate::min, ptq::aggregate::max, ptq::aggregate::mean>;
  using at_run_time = ptq::default_quantization<
      ptq::preset::mixed,
      ptq::device::table,
      ptq::ranges<
          ptq::for_weights<estimator>,
          ptq::for_activations<ptq::low<estimator, aggregator>, ptq::high<estimator, aggregator>>>>;
  at_run_time quantize{.device = ptq::device::cpu{}};
  quantize.ranges.weights.estimator = ptq::abs_max{};
  quantize.ranges.activations.low = {ptq::min{}, ptq::aggregate::mean{}};
  quantize.ranges.activations.high = {ptq::max{}, ptq::aggregate::max{}};
  const ptq::plan expected = by_hand{}(g, evaluator);
  CHECK(quantize(g, evaluator) == expected);
  CHECK(
      ptq::calibrate(quantize, g, evaluator, {0, 9}) ==
      ptq::calibrate(by_hand{}, g, evaluator, {0, 9})
  );
  quantize.ranges.activations.high.aggregator = ptq::aggregate::min{};
  CHECK(quantize(g, evaluator) != expected);
}

TEST_CASE("statistics in place of an evaluator give the same bits, in whatever parts they came") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu> quantize;
  const ptq::plan whole = quantize(g, evaluator);
  const ptq::statistics collected = ptq::calibrate(quantize, g, evaluator, {0, 20});
  CHECK(quantize(g, collected) == whole);
  ptq::statistics second = ptq::calibrate(quantize, g, evaluator, {7, 20});
  second.merge(ptq::calibrate(quantize, g, evaluator, {0, 7}));
  CHECK(second == collected);
  CHECK(quantize(g, second) == whole);
  toy_float_evaluator least(small_data());
  CHECK(quantize(g, least) == whole);
  CHECK(quantize(g, toy_evaluator(small_data())) == whole); // a temporary one
}

TEST_CASE("the first stat_subset_size samples are used, or all there are") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data(20));
  const auto of_first = [&](std::size_t size) {
    evaluator.runs = 0;
    return ptq::default_quantization<>{.stat_subset_size = size}(g, evaluator);
  };
  const ptq::plan five = of_first(5);
  CHECK(evaluator.runs == 5);
  toy_evaluator exactly(small_data(5));
  CHECK(ptq::default_quantization<>{}(g, exactly) == five);
  CHECK(of_first(20) != five);
  const ptq::plan all = of_first(1000);
  CHECK(evaluator.runs == 20);
  CHECK(all == of_first(20));
}

TEST_CASE("options that no run could use are refused by name") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const auto refusal = [&](const ptq::default_quantization<>& quantize) {
    const std::string said = message_of([&] { (void)quantize(g, evaluator); });
    CHECK(evaluator.runs == 0);
    CHECK(message_of([&] { (void)quantize(g, ptq::statistics{}); }) == said);
    CHECK(message_of([&] { (void)ptq::calibrate(quantize, g, evaluator, {0, 2}); }) == said);
    return said;
  };
  CHECK(
      refusal({.stat_subset_size = 0}) ==
      "at least one sample is needed (option `stat_subset_size`)"
  );
  CHECK(refusal({.weights = {.bits = 1}}) == "bits are 2 to 16, not 1 (option `weights.bits`)");
  CHECK(
      refusal({.activations = {.bits = 17}}) ==
      "bits are 2 to 16, not 17 (option `activations.bits`)"
  );
}

TEST_CASE("options of bits, mode and granularity reach the grids") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const ptq::default_quantization<> quantize{
      .weights = {.bits = 4, .granularity = ptq::per_tensor},
      .activations = {.bits = 6, .mode = ptq::asymmetric, .granularity = ptq::per_tensor}
  };
  const ptq::plan p = quantize(g, evaluator);
  CHECK_NOTHROW(ptq::validate(p));
  for (const auto& each : p.quantizers) {
    const bool weights = each->kind == ptq::tensor_kind::weights;
    CHECK_FALSE(each->format.axis.has_value());
    CHECK(each->format.grids.size() == 1);
    CHECK(each->format.bits == (weights ? 4 : 6));
    CHECK(each->format.grids[0].levels == (weights ? 15 : 64));
    CHECK(each->format.mode == (weights ? ptq::symmetric : ptq::asymmetric));
  }
}

TEST_CASE("bad data and foreign statistics are named") {
  const toy_graph g = small_net();
  const ptq::default_quantization<> quantize;
  SUBCASE("no samples") {
    toy_evaluator none{std::vector<ptq::tensor_data>{}};
    CHECK(message_of([&] { (void)quantize(g, none); }) == "there is no sample to calibrate on");
  }
  SUBCASE("NaN in an activation") {
    auto data = small_data();
    data[3].values[0] = std::numeric_limits<float>::quiet_NaN();
    toy_evaluator evaluator(data);
    CHECK(message_of([&] { (void)quantize(g, evaluator); }) == "x, sample 3: the tensor holds NaN");
  }
  SUBCASE("infinity in a constant") {
    toy_graph bad;
    bad.matmul(
        "fc",
        bad.input("x"),
        bad.constant("w", {2, 1}, {1.0F, std::numeric_limits<float>::infinity()})
    );
    toy_evaluator evaluator(toy_samples(2, {1, 2}));
    CHECK(message_of([&] { (void)quantize(bad, evaluator); }) == "w: the constant holds infinity");
  }
  SUBCASE("statistics of another model") {
    CHECK(
        message_of([&] { (void)quantize(g, statistics_of_sample(0, 0)); }) ==
        "relu1: the statistics hold no `extremes` of this tensor: they were collected for another "
        "algorithm or model"
    );
  }
  SUBCASE("statistics of a model with another digest") {
    toy_evaluator evaluator(small_data());
    ptq::statistics collected = ptq::calibrate(quantize, g, evaluator, {0, 4});
    const std::string digest = ptq::digest(ptq::read_graph(g).nodes);
    CHECK(collected.model() == digest);
    collected.set_model("");
    CHECK_NOTHROW((void)quantize(g, collected));
    collected.set_model("fnv1a64:0");
    CHECK(
        message_of([&] { (void)quantize(g, collected); }) ==
        "the statistics are of another model: its digest is fnv1a64:0, the graph's is " + digest
    );
  }
  SUBCASE("statistics of unlike algorithms, merged") {
    toy_evaluator evaluator(small_data());
    const auto parts = [&](const auto& a, const auto& b) {
      ptq::statistics merged = ptq::calibrate(a, g, evaluator, {0, 4});
      merged.merge(ptq::calibrate(b, g, evaluator, {4, 10}));
      return message_of([&] { (void)quantize(g, merged); });
    };
    const ptq::default_quantization<ptq::preset::mixed> other{
        .activations = {.granularity = ptq::per_tensor}
    };
    CHECK(
        parts(quantize, other) ==
        "relu1: the statistics hold `extremes/1` of 4 samples, but saw 10: were those of unlike "
        "algorithms merged?"
    );
    using without_bias = ptq::default_quantization<
        ptq::preset::performance,
        ptq::device::any,
        ptq::default_ranges,
        schemes,
        ptq::corrections<>>;
    CHECK(
        parts(without_bias{}, quantize) ==
        "conv: the statistics hold `mean/1` of 6 samples, but saw 10: were those of unlike "
        "algorithms merged?"
    );
  }
  SUBCASE("statistics for another algorithm") {
    toy_evaluator evaluator(small_data());
    const ptq::default_quantization<ptq::preset::mixed> other{
        .activations = {.granularity = ptq::per_tensor}
    };
    CHECK(
        message_of([&] { (void)quantize(g, ptq::calibrate(other, g, evaluator, {0, 4})); }) ==
        "relu1: the statistics hold no `extremes/1` of this tensor: they were collected for "
        "another algorithm or model"
    );
  }
}

TEST_CASE("constants of zeros, of one value and of huge values give grids that hold") {
  for (const float value : {0.0F, 1e-12F, -3.0F, 3e38F, -3e38F}) {
    CAPTURE(value);
    toy_graph g;
    g.add("sum", g.input("x"), g.constant("w", {1, 2}, {value, value}));
    toy_evaluator evaluator(toy_samples(2, {1, 2}, value / 2, value / 2 + 1e-30F));
    const auto plan_by = [&](const auto& quantize) { return quantize(g, evaluator); };
    CHECK_NOTHROW(ptq::validate(plan_by(ptq::default_quantization<ptq::preset::performance>{})));
    CHECK_NOTHROW(ptq::validate(plan_by(ptq::default_quantization<ptq::preset::accuracy>{})));
  }
}

TEST_CASE("unified tensors end with one grid") {
  toy_graph g;
  const auto x = g.input("x");
  const auto a = g.clamp("a", x, 0, 6);
  const auto b = g.clamp("b", x, -1, 1);
  g.convolution("conv", g.concat("join", {a, b}, 1), g.constant("w", {1, 4, 1, 1}, {1, 2, 3, 4}));
  toy_evaluator evaluator(toy_samples(10, {1, 2, 4, 4}, -7.0F, 9.0F));
  const ptq::plan p = ptq::default_quantization<>{}(g, evaluator);
  const ptq::grid& of_a = p.input("join", 0)->format.grids[0];
  const ptq::grid& of_b = p.input("join", 1)->format.grids[0];
  CHECK(of_a == of_b);
  CHECK(of_a.in_low == doctest::Approx(-1.0078740));
  CHECK(of_a.in_high == doctest::Approx(6.0));
}

TEST_CASE("algorithms are values") {
  using algorithm = ptq::default_quantization<ptq::preset::mixed>;
  static_assert(std::regular<algorithm>);
  const algorithm a{.stat_subset_size = 100};
  algorithm b = a;
  CHECK(a == b);
  b.weights.bits = 4;
  CHECK(a != b);
}

TEST_CASE("a graph without attributes is quantized, and its convolutions' biases stay") {
  const toy_graph g = small_net();
  const plain_toy_graph plain(g);
  toy_evaluator evaluator(small_data());
  const ptq::plan p = ptq::default_quantization<>{}(plain, evaluator);
  CHECK_NOTHROW((void)ptq::resolve(plain, p));
  CHECK(p.input("conv", 1)->format.axis == 0);
  CHECK(p.constant("conv.b") == nullptr);
  CHECK(p.constant("fc.b") != nullptr);
}

} // namespace
