// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/scheme/half_range.hpp>
#include <ptq/scheme/power_of_two.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "laws/scheme.hpp"
#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using schemes = ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>;

inline constexpr auto one_zero_point = ptq::device_table{ptq::quantizes(
    ptq::op::matmul,
    {.activations = {8, ptq::asymmetric, ptq::per_tensor},
     .weights =
         {{.mode = ptq::asymmetric, .granularity = ptq::per_channel, .unified_zero_point = true}}}
)};

auto product() -> toy_graph {
  toy_graph g;
  g.matmul(
      "fc",
      g.input("x"),
      g.constant("w", {2, 2}, {-1.0F, 2.0F, -0.5F, 2.5F}),
      g.constant("b", {2}, {1.0F, 1.0F}),
      {.transpose_b = true}
  );
  return g;
}

TEST_CASE("a device's wish for one zero point of all channels reaches the scheme") {
  const toy_graph g = product();
  toy_evaluator evaluator(toy_samples(4, {1, 2}, -1.0F, 2.0F));
  const auto p =
      ptq::default_quantization<ptq::preset::performance, ptq::device::of<one_zero_point>>{
      }(g, evaluator);
  const auto& grids = p.input("fc", 1)->format.grids;
  CHECK(grids.at(0).in_high == 2.984375F);
  CHECK(grids.at(1).in_low == doctest::Approx(-0.8376963351));
  CHECK(grids[0].zero_point() == doctest::Approx(64.0));
  CHECK(grids[1].zero_point() == doctest::Approx(64.0));
  CHECK(p.input("fc", 0)->format.grids.size() == 1);
}

TEST_CASE("explicit signed codes make activations signed whatever their values") {
  const toy_graph g = product();
  toy_evaluator evaluator(toy_samples(4, {1, 2}, 1.0F, 2.0F));
  ptq::default_quantization<> quantize;
  CHECK(quantize(g, evaluator).input("fc", 0)->format.grids[0].in_low == 0.0F);
  quantize.activations.level_low = -128;
  quantize.activations.level_high = 127;
  CHECK(quantize(g, evaluator).input("fc", 0)->format.grids[0].in_low < -1.0F);
}

TEST_CASE("tensors on one grid keep zero on a code if their ranges are unified") {
  toy_graph g;
  const auto x = g.input("x");
  const auto a = g.clamp("a", x, 0, 6);
  const auto b = g.clamp("b", x, -1, 1);
  g.convolution("conv", g.concat("join", {a, b}, 1), g.constant("w", {1, 4, 1, 1}, {1, 2, 3, 4}));
  toy_evaluator evaluator(toy_samples(10, {1, 2, 4, 4}, -7.0F, 9.0F));
  for (const bool accurate : {false, true}) {
    const auto plan_with = [&](ptq::unification when) {
      const schemes chosen{.unification = when};
      return accurate
                 ? ptq::default_quantization<ptq::preset::mixed>{.schemes = chosen}(g, evaluator)
                 : ptq::default_quantization<>{.schemes = chosen}(g, evaluator);
    };
    const ptq::plan pot = plan_with(ptq::unification::of_grids);
    const ptq::plan ours = plan_with(ptq::unification::of_ranges);
    const auto grid_at = [](const ptq::plan& p, std::size_t input) {
      return p.input("join", input)->format.grids.at(0);
    };
    CHECK(grid_at(pot, 0) == grid_at(pot, 1));
    CHECK(grid_at(ours, 0) == grid_at(ours, 1));
    CHECK(distance_of_zero(grid_at(pot, 0)) > 0.1);
    CHECK(distance_of_zero(grid_at(ours, 0)) < 1e-4);
    CHECK(grid_at(ours, 0).in_low <= -1.0F);
    CHECK(grid_at(ours, 0).in_high >= 6.0F);
    CHECK(pot.quantizers.size() == ours.quantizers.size());
  }
}

TEST_CASE("other schemes are composed into the algorithm by their types") {
  const toy_graph g = product();
  toy_evaluator evaluator(toy_samples(4, {1, 2}, -1.0F, 2.0F));
  using ptq::scheme::asymmetric;
  using shifts = ptq::schemes<ptq::scheme::power_of_two<>, ptq::scheme::power_of_two<asymmetric>>;
  const auto p =
      ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu, ptq::default_ranges, shifts>{
      }(g, evaluator);
  for (const auto& each : p.quantizers) {
    for (const ptq::grid& on : each->format.grids) {
      int exponent = 0;
      CHECK(std::frexp(on.scale(), &exponent) == 0.5);
    }
  }
}

TEST_CASE("codes that make no sense are refused, with their option or their tensor") {
  const toy_graph g = product();
  toy_evaluator evaluator(toy_samples(4, {1, 2}, -1.0F, 2.0F));
  const auto refusal = [&](const auto& quantize) {
    return message_of([&] { (void)quantize(g, evaluator); });
  };
  using quantization = ptq::default_quantization<>;
  CHECK(
      refusal(quantization{.weights = {.level_low = 5, .level_high = 3}}) ==
      "the least code, 5, is not below the greatest, 3 (option `weights.level_low`)"
  );
  CHECK(
      refusal(quantization{.activations = {.level_low = 0, .level_high = 0}}) ==
      "the least code, 0, is not below the greatest, 0 (option `activations.level_low`)"
  );
  CHECK(
      refusal(quantization{.weights = {.bits = 4, .level_low = -127, .level_high = 127}}) ==
      "w: levels are 2 to 2^4, not 255 (option `levels`)"
  );
  const ptq::default_quantization<ptq::preset::performance, ptq::device::table> by_table{
      .device = ptq::device::table{std::vector{
          ptq::quantizes(ptq::op::matmul, {.weights = {8, ptq::symmetric, ptq::per_channel, 7, -7}})
      }}
  };
  CHECK(
      refusal(by_table) ==
      "the device's rule for matmul: the least code, 7, is not below the greatest, -7 (option "
      "`device`)"
  );
}

} // namespace
