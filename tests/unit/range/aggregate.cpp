// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/range/aggregate.hpp>
#include <ptq/range/hodges_lehmann.hpp>
#include <ptq/range/in_batches.hpp>
#include <ptq/range/median.hpp>
#include <ptq/range/no_outliers.hpp>
#include <ptq/range/one_of.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "laws/aggregator.hpp"
#include "support/message.hpp"
#include "support/policy_archetypes.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
namespace aggregate = ptq::aggregate;
using numbers = std::vector<float>;

static_assert(ptq::explain_aggregator<aggregate::median>());
static_assert(ptq::explain_aggregator<aggregate::mean_no_outliers>());
static_assert(ptq::explain_aggregator<aggregate::median_no_outliers>());
static_assert(ptq::explain_aggregator<aggregate::hl_estimator>());
static_assert(ptq::explain_aggregator<aggregate::in_batches<aggregate::mean, aggregate::max>>());

/// All pairs, listed.
auto hodges_lehmann_of(const numbers& values) -> float {
  std::vector<double> sums;
  for (std::size_t i = 0; i != values.size(); ++i) {
    for (std::size_t j = 0; j != i; ++j) {
      sums.push_back(static_cast<double>(values[i]) + static_cast<double>(values[j]));
    }
  }
  std::sort(sums.begin(), sums.end());
  const std::size_t half = sums.size() / 2;
  const double lower = sums.size() % 2 == 1 ? sums[half] : sums[half - 1];
  return static_cast<float>((lower + sums[half]) / 4.0);
}

TEST_CASE("aggregators of order obey the laws of aggregators") {
  const std::vector<numbers> inputs{
      {1.0F},
      {-1.0F, 4.0F},
      {0.1F, 0.1F, 0.1F},
      {-0.0F, 0.0F},
      toy_numbers(300, 9),
      {3e38F, 3e38F, -1e38F}
  };
  for (const numbers& values : inputs) {
    check_aggregator_laws(aggregate::median{}, values);
    check_aggregator_laws(aggregate::mean_no_outliers{}, values);
    check_aggregator_laws(aggregate::mean_no_outliers{0.25}, values);
    check_aggregator_laws(aggregate::median_no_outliers{}, values);
    check_aggregator_laws(aggregate::median_no_outliers{0.0}, values);
    check_aggregator_laws(aggregate::hl_estimator{}, values);
    for (const std::size_t size : {1U, 2U, 7U, 1000U}) {
      check_aggregator_laws(
          aggregate::in_batches<aggregate::mean, aggregate::max>{.size = size}, values
      );
      check_aggregator_laws(
          aggregate::in_batches<aggregate::hl_estimator, aggregator_archetype>{.size = size}, values
      );
    }
    using chosen = ptq::one_of<aggregate::median, aggregate::mean_no_outliers>;
    check_aggregator_laws(chosen(aggregate::mean_no_outliers{0.1}), values);
    check_aggregator_laws(
        aggregate::in_batches<chosen, chosen>{.size = 3, .of_batches = aggregate::median{}}, values
    );
  }
}

// Per-sample maxima, by hand: the trimmed limits are 1.03 and 9.79; the sums of pairs are 3, 4, 5,
// 11, 12, 13.
TEST_CASE("maxima of 1, 2, 3 and 10 come to what POT's definitions say") {
  const numbers maxima{10, 2, 1, 3};
  CHECK(aggregate::mean{}(maxima) == 4.0F);
  CHECK(aggregate::max{}(maxima) == 10.0F);
  CHECK(aggregate::min{}(maxima) == 1.0F);
  CHECK(aggregate::median{}(maxima) == 2.5F);
  CHECK(aggregate::mean_no_outliers{}(maxima) == 2.5F);
  CHECK(aggregate::median_no_outliers{}(maxima) == 2.5F);
  CHECK(aggregate::hl_estimator{}(maxima) == 4.0F);
}

