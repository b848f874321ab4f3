// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/histogram.hpp>

#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using ptq::log_histogram;

auto values(std::size_t size, unsigned seed) -> std::vector<float> {
  std::mt19937 random(seed);
  std::vector<float> all(size);
  for (float& v : all) {
    const auto part = static_cast<float>(random() % 1000) / 500.0F - 1.0F;
    v = random() % 3 == 0 ? 0.0F : part * part * part * (random() % 50 == 0 ? 1e-8F : 10.0F);
  }
  return all;
}

auto one_by_one(std::span<const float> x) -> log_histogram {
  log_histogram result;
  result.add(x);
  return result;
}

auto counted(std::span<const float> x) -> log_histogram {
  log_histogram result;
  ptq::count(x, result);
  return result;
}

auto problem_of(std::span<const float> x, log_histogram& in) -> std::string {
  try {
    ptq::count(x, in);
  } catch (const ptq::error& problem) {
    return problem.what();
  }
  return "no error";
}

TEST_CASE("values of every length are counted as one by one") {
  std::size_t wrong = 0;
  const auto compare = [&](std::size_t size) {
    const std::vector<float> x = values(size + 3, static_cast<unsigned>(size));
    const auto part = std::span(x).subspan(3);
    wrong += counted(part) == one_by_one(part) ? 0U : 1U;
  };
  for (std::size_t size = 0; size <= 140; ++size) {
    compare(size);
    compare(4'096 + size);
  }
  compare(100'003);
  CHECK(wrong == 0);
}

TEST_CASE("histograms go on where they were, also beyond the greatest value so far") {
  const std::vector<float> a = values(5'000, 1);
  std::vector<float> b = values(5'000, 2);
  b[17] = -3e7F;
  log_histogram both = counted(a);
  ptq::count(std::span<const float>(b), both);
  log_histogram merged = one_by_one(b);
  merged.merge(one_by_one(a));
  CHECK(both == merged);
}

TEST_CASE("channels are counted apart, in whatever order of axes") {
  constexpr std::size_t n = 2, c = 3, h = 5, w = 7;
  const std::vector<float> x = values(n * c * h * w, 3);
  const ptq::tensor_view rows(x.data(), {n, c, h, w});
  std::vector<log_histogram> found(c);
  ptq::count(rows, 1, found);
  std::vector<log_histogram> expected(c);
  for (std::size_t i = 0; i != x.size(); ++i) {
    expected[i / (h * w) % c].add(std::span(x).subspan(i, 1));
  }
  CHECK(found == expected);
  std::vector<log_histogram> innermost(w);
  ptq::count(rows, 3, innermost);
  std::vector<log_histogram> expected_innermost(w);
  for (std::size_t i = 0; i != x.size(); ++i) {
    expected_innermost[i % w].add(std::span(x).subspan(i, 1));
  }
  CHECK(innermost == expected_innermost);
}

TEST_CASE("NaN and infinity are refused in every place, and nothing is counted") {
  std::size_t wrong = 0;
  for (const std::size_t size : {1U, 3U, 17U, 5'000U}) {
    for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
      std::vector<float> x = values(size, 5);
      log_histogram h = one_by_one(values(9, 1));
      const log_histogram before = h;
      x[at] = std::numeric_limits<float>::quiet_NaN();
      wrong += problem_of(x, h) == "count: the values hold NaN" && h == before ? 0U : 1U;
      x[at] = -std::numeric_limits<float>::infinity();
      wrong += problem_of(x, h) == "count: the values hold infinity" && h == before ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a tensor that is no floats, or has other channels, is refused") {
  const std::vector<float> x(6);
  std::vector<log_histogram> two(2);
  CHECK_THROWS_AS(ptq::count(ptq::tensor_view(x.data(), {2, 3}), 1, two), ptq::error);
  CHECK_THROWS_AS(ptq::count(ptq::tensor_view(x.data(), {2, 3}), 2, two), ptq::error);
}

} // namespace
