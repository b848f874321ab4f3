// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/histogram.hpp>
#include <ptq/range/choose.hpp>
#include <ptq/range/kl_divergence.hpp>
#include <ptq/range/mean_squared_error.hpp>
#include <ptq/range/moving_average.hpp>
#include <ptq/range/percentile.hpp>

#include <cmath>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "laws/aggregator.hpp"
#include "support/message.hpp"

namespace {

using namespace ptq::test;
using floats = std::vector<float>;

static_assert(ptq::explain_aggregator<ptq::aggregate::moving_average>());

TEST_CASE("options that no range has are refused by name") {
  const auto problem = [](const auto& policy) {
    return message_of([&] { policy.check_options(); });
  };
  CHECK(
      problem(ptq::mean_squared_error{.candidates = 0}) ==
      "candidate ranges are 1 to 100000, not 0 (option `mean_squared_error.candidates`)"
  );
  CHECK(
      problem(ptq::weighted_mean_squared_error{.candidates = -1}) ==
      "candidate ranges are 1 to 100000, not -1 (option "
      "`weighted_mean_squared_error.candidates`)"
  );
  CHECK(
      problem(ptq::percentile{.percent = 101.0}) ==
      "a percentile is above 50 and at most 100 (option `percentile.percent`)"
  );
  CHECK(
      problem(ptq::percentile{.percent = std::nan("")}) ==
      "a percentile is above 50 and at most 100 (option `percentile.percent`)"
  );
  CHECK(
      problem(ptq::kl_divergence{.bins = 0}) ==
      "bins are 4 to 65536, not 0 (option `kl_divergence.bins`)"
  );
  CHECK(
      problem(ptq::aggregate::moving_average{.momentum = 1.0}) ==
      "a momentum is 0 to below 1 (option `moving_average.momentum`)"
  );
  CHECK(
      problem(ptq::choose<ptq::min_max, ptq::percentile>{
          .candidates = {ptq::min_max{}, ptq::percentile{.percent = 0.0}}
      }) == "a percentile is above 50 and at most 100 (option `percentile.percent`)"
  );
  constexpr ptq::target_grid signed_8{ptq::tensor_kind::activations, ptq::symmetric, 256};
  ptq::log_histogram two_values;
  const floats values{1.0F, -2.0F};
  ptq::count(std::span<const float>(values), two_values);
  CHECK(
      message_of([&] { (void)ptq::kl_divergence{.bins = 128}.range(two_values, signed_8); }) ==
      "128 bins for 128 levels: at least twice as many are needed (option "
      "`kl_divergence.bins`)"
  );
}

TEST_CASE("a moving average forgets the samples before") {
  check_aggregator_laws(ptq::aggregate::moving_average{}, floats{1.0F, 4.0F, -2.0F});
  CHECK(ptq::aggregate::moving_average{.momentum = 0.5}(floats{8.0F, 4.0F, 2.0F}) == 4.0F);
  CHECK(ptq::aggregate::moving_average{.momentum = 0.0}(floats{8.0F, 4.0F, 2.0F}) == 2.0F);
  CHECK(ptq::aggregate::moving_average{}(floats{3.0F}) == 3.0F);
}

} // namespace
