// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/search/detail/forecast.hpp>
#include <ptq/search/detail/screening.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;
using ptq::detail::movement;

/// About a number of the normal distribution with deviation 1.
auto normal(std::size_t sample) -> double {
  double sum = -6.0;
  for (std::size_t i = 0; i != 12; ++i) {
    sum += scripted_number(sample, i);
  }
  return sum;
}

/// Samples with margins up to 4, moved at random by `base + slope * margin`, the closest first.
auto moved_samples(double base, double slope) -> std::vector<movement::seen_sample> {
  std::vector<movement::seen_sample> result;
  for (std::size_t s = 0; s != 2000; ++s) {
    const double margin = 0.002 * static_cast<double>(s);
    const double moved = (base + slope * margin) * normal(s);
    result.push_back({margin, moved, moved > margin});
  }
  return result;
}

auto turned(const std::vector<movement::seen_sample>& of) -> double {
  return static_cast<double>(std::ranges::count(of, true, &movement::seen_sample::turned));
}

TEST_CASE("how many samples turn is foreseen from a few") {
  for (const double base : {0.02, 0.1, 0.4}) {
    for (const double slope : {0.0, 0.05}) {
      for (const bool moves : {true, false}) {
        CAPTURE(base);
        CAPTURE(slope);
        CAPTURE(moves);
        const std::vector<movement::seen_sample> all = moved_samples(base, slope);
        std::vector<movement::seen_sample> seen;
        for (std::size_t s = 0; s < all.size(); s += 10) {
          seen.push_back(all[s]);
        }
        const movement found(seen, moves);
        double expected = 0.0;
        for (const movement::seen_sample& each : all) {
          expected += found.turns(each.margin);
        }
        CHECK(std::abs(expected - turned(all)) <= 3.0 * found.doubt() * expected + 3.0);
      }
    }
  }
}

TEST_CASE("a sample turns the less often, the farther it is from being judged otherwise") {
  const std::vector<movement::seen_sample> all = moved_samples(0.1, 0.02);
  for (const bool moves : {true, false}) {
    const movement found(all, moves);
    for (double margin = 0.0; margin < 4.0; margin += 0.1) {
      CHECK(found.turns(margin + 0.1) <= found.turns(margin));
    }
    CHECK(found.turns(0.1) < found.turns(0.0));
    CHECK(found.turns(0.0) <= 1.0);
    CHECK(found.turns(4.0) < 0.01);
  }
}

TEST_CASE("what moves no sample turns none") {
  std::vector<movement::seen_sample> seen;
  for (std::size_t s = 0; s != 32; ++s) {
    seen.push_back({0.1 * static_cast<double>(s), 0.0, false});
  }
  const movement found(seen, true);
  CHECK(found.turns(0.0) == 0.0);
  CHECK(found.turns(1.0) == 0.0);
}

TEST_CASE("movements that turn no sample foretell few that turn") {
  // Each is moved by most of its margin, and never beyond.
  std::vector<movement::seen_sample> seen;
  for (std::size_t s = 0; s != 200; ++s) {
    const double margin = 0.02 * static_cast<double>(s);
    seen.push_back({margin, 0.8 * margin, false});
  }
  const movement found(seen, true);
  double expected = 0.0;
  for (const movement::seen_sample& each : seen) {
    expected += found.turns(each.margin);
  }
  CHECK(expected < 6.0);
}

TEST_CASE("the mean of a metric without margins is foreseen from samples at random") {
  constexpr std::size_t count = 1000;
  ptq::metric before{.name = "score", .least = 0.0, .most = 1.0};
  ptq::metric after = before;
  for (std::size_t s = 0; s != count; ++s) {
    before.per_sample.push_back(scripted_number(s, 1));
    after.per_sample.push_back(before.per_sample[s] * (1.0 - 0.4 * scripted_number(s, 2)));
  }
  ptq::known_values float_model(count);
  float_model.add({0, count}, {before});
  const ptq::metric_limit limit{.name = "score", .baseline = before.value(), .maximal_drop = 0.05};
  const ptq::detail::screening by(float_model, {limit});
  ptq::known_values seen(count);
  double last = 1.0;
  for (std::size_t next = 0; next != count; next += 100) {
    const auto at = by.order().begin() + static_cast<std::ptrdiff_t>(next);
    const ptq::samples part(std::vector<std::size_t>(at, at + 100));
    ptq::metric found = after;
    found.per_sample.clear();
    for (const std::size_t s : part) {
      found.per_sample.push_back(after.per_sample[s]);
    }
    seen.add(part, {found});
    const std::vector<ptq::detail::forecast> now = by.expect(seen);
    const double truth = limit.drop_to(after.value());
    CHECK(std::abs(now.front().expected - truth) < 3.0 * now.front().deviation + 1e-12);
    CHECK(now.front().deviation < last);
    last = now.front().deviation;
  }
  CHECK(last < 1e-12);
}

} // namespace
