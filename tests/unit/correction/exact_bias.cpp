// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/channel_alignment.hpp>
#include <ptq/correction/constant_input.hpp>
#include <ptq/correction/exact_bias.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/small_net.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::channel_alignment;
using ptq::correction::exact_bias;
using ptq::correction::fast_bias;
using ptq::correction::saturation_fix;

static_assert(ptq::explain_plan_correction<exact_bias>());
static_assert(!ptq::runs_the_model<exact_bias>);

template <class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

struct fixture : small_net {
  std::vector<std::string> notes{};

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  template <class... Each>
  auto corrected(int bits, Each... each) -> ptq::plan {
    toy_evaluator evaluator(data());
    quantization<Each...> quantize{.weights = {.bits = bits}};
    quantize.corrections = ptq::corrections<Each...>(each...);
    return quantize(g, evaluator, *this);
  }

  /// The plan with nothing quantized but the weights of one operation.
  static auto only(ptq::plan of, const std::string& node) -> ptq::plan {
    std::erase_if(of.quantizers, [&](const auto& each) {
      return each->kind != ptq::tensor_kind::weights || each->consumers.front().node != node;
    });
    std::erase_if(of.constants, [&](const auto& each) { return each->node != node; });
    return of;
  }

  auto off(const char* output, const ptq::plan& under) -> double {
    const toy_graph::tensor of(g.find(output));
    const auto wanted = channel_means_of(g, of, 1, {}, data());
    const auto reached = channel_means_of(g, of, 1, under, data());
    double result = 0.0;
    for (std::size_t c = 0; c != wanted.size(); ++c) {
      result = std::max(result, std::abs(wanted[c] - reached[c]));
    }
    return result;
  }
};

constexpr std::array layers{
    std::pair{"first", "first"},
    std::pair{"depthwise", "sum2"},
    std::pair{"left", "left"},
    std::pair{"right", "right"},
    std::pair{"dense", "dense"},
};

TEST_CASE_FIXTURE(
    fixture, "the mean output of each operation is exact, padded and strided ones too"
) {
  const ptq::plan plan = corrected(4, exact_bias{});
  CHECK(plan.constants.size() == 5);
  for (const auto& [node, output] : layers) {
    CAPTURE(node);
    const ptq::plan corrected_one = only(plan, node);
    ptq::plan uncorrected = corrected_one;
    uncorrected.constants.clear();
    CHECK(corrected_one.constants.size() == 1);
    CHECK(corrected_one.constants[0]->cause == "exact_bias_correction");
    CHECK(off(output, corrected_one) < 1e-5);
    CHECK(off(output, uncorrected) > 1e-3);
  }
}

TEST_CASE_FIXTURE(
    fixture, "where POT's correction is off by what a constant image makes of padding"
) {
  const ptq::plan fast = corrected(4, fast_bias{.threshold = 1e9});
  CHECK(off("first", only(fast, "first")) > 1e-2);
  CHECK(off("left", only(fast, "left")) < 1e-5); // pointwise: no padding
}

TEST_CASE_FIXTURE(fixture, "halved weights are corrected as well as others") {
  const ptq::plan plan = corrected(4, saturation_fix{.apply = ptq::saturation::all}, exact_bias{});
  for (const auto& [node, output] : layers) {
    CAPTURE(node);
    CHECK(off(output, only(plan, node)) < 1e-5);
  }
}

TEST_CASE("nothing is corrected where nothing is rounded") {
  toy_graph g;
  const auto x = g.input("x");
  // On the grid of 8 bits already: multiples of 1 / 127 up to 127 of them.
  std::vector<float> weights;
  for (int i = 0; i != 18; ++i) {
    weights.push_back(static_cast<float>(i == 3 ? 127 : i * 5 - 40));
  }
  g.output(
      "y",
      g.convolution(
          "conv",
          x,
          g.constant("w", {1, 2, 3, 3}, weights),
          g.constant("b", {1}, {1.0F}),
          small_net::same_size()
      )
  );
  toy_evaluator evaluator(small_net::data());
  const quantization<exact_bias> exact;
  CHECK(exact(g, evaluator).constants.empty());
  const quantization<fast_bias> fast{.corrections = ptq::corrections<fast_bias>(fast_bias{1e9})};
  CHECK(fast(g, evaluator).constants.size() == 1); // POT's moves it
}

TEST_CASE_FIXTURE(fixture, "in one pass, and from saved statistics the same bits") {
  toy_evaluator evaluator(data());
  const quantization<exact_bias> quantize;
  const ptq::plan plan = quantize(g, evaluator);
  CHECK(evaluator.runs == 12);
  CHECK(quantize(g, ptq::calibrate(quantize, g, evaluator, ptq::samples{0, 12})) == plan);
}

