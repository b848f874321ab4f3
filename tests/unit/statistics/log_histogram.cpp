// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/statistics/log_histogram.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

namespace {

using ptq::log_histogram;
using ptq::test::message_of;
using limits = std::numeric_limits<float>;

auto of(const std::vector<float>& values) -> log_histogram {
  log_histogram result;
  result.add(values);
  return result;
}

/// Values of very different sizes, so that parts resolve different octaves.
auto scattered(std::size_t count, unsigned seed) -> std::vector<float> {
  std::mt19937 random(seed);
  std::vector<float> result(count);
  for (float& value : result) {
    const float exponent = static_cast<float>(random() % 60) - 30.0F;
    const float sign = random() % 2 == 0 ? 1.0F : -1.0F;
    value = random() % 10 == 0
                ? 0.0F
                : sign * std::exp2(exponent + static_cast<float>(random() % 97) / 97.0F);
  }
  return result;
}

TEST_CASE("a histogram is the same for every order, split and order of merging") {
  for (unsigned seed = 0; seed != 20; ++seed) {
    std::vector<float> values = scattered(300, seed);
    const log_histogram whole = of(values);
    std::mt19937 random(seed);
    std::ranges::shuffle(values, random);
    CHECK(of(values) == whole);
    std::vector<log_histogram> parts;
    for (std::size_t from = 0; from < values.size();) {
      const std::size_t some = std::min<std::size_t>(random() % 40, values.size() - from);
      parts.push_back(
          of({values.begin() + static_cast<std::ptrdiff_t>(from),
              values.begin() + static_cast<std::ptrdiff_t>(from + some)})
      );
      from += some;
    }
    std::ranges::shuffle(parts, random);
    log_histogram merged;
    log_histogram second;
    for (std::size_t i = 0; i != parts.size(); ++i) {
      (i % 2 == 0 ? merged : second).merge(parts[i]);
    }
    merged.merge(second);
    CHECK(merged == whole);
    CHECK(merged.count() == values.size());
  }
}

TEST_CASE("the empty histogram is neutral") {
  const log_histogram some = of({1.0F, -2.0F});
  log_histogram result;
  CHECK(result.empty());
  CHECK(result.count() == 0);
  result.merge(some);
  result.merge(log_histogram{});
  CHECK(result == some);
}

TEST_CASE("a bin holds what shares its sign, its exponent and the first bits of the mantissa") {
  const log_histogram h = of({1.0F, 1.0F, 1.0F + 0x1p-7F, 1.99F, -1.5F});
  REQUIRE(h.positive().size() == log_histogram::bins);
  const std::size_t one = log_histogram::position_of(1.0F) - h.first_position();
  CHECK(h.positive()[one] == 2);
  CHECK(h.positive()[one + 1] == 1);
  CHECK(h.positive()[one + 126] == 1);
  CHECK(h.negative()[one + 64] == 1);
  CHECK(h.low() == -1.5F);
  CHECK(h.high() == 1.99F);
  CHECK(log_histogram::magnitude_at(log_histogram::position_of(1.0F)) == 1.0F);
}

TEST_CASE("what is more than 24 octaves below the greatest magnitude is small") {
  const log_histogram h = of({1.0F, 0x1p-23F, 0x1p-24F, -0x1p-30F, 0.0F, -0.0F});
  CHECK(h.small() == 4);
  CHECK(h.negative().empty());
  CHECK(h.low() == -0x1p-30F);
  log_histogram more = h;
  more.merge(of({-2.0F}));
  CHECK(more.small() == 5);
  CHECK(more == of({-2.0F, 1.0F, 0x1p-23F, 0x1p-24F, -0x1p-30F, 0.0F, 0.0F}));
}

TEST_CASE("constant, zero, subnormal and greatest values have a histogram") {
  CHECK(of({0.0F, -0.0F}).small() == 2);
  CHECK(of({0.0F, -0.0F}).low() == 0.0F);
  const log_histogram tiny = of({limits::denorm_min(), -limits::denorm_min()});
  CHECK(tiny.small() == 2);
  CHECK(tiny.high() == limits::denorm_min());
  const log_histogram most = of({limits::max(), limits::lowest()});
  CHECK(most.positive().back() == 1);
  CHECK(most.negative().back() == 1);
  CHECK(of({3.0F, 3.0F, 3.0F}).count() == 3);
}

TEST_CASE("NaN and infinity are refused, and nothing is counted") {
  log_histogram h = of({1.0F});
  const log_histogram before = h;
  CHECK(message_of([&] {
          h.add(std::vector<float>{2.0F, limits::quiet_NaN()});
        }) == "NaN has no place in a histogram");
  CHECK(message_of([&] {
          h.add(std::vector<float>{-limits::infinity()});
        }) == "infinity has no place in a histogram");
  CHECK(h == before);
}

TEST_CASE("a histogram keeps within its memory, whatever it counts") {
  const log_histogram h = of(scattered(10'000, 1));
  CHECK(h.bytes() <= 64 * 1024);
  CHECK(of({1.0F, 2.0F}).bytes() <= 32 * 1024);
}

TEST_CASE("saved counts that no values have are refused") {
  using side = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const std::uint64_t last =
      log_histogram::position_of(1.0F) - (log_histogram::position_of(1.0F) / 128 - 23) * 128;
  CHECK(log_histogram::restored(0.0F, 1.0F, 3, side{}, side{{last, 2}}).count() == 5);
  const auto refused = [](float low, float high, const side& negative, const side& positive) {
    return message_of([&] { (void)log_histogram::restored(low, high, 0, negative, positive); }) !=
           "no error";
  };
  CHECK(refused(1.0F, 0.0F, {}, {}));
  CHECK(refused(0.0F, limits::infinity(), {}, {}));
  CHECK(refused(0.0F, 1.0F, {}, {}));
  CHECK(refused(0.0F, 1.0F, {{0, 1}}, {{last, 1}}));
  CHECK(refused(0.0F, 1.0F, {}, {{last, 1}, {last, 1}}));
  CHECK(refused(0.0F, 1.0F, {}, {{last - 1, 0}, {last, 1}}));
  CHECK(refused(0.0F, 1.0F, {}, {{last + 1, 1}}));
}

} // namespace
