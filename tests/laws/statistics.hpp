// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/statistics/serialise.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <random>
#include <vector>

#include <doctest/doctest.h>

namespace ptq::test {

static_assert(std::regular<statistics>);

/// What `ptq::statistics` promises, of parts that saw different samples, at least one each.
inline void check_statistics_laws(const std::vector<statistics>& parts) {
  statistics whole;
  for (const statistics& part : parts) {
    whole.merge(part);
  }

  statistics with_nothing = whole;
  with_nothing.merge(statistics{});
  CHECK(with_nothing == whole);
  statistics from_nothing;
  from_nothing.merge(whole);
  CHECK(from_nothing == whole);

  std::mt19937 random(1);
  std::vector<statistics> shuffled = parts;
  for (int round = 0; round != 5; ++round) {
    std::ranges::shuffle(shuffled, random);
    std::vector<statistics> groups(1 + random() % 3);
    for (const statistics& part : shuffled) {
      groups[random() % groups.size()].merge(part);
    }
    statistics result;
    for (const statistics& group : groups) {
      result.merge(group);
    }
    CHECK(result == whole);
    CHECK(to_bytes(result) == to_bytes(whole));
  }

  for (const statistics& part : parts) {
    statistics before = whole;
    CHECK_THROWS_AS(before.merge(part), error);
    CHECK(before == whole);
    statistics mine = part;
    CHECK_THROWS_AS(mine.merge(whole), error);
    CHECK(mine == part);
  }

  CHECK(statistics_from_bytes(to_bytes(whole)) == whole);
  CHECK(to_bytes(statistics_from_bytes(to_bytes(whole))) == to_bytes(whole));
}

} // namespace ptq::test