// POT, tests/test_tensor_statistics.py: values 0 to 7 as [2, 2, 2], the last axis being the
// channel.
TEST_CASE("aggregators give the numbers of POT's own test") {
  for (const int channel : {0, 1}) {
    const auto first = static_cast<float>(channel);
    const numbers values{first, 2 + first, 4 + first, 6 + first};
    CHECK(aggregate::mean{}(values) == 3.0F + first);
    CHECK(aggregate::max{}(values) == 6.0F + first);
    CHECK(aggregate::min{}(values) == first);
    CHECK(aggregate::median{}(values) == 3.0F + first);
    CHECK(aggregate::mean_no_outliers{}(values) == 3.0F + first);
    CHECK(aggregate::median_no_outliers{}(values) == 3.0F + first);
    CHECK(aggregate::hl_estimator{}(values) == 3.0F + first);
  }
}

// NNCF, tests/common/test_reducers_and_aggregators.py: 1 to 9 times 1, 2, 3, 4, 5 and 10, and
// outliers; a tenth is cut off at each end.
TEST_CASE("aggregators without outliers give the numbers of NNCF's test") {
  const numbers outliers{1e5F, -1e5F, 2e5F, -2e5F, 3e5F, -3e5F, 4e5F, -4e5F, 5e5F};
  const numbers means{
      4.16666667F,
      8.33333333F,
      12.5F,
      16.66666667F,
      20.83333333F,
      25.0F,
      29.16666667F,
      33.33333333F,
      37.5F
  };
  const numbers medians{5, 4, 15, 8, 25, 12, 35, 16, 45};
  const numbers means_of_all{
      2503.125F,
      -2493.75F,
      5009.375F,
      -4987.5F,
      7515.625F,
      -7481.25F,
      10021.875F,
      -9975.0F,
      12528.125F
  };
  numbers all_of_mean;
  numbers all_of_median;
  for (std::size_t i = 0; i != 9; ++i) {
    const auto value = static_cast<float>(i + 1);
    numbers usual{value, 2 * value, 3 * value, 4 * value, 5 * value, 10 * value};
    numbers of_mean = usual;
    of_mean.insert(of_mean.end(), {-outliers[i], 1.2F * outliers[i]});
    numbers of_median = usual;
    of_median.insert(of_median.end(), {outliers[i], outliers[i]});
    CHECK(
        aggregate::mean{}(of_mean) ==
        doctest::Approx(static_cast<double>(means_of_all[i])).epsilon(1e-6)
    );
    CHECK(
        aggregate::mean_no_outliers{0.1}(of_mean) ==
        doctest::Approx(static_cast<double>(means[i])).epsilon(1e-7)
    );
    CHECK(aggregate::median_no_outliers{0.1}(of_median) == medians[i]);
    all_of_mean.insert(all_of_mean.end(), of_mean.begin(), of_mean.end());
    of_median.insert(of_median.end(), {outliers.back(), outliers.back()});
    all_of_median.insert(all_of_median.end(), of_median.begin(), of_median.end());
  }
  CHECK(aggregate::mean{}(all_of_mean) == doctest::Approx(1404.5138888888905).epsilon(1e-6));
  CHECK(aggregate::mean_no_outliers{0.1}(all_of_mean) == doctest::Approx(20.0893).epsilon(1e-5));
  CHECK(aggregate::median{}(all_of_median) == 24.0F);
  CHECK(aggregate::median_no_outliers{0.1}(all_of_median) == 30.0F);
}

TEST_CASE("where POT gives NaN, all values count") {
  CHECK(aggregate::hl_estimator{}(numbers{7}) == 7.0F);
  CHECK(aggregate::mean_no_outliers{}(numbers{7}) == 7.0F);
  CHECK(aggregate::mean_no_outliers{}(numbers{1, 4}) == 2.5F);
  CHECK(aggregate::median_no_outliers{}(numbers{1, 4}) == 2.5F);
  CHECK(aggregate::mean_no_outliers{}(numbers{2, 2}) == 2.0F);
}

