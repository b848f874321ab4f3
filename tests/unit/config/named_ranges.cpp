// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/config/named_ranges.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
namespace aggregate = ptq::aggregate;
using ptq::config::named_ranges;
using ptq::config::range_options;
using estimators = named_ranges::estimators;
using one_aggregator = named_ranges::some_aggregator;

static_assert(ptq::explain_range_policy<named_ranges>());

template <class Policy>
auto is(const auto& of) -> bool {
  return std::holds_alternative<Policy>(of.chosen());
}

/// What the aggregator makes of some numbers, and those that it gives the same number for.
auto same(const auto& a, const auto& b) -> bool {
  const std::vector<float> numbers = toy_numbers(47, 3);
  return a(std::span<const float>(numbers)) == b(std::span<const float>(numbers));
}

constexpr ptq::mode modes[] = {ptq::symmetric, ptq::asymmetric};
constexpr ptq::granularity granularities[] = {ptq::per_tensor, ptq::per_channel};

TEST_CASE("a preset by name estimates as the type that it names") {
  const auto check = []<class Preset>(const Preset& preset, const char* name) {
    const named_ranges named(range_options{.range_estimator = {.preset = name}});
    for (const ptq::mode how : modes) {
      const std::vector<float> values = toy_numbers(900, 8, -2.0F, 5.0F);
      auto expected = preset.of_weights(how).template start<float>();
      auto actual = named.of_weights(how).template start<float>();
      expected.observe(values);
      actual.observe(values);
      CHECK(
          ptq::range_of<float>(named.of_weights(how), actual) ==
          ptq::range_of<float>(preset.of_weights(how), expected)
      );
      for (const ptq::granularity of : granularities) {
        const auto theirs = preset.of_activations(how, of);
        const auto mine = named.of_activations(how, of);
        CHECK(mine.low.estimator.key() == ptq::key_of(theirs.low.estimator));
        CHECK(mine.high.estimator.key() == ptq::key_of(theirs.high.estimator));
        CHECK(mine.low.granularity == theirs.low.granularity);
        CHECK(mine.high.granularity == theirs.high.granularity);
        CHECK(same(mine.low.aggregator, theirs.low.aggregator));
        CHECK(same(mine.high.aggregator, theirs.high.aggregator));
        CHECK(
            is<ptq::abs_max>(mine.high.estimator) ==
            (std::string(name) == "default" && how == ptq::symmetric)
        );
      }
    }
  };
  check(ptq::default_ranges{}, "default");
  check(ptq::quantile_ranges{}, "quantile");
  CHECK(named_ranges() == named_ranges(range_options{}));
}

TEST_CASE("what is said of a side replaces that part of the preset, and nothing else") {
  const named_ranges named(range_options{
      .activations =
          ptq::config::range_estimator_options{
              .min = {.type = "quantile", .outlier_prob = 1e-3}, .max = {.aggregator = "median"}
          }
  });
  const auto sides = named.of_activations(ptq::asymmetric, ptq::per_tensor);
  CHECK(sides.low.estimator == estimators(ptq::quantile{1e-3}));
  CHECK(same(sides.low.aggregator, aggregate::mean{}));
  CHECK(is<ptq::max>(sides.high.estimator));
  CHECK(same(sides.high.aggregator, aggregate::median{}));
  CHECK(is<ptq::abs_max>(named.of_weights(ptq::symmetric).high));
  CHECK(is<ptq::min>(named.of_weights(ptq::asymmetric).low));
}

TEST_CASE("options of one kind replace those of both, nothing of which is kept") {
  const named_ranges named(range_options{
      .range_estimator =
          {.preset = "quantile", .max = {.aggregator = "max", .clipping_value = 3.0F}},
      .activations = ptq::config::range_estimator_options{.max = {.type = "abs_max"}}
  });
  const auto sides = named.of_activations(ptq::asymmetric, ptq::per_tensor);
  CHECK(is<ptq::min>(sides.low.estimator));
  CHECK(is<ptq::abs_max>(sides.high.estimator));
  CHECK(same(sides.high.aggregator, aggregate::mean{}));
  CHECK(named.clipping_of(ptq::tensor_kind::activations) == ptq::clipping_values{});
  CHECK(named.clipping_of(ptq::tensor_kind::weights) == ptq::clipping_values{.high = 3.0F});
  CHECK(is<ptq::abs_quantile>(named.of_weights(ptq::symmetric).high));
}

// POT fails with a KeyError for a quantile without its share under the default preset.
TEST_CASE("a quantile without its share of outliers has the preset's, else 1e-4") {
  const auto high_of = [](const char* preset, ptq::config::range_side_options max) {
    const named_ranges named(range_options{.range_estimator = {.preset = preset, .max = max}});
    return named.of_activations(ptq::asymmetric, ptq::per_tensor).high.estimator;
  };
  CHECK(high_of("default", {.type = "quantile"}) == estimators(ptq::quantile{1e-4}));
  CHECK(high_of("quantile", {.type = "abs_quantile"}) == estimators(ptq::abs_quantile{1e-4}));
  CHECK(high_of("quantile", {.outlier_prob = 0.02}) == estimators(ptq::quantile{0.02}));
  CHECK(high_of("quantile", {.type = "max"}) == estimators(ptq::max{}));
}

