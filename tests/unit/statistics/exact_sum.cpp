// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/statistics/exact_sum.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace {

using limits = std::numeric_limits<float>;

auto sum_of(std::span<const float> values) -> ptq::exact_sum {
  ptq::exact_sum sum;
  for (const float value : values) {
    sum.add(value);
  }
  return sum;
}

/// Finite floats of every exponent, denormals and both signs among them.
auto any_floats(std::size_t count, unsigned seed) -> std::vector<float> {
  std::mt19937 random(seed);
  std::vector<float> result;
  while (result.size() != count) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value)) {
      result.push_back(value);
    }
  }
  return result;
}

constexpr auto one_and_a_half() -> double {
  ptq::exact_sum sum;
  sum.add(1.0F);
  sum.add(-2.0F);
  ptq::exact_sum other;
  other.add(2.5F);
  sum.merge(other);
  return sum.value();
}

static_assert(ptq::exact_sum().value() == 0.0);
static_assert(one_and_a_half() == 1.5);

TEST_CASE("a sum works at compile time and at run time alike") {
  CHECK(one_and_a_half() == 1.5);
}

TEST_CASE("the sum of one float is that float") {
  for (const float value :
       {0.0F,
        1.0F,
        -1.0F,
        0.1F,
        -3.4028235e38F,
        limits::max(),
        limits::min(),
        -limits::min(),
        limits::denorm_min(),
        -limits::denorm_min(),
        limits::min() - limits::denorm_min(),
        0x1p-126F,
        0x1.fffffep-64F,
        0x1.000002p64F}) {
    CAPTURE(value);
    CHECK(sum_of(std::span(&value, 1)).value() == static_cast<double>(value));
  }
  for (const float value : any_floats(2000, 1)) {
    CHECK(sum_of(std::span(&value, 1)).value() == static_cast<double>(value));
  }
}

TEST_CASE("the sum has the same bits in any order and any split") {
  std::vector<float> values = any_floats(3000, 2);
  const ptq::exact_sum whole = sum_of(values);
  std::mt19937 random(3);
  for (int round = 0; round != 20; ++round) {
    std::ranges::shuffle(values, random);
    std::vector<ptq::exact_sum> parts(1 + random() % 7);
    for (const float value : values) {
      parts[random() % parts.size()].add(value);
    }
    std::ranges::shuffle(parts, random);
    ptq::exact_sum merged;
    for (const ptq::exact_sum& part : parts) {
      merged.merge(part);
    }
    CHECK(merged == whole);
    CHECK(merged.words() == whole.words());
  }
}

TEST_CASE("what is added and taken away again leaves nothing") {
  const std::vector<float> values = any_floats(1000, 4);
  ptq::exact_sum sum = sum_of(values);
  CHECK(sum != ptq::exact_sum());
  for (const float value : values) {
    sum.add(-value);
  }
  CHECK(sum == ptq::exact_sum());
  CHECK(sum.value() == 0.0);
}

TEST_CASE("nothing is lost between the largest and the least float") {
  ptq::exact_sum sum;
  sum.add(limits::max());
  sum.add(-limits::denorm_min());
  sum.add(-limits::max());
  CHECK(sum.value() == -static_cast<double>(limits::denorm_min()));
  sum.add(0.0F);
  sum.add(-0.0F);
  CHECK(sum.value() == -static_cast<double>(limits::denorm_min()));
}

TEST_CASE("a sum beyond the range of floats is finite") {
  ptq::exact_sum sum;
  for (int i = 0; i != 1000; ++i) {
    sum.add(limits::max());
  }
  CHECK(sum.value() == 1000.0 * static_cast<double>(limits::max()));
  for (int i = 0; i != 2000; ++i) {
    sum.add(-limits::max());
  }
  CHECK(sum.value() == -1000.0 * static_cast<double>(limits::max()));
}

TEST_CASE("the value is the exact sum, cut to a double") {
  std::mt19937 random(5);
  for (int round = 0; round != 300; ++round) {
    // Multiples of 2^-20 below 2^28: any sum of 1000 of them fits a 64-bit integer.
    std::vector<float> values;
    std::int64_t exact = 0;
    for (int i = 0; i != 1000; ++i) {
      const auto mantissa = static_cast<std::int64_t>(random() % (1U << 24U));
      const auto shift = static_cast<int>(random() % 24U);
      const std::int64_t sign = random() % 2 == 0 ? 1 : -1;
      values.push_back(std::ldexp(static_cast<float>(sign * mantissa), shift - 20));
      exact += sign * (mantissa << shift);
    }
    const std::uint64_t magnitude =
        exact < 0 ? 0U - static_cast<std::uint64_t>(exact) : static_cast<std::uint64_t>(exact);
    const int unused = std::max(0, 11 - std::countl_zero(magnitude));
    const double cut = std::ldexp(static_cast<double>(magnitude >> unused << unused), -20);
    CHECK(sum_of(values).value() == (exact < 0 ? -cut : cut));
  }
}

TEST_CASE("a sum survives its words") {
  const ptq::exact_sum sum = sum_of(any_floats(100, 6));
  CHECK(ptq::exact_sum(sum.words()) == sum);
}

} // namespace
