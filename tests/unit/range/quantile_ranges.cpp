// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/range/ends.hpp>
#include <ptq/range/quantile_ranges.hpp>

#include <span>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "laws/range_estimator.hpp"
#include "support/message.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;
namespace aggregate = ptq::aggregate;

static_assert(ptq::explain_range_policy<ptq::quantile_ranges>());
static_assert(ptq::explain_range_estimator<ptq::ends<ptq::min, ptq::quantile>>());
static_assert(ptq::explain_range_estimator<ptq::ends<ptq::min, ptq::abs_max>, double>());

template <class Policy, class... Others>
auto is(const ptq::one_of<Others...>& of) -> bool {
  return std::holds_alternative<Policy>(of.chosen());
}

// POT, range estimator preset `quantile`.
TEST_CASE("the quantile ranges are those of the table") {
  const ptq::quantile_ranges policy{.outlier_prob = 1e-3};
  SUBCASE("symmetric, per tensor") {
    const auto sides = policy.of_activations(ptq::symmetric, ptq::per_tensor);
    CHECK(is<ptq::min>(sides.low.estimator));
    CHECK(is<aggregate::min>(sides.low.aggregator));
    CHECK(
        sides.high.estimator ==
        ptq::one_of<ptq::quantile, ptq::abs_quantile>(ptq::abs_quantile{1e-3})
    );
    CHECK(is<aggregate::mean>(sides.high.aggregator));
    CHECK(sides.low.granularity == ptq::per_tensor);
    CHECK(sides.high.granularity == ptq::per_tensor);
  }
  SUBCASE("asymmetric, per tensor") {
    const auto sides = policy.of_activations(ptq::asymmetric, ptq::per_tensor);
    CHECK(sides.low.estimator == ptq::one_of<ptq::min, ptq::quantile>(ptq::quantile{1e-3}));
    CHECK(is<aggregate::mean>(sides.low.aggregator));
    CHECK(is<ptq::quantile>(sides.high.estimator));
    CHECK(is<aggregate::mean>(sides.high.aggregator));
  }
  SUBCASE("symmetric, per channel: the low side is of the whole tensor") {
    const auto sides = policy.of_activations(ptq::symmetric, ptq::per_channel);
    CHECK(is<ptq::min>(sides.low.estimator));
    CHECK(is<aggregate::min>(sides.low.aggregator));
    CHECK(is<ptq::abs_quantile>(sides.high.estimator));
    CHECK(is<aggregate::max>(sides.high.aggregator));
    CHECK(sides.low.granularity == ptq::per_tensor);
    CHECK(sides.high.granularity == ptq::per_channel);
  }
  SUBCASE("asymmetric, per channel") {
    const auto sides = policy.of_activations(ptq::asymmetric, ptq::per_channel);
    CHECK(is<ptq::quantile>(sides.low.estimator));
    CHECK(is<aggregate::min>(sides.low.aggregator));
    CHECK(is<ptq::quantile>(sides.high.estimator));
    CHECK(is<aggregate::max>(sides.high.aggregator));
    CHECK(sides.low.granularity == ptq::per_channel);
  }
  SUBCASE("weights") {
    CHECK(is<ptq::abs_quantile>(policy.of_weights(ptq::symmetric)));
    CHECK(is<ptq::quantile>(policy.of_weights(ptq::asymmetric)));
  }
  SUBCASE("as many outliers as POT's, unless said otherwise") {
    CHECK(
        ptq::quantile_ranges{}.of_weights(ptq::symmetric) ==
        ptq::quantile_ranges::weights_estimator(ptq::abs_quantile{1e-4})
    );
    CHECK(
        message_of([] { ptq::quantile_ranges{.outlier_prob = 0.7}.check_options(); }) ==
        "the share of values beyond each end is at least 0 and below 0.5, not 0.7 (option "
        "`outlier_prob`)"
    );
  }
}

TEST_CASE("ends come from two estimators") {
  const std::vector<float> values = toy_numbers(400, 5, -3.0F, 2.0F);
  const auto range_by = [&values](const auto& policy) {
    auto state = policy.template start<float>();
    state.observe(values);
    return ptq::range_of<float>(policy, state);
  };
  const ptq::ends<ptq::min, ptq::quantile> mixed{.high = {0.01}};
  CHECK(range_by(mixed) == range{range_by(ptq::min{}).low, range_by(ptq::quantile{0.01}).high});
  using either = ptq::one_of<ptq::min, ptq::abs_quantile>;
  const ptq::ends<either, either> chosen{.low = ptq::abs_quantile{0.1}, .high = ptq::min{}};
  CHECK(range_by(chosen) == range{range_by(ptq::abs_quantile{0.1}).low, range_by(ptq::min{}).high});

  check_range_estimator_laws(mixed, values);
  check_range_estimator_laws(chosen, values);
  // All read extremes, under one key.
  CHECK(ptq::ends<ptq::min, ptq::max>{}.key() != ptq::ends<ptq::abs_max, ptq::max>{}.key());
  CHECK(chosen.key() != ptq::ends<either, either>{}.key());
  CHECK(
      message_of([] { ptq::ends<ptq::min, ptq::quantile>{.high = {0.5}}.check_options(); }) ==
      "the share of values beyond each end is at least 0 and below 0.5, not 0.5 (option "
      "`outlier_prob`)"
  );
}

} // namespace
