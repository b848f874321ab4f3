// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/quantile.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "model.hpp"
#include "support/message.hpp"

namespace {

using namespace kernel_model;

constexpr std::size_t width = xsimd::batch<float>::size;

/// By sorting.
auto quantile_model(std::span<const float> values, double q) -> float {
  std::vector<float> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double position = ptq::detail::rounded(q * static_cast<double>(sorted.size() - 1));
  const auto k = static_cast<std::size_t>(std::floor(position));
  const double share = position - static_cast<double>(k);
  const double low = static_cast<double>(sorted[k]);
  if (share == 0.0) {
    return sorted[k] + 0.0F;
  }
  const double high = static_cast<double>(sorted[k + 1]);
  return low == high ? sorted[k] + 0.0F
                     : static_cast<float>(low + ptq::detail::rounded((high - low) * share)) + 0.0F;
}

enum class kind { normal, ties, zeros, tiny, ascending, descending, constant, wide };

auto values_of(kind what, std::size_t size, unsigned seed) -> std::vector<float> {
  std::minstd_rand engine(seed + 1);
  std::normal_distribution<float> normal(0.3F, 2.0F);
  std::vector<float> values(size);
  for (std::size_t i = 0; i != size; ++i) {
    const float x = normal(engine);
    switch (what) {
    case kind::normal:
      values[i] = x;
      break;
    case kind::ties:
      values[i] = std::round(x);
      break;
    case kind::zeros:
      values[i] = engine() % 3 == 0 ? x : (engine() % 2 == 0 ? 0.0F : -0.0F);
      break;
    case kind::tiny:
      values[i] = x * 1e-44F;
      break;
    case kind::ascending:
      values[i] = static_cast<float>(i) - 100.0F;
      break;
    case kind::descending:
      values[i] = 100.0F - static_cast<float>(i);
      break;
    case kind::constant:
      values[i] = -1.25F;
      break;
    case kind::wide:
      values[i] = std::ldexp(x, static_cast<int>(engine() % 240) - 120);
      break;
    }
  }
  return values;
}

constexpr kind all_kinds[] = {
    kind::normal,
    kind::ties,
    kind::zeros,
    kind::tiny,
    kind::ascending,
    kind::descending,
    kind::constant,
    kind::wide
};

constexpr double shares[] = {
    0.0, 1e-4, 1e-3, 0.01, 0.03, 0.05, 0.25, 0.5, 0.75, 0.97, 0.99, 0.999, 1.0
};

TEST_CASE("every length, at every alignment, has the bits of a sorted array") {
  std::size_t wrong = 0;
  for (std::size_t size = 1; size <= 8 * width + 67; ++size) {
    for (const kind what : {kind::normal, kind::zeros}) {
      const std::vector<float> values = values_of(what, size + width, static_cast<unsigned>(size));
      const std::span<const float> part = std::span(values).subspan(size % width, size);
      for (const double q : shares) {
        wrong += bits(ptq::quantile_of(part, q)) == bits(quantile_model(part, q)) ? 0U : 1U;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("each way of finding a quantile has the bits of a sorted array, for all sorts of values"
) {
  std::size_t wrong = 0;
  for (const std::size_t size : {511U, 512U, 513U, 1023U, 1024U, 1025U, 4'097U, 20'011U}) {
    for (const kind what : all_kinds) {
      const std::vector<float> values = values_of(what, size, static_cast<unsigned>(size));
      for (const double q : shares) {
        const auto at = ptq::quantile_position::of(size, q);
        const std::uint32_t expected = bits(quantile_model(values, q));
        using arch = xsimd::default_arch;
        wrong += bits(ptq::quantile_of(values, q)) == expected ? 0U : 1U;
        wrong += bits(ptq::detail::quantile_of_few<arch>(values, at) + 0.0F) == expected ? 0U : 1U;
        wrong += bits(ptq::detail::quantile_of_many<arch>(values, at) + 0.0F) == expected ? 0U : 1U;
        for (const bool upper : {false, true}) {
          const float found = ptq::detail::quantile_of_end<arch>(values, at, upper);
          wrong += bits(found + 0.0F) == expected ? 0U : 1U;
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the order of the values does not matter") {
  std::vector<float> values = values_of(kind::zeros, 3'000, 4);
  std::vector<std::uint32_t> found;
  for (const double q : shares) {
    found.push_back(bits(ptq::quantile_of(values, q)));
  }
  std::shuffle(values.begin(), values.end(), std::minstd_rand(7));
  for (std::size_t i = 0; i != std::size(shares); ++i) {
    CHECK(bits(ptq::quantile_of(values, shares[i])) == found[i]);
  }
}

// Of 0 to 9999, by hand; POT's quantiles are those of numpy.
TEST_CASE("quantiles lie between two values, as numpy's do") {
  std::vector<float> values(10'000);
  std::iota(values.begin(), values.end(), 0.0F);
  CHECK(ptq::quantile_of(values, 1e-4) == 0.9999F);
  CHECK(ptq::quantile_of(values, 1.0 - 1e-4) == 9998.0001F);
  CHECK(ptq::quantile_of(values, 0.5) == 4999.5F);
}

// NNCF, tests/common/test_reducers_and_aggregators.py: of -26 to 9, three are -20000 and three
// 10000.
TEST_CASE("quantiles of NNCF's test of reducers") {
  std::vector<float> values(36);
  std::iota(values.begin(), values.end(), -26.0F);
  std::fill_n(values.begin(), 3, -20'000.0F);
  std::fill_n(values.begin() + 3, 3, 10'000.0F);
  CHECK(ptq::quantile_of(values, 0.01) == -20'000.0F);
  CHECK(ptq::quantile_of(values, 0.99) == 10'000.0F);
}

TEST_CASE("infinities have their place") {
  std::vector<float> values = values_of(kind::normal, 2'000, 2);
  values[3] = infinity;
  values[4] = -infinity;
  values[5] = -infinity;
  CHECK(ptq::quantile_of(values, 1.0) == infinity);
  CHECK(ptq::quantile_of(values, 0.9999) == infinity);
  CHECK(ptq::quantile_of(values, 0.0) == -infinity);
  CHECK(ptq::quantile_of(values, 0.5 / 1999) == -infinity);
  CHECK(ptq::quantile_of(values, 0.5) == quantile_model(values, 0.5));
  std::fill(values.begin(), values.end(), -infinity);
  CHECK(ptq::quantile_of(values, 0.0005) == -infinity);
  CHECK(ptq::quantile_of(values, 0.5) == -infinity);
}

TEST_CASE("NaN is refused wherever it is, and so are shares that are none") {
  for (const std::size_t size : {1U, 100U, 1'000U, 5'003U}) {
    for (const double q : {0.0, 1e-3, 0.5, 1.0}) {
      for (std::size_t at = 0; at < size; at += 1 + size / 23) {
        std::vector<float> values = values_of(kind::normal, size, 5);
        values[at] = std::numeric_limits<float>::quiet_NaN();
        CHECK(ptq::test::message_of([&] {
                (void)ptq::quantile_of(values, q);
              }) == "quantile_of: a value is NaN, which has no place in an order");
      }
    }
  }
  const std::vector<float> one{1.0F};
  for (const double q : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(
        ptq::test::message_of([&] { (void)ptq::quantile_of(one, q); }) ==
        "quantile_of: a quantile is of a share from 0 to 1, not " + std::to_string(q) +
            " (option `q`)"
    );
  }
  CHECK(ptq::test::message_of([&] {
          (void)ptq::quantile_of(std::span<const float>(), 0.5);
        }) == "quantile_of: no values have no quantile");
}

// POT, tests/test_tensor_statistics.py: 0 to 15 as [2, 2, 2, 2], 0.01.
TEST_CASE("each channel has its own quantile, whatever the layout") {
  std::vector<float> values(16);
  std::iota(values.begin(), values.end(), 0.0F);
  const ptq::tensor_view x(values, {2, 2, 2, 2});
  std::vector<float> found(2);
  ptq::quantiles_of(x.at(0, 0), 1, 0.01, found);
  CHECK(found == std::vector<float>{0.03F, 4.03F});
  ptq::quantiles_of(x.at(0, 1), 1, 0.01, found);
  CHECK(found == std::vector<float>{8.03F, 12.03F});
  ptq::quantiles_of(x, 0, 0.01, found);
  CHECK(found == std::vector<float>{0.07F, 8.07F});
  CHECK(ptq::quantile_of(values, 0.01) == 0.15F);

  const ptq::tensor_view last = ptq::tensor_view(values, {2, 2, 2, 2}).permuted({0, 3, 1, 2});
  ptq::quantiles_of(last.at(0, 0), 1, 0.5, found);
  CHECK(found == std::vector<float>{3.0F, 4.0F});
  std::vector<float> three(3);
  CHECK(ptq::test::message_of([&] {
          ptq::quantiles_of(x, 1, 0.5, three);
        }) == "quantile_of: a tensor of shape 2x2x2x2, axis 1, and room for 3 channels");
}

TEST_CASE("a running tail keeps the greatest of any number of values") {
  for (const std::size_t wanted : {1U, 2U, 5U, 300U}) {
    ptq::running_tail tail(wanted);
    CHECK(tail.at(0).low == -infinity);
    std::vector<float> values = values_of(kind::ties, 5'000, 3);
    for (std::size_t from = 0; from != values.size(); from += 100) {
      tail.add(std::span<const float>(values).subspan(from, 100));
    }
    std::sort(values.begin(), values.end(), std::greater<>());
    for (std::size_t rank = 0; rank != wanted; ++rank) {
      CHECK(tail.at(rank).low == values[rank]);
      CHECK(tail.at(rank).high == values[rank == 0 ? 0 : rank - 1]);
    }
    CHECK(tail.threshold() <= values[wanted - 1]);
  }
}

} // namespace
