// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/range/choose.hpp>
#include <ptq/range/percentile.hpp>

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

template <class... Candidates>
using quantization = ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::ranges<ptq::for_weights<ptq::abs_max>, ptq::for_activations<ptq::choose<Candidates...>>>>;

using means_of_extremes = ptq::sides<ptq::low<ptq::min>, ptq::high<ptq::max>>;
using by_channel = ptq::at<ptq::per_channel, means_of_extremes>;
using each = ptq::at<ptq::per_channel, ptq::min_max>;
using whole = ptq::at<ptq::per_tensor, ptq::min_max>;

constexpr std::size_t channels = 3;

auto depthwise_net() -> toy_graph {
  toy_graph g;
  const auto x = g.input("x");
  const auto weights = g.constant("dw.w", {channels, 1, 3, 3}, toy_numbers(27, 2));
  g.convolution("dw", x, weights, toy_graph::none, {.groups = channels});
  return g;
}

template <class Algorithm>
auto plan_of(const std::vector<ptq::tensor_data>& samples, const Algorithm& quantize) -> ptq::plan {
  toy_evaluator evaluator(samples);
  return quantize(depthwise_net(), evaluator);
}

auto grids_of(const ptq::plan& of) -> std::vector<ptq::grid> {
  return of.input("dw", 0)->format.grids;
}

TEST_CASE("the choice weighs one range for all channels against one for each") {
  auto data = toy_samples(20, {1, channels, 6, 6}, -1.0F, 1.0F);
  SUBCASE("where channels differ in width, each has a range of its own") {
    for (auto& sample : data) {
      for (std::size_t i = 36; i != 72; ++i) {
        sample.values[i] *= 0.01F;
      }
    }
    const ptq::plan chosen = plan_of(data, quantization<whole, each>{});
    CHECK(grids_of(chosen) == grids_of(plan_of(data, quantization<each>{})));
    CHECK(grids_of(chosen).at(1).in_high < 0.02F);
  }
  SUBCASE("where the means of their extremes cut what one range holds, all have that one") {
    for (std::size_t c = 0; c != channels; ++c) {
      data[4 + c].values[36 * c + 7] = 3.0F; // once in each channel
    }
    const ptq::plan chosen = plan_of(data, quantization<by_channel, whole>{});
    CHECK(grids_of(chosen) == grids_of(plan_of(data, quantization<whole>{})));
    CHECK(grids_of(chosen).size() == channels);
    CHECK(grids_of(chosen).at(0) == grids_of(chosen).at(2));
    CHECK(grids_of(chosen).at(0).in_high > 2.9F);
  }
}

TEST_CASE("where there is one grid, both granularities give one range") {
  const auto data = toy_samples(20, {1, channels, 6, 6}, -1.0F, 1.0F);
  const auto with_one_grid = [&](auto quantize) {
    quantize.activations.granularity = ptq::per_tensor;
    return grids_of(plan_of(data, quantize));
  };
  CHECK(with_one_grid(quantization<each>{}) == with_one_grid(quantization<whole>{}));
  CHECK(with_one_grid(quantization<each>{}).size() == 1);
}

TEST_CASE("the options of a candidate at a granularity are checked") {
  quantization<whole, ptq::at<ptq::per_tensor, ptq::percentile>> quantize;
  std::get<1>(quantize.ranges.activations.chosen.candidates).candidate.percent = 0.0;
  CHECK(message_of([&] {
          quantize.check_options();
        }) == "a percentile is above 50 and at most 100 (option `percentile.percent`)");
}

} // namespace