TEST_CASE_FIXTURE(fixture, "behind an alignment it corrects the aligned model") {
  toy_graph h;
  const auto in = h.input("x");
  const auto numbers = [&h](const char* name, toy::shape shape, unsigned n, float low = -1) {
    const std::size_t size = toy::volume(shape);
    return h.constant(name, std::move(shape), toy_numbers(size, n, low, 1));
  };
  const auto one = h.convolution(
      "one", in, numbers("w1", {4, 2, 3, 3}, 11), numbers("b1", {4}, 12, 0.5F), same_size()
  );
  const auto two =
      h.convolution("two", one, numbers("w2", {3, 4, 3, 3}, 13), numbers("b2", {3}, 14, 0.5F));
  h.output("y", two);
  toy_evaluator evaluator(data());
  const quantization<channel_alignment, exact_bias> quantize{.weights = {.bits = 4}};
  const ptq::plan plan = quantize(h, evaluator);
  CHECK(evaluator.runs == 12);
  ptq::plan second = without_activations(plan);
  std::erase_if(second.quantizers, [](const auto& each) {
    return each->consumers.front().node != "two";
  });
  std::erase_if(second.constants, [](const auto& each) { return each->node == "one"; });
  REQUIRE(second.quantizers.size() == 1);
  const auto wanted = channel_means_of(h, two, 1, {}, data());
  const auto reached = channel_means_of(h, two, 1, second, data());
  for (std::size_t c = 0; c != wanted.size(); ++c) {
    CHECK(std::abs(wanted[c] - reached[c]) < 1e-5);
  }
}

TEST_CASE_FIXTURE(fixture, "verified, each correction lowers the error of the outputs") {
  const ptq::plan plan = corrected(4, exact_bias{.verified_on = 0.5});
  const ptq::plan all = corrected(4, exact_bias{});
  CHECK(plan.constants.size() <= all.constants.size());
  for (const auto& each : plan.constants) {
    CHECK(*all.constant(each->tensor) == each->value);
  }
  CHECK(notes.size() == 10);
  toy_float_evaluator no_plans(data()); // nothing to verify with: all are kept
  quantization<exact_bias> quantize{.weights = {.bits = 4}};
  quantize.corrections = ptq::corrections<exact_bias>(exact_bias{.verified_on = 0.5});
  CHECK(quantize(g, no_plans) == all);
}

TEST_CASE_FIXTURE(fixture, "a bias with a zero in it is corrected, unless there is a threshold") {
  toy_graph h;
  const auto in = h.input("x");
  const auto w = h.constant("w", {2, 2, 1, 1}, {0.9F, -0.3F, 0.21F, 0.77F});
  h.output("y", h.convolution("conv", in, w, h.constant("b", {2}, {0.0F, 1.0F})));
  toy_evaluator evaluator(data());
  quantization<exact_bias> quantize{.weights = {.bits = 3}};
  CHECK(quantize(h, evaluator).constants.size() == 1);
  quantize.corrections = ptq::corrections<exact_bias>(exact_bias{.threshold = 2.0});
  CHECK(quantize(h, evaluator, *this).constants.empty());
  CHECK(notes.back() == "conv: bias left as it is: it has a zero in it");
}

TEST_CASE(
    "the shift is the error of the weights times the mean input (AIMET, TestDLEqualization.cpp)"
) {
  // W - Wq is -1 everywhere, in three output and two input channels of three taps. The mean inputs
  // are beta, and those behind a ReLU of a normal distribution of deviation gamma around it.
  const ptq::tensor_data error{{3, 2, 3}, std::vector<float>(18, -1.0F)};
  const std::vector<double> beta{-2.0, 1.0};
  const auto linear = ptq::tapped_means(error, beta, 1);
  CHECK(5.0 + linear[1] == 8.0);
  CHECK(5.0 + linear[2] == 8.0);
  const auto behind_relu = [](double gamma, double mean) {
    const double at = -mean / gamma;
    const double density = std::exp(-0.5 * at * at) / std::sqrt(2.0 * 3.14159265358979323846);
    return gamma * density + mean * 0.5 * std::erfc(at / std::sqrt(2.0));
  };
  const std::vector<double> rectified{behind_relu(1.0, -2.0), behind_relu(3.0, 1.0)};
  CHECK(std::abs(5.0 + ptq::tapped_means(error, rectified, 1)[1] - -0.3135972) < 1e-5);
}

TEST_CASE("options that no run could use are refused by name") {
  toy_graph g;
  toy_evaluator evaluator(small_net::data(1));
  quantization<exact_bias> quantize;
  quantize.corrections = ptq::corrections<exact_bias>(exact_bias{.threshold = -1.0});
  CHECK_THROWS_AS(static_cast<void>(quantize(g, evaluator)), ptq::error);
  quantize.corrections = ptq::corrections<exact_bias>(exact_bias{.verified_on = 1.5});
  CHECK(message_of([&] {
          static_cast<void>(quantize(g, evaluator));
        }).find("exact_bias.verified_on") != std::string::npos);
}

} // namespace
