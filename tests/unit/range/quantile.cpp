// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/range/one_of.hpp>
#include <ptq/range/quantile.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "laws/range_estimator.hpp"
#include "support/message.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;

static_assert(ptq::explain_range_estimator<ptq::quantile>());
static_assert(ptq::explain_range_estimator<ptq::abs_quantile>());
static_assert(!ptq::range_estimator<ptq::quantile, double>);

/// Told how many values there are, or not; in blocks of some size.
auto range_of(const auto& policy, std::span<const float> values, std::size_t block, bool told)
    -> range {
  auto state = policy.template start<float>();
  if (told) {
    state.expect(values.size());
  }
  for (std::size_t from = 0; from < values.size(); from += block) {
    state.observe(values.subspan(from, std::min(block, values.size() - from)));
  }
  return ptq::range_of<float>(policy, state);
}

TEST_CASE("quantiles obey the laws of range estimators") {
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
    for (const double outlier_prob : {0.0, 1e-4, 0.01, 0.3}) {
      check_range_estimator_laws(ptq::quantile{outlier_prob}, values);
      check_range_estimator_laws(ptq::abs_quantile{outlier_prob}, values);
      using either = ptq::one_of<ptq::abs_quantile, ptq::quantile>;
      check_range_estimator_laws(either(ptq::quantile{outlier_prob}), values);
    }
  }
}

TEST_CASE("the range is the same with the number of values known and unknown, in any blocks") {
  for (const std::size_t count : {1U, 2U, 3U, 10U, 100U, 4'000U, 70'001U}) {
    std::vector<float> values = toy_numbers(count, static_cast<unsigned>(count), -3.0F, 2.0F);
    if (count > 50) {
      std::fill_n(values.begin(), 20, 1.75F);
    }
    for (const double outlier_prob : {0.0, 1e-4, 1e-3, 0.02, 0.4}) {
      const ptq::quantile of{outlier_prob};
      const ptq::abs_quantile of_magnitudes{outlier_prob};
      const range whole = range_of(of, values, count, false);
      const range of_abs = range_of(of_magnitudes, values, count, false);
      CHECK(whole.low == ptq::quantile_of(values, outlier_prob));
      CHECK(whole.high == ptq::quantile_of(values, 1.0 - outlier_prob));
      CHECK(of_abs.low == -of_abs.high);
      for (const std::size_t block : {std::size_t{7}, std::size_t{1'000}, count}) {
        CHECK(range_of(of, values, block, true) == whole);
        CHECK(range_of(of_magnitudes, values, block, true) == of_abs);
      }
      std::reverse(values.begin(), values.end());
      CHECK(range_of(of, values, 1'000, true) == whole);
      CHECK(range_of(of_magnitudes, values, 1'000, true) == of_abs);
    }
  }
}

TEST_CASE("without outliers, quantiles are the extremes") {
  const std::vector<float> values = toy_numbers(999, 4, -3.0F, 2.0F);
  const auto [low, high] = std::ranges::minmax(values);
  CHECK(range_of(ptq::quantile{0.0}, values, 100, true) == range{low, high});
  CHECK(range_of(ptq::abs_quantile{0.0}, values, 100, true) == range{low, -low});
}

// POT, tests/test_tensor_statistics.py: 0 to 15 as [2, 2, 2, 2] with 0.01, the first channel of the
// first sample and the whole of it.
TEST_CASE("quantiles of POT's test of statistics") {
  std::vector<float> values(16);
  std::iota(values.begin(), values.end(), 0.0F);
  CHECK(range_of(ptq::quantile{0.01}, std::span(values).first(4), 4, true).low == 0.03F);
  CHECK(range_of(ptq::quantile{0.01}, std::span(values).first(8), 4, true).low == 0.07F);
  CHECK(range_of(ptq::quantile{0.01}, values, 4, true).low == 0.15F);
}

// Of 0 to 9999, by hand.
TEST_CASE("quantiles cut off the outliers that are asked for") {
  std::vector<float> values(10'000);
  std::iota(values.begin(), values.end(), 0.0F);
  CHECK(range_of(ptq::quantile{}, values, 300, true) == range{0.9999F, 9998.0001F});
  for (float& value : values) {
    value = -value;
  }
  CHECK(range_of(ptq::quantile{}, values, 300, true) == range{-9998.0001F, -0.9999F});
  CHECK(range_of(ptq::abs_quantile{}, values, 300, true) == range{-9998.0001F, 9998.0001F});
}

// NNCF, tests/common/test_reducers_and_aggregators.py: of -26 to 9, three are -20000 and three
// 10000.
TEST_CASE("quantiles of magnitudes of NNCF's test of reducers") {
  std::vector<float> values(36);
  std::iota(values.begin(), values.end(), -26.0F);
  std::fill_n(values.begin(), 3, -20'000.0F);
  std::fill_n(values.begin() + 3, 3, 10'000.0F);
  CHECK(range_of(ptq::quantile{0.01}, values, 36, false) == range{-20'000.0F, 10'000.0F});
  CHECK(range_of(ptq::abs_quantile{0.01}, values, 36, false) == range{-20'000.0F, 20'000.0F});
}

TEST_CASE("a key names the share of outliers, in digits that read back") {
  CHECK(ptq::quantile{}.key() == "quantile 1e-04");
  CHECK(ptq::abs_quantile{0.01}.key() == "abs_quantile 0.01");
  CHECK(ptq::quantile{0.1}.key() != ptq::quantile{0.1 + 1e-17 * 4}.key());
  CHECK(ptq::quantile{0.01} != ptq::quantile{0.02});
}

TEST_CASE("shares that are none, and values that come in parts, are refused") {
  for (const double bad : {-1e-4, 0.5, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    const std::string message =
        "the share of values beyond each end is at least 0 and below 0.5, not " +
        ptq::detail::shortest(bad) + " (option `outlier_prob`)";
    CHECK(message_of([bad] { ptq::quantile{bad}.check_options(); }) == message);
    CHECK(message_of([bad] { ptq::abs_quantile{bad}.check_options(); }) == message);
  }
  CHECK(message_of([] { ptq::quantile{0.0}.check_options(); }) == "no error");
  const std::vector<float> values{1, 2, 3};
  auto state = ptq::quantile{}.start<float>();
  state.expect(3);
  state.observe(std::span(values).first(2));
  CHECK(message_of([&] {
          (void)state.range();
        }) == "a quantile of 3 values was asked for, and 2 were seen");
  CHECK(message_of([&] {
          state.expect(3);
        }) == "a quantile needs all values of a sample at once, and these came in parts");
}

} // namespace
