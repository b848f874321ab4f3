// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/range/aggregate.hpp>
#include <ptq/range/extremes.hpp>
#include <ptq/range/ranges.hpp>

#include <limits>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "laws/aggregator.hpp"
#include "laws/range_estimator.hpp"
#include "support/policy_archetypes.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;

static_assert(ptq::explain_range_estimator<ptq::min>());
static_assert(ptq::explain_range_estimator<ptq::max>());
static_assert(ptq::explain_range_estimator<ptq::abs_max>());
static_assert(ptq::explain_range_estimator<ptq::default_ranges::min_and_max>());
static_assert(ptq::explain_range_estimator<ptq::abs_max, double>());
static_assert(ptq::explain_range_estimator<range_estimator_archetype>());
static_assert(!ptq::range_estimator<range_estimator_archetype, double>);
static_assert(!ptq::range_estimator<int>);

static_assert(ptq::explain_aggregator<ptq::aggregate::mean>());
static_assert(ptq::explain_aggregator<ptq::aggregate::max>());
static_assert(ptq::explain_aggregator<ptq::aggregate::min>());
static_assert(ptq::explain_aggregator<aggregator_archetype>());
static_assert(!ptq::aggregator<ptq::min>);

/// Has a parameter, so it says its name.
struct share_of_max {
  float share = 0.5F;

  template <class T>
  struct estimation {
    float share;
    T most{};

    void observe(std::span<const T> values) {
      for (const T value : values) {
        most = std::max(most, value < T{0} ? -value : value);
      }
    }

    auto range() const -> ptq::value_range<T> { return {-share * most, share * most}; }
  };

  template <class T>
  auto start() const -> estimation<T> {
    return {.share = share};
  }

  auto key() const -> std::string { return "share_of_max " + std::to_string(share); }

  friend auto operator==(const share_of_max&, const share_of_max&) -> bool = default;
};

struct first_value {
  template <class T>
  struct estimation {
    T value{};
    bool any = false;

    void observe(std::span<const T> values) {
      if (!any && !values.empty()) {
        value = values.front();
        any = true;
      }
    }

    auto range() const -> ptq::value_range<T> { return {value, value}; }
  };

  template <class T>
  auto start() const -> estimation<T> {
    return {};
  }

  friend auto operator==(const first_value&, const first_value&) -> bool = default;
};

template <class P>
auto range_of_values(const P& policy, const std::vector<float>& values) -> range {
  auto state = policy.template start<float>();
  state.observe(values);
  return ptq::range_of<float>(policy, state);
}

TEST_CASE("range estimators obey their laws") {
  const std::vector<std::vector<float>> inputs{
      {1.0F},
      {-0.0F, 0.0F},
      {0.5F, 2.0F, 1.0F},
      {-3.0F, -0.5F},
      {std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()},
      {std::numeric_limits<float>::denorm_min(), 0.0F},
      toy_numbers(1000, 3),
  };
  for (const std::vector<float>& values : inputs) {
    check_range_estimator_laws(ptq::min{}, values);
    check_range_estimator_laws(ptq::max{}, values);
    check_range_estimator_laws(ptq::abs_max{}, values);
    check_range_estimator_laws(ptq::default_ranges::min_and_max{}, values);
    check_range_estimator_laws(share_of_max{0.25F}, values);
    check_range_estimator_laws(first_value{}, values);
    check_range_estimator_laws(range_estimator_archetype(2), values);
    check_range_estimator_laws(ptq::one_of<ptq::abs_max, share_of_max>(ptq::abs_max{}), values);
    check_range_estimator_laws(ptq::one_of<ptq::abs_max, share_of_max>(share_of_max{}), values);
  }
}

TEST_CASE("aggregators obey their laws") {
  const std::vector<std::vector<float>> inputs{
      {1.0F}, {-1.0F, 4.0F}, {0.1F, 0.1F, 0.1F}, toy_numbers(300, 9), {3e38F, 3e38F, -1e38F}
  };
  for (const std::vector<float>& values : inputs) {
    check_aggregator_laws(ptq::aggregate::mean{}, values);
    check_aggregator_laws(ptq::aggregate::max{}, values);
    check_aggregator_laws(ptq::aggregate::min{}, values);
    check_aggregator_laws(aggregator_archetype(1), values);
    check_aggregator_laws(
        ptq::one_of<ptq::aggregate::mean, ptq::aggregate::max>(ptq::aggregate::max{}), values
    );
  }
}

TEST_CASE("estimators yield what they are called") {
  const std::vector<float> values{0.5F, -3.0F, 2.0F};
  CHECK(range_of_values(ptq::min{}, values) == range{-3.0F, -3.0F});
  CHECK(range_of_values(ptq::max{}, values) == range{2.0F, 2.0F});
  CHECK(range_of_values(ptq::abs_max{}, values) == range{-3.0F, 3.0F});
  CHECK(range_of_values(ptq::abs_max{}, {4.0F, 5.0F}) == range{-5.0F, 5.0F});
  CHECK(range_of_values(ptq::default_ranges::min_and_max{}, values) == range{-3.0F, 2.0F});
}

TEST_CASE("aggregators give the numbers of the worked example") {
  const std::vector<float> maxima{1, 2, 3, 10};
  CHECK(ptq::aggregate::mean{}(maxima) == 4.0F);
  CHECK(ptq::aggregate::max{}(maxima) == 10.0F);
  CHECK(ptq::aggregate::min{}(maxima) == 1.0F);
}

TEST_CASE("estimators that read the same numbers share a key, others do not") {
  CHECK(ptq::key_of(ptq::min{}) == "extremes");
  CHECK(ptq::key_of(ptq::max{}) == ptq::key_of(ptq::abs_max{}));
  CHECK(ptq::key_of(share_of_max{0.25F}) != ptq::key_of(share_of_max{0.75F}));
  CHECK(ptq::key_of(first_value{}).find("first_value") != std::string::npos);
  CHECK(ptq::key_of(first_value{}) != ptq::key_of(ptq::min{}));
  using either = ptq::one_of<ptq::min, share_of_max>;
  CHECK(ptq::key_of(either(share_of_max{0.25F})) == ptq::key_of(share_of_max{0.25F}));
  CHECK(ptq::key_of(either(ptq::min{})) == "extremes");
}

} // namespace
