// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/hyperparameters.hpp>
#include <ptq/algorithm/tunable_quantization.hpp>
#include <ptq/config/named_ranges.hpp>
#include <ptq/plan/fingerprint.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/small_net.hpp"

namespace {

using namespace ptq::test;
namespace config = ptq::config;

using fast_corrections =
    ptq::corrections<ptq::correction::saturation_fix, ptq::correction::fast_bias>;
using both_schemes = ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>;
template <class Ranges>
using quantization = ptq::default_quantization<
    ptq::preset::performance,
    ptq::device::any,
    Ranges,
    both_schemes,
    fast_corrections>;
using by_quantiles = quantization<ptq::quantile_ranges>;

auto causes_in(const ptq::plan& of) -> std::set<std::string> {
  std::set<std::string> result;
  for (const auto& each : of.constants) {
    result.insert(each->cause);
  }
  return result;
}

/// The quantizers of two plans that differ: what reads them.
auto changed(const ptq::plan& before, const ptq::plan& after) -> std::set<std::string> {
  std::set<std::string> result;
  const auto add = [&](const ptq::plan& from, const ptq::plan& other) {
    for (const auto& each : from.quantizers) {
      const bool same =
          std::ranges::any_of(other.quantizers, [&](const auto& one) { return *one == *each; });
      if (!same) {
        for (const ptq::port_name& port : each->consumers) {
          result.insert(port.node);
        }
      }
    }
  };
  add(before, after);
  add(after, before);
  return result;
}

struct fixture : small_net {
  by_quantiles base{.weights = {.bits = 4}, .activations = {.bits = 5}};
  toy_evaluator evaluator{data(20)};
  std::string message{};

  template <class Space>
  auto plans_of(const Space& space) -> ptq::plan_space {
    return space.plans(g, ptq::calibrate(space, g, evaluator, {0, 20}), evaluator);
  }

  auto tunable(std::vector<ptq::tunes> scope) const -> ptq::tunable_quantization<by_quantiles> {
    return {.base = base, .tuning_scope = std::move(scope)};
  }

  /// All choices of the axis of an operation, beside that which changes nothing.
  auto choices_for(const ptq::tunable_quantization<by_quantiles>& how, const std::string& operation)
      -> std::vector<std::string> {
    for (const ptq::search_axis& each : how.space(ptq::read_graph(g).nodes).search_axes()) {
      if (each.name == operation) {
        return {each.choices.begin() + 1, each.choices.end()};
      }
    }
    return {};
  }

