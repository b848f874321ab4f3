// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/statistics/sample_set.hpp>

#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace {

using runs = std::vector<ptq::sample_set::run>;

constexpr std::uint64_t huge = ~std::uint64_t{0};

auto set_of(const runs& list) -> ptq::sample_set {
  ptq::sample_set result;
  for (const auto& [first, last] : list) {
    result.insert(first, last);
  }
  return result;
}

TEST_CASE("neighbouring samples become one run") {
  ptq::sample_set set;
  CHECK(set.size() == 0);
  CHECK_FALSE(set.contains(0));
  set.insert(5);
  set.insert(7);
  CHECK(set.runs() == runs{{5, 6}, {7, 8}});
  set.insert(6);
  CHECK(set.runs() == runs{{5, 8}});
  set.insert(6);
  CHECK(set.runs() == runs{{5, 8}});
  set.insert(4);
  set.insert(8);
  set.insert(0);
  CHECK(set.runs() == runs{{0, 1}, {4, 9}});
  CHECK(set.size() == 6);
  CHECK(set.contains(0));
  CHECK_FALSE(set.contains(1));
  CHECK_FALSE(set.contains(3));
  CHECK(set.contains(4));
  CHECK(set.contains(8));
  CHECK_FALSE(set.contains(9));
}

TEST_CASE("a run that is inserted takes in the runs that it touches") {
  struct row {
    runs before;
    ptq::sample_set::run inserted;
    runs after;
  };

  const row table[] = {
      {{}, {3, 5}, {{3, 5}}},
      {{{3, 5}}, {5, 9}, {{3, 9}}},
      {{{3, 5}}, {6, 9}, {{3, 5}, {6, 9}}},
      {{{3, 5}}, {0, 3}, {{0, 5}}},
      {{{3, 5}}, {0, 2}, {{0, 2}, {3, 5}}},
      {{{3, 5}, {7, 9}, {20, 30}}, {4, 8}, {{3, 9}, {20, 30}}},
      {{{3, 5}, {7, 9}, {20, 30}}, {0, huge}, {{0, huge}}},
      {{{0, huge - 5}}, {10, 20}, {{0, huge - 5}}},
      {{{3, 5}, {7, 9}}, {5, 7}, {{3, 9}}},
  };
  for (const row& each : table) {
    ptq::sample_set set = set_of(each.before);
    set.insert(each.inserted.first, each.inserted.second);
    CHECK(set.runs() == each.after);
    CHECK(set == set_of(each.after));
  }
}

TEST_CASE("two sets tell the first sample that they share") {
  const ptq::sample_set evens = set_of({{0, 1}, {2, 3}, {4, 5}});
  CHECK(evens.first_shared_with(set_of({{1, 2}, {3, 4}})) == std::nullopt);
  CHECK(evens.first_shared_with(set_of({{1, 2}, {3, 9}})) == 4);
  CHECK(set_of({{1, 2}, {3, 9}}).first_shared_with(evens) == 4);
  CHECK(set_of({{0, huge}}).first_shared_with(set_of({{17, huge}})) == 17);
  CHECK(evens.first_shared_with(ptq::sample_set()) == std::nullopt);
  CHECK(ptq::sample_set().first_shared_with(evens) == std::nullopt);
}

TEST_CASE("a set of runs is a set") {
  std::mt19937 random(1);
  for (int round = 0; round != 100; ++round) {
    ptq::sample_set set;
    std::set<std::uint64_t> truth;
    for (int i = 0; i != 30; ++i) {
      const std::uint64_t first = random() % 60;
      const std::uint64_t last = first + 1 + random() % 4;
      if (random() % 2 == 0) {
        set.insert(first);
        truth.insert(first);
        continue;
      }
      set.insert(first, last);
      for (std::uint64_t sample = first; sample != last; ++sample) {
        truth.insert(sample);
      }
    }
    CHECK(set.size() == truth.size());
    for (std::uint64_t sample = 0; sample != 70; ++sample) {
      CHECK(set.contains(sample) == truth.contains(sample));
    }
    for (std::size_t run = 0; run != set.runs().size(); ++run) {
      CHECK(set.runs()[run].first < set.runs()[run].second);
      CHECK((run == 0 || set.runs()[run - 1].second < set.runs()[run].first));
    }
  }
}

} // namespace