TEST_CASE("a side may be of the whole tensor where the other is of each channel") {
  const named_ranges named(
      range_options{.range_estimator = {.min = {.granularity = ptq::per_tensor}}}
  );
  const auto sides = named.of_activations(ptq::asymmetric, ptq::per_channel);
  CHECK(sides.low.granularity == ptq::per_tensor);
  CHECK(sides.high.granularity == ptq::per_channel);
  const named_ranges too_many(
      range_options{.range_estimator = {.max = {.granularity = ptq::per_channel}}}
  );
  CHECK(
      message_of([&] { (void)too_many.of_activations(ptq::symmetric, ptq::per_tensor); }) ==
      "a side of a range has one end for each channel, and the range is of the whole tensor "
      "(option `granularity`)"
  );
}

// POT reduces over the batch inside the network, for extremes of whole tensors; else it takes the
// mean of each batch first, if the aggregator is the mean.
TEST_CASE("batches are reduced as POT would have") {
  range_options options{
      .activations =
          ptq::config::range_estimator_options{
              .min = {.aggregator = "mean"}, .max = {.aggregator = "hl_estimator"}
          },
      .stat_batch_size = 10
  };
  using aggregate::in_batches;
  const auto low_of = [&](ptq::mode how, ptq::granularity of) {
    return named_ranges(options).of_activations(how, of).low.aggregator;
  };
  const auto high_of = [&](ptq::mode how, ptq::granularity of) {
    return named_ranges(options).of_activations(how, of).high.aggregator;
  };
  SUBCASE("outside") {
    CHECK(same(
        low_of(ptq::asymmetric, ptq::per_tensor),
        in_batches<aggregate::mean, aggregate::mean>{.size = 10}
    ));
    CHECK(same(high_of(ptq::asymmetric, ptq::per_tensor), aggregate::hl_estimator{}));
  }
  SUBCASE("inside") {
    options.inplace_statistics = true;
    CHECK(same(
        low_of(ptq::asymmetric, ptq::per_tensor),
        in_batches<aggregate::mean, aggregate::min>{.size = 10}
    ));
    for (const ptq::mode how : modes) {
      CHECK(same(
          high_of(how, ptq::per_tensor),
          in_batches<aggregate::hl_estimator, aggregate::max>{.size = 10}
      ));
      CHECK(same(high_of(how, ptq::per_channel), aggregate::hl_estimator{}));
    }
    options.activations->max.type = "abs_quantile";
    CHECK(same(high_of(ptq::symmetric, ptq::per_tensor), aggregate::hl_estimator{}));
    // The low end of magnitudes is negative: the greatest of a batch is the least here.
    options.activations->min.type = "abs_max";
    CHECK(same(
        low_of(ptq::asymmetric, ptq::per_tensor),
        in_batches<aggregate::mean, aggregate::min>{.size = 10}
    ));
  }
}

TEST_CASE("what does not go together is refused with the option's name") {
  const auto refusal = [](range_options options) {
    return message_of([&] { (void)named_ranges(std::move(options)); });
  };
  using of_kind = ptq::config::range_estimator_options;
  CHECK(
      refusal({.range_estimator = {.preset = "quantil"}}) ==
      "`quantil` is none of default, quantile: did you mean `quantile`? (option "
      "`range_estimator.preset`)"
  );
  CHECK(
      refusal({.activations = of_kind{.max = {.type = "abs_maximum"}}}) ==
      "`abs_maximum` is none of min, max, abs_max, quantile, abs_quantile: did you mean "
      "`abs_max`? (option `activations.range_estimator.max.type`)"
  );
  CHECK(
      refusal({.activations = of_kind{.min = {.aggregator = "no_outliers"}}}) ==
      "`no_outliers` is none of mean, max, min, median, mean_no_outliers, median_no_outliers, "
      "hl_estimator: did you mean `mean_no_outliers`? (option "
      "`activations.range_estimator.min.aggregator`)"
  );
  CHECK(
      refusal({.range_estimator = {.min = {.type = "min", .outlier_prob = 1e-3}}}) ==
      "only `quantile` and `abs_quantile` leave out outliers, not `min` (option "
      "`range_estimator.min.outlier_prob`)"
  );
  CHECK(
      refusal({.range_estimator = {.max = {.outlier_prob = 1e-3}}}) ==
      "only `quantile` and `abs_quantile` leave out outliers, not `default` (option "
      "`range_estimator.max.outlier_prob`)"
  );
  CHECK(
      refusal({.weights = of_kind{.max = {.type = "quantile", .outlier_prob = 0.5}}}) ==
      "the share of values beyond each end is at least 0 and below 0.5, not 0.5 (option "
      "`weights.range_estimator.max.outlier_prob`)"
  );
  CHECK(
      refusal({.weights = of_kind{.max = {.aggregator = "mean"}}}) ==
      "weights have no samples to aggregate: their range is what the estimator yields (option "
      "`weights.range_estimator.max.aggregator`)"
  );
  CHECK(
      refusal({.weights = of_kind{.min = {.granularity = ptq::per_tensor}}}) ==
      "the range of weights has the granularity of their grid (option "
      "`weights.range_estimator.min.granularity`)"
  );
  CHECK(
      refusal({.stat_batch_size = 0}) ==
      "a batch has at least one sample (option `stat_batch_size`)"
  );
  CHECK(
      refusal(
          {.range_estimator = {.min = {.clipping_value = 2.0F}, .max = {.clipping_value = 1.0F}}}
      ) == "the clipping value of the low side is not below that of the high side (option "
           "`weights.low`)"
  );
}

} // namespace
