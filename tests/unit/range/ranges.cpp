// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/calibration/request.hpp>
#include <ptq/range/ranges.hpp>

#include <optional>
#include <span>
#include <type_traits>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;
namespace aggregate = ptq::aggregate;

static_assert(ptq::range_policy<ptq::default_ranges>);
static_assert(ptq::range_policy<ptq::ranges<>>);
static_assert(!ptq::range_policy<ptq::abs_max>);

/// An aggregator with a parameter.
struct parameter {
  int value = 0;

  auto operator()(std::span<const float>) const -> float { return static_cast<float>(value); }

  friend auto operator==(const parameter&, const parameter&) -> bool = default;
};

template <class Policy, class... Others>
auto is(const ptq::one_of<Others...>& of) -> bool {
  return std::holds_alternative<Policy>(of.chosen());
}

TEST_CASE("the default ranges are those of the table") {
  const ptq::default_ranges defaults;
  SUBCASE("symmetric, per tensor") {
    const auto sides = defaults.of_activations(ptq::symmetric, ptq::per_tensor);
    CHECK(is<aggregate::min>(sides.low.aggregator));
    CHECK(is<ptq::abs_max>(sides.high.estimator));
    CHECK(is<aggregate::mean>(sides.high.aggregator));
    CHECK(sides.low.granularity == ptq::per_tensor);
    CHECK(sides.high.granularity == ptq::per_tensor);
  }
  SUBCASE("asymmetric, per tensor") {
    const auto sides = defaults.of_activations(ptq::asymmetric, ptq::per_tensor);
    CHECK(is<aggregate::mean>(sides.low.aggregator));
    CHECK(is<ptq::max>(sides.high.estimator));
    CHECK(is<aggregate::mean>(sides.high.aggregator));
    CHECK(sides.low.granularity == ptq::per_tensor);
    CHECK(sides.high.granularity == ptq::per_tensor);
  }
  SUBCASE("symmetric, per channel: the low side is of the whole tensor") {
    const auto sides = defaults.of_activations(ptq::symmetric, ptq::per_channel);
    CHECK(is<aggregate::min>(sides.low.aggregator));
    CHECK(is<ptq::abs_max>(sides.high.estimator));
    CHECK(is<aggregate::max>(sides.high.aggregator));
    CHECK(sides.low.granularity == ptq::per_tensor);
    CHECK(sides.high.granularity == ptq::per_channel);
  }
  SUBCASE("asymmetric, per channel") {
    const auto sides = defaults.of_activations(ptq::asymmetric, ptq::per_channel);
    CHECK(is<aggregate::min>(sides.low.aggregator));
    CHECK(is<ptq::max>(sides.high.estimator));
    CHECK(is<aggregate::max>(sides.high.aggregator));
    CHECK(sides.low.granularity == ptq::per_channel);
    CHECK(sides.high.granularity == ptq::per_channel);
  }
  SUBCASE("weights") {
    CHECK(is<ptq::abs_max>(defaults.of_weights(ptq::symmetric)));
    CHECK(is<ptq::default_ranges::min_and_max>(defaults.of_weights(ptq::asymmetric)));
  }
}

TEST_CASE("ranges of the user's choice hold whatever the mode") {
  using mine = ptq::ranges<
      ptq::for_weights<ptq::max>,
      ptq::for_activations<
          ptq::low<ptq::min, aggregate::max>,
          ptq::high<ptq::abs_max, aggregate::min>>>;
  const mine policy;
  CHECK(policy == mine());
  for (const ptq::granularity of : {ptq::per_tensor, ptq::per_channel}) {
    const auto sides = policy.of_activations(ptq::asymmetric, of);
    CHECK(sides == policy.of_activations(ptq::symmetric, of));
    CHECK(sides.low.granularity == of);
    CHECK(sides.high.granularity == of);
    static_assert(std::is_same_v<decltype(sides.low.estimator), ptq::min>);
    static_assert(std::is_same_v<decltype(sides.low.aggregator), aggregate::max>);
    static_assert(std::is_same_v<decltype(sides.high.estimator), ptq::abs_max>);
    static_assert(std::is_same_v<decltype(sides.high.aggregator), aggregate::min>);
  }
  static_assert(std::is_same_v<decltype(policy.of_weights(ptq::symmetric)), ptq::max>);
}

TEST_CASE("a policy chosen at run time does what the chosen one does, bit for bit") {
  using estimator = ptq::one_of<ptq::min, ptq::max, ptq::abs_max>;
  const std::vector<float> values = toy_numbers(500, 5, -3.0F, 2.0F);
  const auto same = [&values]<class P>(const P& policy) {
    const estimator chosen(policy);
    auto expected = policy.template start<float>();
    auto actual = chosen.template start<float>();
    for (std::size_t from = 0; from != values.size(); from += 50) {
      const std::span<const float> block = std::span(values).subspan(from, 50);
      expected.observe(block);
      actual.observe(block);
    }
    CHECK(ptq::range_of<float>(chosen, actual) == ptq::range_of<float>(policy, expected));
    CHECK(ptq::key_of(chosen) == ptq::key_of(policy));
  };
  same(ptq::min{});
  same(ptq::max{});
  same(ptq::abs_max{});

  using aggregator = ptq::one_of<aggregate::mean, aggregate::max, aggregate::min>;
  CHECK(aggregator(aggregate::mean{})(values) == aggregate::mean{}(values));
  CHECK(aggregator(aggregate::max{})(values) == aggregate::max{}(values));
  CHECK(aggregator(aggregate::min{})(values) == aggregate::min{}(values));
}

TEST_CASE("a policy chosen at run time is equal to one of the same choice only") {
  using estimator = ptq::one_of<ptq::min, ptq::max>;
  CHECK(estimator() == estimator(ptq::min{}));
  CHECK(estimator(ptq::min{}) != estimator(ptq::max{}));
  estimator assigned = ptq::min{};
  assigned = estimator(ptq::max{});
  CHECK(assigned == estimator(ptq::max{}));

  using aggregator = ptq::one_of<aggregate::mean, parameter>;
  CHECK(aggregator(parameter{1}) == aggregator(parameter{1}));
  CHECK(aggregator(parameter{1}) != aggregator(parameter{2}));
  CHECK(aggregator(parameter{7})(std::vector<float>{1.0F}) == 7.0F);
}

TEST_CASE("a stored pair of numbers is read as the estimator would have") {
  CHECK(ptq::stored_range(ptq::min{}, -2.0F, 1.0F) == range{-2.0F, -2.0F});
  CHECK(ptq::stored_range(ptq::max{}, -2.0F, 1.0F) == range{1.0F, 1.0F});
  CHECK(ptq::stored_range(ptq::abs_max{}, -2.0F, 1.0F) == range{-2.0F, 2.0F});
  CHECK(ptq::stored_range(ptq::one_of<ptq::min, ptq::max>(ptq::max{}), -2.0F, 1.0F) == range{1, 1});
}

TEST_CASE("a statistic is named by its key and its axis") {
  CHECK(ptq::statistic_key("extremes", std::nullopt) == "extremes");
  CHECK(ptq::statistic_key("extremes", 1) == "extremes/1");
  CHECK(ptq::statistic_key("mean", ptq::last_axis) == "mean/last");
}

} // namespace
