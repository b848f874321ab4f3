// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/samples.hpp>

#include <concepts>
#include <cstddef>
#include <ranges>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

namespace {

using ptq::samples;
using list = std::vector<std::size_t>;

static_assert(std::regular<samples>);
static_assert(std::ranges::forward_range<const samples>);
static_assert(std::ranges::sized_range<const samples>);
static_assert(std::same_as<std::ranges::range_value_t<samples>, std::size_t>);

auto listed(const samples& of) -> list {
  return {of.begin(), of.end()};
}

TEST_CASE("samples are a half-open run or an explicit list") {
  CHECK(listed(samples{2, 5}) == list{2, 3, 4});
  CHECK(listed(samples(list{9, 1, 9})) == list{9, 1, 9});
  CHECK(samples{}.empty());
  CHECK(samples{4, 4}.empty());
  CHECK(samples(list{}).empty());
  CHECK(samples{0, 5'000}.size() == 5'000);
  CHECK(samples(list{9, 1})[1] == 1);
}

TEST_CASE("samples are equal if they name the same, however") {
  CHECK(samples{2, 5} == samples(list{2, 3, 4}));
  CHECK(samples{2, 5} != samples(list{4, 3, 2}));
  CHECK(samples{2, 5} != samples{2, 6});
  CHECK(samples{7, 7} == samples{});
}

TEST_CASE("a part stays within the whole") {
  CHECK(listed(samples{10, 20}.part(3, 2)) == list{13, 14});
  CHECK(listed(samples{10, 20}.part(8, 5)) == list{18, 19});
  CHECK(samples{10, 20}.part(30, 5).empty());
  CHECK(listed(samples(list{5, 3, 1}).part(1, 9)) == list{3, 1});
  CHECK(samples(list{5, 3, 1}).part(1, 0).empty());
}

TEST_CASE("a run that ends before it begins is refused") {
  CHECK(ptq::test::message_of([] {
          (void)samples{5, 4};
        }) == "the run of samples ends before it begins");
}

} // namespace
