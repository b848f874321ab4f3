// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/calibration/ranges.hpp>
#include <ptq/core/error.hpp>
#include <ptq/range/aggregate.hpp>
#include <ptq/range/quantile.hpp>

#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "laws/aggregator.hpp"
#include "laws/range_estimator.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;

static_assert(ptq::explain_range_estimator<ptq::quantile>());
static_assert(ptq::explain_range_estimator<ptq::abs_quantile>());
static_assert(ptq::explain_aggregator<ptq::aggregate::median>());
static_assert(ptq::explain_aggregator<ptq::aggregate::mean_no_outliers>());
static_assert(ptq::explain_aggregator<ptq::aggregate::median_no_outliers>());
static_assert(ptq::explain_aggregator<ptq::aggregate::hl_estimator>());
static_assert(ptq::explain_aggregator<ptq::aggregate::in_batches<ptq::aggregate::median>>());

auto range_of_values(const auto& policy, std::span<const float> values) -> range {
  auto state = policy.template start<float>();
  state.observe(values);
  return ptq::range_of<float>(policy, state);
}

auto counted(std::size_t from, std::size_t to) -> std::vector<float> {
  std::vector<float> values(to - from);
  std::iota(values.begin(), values.end(), static_cast<float>(from));
  return values;
}

TEST_CASE("quantiles keep the laws of range estimators") {
  std::minstd_rand engine(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(300);
  for (float& value : values) {
    value = normal(engine);
  }
  check_range_estimator_laws(ptq::quantile{}, values);
  check_range_estimator_laws(ptq::quantile{0.01}, values);
  check_range_estimator_laws(ptq::abs_quantile{0.1}, values);
}

TEST_CASE("aggregators keep their laws") {
  const std::vector<float> values{3.0F, 1.0F, 10.0F, 2.0F};
  check_aggregator_laws(ptq::aggregate::median{}, values);
  check_aggregator_laws(ptq::aggregate::mean_no_outliers{}, values);
  check_aggregator_laws(ptq::aggregate::median_no_outliers{}, values);
  check_aggregator_laws(ptq::aggregate::hl_estimator{}, values);
  check_aggregator_laws(ptq::aggregate::in_batches<ptq::aggregate::max>{.size = 3}, values);
}

// POT, tools/pot/tests/test_tensor_statistics.py: 0 to 15 as [2, 2, 2, 2], quantile 0.01.
TEST_CASE("the quantiles of POT's own tests") {
  const ptq::quantile policy{0.01};
  CHECK(range_of_values(policy, counted(0, 4)).low == doctest::Approx(0.03));
  CHECK(range_of_values(policy, counted(4, 8)).low == doctest::Approx(4.03));
  CHECK(range_of_values(policy, counted(8, 12)).low == doctest::Approx(8.03));
  CHECK(range_of_values(policy, counted(0, 8)).low == doctest::Approx(0.07));
  CHECK(range_of_values(policy, counted(8, 16)).low == doctest::Approx(8.07));
  CHECK(range_of_values(policy, counted(0, 16)).low == doctest::Approx(0.15));
  CHECK(range_of_values(policy, counted(0, 16)).high == doctest::Approx(14.85));
  const std::vector<float> both{-4.0F, 1.0F, 2.0F, 3.0F};
  CHECK(range_of_values(ptq::abs_quantile{0.0}, both) == range{-4.0F, 4.0F});
  CHECK(range_of_values(ptq::abs_quantile{0.5}, both) == range{-2.5F, 2.5F});
}

// POT: aggregated maxima 1, 2, 3, 10; limits of the trimming 1.03 and 9.79.
TEST_CASE("aggregators come to the values that follow from their definitions") {
  const std::vector<float> values{1.0F, 2.0F, 3.0F, 10.0F};
  CHECK(ptq::aggregate::mean{}(values) == 4.0F);
  CHECK(ptq::aggregate::median{}(values) == 2.5F);
  CHECK(ptq::aggregate::mean_no_outliers{}(values) == 2.5F);
  CHECK(ptq::aggregate::median_no_outliers{}(values) == 2.5F);
  CHECK(ptq::aggregate::hl_estimator{}(values) == 4.0F);
  // POT, test_tensor_statistics.py: columns of 0 to 7 as [2, 2, 2].
  for (const auto& column : {std::vector<float>{0, 2, 4, 6}, std::vector<float>{1, 3, 5, 7}}) {
    const float middle = column[0] + 3.0F;
    CHECK(ptq::aggregate::median{}(column) == middle);
    CHECK(ptq::aggregate::mean_no_outliers{}(column) == middle);
    CHECK(ptq::aggregate::median_no_outliers{}(column) == middle);
    CHECK(ptq::aggregate::hl_estimator{}(column) == middle);
  }
}

TEST_CASE("what POT has no number for has one") {
  const std::vector<float> one{3.0F};
  const std::vector<float> two{1.0F, 2.0F};
  CHECK(ptq::aggregate::hl_estimator{}(one) == 3.0F);
  CHECK(ptq::aggregate::mean_no_outliers{}(two) == 1.5F);
  CHECK(ptq::aggregate::median_no_outliers{}(two) == 1.5F);
}

TEST_CASE("the Hodges-Lehmann estimator is the median over all pairs") {
  std::minstd_rand engine(6);
  std::normal_distribution<float> normal;
  for (std::size_t size = 2; size != 60; ++size) {
    std::vector<float> values(size);
    for (float& value : values) {
      value = engine() % 4 == 0 ? 0.5F : normal(engine);
    }
    std::vector<double> means;
    for (std::size_t i = 0; i != size; ++i) {
      for (std::size_t j = 0; j != i; ++j) {
        means.push_back((static_cast<double>(values[i]) + static_cast<double>(values[j])) / 2.0);
      }
    }
    std::ranges::sort(means);
    const std::size_t half = means.size() / 2;
    const double middle =
        means.size() % 2 == 1 ? means[half] : (means[half - 1] + means[half]) / 2.0;
    CHECK(ptq::aggregate::hl_estimator{}(values) == static_cast<float>(middle));
  }
}

TEST_CASE("batches are aggregated as POT does, taken in the graph or outside of it") {
  using ptq::aggregate::in_batches;
  using ptq::aggregate::mean;
  const std::vector<float> values{1.0F, 3.0F, 5.0F, 7.0F, 100.0F};
  using adaptor = in_batches<mean>;
  CHECK(adaptor{.size = 2}(values) == doctest::Approx((2.0 + 6.0 + 100.0) / 3.0));
  CHECK(
      adaptor{.size = 2, .of_batch = adaptor::batch::greatest}(values) ==
      doctest::Approx((3.0 + 7.0 + 100.0) / 3.0)
  );
  CHECK(
      adaptor{.size = 2, .of_batch = adaptor::batch::least}(values) ==
      doctest::Approx((1.0 + 5.0 + 100.0) / 3.0)
  );
  CHECK(adaptor{}(values) == mean{}(values));
}

TEST_CASE("shares that are none are refused by their option") {
  for (const double share : {-0.1, 0.6}) {
    try {
      ptq::quantile{share}.check_options();
      FAIL("accepted");
    } catch (const ptq::error& problem) {
      CHECK(problem.option() == "quantile.outlier_prob");
    }
  }
  CHECK_NOTHROW(ptq::abs_quantile{0.5}.check_options());
}

} // namespace
