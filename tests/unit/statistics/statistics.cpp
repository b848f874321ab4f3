// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "laws/statistics.hpp"

#include <ptq/statistics/statistics.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/some_statistics.hpp"

namespace {

using ptq::test::message_of;
using numbers = std::vector<float>;

TEST_CASE("statistics obey their laws") {
  SUBCASE("one sample in each part") {
    std::vector<ptq::statistics> parts;
    for (std::uint64_t s = 0; s != 12; ++s) {
      parts.push_back(ptq::test::statistics_of_sample(3 * s, static_cast<unsigned>(s)));
    }
    ptq::test::check_statistics_laws(parts);
  }
  SUBCASE("of different tensors") {
    ptq::statistics a;
    a.see(0);
    a.record({"x", "extremes"}, 0, {1, 2});
    ptq::statistics b;
    b.see(1);
    b.add({"y", "mean/1"}, numbers{4, 5});
    b.note_shape("y", {2, 8, 8});
    ptq::test::check_statistics_laws({a, b});
  }
}

TEST_CASE("merging halves of a long run costs by runs, not by samples") {
  constexpr std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  ptq::statistics a;
  a.see(0, huge / 2);
  ptq::statistics b;
  b.see(huge / 2, huge);
  a.merge(b);
  CHECK(a.seen().runs() == std::vector<ptq::sample_set::run>{{0, huge}});
  CHECK(message_of([&] {
          a.merge(b);
        }) == "sample 9223372036854775807 is in both statistics to be merged");
}

TEST_CASE("empty statistics are empty") {
  ptq::statistics s;
  CHECK(s.empty());
  s.see(3);
  CHECK_FALSE(s.empty());
  ptq::statistics shapes;
  shapes.note_shape("x", {1});
  CHECK_FALSE(shapes.empty());
}

TEST_CASE("means are of the samples") {
  ptq::statistics s;
  s.see(0, 3);
  s.add({"x", "mean/1"}, numbers{1, 10});
  s.add({"x", "mean/1"}, numbers{2, 20});
  s.add({"x", "mean/1"}, numbers{6, 60});
  CHECK(s.mean({"x", "mean/1"}) == std::vector<double>{3, 30});
}

TEST_CASE("the usual shape is that of most samples, the least on a tie") {
  ptq::statistics s;
  s.see(0, 2);
  s.note_shape("x", {1, 9, 9});
  s.note_shape("x", {1, 8, 8});
  CHECK(s.usual_shape("x") == std::vector<std::uint64_t>{1, 8, 8});
  s.see(2);
  s.note_shape("x", {1, 9, 9});
  CHECK(s.usual_shape("x") == std::vector<std::uint64_t>{1, 9, 9});
}

TEST_CASE("what was not collected is named") {
  const ptq::statistics s;
  const std::string hint = "they were collected for another algorithm or model";
  CHECK(message_of([&] {
          (void)s.per_sample({"x", "extremes"});
        }) == "x: the statistics hold no `extremes` of this tensor: " + hint);
  CHECK(message_of([&] {
          (void)s.mean({"x", "mean/1"});
        }) == "x: the statistics hold no `mean/1` of this tensor: " + hint);
  CHECK(message_of([&] {
          (void)s.usual_shape("x");
        }) == "x: the statistics hold no `shape` of this tensor: " + hint);
}

TEST_CASE("what is not of all samples seen is named") {
  ptq::statistics s;
  s.see(0);
  s.record({"x", "extremes"}, 0, {1, 2});
  s.add({"x", "mean/1"}, numbers{1});
  s.note_shape("x", {1});
  ptq::statistics unlike;
  unlike.see(1);
  s.merge(unlike);
  const std::string hint = " of 1 samples, but saw 2: were those of unlike algorithms merged?";
  CHECK(message_of([&] {
          (void)s.per_sample({"x", "extremes"});
        }) == "x: the statistics hold `extremes`" + hint);
  CHECK(message_of([&] {
          (void)s.mean({"x", "mean/1"});
        }) == "x: the statistics hold `mean/1`" + hint);
  CHECK(message_of([&] { (void)s.usual_shape("x"); }) == "x: the statistics hold `shape`" + hint);
  s.record({"x", "extremes"}, 7, {1, 2});
  CHECK(message_of([&] {
          (void)s.per_sample({"x", "extremes"});
        }) == "x: the statistics hold `extremes` of sample 7, which they did not see");
}

TEST_CASE("statistics of different models do not merge") {
  ptq::statistics a = ptq::test::statistics_of_sample(0, 0);
  a.set_model("fnv1a64:0");
  ptq::statistics b = ptq::test::statistics_of_sample(1, 1);
  ptq::statistics of_unknown = b;
  of_unknown.merge(a);
  a.merge(b);
  CHECK(a.model() == "fnv1a64:0");
  CHECK(of_unknown == a);
  ptq::statistics c;
  c.set_model("fnv1a64:1");
  CHECK_FALSE(c.empty());
  const ptq::statistics before = a;
  CHECK(
      message_of([&] { a.merge(c); }) ==
      "the statistics to be merged are of different models: the digest of one is fnv1a64:0, of the "
      "other fnv1a64:1"
  );
  CHECK(a == before);
}

TEST_CASE("a change of channels is an error that changes nothing") {
  ptq::statistics s;
  s.record({"x", "extremes/1"}, 0, {1, 2, 3, 4});
  s.add({"x", "mean/1"}, numbers{1, 2});
  s.see(0);
  const ptq::statistics before = s;
  CHECK(
      message_of([&] { s.record({"x", "extremes/1"}, 1, {1, 2}); }) ==
      "x: sample 1 has 2 numbers of `extremes/1`, the samples before it 4: did its channels change?"
  );
  CHECK(message_of([&] {
          s.record({"x", "extremes/1"}, 0, {1, 2, 3, 4});
        }) == "x: sample 0 was recorded twice for `extremes/1`");
  CHECK(message_of([&] {
          s.add({"x", "mean/1"}, numbers{1});
        }) == "x: 1 numbers of `mean/1` where there were 2 before: did its channels change?");
  ptq::statistics other;
  other.see(1);
  other.add({"x", "mean/1"}, numbers{1, 2, 3});
  CHECK(message_of([&] {
          s.merge(other);
        }) == "x: 3 numbers of `mean/1` where there were 2 before: did its channels change?");
  CHECK(s == before);
}

TEST_CASE("what is newer takes the place of what was there, of the same samples alone") {
  ptq::statistics old;
  old.see(0);
  old.record({"t", "extremes"}, 0, {-1.0F, 1.0F});
  old.record({"u", "extremes"}, 0, {-2.0F, 2.0F});
  old.add({"t", "mean/1"}, std::vector{0.5F});
  old.note_shape("t", {1});
  ptq::statistics newer;
  newer.see(0);
  newer.record({"t", "extremes"}, 0, {-3.0F, 3.0F});
  newer.add({"t", "mean/1"}, std::vector{0.25F});
  newer.note_shape("t", {2});
  ptq::log_histogram histogram;
  const std::vector<float> values{1.0F};
  histogram.add(values);
  newer.add({"t", "histogram"}, {.count = 1, .channels = {histogram}});
  old.take_over(newer);
  CHECK(old.per_sample({"t", "extremes"}).at(0) == std::vector{-3.0F, 3.0F});
  CHECK(old.per_sample({"u", "extremes"}).at(0) == std::vector{-2.0F, 2.0F});
  CHECK(old.mean({"t", "mean/1"}) == std::vector{0.25});
  CHECK(old.usual_shape("t") == std::vector<std::uint64_t>{2});
  CHECK(old.histograms({"t", "histogram"}).size() == 1);
  ptq::statistics of_others;
  of_others.see(1);
  CHECK_THROWS_AS(old.take_over(of_others), ptq::error);
}

} // namespace
