// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/range/choose.hpp>
#include <ptq/range/exact_clip.hpp>
#include <ptq/range/kl_divergence.hpp>
#include <ptq/range/mean_squared_error.hpp>
#include <ptq/range/moving_average.hpp>
#include <ptq/range/octav.hpp>
#include <ptq/range/percentile.hpp>
#include <ptq/statistics/serialise.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

/// conv -> relu -> depthwise -> relu -> product.
auto small_net() -> toy_graph {
  toy_graph g;
  const auto x = g.input("x");
  const auto c = g.convolution(
      "conv",
      x,
      g.constant("conv.w", {3, 2, 3, 3}, toy_numbers(54, 1)),
      toy_graph::none,
      {.pads_begin = {1, 1}, .pads_end = {1, 1}}
  );
  const auto r = g.relu("relu1", c);
  const auto d = g.convolution(
      "dw", r, g.constant("dw.w", {3, 1, 3, 3}, toy_numbers(27, 2)), toy_graph::none, {.groups = 3}
  );
  const auto flat = g.flatten("flat", g.reduce_mean("pool", g.relu("relu2", d)));
  g.matmul(
      "fc",
      flat,
      g.constant("fc.w", {4, 3}, toy_numbers(12, 3)),
      toy_graph::none,
      {.transpose_b = true}
  );
  return g;
}

auto small_data() {
  return toy_samples(20, {1, 2, 6, 6}, -0.5F, 2.0F);
}

template <class Weights, class Activations>
using quantization = ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::ranges<ptq::for_weights<Weights>, ptq::for_activations<Activations>>>;

template <class Algorithm>
void check_splits(const Algorithm& quantize) {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const ptq::plan whole = quantize(g, evaluator);
  CHECK(whole.quantizers.size() >= 6);
  ptq::statistics merged = ptq::calibrate(quantize, g, evaluator, {13, 20});
  merged.merge(
      ptq::statistics_from_bytes(ptq::to_bytes(ptq::calibrate(quantize, g, evaluator, {0, 6})))
  );
  merged.merge(ptq::calibrate(quantize, g, evaluator, {6, 13}));
  CHECK(merged == ptq::calibrate(quantize, g, evaluator, {0, 20}));
  CHECK(quantize(g, merged) == whole);
}

TEST_CASE("ranges of all samples are the same bits, in whatever parts the samples came") {
  check_splits(quantization<ptq::mean_squared_error, ptq::both<ptq::mean_squared_error>>{});
  check_splits(quantization<ptq::octav, ptq::both<ptq::octav>>{});
  check_splits(quantization<ptq::exact_clip, ptq::both<ptq::exact_clip>>{});
  check_splits(quantization<ptq::kl_divergence, ptq::both<ptq::kl_divergence>>{});
  check_splits(quantization<ptq::percentile, ptq::both<ptq::percentile>>{});
  check_splits(quantization<ptq::min_max, ptq::both<ptq::min_max>>{});
  check_splits(quantization<
               ptq::weighted_mean_squared_error,
               ptq::choose<
                   ptq::mean_squared_error,
                   ptq::min_max,
                   ptq::sides<ptq::low<ptq::min>, ptq::high<ptq::max>>>>{});
}

TEST_CASE("the range of all samples' extremes is that of the least and the greatest") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const ptq::plan counted = quantization<ptq::abs_max, ptq::both<ptq::min_max>>{}(g, evaluator);
  using by_sample = ptq::default_quantization<
      ptq::preset::mixed,
      ptq::device::cpu,
      ptq::ranges<
          ptq::for_weights<ptq::abs_max>,
          ptq::for_activations<
              ptq::low<ptq::min, ptq::aggregate::min>,
              ptq::high<ptq::max, ptq::aggregate::max>>>>;
  CHECK(counted == by_sample{}(g, evaluator));
}

TEST_CASE("the choice at run time gives the bits of the type written by hand") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  using estimator = ptq::one_of<ptq::mean_squared_error, ptq::octav, ptq::percentile>;
  quantization<estimator, ptq::both<estimator>> quantize;
  quantize.ranges.weights.estimator = ptq::octav{};
  quantize.ranges.activations.both.estimator = ptq::percentile{.percent = 95.0};
  quantization<ptq::octav, ptq::both<ptq::percentile>> by_hand;
  by_hand.ranges.activations.both.estimator.percent = 95.0;
  CHECK(quantize(g, evaluator) == by_hand(g, evaluator));
}