  /// The plan with one choice of one operation.
  auto plan_with(
      const ptq::tunable_quantization<by_quantiles>& how,
      const std::string& operation,
      const std::string& choice
  ) -> ptq::plan {
    const ptq::plan_space plans = plans_of(how.space(ptq::read_graph(g).nodes));
    ptq::configuration at = plans.start();
    for (std::size_t a = 0; a != at.size(); ++a) {
      const auto& names = plans.axes[a].choices;
      const auto found = std::ranges::find(names, choice);
      if (plans.axes[a].name == operation && found != names.end()) {
        at[a] = static_cast<std::size_t>(found - names.begin());
      }
    }
    CHECK(at != plans.start());
    return plans.plan_of(at);
  }
};

TEST_CASE_FIXTURE(fixture, "the hyperparameters are POT's twelve, calibrated in one pass") {
  const auto space = ptq::hyperparameters_of(base);
  const std::vector<ptq::search_axis> axes = space.search_axes();
  REQUIRE(axes.size() == 3);
  CHECK(axes[0].choices.size() - 1 + axes[1].choices.size() - 1 + axes[2].choices.size() - 1 == 12);
  CHECK(axes[1].stage == 0);
  CHECK(axes[2].stage == 1);
  const ptq::plan_space plans = plans_of(space);
  CHECK(evaluator.runs == 20);
  const ptq::plan start = plans.plan_of(plans.start());
  CHECK(evaluator.runs == 20);
  CHECK(start == base(g, evaluator));

  // Every point keeps the user's bits, and none needs another pass.
  evaluator.runs = 0;
  std::set<std::uint64_t> distinct;
  for (std::size_t weights = 0; weights != 2; ++weights) {
    for (std::size_t activations = 0; activations != axes[1].choices.size(); ++activations) {
      const ptq::plan made = plans.plan_of({weights, activations, 0});
      distinct.insert(ptq::fingerprint(made));
      for (const auto& each : made.quantizers) {
        CHECK(each->format.bits == (each->kind == ptq::tensor_kind::weights ? 4 : 5));
      }
    }
  }
  CHECK(distinct.size() >= 8); // quantiles of so few values are often extremes
  CHECK(evaluator.runs == 0);
}

TEST_CASE_FIXTURE(
    fixture, "each hyperparameter changes what it says, as an algorithm made by hand"
) {
  const ptq::plan_space plans = plans_of(ptq::hyperparameters_of(base));
  const auto by_hand = [&](const config::range_options& how) {
    const quantization<config::named_ranges> algorithm{
        .weights = base.weights,
        .activations = base.activations,
        .ranges = config::named_ranges(how)
    };
    return algorithm(g, evaluator);
  };
  const config::range_estimator_options quantiles{.preset = "quantile"};
  const config::range_estimator_options extremes{
      .preset = "default",
      .min = {.type = "min", .aggregator = "min"},
      .max = {.type = "max", .aggregator = "max"}
  };
  CHECK(plans.plan_of({0, 1, 0}) == by_hand({.weights = quantiles, .activations = extremes}));
  config::range_estimator_options mixed = extremes;
  mixed.min = {.type = "quantile", .aggregator = "mean", .outlier_prob = 1e-3};
  mixed.max = {.type = "quantile", .aggregator = "mean", .outlier_prob = 1e-4};
  CHECK(plans.plan_of({0, 6, 0}) == by_hand({.weights = quantiles, .activations = mixed}));
  const config::range_estimator_options of_weights{
      .preset = "default", .min = {.type = "min"}, .max = {.type = "max"}
  };
  CHECK(plans.plan_of({1, 0, 0}) == by_hand({.weights = of_weights, .activations = quantiles}));

  // The full correction is really done.
  CHECK(causes_in(plans.plan_of({0, 0, 0})).contains("fast_bias_correction"));
  CHECK(plans.plan_of({0, 0, 1}) == plans.plan_of({0, 0, 0})); // fast, as it is
  evaluator.runs = 0;
  const ptq::plan full = plans.plan_of({0, 0, 2});
  CHECK(causes_in(full).contains("bias_correction"));
  CHECK_FALSE(causes_in(full).contains("fast_bias_correction"));
  CHECK(evaluator.runs > 0);
  CHECK(
      plans.text_of({1, 6, 2}) ==
      "weights.range_estimator min to max, activations.range_estimator quantile 1e-3 to quantile "
      "1e-4, bias_correction full"
  );
}

TEST_CASE_FIXTURE(
    fixture, "an engine that runs no plans has no full correction among its choices"
) {
  CHECK(ptq::hyperparameters_of(base, false).search_axes().back().choices.size() == 2);
  const ptq::default_quantization<
      ptq::preset::performance,
      ptq::device::any,
      ptq::default_ranges,
      both_schemes,
      ptq::corrections<>>
      bare;
  CHECK(ptq::hyperparameters_of(bare).search_axes().size() == 2);
}

TEST_CASE_FIXTURE(fixture, "what choices need together and not alone is observed when it is met") {
  using algorithm = by_quantiles;
  ptq::tuning_axis<algorithm> many{.name = "samples of nothing"};
  for (std::size_t i = 0; i != 40; ++i) {
    many.choices.push_back({std::to_string(i), [](algorithm&) {}});
  }
  base.activations.granularity = ptq::per_tensor;
  const ptq::tuning_space<algorithm> space{
      .base = base,
      .axes =
          {{.name = "granularity",
            .choices =
                {{"per channel",
                  [](algorithm& of) { of.activations.granularity = ptq::per_channel; }}}},
           {.name = "outlier_prob",
            .choices = {{"0.01", [](algorithm& of) { of.ranges.outlier_prob = 0.01; }}}},
           many}
  };
  const ptq::plan_space plans = plans_of(space);
  evaluator.runs = 0;
  CHECK(plans.plan_of({1, 0, 3}) == space.at({1, 0, 0})(g, evaluator));
  CHECK(evaluator.runs == 20); // those of the algorithm by hand
  evaluator.runs = 0;
  const ptq::plan together = plans.plan_of({1, 1, 0});
  CHECK(evaluator.runs == 20);
  CHECK(together == space.at({1, 1, 0})(g, evaluator));
  evaluator.runs = 0;
  CHECK(plans.plan_of({1, 1, 7}) == together);
  CHECK(evaluator.runs == 0);
}

TEST_CASE_FIXTURE(fixture, "an empty scope has no choices, and each part of it adds its own") {
  CHECK(tunable({}).space(ptq::read_graph(g).nodes).axes.empty());
  auto bits = tunable({ptq::tunes::bits});
  CHECK(choices_for(bits, "first").empty()); // the device has no other bits
  bits.bits_choices = {8, 4};
  CHECK(
      choices_for(bits, "first") ==
      std::vector<std::string>{
          "weights of 8 bits",
          "activations of 8 bits",
          "weights of 8 bits and activations of 8 bits",
          "activations of 4 bits",
          "weights of 8 bits and activations of 4 bits"
      }
  );
  CHECK(choices_for(tunable({ptq::tunes::layer}), "first") == std::vector<std::string>{"in float"});
  const auto modes = choices_for(tunable({ptq::tunes::mode}), "first");
  CHECK(std::ranges::find(modes, "activations asymmetric") != modes.end());
  CHECK(std::ranges::none_of(modes, [](const std::string& each) {
    return each.find("per ") != std::string::npos;
  }));
}

TEST_CASE_FIXTURE(fixture, "a choice of one operation changes what that operation reads alone") {
  base.corrections = {ptq::correction::saturation_fix{.apply = ptq::saturation::no}, {}};
  const ptq::plan start = base(g, evaluator);
  auto how = tunable({ptq::tunes::bits, ptq::tunes::mode, ptq::tunes::layer});
  how.bits_choices = {8};
  ptq::plan made = plan_with(how, "first", "weights of 8 bits");
  CHECK(changed(start, made) == std::set<std::string>{"first"});
  CHECK(made.input("first", 1)->format.bits == 8);
  CHECK(made.input("first", 0)->format.bits == 5);
  made = plan_with(how, "first", "activations of 8 bits");
  CHECK(made.input("first", 0)->format.bits == 8);
  CHECK(made.input("first", 1)->format.bits == 4);
  made = plan_with(how, "first", "activations asymmetric");
  CHECK(made.input("first", 0)->format.mode == ptq::asymmetric);
  made = plan_with(how, "dense", "in float");
  CHECK(made.input("dense", 0) == nullptr);
  CHECK(made.input("dense", 1) == nullptr);
  CHECK(made.input("first", 0) != nullptr);

  auto ranges = tunable({ptq::tunes::range_estimator});
  ranges.estimator_tuning_scope = {ptq::tunes_estimator::type};
  made = plan_with(ranges, "first", "weights by min to max");
  CHECK(changed(start, made) == std::set<std::string>{"first"});
  CHECK(*made.input("first", 0) == *start.input("first", 0));
  CHECK(made.input("first", 1)->format.grids != start.input("first", 1)->format.grids);
  made = plan_with(ranges, "depthwise", "activations by min to max");
  CHECK(changed(start, made) == std::set<std::string>{"depthwise"});
  CHECK(*made.input("depthwise", 1) == *start.input("depthwise", 1));
}

TEST_CASE_FIXTURE(fixture, "the estimators of a scope are all its combinations") {
  auto how = tunable({ptq::tunes::range_estimator});
  how.outlier_prob_choices = {0.01, 0.1};
  const auto count = [&](std::vector<ptq::tunes_estimator> scope) {
    how.estimator_tuning_scope = std::move(scope);
    return choices_for(how, "first").size();
  };
  using enum ptq::tunes_estimator;
  CHECK(count({}) == 0);
  CHECK(count({preset}) == 2 * 2 - 1);
  CHECK(count({type}) == (1 + 2 * 4) * (1 + 2 * 4) - 1);
  CHECK(count({aggregator}) == (1 + 1) * (1 + 7 * 7) - 1);
  CHECK(count({type, outlier_prob}) == (1 + 3 * 6) * (1 + 3 * 6) - 1);
  how.estimator_tuning_scope = {type, outlier_prob, aggregator};
  CHECK(message_of([&] {
          static_cast<void>(how.space(ptq::read_graph(g).nodes));
        }) == "first: more than 4096 choices for one operation: narrow the scope");
}

TEST_CASE_FIXTURE(fixture, "operations of a group are tuned together where that is asked for") {
  auto how = tunable({ptq::tunes::layer});
  const std::size_t alone = how.space(ptq::read_graph(g).nodes).axes.size();
  how.per_group = true;
  const auto together = how.space(ptq::read_graph(g).nodes);
  CHECK(together.axes.size() < alone);
  const ptq::plan made = plan_with(how, "left", "in float"); // both read the same tensor
  CHECK(made.input("left", 0) == nullptr);
  CHECK(made.input("right", 0) == nullptr);
}

TEST_CASE_FIXTURE(fixture, "scopes that no run could use are refused") {
  const auto said = [&](const ptq::tunable_quantization<by_quantiles>& how) {
    return message_of([&] { static_cast<void>(how.space(ptq::read_graph(g).nodes)); });
  };
  auto how = tunable({ptq::tunes::bits});
  how.bits_choices = {1};
  CHECK(said(how) == "bits are 2 to 16, not 1 (option `bits_choices`)");
  how = tunable({ptq::tunes::bits});
  how.estimator_tuning_scope = {ptq::tunes_estimator::type};
  CHECK(
      said(how) ==
      "changes nothing without `range_estimator` in tuning_scope (option `estimator_tuning_scope`)"
  );
  how = tunable({ptq::tunes::range_estimator});
  how.outlier_prob_choices = {0.7};
  CHECK(said(how).find("outlier_prob_choices") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "options of one operation override those of all") {
  base.operations["first"].weights.bits = 7;
  const ptq::plan made = base(g, evaluator);
  CHECK(made.input("first", 1)->format.bits == 7);
  CHECK(made.input("first", 0)->format.bits == 5);
  CHECK(made.input("dense", 1)->format.bits == 4);
  base.operations["fisrt"].weights.bits = 7;
  CHECK(message_of([&] {
          static_cast<void>(base(g, evaluator));
        }) == "fisrt: the graph has no such node: did you mean `first`? (option `operations`)");
  base.operations = {{"first", {.weights = {.bits = 17}}}};
  CHECK(message_of([&] {
          static_cast<void>(base(g, evaluator));
        }) == "bits are 2 to 16, not 17 (option `operations.weights.bits`)");
}

} // namespace
