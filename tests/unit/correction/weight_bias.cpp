// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/fake_quantized.hpp>
#include <ptq/correction/saturation_fix.hpp>
#include <ptq/correction/weight_bias.hpp>
#include <ptq/lowering/lower.hpp>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/small_net.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::saturation_fix;
using ptq::correction::weight_bias;

static_assert(ptq::explain_plan_correction<weight_bias>());

template <class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::performance,
    ptq::device::cpu,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

struct moments {
  double mean = 0.0;
  double deviation = 0.0;
};

auto moments_of(const ptq::tensor_data& of, std::size_t channel) -> moments {
  const std::size_t size = of.values.size() / of.shape[0];
  moments result;
  for (std::size_t i = 0; i != size; ++i) {
    result.mean += static_cast<double>(of.values[channel * size + i]) / static_cast<double>(size);
  }
  for (std::size_t i = 0; i != size; ++i) {
    const double off = static_cast<double>(of.values[channel * size + i]) - result.mean;
    result.deviation += off * off / static_cast<double>(size);
  }
  result.deviation = std::sqrt(result.deviation);
  return result;
}

struct fixture : small_net {
  template <class... Each>
  auto corrected(Each... each) -> ptq::plan {
    toy_evaluator evaluator(data());
    quantization<Each...> quantize{.weights = {.bits = 4}};
    quantize.corrections = ptq::corrections<Each...>(each...);
    return quantize(g, evaluator);
  }

  auto weights(const char* name) const -> ptq::tensor_data {
    return dense_copy(*g.at(g.find(name)).value);
  }

  /// The weights as the quantized model computes with them.
  auto quantized(const ptq::plan& under, const char* node, const char* name) const
      -> ptq::tensor_data {
    const ptq::tensor_data* const replaced = under.constant(name);
    return ptq::fake_quantized(
        replaced != nullptr ? *replaced : weights(name), under.input(node, 1)->format
    );
  }
};

constexpr std::array layers{
    std::pair{"first", "w1"}, std::pair{"left", "w3"}, std::pair{"right", "w4"}
};

TEST_CASE_FIXTURE(fixture, "mean and spread of each channel are those of the float weights") {
  const ptq::plan plan = corrected(weight_bias{.epsilon = 0.0});
  const ptq::plan plain = corrected();
  for (const auto& [node, name] : layers) {
    CAPTURE(node);
    const ptq::tensor_data wanted = weights(name);
    const ptq::tensor_data reached = quantized(plan, node, name);
    const ptq::tensor_data before = quantized(plain, node, name);
    for (std::size_t c = 0; c != wanted.shape[0]; ++c) {
      CHECK(std::abs(moments_of(reached, c).mean - moments_of(wanted, c).mean) < 1e-6);
      CHECK(std::abs(moments_of(reached, c).deviation - moments_of(wanted, c).deviation) < 1e-6);
    }
    CHECK(std::abs(moments_of(before, 0).mean - moments_of(wanted, 0).mean) > 1e-4);
  }
}

TEST_CASE_FIXTURE(fixture, "halved weights keep their codes and have the moments as well") {
  const saturation_fix all{.apply = ptq::saturation::all};
  const ptq::plan plan = corrected(all, weight_bias{.epsilon = 0.0});
  const ptq::plan plain = corrected(all);
  for (const auto& [node, name] : layers) {
    CAPTURE(node);
    const ptq::tensor_data wanted = weights(name);
    const ptq::tensor_data reached = quantized(plan, node, name);
    const ptq::tensor_data before = quantized(plain, node, name);
    const auto& grids = plan.input(node, 1)->format.grids;
    const auto& grids_before = plain.input(node, 1)->format.grids;
    const std::size_t size = wanted.values.size() / wanted.shape[0];
    for (std::size_t c = 0; c != wanted.shape[0]; ++c) {
      CHECK(std::abs(moments_of(reached, c).mean - moments_of(wanted, c).mean) < 1e-6);
      for (std::size_t i = c * size; i != (c + 1) * size; ++i) {
        const auto code = [](float value, const ptq::grid& on) {
          return std::lround(
              (static_cast<double>(value) - static_cast<double>(on.out_low)) / on.scale()
          );
        };
        CHECK(code(reached.values[i], grids[c]) == code(before.values[i], grids_before[c]));
      }
    }
  }
}

TEST_CASE_FIXTURE(fixture, "without a shift symmetric weights stay symmetric") {
  const ptq::plan plan = corrected(weight_bias{.shift = false});
  for (const auto& [node, name] : layers) {
    const ptq::quantizer* const on = plan.input(node, 1);
    CHECK(on->format.mode == ptq::symmetric);
    for (const ptq::grid& each : on->format.grids) {
      CHECK(each.in_low == -each.in_high);
      CHECK(each.out_low == -each.out_high);
    }
  }
  CHECK(corrected(weight_bias{}).input("first", 1)->format.mode == ptq::asymmetric);
}

TEST_CASE("the four limits of halved weights, as POT moves them and as they fit") {
  // One weight row of two: W = (1, 0.5), limits +-1, 3 levels: halved, Wq = 2 (0 or 0.5...) = (0,
  // 0) or (1, ...): what is checked is how the limits move for a known scale and shift.
  toy_graph g;
  const auto x = g.input("x");
  g.output("y", g.convolution("conv", x, g.constant("w", {1, 2, 1, 1}, {1.0F, 0.25F})));
  toy_evaluator evaluator(toy_samples(2, {1, 2, 2, 2}));
  const auto limits = [&](weight_bias how) {
    quantization<saturation_fix, weight_bias> quantize{.weights = {.bits = 4}};
    quantize.corrections = {saturation_fix{}, how};
    return quantize(g, evaluator).input("conv", 1)->format.grids.front();
  };
  const ptq::grid ours = limits({});
  const ptq::grid pots = limits({.as_pot = true});
  // ours: in = v (-1, 1) + mu / 2, out = 2 in; POT's: in = v (-1, 1) + mu, out = 2 in.
  const double mu = static_cast<double>(pots.in_low) - static_cast<double>(ours.in_low);
  const double shift = static_cast<double>(ours.out_low) + static_cast<double>(ours.out_high);
  CHECK(std::abs(shift / 2.0 - 2.0 * mu) < 1e-6);
  CHECK(std::abs(mu) > 1e-4);
  CHECK(
      std::abs(2.0 * static_cast<double>(ours.in_low) - static_cast<double>(ours.out_low)) < 1e-6
  );
  CHECK(
      std::abs(2.0 * static_cast<double>(pots.in_low) - static_cast<double>(pots.out_low)) < 1e-6
  );
}

TEST_CASE_FIXTURE(fixture, "a negative epsilon is refused") {
  CHECK(message_of([&] {
          corrected(weight_bias{.epsilon = -1.0});
        }).find("weight_bias.epsilon") != std::string::npos);
}

} // namespace