TEST_CASE(
    "up to 101 values, the least and the greatest are the outliers, and of 102 two at each end"
) {
  for (const std::size_t count : {3U, 50U, 100U, 101U, 102U}) {
    numbers values;
    for (std::size_t i = 0; i != count; ++i) {
      values.push_back(static_cast<float>(i * i));
    }
    const std::size_t cut = count > 101 ? 2 : 1;
    const std::span<const float> kept = std::span(values).subspan(cut, count - 2 * cut);
    std::vector<float> shuffled(values.rbegin(), values.rend());
    CHECK(aggregate::mean_no_outliers{}(shuffled) == aggregate::mean{}(kept));
    CHECK(aggregate::median_no_outliers{}(shuffled) == aggregate::median{}(kept));
  }
}

TEST_CASE("the Hodges-Lehmann estimator has the bits of the median of all pairs") {
  for (std::size_t count = 2; count != 60; ++count) {
    numbers values = toy_numbers(count, static_cast<unsigned>(count), -1.0F, 3.0F);
    CHECK(aggregate::hl_estimator{}(values) == hodges_lehmann_of(values));
    for (float& value : values) {
      value = std::floor(value * 3.0F) / 3.0F; // many pairs with one sum
    }
    CHECK(aggregate::hl_estimator{}(values) == hodges_lehmann_of(values));
  }
  numbers far = toy_numbers(40, 5);
  far[3] = 3e38F;
  far[9] = -3e38F;
  far[17] = 1e-40F;
  CHECK(aggregate::hl_estimator{}(far) == hodges_lehmann_of(far));
}

TEST_CASE("the order of the samples does not matter, not even to the sign of zero") {
  numbers values = toy_numbers(50, 3);
  values[7] = 0.0F;
  values[8] = -0.0F;
  numbers reversed(values.rbegin(), values.rend());
  CHECK(aggregate::median{}(values) == aggregate::median{}(reversed));
  CHECK(aggregate::mean_no_outliers{}(values) == aggregate::mean_no_outliers{}(reversed));
  CHECK(aggregate::hl_estimator{}(values) == aggregate::hl_estimator{}(reversed));
  CHECK_FALSE(std::signbit(aggregate::median{}(numbers{-0.0F, 0.0F, -0.0F})));
}

TEST_CASE("batches are aggregated first, and the last one may be smaller") {
  const numbers values{1, 5, 2, 2, 8};
  using mean_of_max = aggregate::in_batches<aggregate::mean, aggregate::max>;
  CHECK(mean_of_max{.size = 2}(values) == 5.0F); // of 5, 2 and 8
  CHECK(mean_of_max{.size = 1}(values) == aggregate::mean{}(values));
  CHECK(mean_of_max{.size = 5}(values) == 8.0F);
  using mean_of_means = aggregate::in_batches<aggregate::mean, aggregate::mean>;
  CHECK(mean_of_means{.size = 2}(values) == doctest::Approx(13.0 / 3)); // of 3, 2 and 8
}

TEST_CASE("options out of bounds are refused with their names") {
  const char* const share =
      "the share of values beyond each end is at least 0 and below 0.5, not 0.5 (option "
      "`outlier_prob`)";
  CHECK(message_of([] { aggregate::mean_no_outliers{0.5}.check_options(); }) == share);
  CHECK(message_of([] { aggregate::median_no_outliers{0.5}.check_options(); }) == share);
  CHECK(message_of([] { aggregate::median_no_outliers{}.check_options(); }) == "no error");
  using batches = aggregate::in_batches<aggregate::mean_no_outliers, aggregate::max>;
  CHECK(message_of([] { batches{}.check_options(); }) == "no error");
  CHECK(message_of([] {
          batches{.size = 0}.check_options();
        }) == "a batch has at least one sample (option `size`)");
  CHECK(message_of([] { batches{.of_batches = {0.5}}.check_options(); }) == share);
}

} // namespace