TEST_CASE("an outlier of one sample is left out by the choice, and kept where nothing is gained") {
  toy_graph g;
  const auto x = g.input("x");
  g.matmul(
      "fc",
      x,
      g.constant("fc.w", {2, 64}, toy_numbers(128, 3)),
      toy_graph::none,
      {.transpose_b = true}
  );
  auto data = toy_samples(20, {1, 64}, -1.0F, 1.0F);
  using policy = quantization<ptq::abs_max, ptq::choose<ptq::min_max, ptq::mean_squared_error>>;
  const auto high = [&] {
    toy_evaluator evaluator(data);
    const ptq::plan p = policy{.activations = {.bits = 4}}(g, evaluator);
    return p.input("fc", 0)->format.grids.front().in_high;
  };
  CHECK(high() > 0.8F);
  data[7].values[5] = 10.0F;
  CHECK(high() < 9.0F);
  CHECK(high() > 0.8F);
}

TEST_CASE("weights count by the energy that they meet, whatever the axis of the inputs") {
  // The second input channel never fires: its great weight does not matter.
  std::vector<float> weights = toy_numbers(2 * 64, 5);
  for (std::size_t i = 1; i < weights.size(); i += 2) {
    weights[i] = 50.0F;
  }
  toy_graph g;
  const auto x = g.input("x");
  g.matmul("fc", x, g.constant("fc.w", {64, 2}, weights), toy_graph::none, {.transpose_b = true});
  toy_graph turned;
  const auto y = turned.input("x");
  std::vector<float> columns(weights.size());
  for (std::size_t i = 0; i != weights.size(); ++i) {
    columns[i % 2 * 64 + i / 2] = weights[i];
  }
  turned.matmul("fc", y, turned.constant("fc.w", {2, 64}, columns), toy_graph::none, {});
  auto data = toy_samples(10, {1, 2}, -1.0F, 1.0F);
  for (auto& sample : data) {
    sample.values[1] = 0.0F;
  }
  const auto high = [&](const toy_graph& of, const auto& quantize) {
    toy_evaluator evaluator(data);
    return quantize(of, evaluator).input("fc", 1)->format.grids.front().in_high;
  };
  const quantization<ptq::weighted_mean_squared_error, ptq::both<ptq::min_max>> weighted{
      .weights = {.granularity = ptq::per_tensor}
  };
  const quantization<ptq::mean_squared_error, ptq::both<ptq::min_max>> alike{
      .weights = {.granularity = ptq::per_tensor}
  };
  CHECK(high(g, alike) > 40.0F);
  CHECK(high(g, weighted) < 2.0F);
  CHECK(high(turned, weighted) == high(g, weighted));
}

TEST_CASE("options of ranges are refused before any sample is run") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  quantization<ptq::abs_max, ptq::both<ptq::percentile>> quantize;
  quantize.ranges.activations.both.estimator.percent = 0.0;
  CHECK(message_of([&] {
          (void)quantize(g, evaluator);
        }) == "a percentile is above 50 and at most 100 (option `percentile.percent`)");
  quantization<ptq::mean_squared_error, ptq::both<ptq::min_max>> of_weights;
  of_weights.ranges.weights.estimator.candidates = 0;
  CHECK(message_of([&] {
          (void)of_weights(g, evaluator);
        }) == "candidate ranges are 1 to 100000, not 0 (option `mean_squared_error.candidates`)");
  using averaged = ptq::default_quantization<
      ptq::preset::mixed,
      ptq::device::cpu,
      ptq::ranges<
          ptq::for_weights<ptq::abs_max>,
          ptq::for_activations<
              ptq::low<ptq::min, ptq::aggregate::moving_average>,
              ptq::high<ptq::max, ptq::aggregate::moving_average>>>>;
  averaged moving;
  (void)moving(g, evaluator);
  moving.ranges.activations.high.aggregator.momentum = 2.0;
  CHECK(message_of([&] {
          (void)moving(g, evaluator);
        }) == "a momentum is 0 to below 1 (option `moving_average.momentum`)");
}

TEST_CASE("statistics without histograms are refused by what they lack") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(small_data());
  const ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu> other;
  const ptq::statistics collected = ptq::calibrate(other, g, evaluator, {0, 20});
  const quantization<ptq::abs_max, ptq::both<ptq::octav>> quantize;
  CHECK(message_of([&] {
          (void)quantize(g, collected);
        }).find("the statistics hold no `histogram") != std::string::npos);
}

TEST_CASE("a tensor with NaN has no histogram: the error names tensor and sample") {
  const toy_graph g = small_net();
  auto data = small_data();
  data[4].values[3] = std::numeric_limits<float>::quiet_NaN();
  toy_evaluator evaluator(data);
  const quantization<ptq::abs_max, ptq::both<ptq::octav>> quantize;
  CHECK(message_of([&] { (void)quantize(g, evaluator); }) == "x, sample 4: the tensor holds NaN");
}

} // namespace
