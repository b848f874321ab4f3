// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/extremes.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "model.hpp"

namespace {

using namespace kernel_model;

constexpr std::size_t width = xsimd::batch<float>::size;

auto summary_model(std::span<const float> values) -> ptq::summary {
  ptq::summary s;
  s.count = values.size();
  for (const float v : values) {
    s.low = v < s.low ? v : s.low;
    s.high = v > s.high ? v : s.high;
    s.has_nan = s.has_nan || std::isnan(v);
    s.has_infinity = s.has_infinity || std::isinf(v);
  }
  s.low += 0.0F;
  s.high += 0.0F;
  s.sum = sum_of(values);
  return s;
}

auto same(const ptq::summary& a, const ptq::summary& b) -> bool {
  const bool same_sum = std::isnan(a.sum) ? std::isnan(b.sum)
                                          : std::bit_cast<std::uint64_t>(a.sum) ==
                                                std::bit_cast<std::uint64_t>(b.sum);
  return bits(a.low) == bits(b.low) && bits(a.high) == bits(b.high) && same_sum &&
         a.count == b.count && a.has_nan == b.has_nan && a.has_infinity == b.has_infinity;
}

auto random_values(std::size_t size, unsigned seed) -> std::vector<float> {
  std::minstd_rand engine(seed + 1);
  std::normal_distribution<float> normal(0.3F, 2.0F);
  std::vector<float> values(size);
  for (float& value : values) {
    value = engine() % 6 == 0 ? (engine() % 2 == 0 ? 0.0F : -0.0F) : normal(engine);
  }
  return values;
}

void check_both(std::span<const float> values, std::size_t& wrong) {
  const ptq::summary expected = summary_model(values);
  wrong += same(ptq::summarize(values), expected) ? 0U : 1U;
  const ptq::extremes found = ptq::extremes_of(values);
  wrong += bits(found.low) == bits(expected.low) && bits(found.high) == bits(expected.high) &&
                   found.has_nan == expected.has_nan &&
                   found.has_infinity() == expected.has_infinity
               ? 0U
               : 1U;
}

TEST_CASE("every length, at every alignment, has the model's bits") {
  std::size_t wrong = 0;
  for (std::size_t size = 0; size <= 8 * width + 67; ++size) {
    const std::vector<float> values = random_values(size + width, static_cast<unsigned>(size));
    for (std::size_t at = 0; at <= width; at += width / 4) {
      check_both(std::span(values).subspan(at, size), wrong);
    }
  }
  for (const std::size_t size : {4'095U, 4'096U, 4'097U, 8'192U, 12'345U, 100'003U}) {
    check_both(random_values(size, 1), wrong);
  }
  CHECK(wrong == 0);
}

TEST_CASE("NaN and infinity are found wherever they are") {
  std::size_t wrong = 0;
  for (const std::size_t size :
       {std::size_t{1}, width - 1, width, 4 * width + 3, std::size_t{77}, std::size_t{4'150}}) {
    for (std::size_t at = 0; at < size; at += 1 + size / 97) {
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(),
            -std::numeric_limits<float>::quiet_NaN(),
            infinity,
            -infinity}) {
        std::vector<float> values = random_values(size, 3);
        values[at] = bad;
        check_both(values, wrong);
        values[(at * 7 + 1) % size] = -infinity;
        check_both(values, wrong);
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("large numbers whose sum overflows are no NaN") {
  std::vector<float> values(100, 3e38F);
  std::fill_n(values.begin(), 50, -3e38F);
  const ptq::summary found = ptq::summarize(values);
  CHECK_FALSE(found.has_nan);
  CHECK_FALSE(found.has_infinity);
  CHECK(found.low == -3e38F);
  CHECK(found.high == 3e38F);
}

TEST_CASE("no values have no extremes, and a mean of zero") {
  const ptq::summary none = ptq::summarize(std::span<const float>());
  CHECK(none == ptq::summary{});
  CHECK(none.mean() == 0.0);
  CHECK(none.abs_max() == 0.0F);
  CHECK(ptq::extremes_of(std::span<const float>()) == ptq::extremes{});
  CHECK_FALSE(ptq::extremes{}.has_infinity());
}

TEST_CASE("a sum has these bits, whatever the compiler and the instruction set") {
  std::vector<float> values(10'000);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) * 0x1p-20F - 7.5F;
  }
  CHECK(std::bit_cast<std::uint64_t>(ptq::summarize(values).sum) == 0x40b1e173d1000000ULL);
}

TEST_CASE("mean and largest magnitude follow from the summary") {
  const float values[] = {-3.0F, 1.0F, 0.5F, -0.5F};
  const ptq::summary s = ptq::summarize(values);
  CHECK(s.mean() == -0.5);
  CHECK(s.abs_max() == 3.0F);
  CHECK(ptq::extremes_of(values).abs_max() == 3.0F);
}

TEST_CASE("each channel is summarised over its runs in memory") {
  std::minstd_rand engine(8);
  std::size_t wrong = 0;
  for (int k = 0; k != 400; ++k) {
    const std::size_t outer = 1 + engine() % (k % 3 == 0 ? 40 : 5);
    const std::size_t channels = 2 + engine() % 90;
    const std::size_t inner = k % 3 == 0 ? 1 : 1 + engine() % 90;
    std::vector<float> x = random_values(outer * channels * inner, static_cast<unsigned>(k));
    if (k % 4 == 0) {
      x[engine() % x.size()] =
          engine() % 2 == 0 ? infinity : std::numeric_limits<float>::quiet_NaN();
    }
    std::vector<ptq::summary> found(channels);
    const std::size_t shape[] = {outer, channels, inner};
    ptq::summarize(ptq::tensor_view(x, shape), 1, found);
    for (std::size_t c = 0; c != channels; ++c) {
      ptq::summary expected;
      // Single values: eight are added up in binary32 before they go to the sum.
      const auto at = [&](std::size_t o) { return x[o * channels + c]; };
      const std::size_t together = inner == 1 ? outer / 8 * 8 : 0;
      for (std::size_t o = 0; o != together; o += 8) {
        expected.sum += static_cast<double>(
            ((at(o) + at(o + 1)) + (at(o + 2) + at(o + 3))) +
            ((at(o + 4) + at(o + 5)) + (at(o + 6) + at(o + 7)))
        );
      }
      for (std::size_t o = 0; o != outer; ++o) {
        ptq::summary run = summary_model(std::span(x).subspan((o * channels + c) * inner, inner));
        run.sum = o < together ? 0.0 : run.sum;
        expected.low = std::min(expected.low, run.low);
        expected.high = std::max(expected.high, run.high);
        expected.sum += run.sum;
        expected.count += run.count;
        expected.has_nan = expected.has_nan || run.has_nan;
        expected.has_infinity = expected.has_infinity || run.has_infinity;
      }
      wrong += same(found[c], expected) ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("channels-last memory is summarised as it lies") {
  const std::vector<float> x = random_values(2 * 3 * 5 * 21, 6);
  std::vector<ptq::summary> last(21);
  std::vector<ptq::summary> permuted(21);
  ptq::summarize(ptq::tensor_view(x, {2, 3, 5, 21}), 3, last);
  ptq::summarize(ptq::tensor_view(x, {2, 3, 5, 21}).permuted({0, 3, 1, 2}), 1, permuted);
  CHECK(last == permuted);
}

TEST_CASE("what cannot be summarised is refused in one line that says why") {
  const std::vector<float> x(12);
  std::vector<ptq::summary> channels(3);
  CHECK_THROWS_WITH_AS(
      ptq::summarize(ptq::tensor_view(x, {3, 4}), 1, channels),
      "summarize: float32 tensor of shape 3x4, axis 1, and room for 3 channels",
      ptq::error
  );
}

} // namespace
