// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/overflow_correction.hpp>
#include <ptq/device/devices.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::overflow_correction;

static_assert(ptq::explain_plan_correction<overflow_correction>());

template <class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::performance,
    ptq::device::gna,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

TEST_CASE("the first convolution of fashion_ds on GNA, as POT recorded it") {
  // The greatest magnitude of its output over 300 images, which the ReLU6 behind it does not cut.
  const double abs_max = 5.553101539611816;
  const double input_step = (0.99966013 + 0.99969065) / 65535.0;
  const double weight_step = 2.0 * 2.523103 / 65534.0;
  const double ratio = ptq::overflow_ratio(abs_max, input_step, weight_step);
  CHECK(std::abs(ratio - 1.1007578) < 1e-6);
  CHECK(std::abs(2.523103 * ratio - 2.7773252) < 1e-5);
  CHECK(std::abs(0.13288215 / ratio - 0.1207188) < 1e-6);
}

TEST_CASE("sums that fit are left alone") {
  CHECK(ptq::overflow_ratio(1.0, 1.0, 1.0) == 1.0);
  CHECK(ptq::overflow_ratio(2147483647.0, 1.0, 1.0) == 1.0);
  CHECK(ptq::overflow_ratio(4294967294.5, 1.0, 1.0) == 2.0); // a whole number of steps
}

struct fixture {
  toy_graph g{};
  toy_graph::tensor x = g.input("x");
  std::vector<std::string> notes{};

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  /// A convolution whose bias makes its output `bias` times larger than its products.
  void build(float bias) {
    const auto c = g.convolution(
        "conv", x, g.constant("w", {1, 1, 1, 1}, {0.5F}), g.constant("b", {1}, {bias})
    );
    g.output("y", c);
  }

  template <class... Each>
  auto quantized() -> ptq::plan {
    toy_evaluator evaluator(toy_samples(4, {1, 1, 4, 4}));
    const quantization<Each...> quantize;
    return quantize(g, evaluator, *this);
  }
};

TEST_CASE_FIXTURE(
    fixture, "weights are divided, their output limits multiplied, the input limits stay"
) {
  build(20.0F);
  const ptq::plan plain = quantized<>();
  notes.clear();
  const ptq::plan plan = quantized<overflow_correction>();
  const ptq::grid before = plain.input("conv", 1)->format.grids.front();
  const ptq::grid after = plan.input("conv", 1)->format.grids.front();
  REQUIRE(before.levels > 255);
  REQUIRE(plan.constant("w") != nullptr);
  const auto ratio = static_cast<double>(0.5F / plan.constant("w")->values.front());
  CHECK(ratio > 2.0);
  CHECK(after.in_low == before.in_low);
  CHECK(after.in_high == before.in_high);
  CHECK(std::abs(static_cast<double>(after.out_high / before.out_high) - ratio) < 1e-5);
  CHECK(std::abs(static_cast<double>(after.out_low / before.out_low) - ratio) < 1e-5);
  CHECK(plan.constants.front()->cause == "overflow_correction");
  REQUIRE_FALSE(notes.empty());
  CHECK(notes.back().starts_with("conv: weights divided by "));
  // It fits now, to the last step.
  const double input_step = plan.input("conv", 0)->format.grids.front().scale();
  CHECK(20.5 / (input_step * after.scale()) < 2147483647.0 * 1.01);
}

TEST_CASE_FIXTURE(fixture, "an output that fits changes nothing") {
  build(0.1F);
  CHECK(quantized<overflow_correction>().constants.empty());
}

} // namespace
