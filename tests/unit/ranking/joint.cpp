// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_joint_nmse.hpp>
#include <ptq/ranking/output_distance.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

auto dot(const std::vector<double>& a, const std::vector<double>& b) -> double {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// `samples` samples of two outputs, the second of `width` numbers.
auto outputs(std::size_t samples, std::size_t width, std::size_t seed, float size)
    -> std::vector<ptq::output_tensors> {
  std::vector<ptq::output_tensors> result(samples);
  for (std::size_t s = 0; s != samples; ++s) {
    for (const std::size_t count : {std::size_t{3}, width}) {
      ptq::tensor_data made{.shape = {count}};
      for (std::size_t i = 0; i != count; ++i) {
        made.values.push_back(
            size * static_cast<float>(scripted_number(s * 10'000 + i, seed + count) - 0.5)
        );
      }
      result[s].push_back(std::move(made));
    }
  }
  return result;
}

auto sum_of(std::vector<ptq::output_tensors> a, const std::vector<ptq::output_tensors>& b)
    -> std::vector<ptq::output_tensors> {
  for (std::size_t s = 0; s != a.size(); ++s) {
    for (std::size_t k = 0; k != a[s].size(); ++k) {
      for (std::size_t i = 0; i != a[s][k].values.size(); ++i) {
        a[s][k].values[i] += b[s][k].values[i];
      }
    }
  }
  return a;
}

TEST_CASE("errors of outputs have the nmse as their square, and add up") {
  for (const std::size_t width : {5U, 64U, 3000U}) {
    CAPTURE(width);
    const auto wanted = outputs(20, width, 1, 2.0F);
    const auto first = outputs(20, width, 2, 0.3F);
    const auto second = outputs(20, width, 3, 0.2F);
    const auto a = ptq::scaled_errors(wanted, sum_of(wanted, first));
    const auto b = ptq::scaled_errors(wanted, sum_of(wanted, second));
    const auto both = ptq::scaled_errors(wanted, sum_of(sum_of(wanted, first), second));
    CHECK(a.size() == 20 * (3 + std::min<std::size_t>(width, 64)));
    const double nmse = ptq::distance_between(ptq::distance::nmse, wanted, sum_of(wanted, first));
    CHECK(dot(a, a) == doctest::Approx(nmse).epsilon(width > 64 ? 0.1 : 1e-9));
    for (std::size_t i = 0; i != a.size(); ++i) {
      CHECK(std::abs(both[i] - a[i] - b[i]) < 1e-6);
    }
  }
}

TEST_CASE("what leaves the shortest sum of the others comes first") {
  // The first two nearly cancel, so that neither should go before the third.
  const std::vector<std::vector<double>> errors{{3.0, 0.0}, {-2.5, 0.0}, {0.0, 1.0}};
  const auto order = ptq::detail::shortest_rest(ptq::detail::gram_of(errors));
  REQUIRE(order.size() == 3);
  CHECK(order[0] == ptq::ranked_group{2, 1.25});
  CHECK(order[1] == ptq::ranked_group{0, 0.25});
  CHECK(order[2] == ptq::ranked_group{1, 6.25});
  CHECK(ptq::detail::shortest_rest({}).empty());
}

// Groups 0 and 1 undo each other; group 2 does the harm.
auto cancelling(const std::vector<bool>& quantized, std::size_t s) -> double {
  const double swing = 0.8 * scripted_number(s, 1);
  double lead = 1.0 - 1.1 * scripted_number(s, 999);
  lead += quantized[0] ? swing : 0.0;
  lead -= quantized[1] ? swing : 0.0;
  lead -= quantized[2] ? 0.3 * scripted_number(s, 2) : 0.0;
  return lead;
}

template <class Ranking>
auto search(double limit, std::size_t threads = 1) -> ptq::accuracy_outcome {
  scripted_engine engine(3, 2000, cancelling);
  const ptq::accuracy_aware_quantization<quantize_chain, Ranking> control{
      .base = {3}, .maximal_drop = limit, .threads = threads
  };
  return control(chain(3), engine);
}

TEST_CASE("groups whose errors cancel stay quantized") {
  const ptq::accuracy_outcome alone = search<ptq::ranking::by_nmse>(0.01);
  const ptq::accuracy_outcome joint = search<ptq::ranking::by_joint_nmse>(0.01);
  CHECK(joint.reached);
  CHECK(joint.operations_reverted == 1);
  CHECK(alone.operations_reverted > 1);
  CHECK(alone.inferred.ranking == 4 * 16);
  CHECK(joint.inferred.ranking == 4 * 32);
}

TEST_CASE("threads change nothing of a joint ranking") {
  ptq::accuracy_outcome two = search<ptq::ranking::by_joint_nmse>(0.01, 2);
  ptq::accuracy_outcome one = search<ptq::ranking::by_joint_nmse>(0.01, 1);
  for (ptq::accuracy_outcome* each : {&one, &two}) {
    for (ptq::step& made : each->trace) {
      made.seconds = 0.0;
    }
  }
  CHECK(one == two);
}

TEST_CASE("outputs that are not finite have no joint ranking") {
  const auto broken = [](const std::vector<bool>& quantized, std::size_t s) {
    const bool alone = quantized[0] && !quantized[1];
    return alone ? std::numeric_limits<double>::quiet_NaN() : quantized[0] || s < 100 ? -1.0 : 1.0;
  };
  scripted_engine engine(2, 200, broken);
  const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_joint_nmse> control{
      .base = {2}
  };
  const auto run = [&] { static_cast<void>(control(chain(2), engine)); };
  CHECK(message_of(run).find("the outputs are not finite") != std::string::npos);
  const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_joint_nmse> no_samples{
      .base = {2}, .ranking = {.ranking_subset_size = 0}
  };
  CHECK_THROWS_AS(static_cast<void>(no_samples(chain(2), engine)), ptq::error);
}

} // namespace
