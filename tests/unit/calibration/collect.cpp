// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/calibration/collect.hpp>
#include <ptq/range/quantile.hpp>
#include <ptq/statistics/serialise.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "collecting.hpp"
#include "support/message.hpp"
#include "support/policy_archetypes.hpp"
#include "support/scripted_evaluator.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

TEST_CASE_FIXTURE(collecting, "calibration keeps what was asked, by tensor") {
  toy_evaluator evaluator(
      std::vector<ptq::tensor_data>{{{1, 2, 1, 2}, {1, 2, -3, 5}}, {{1, 2, 1, 2}, {0, -8, 4, 6}}}
  );
  const ptq::statistics s = collect(evaluator, {0, 2});
  using per_sample = ptq::statistics::per_sample_numbers;
  CHECK(s.per_sample({"x", "extremes"}) == per_sample{{0, {-3, 5}}, {1, {-8, 6}}});
  CHECK(s.per_sample({"x", "extremes/1"}) == per_sample{{0, {1, -3, 2, 5}}, {1, {-8, 4, 0, 6}}});
  CHECK(s.mean({"x", "mean/1"}) == std::vector<double>{-1.25, 3});
  CHECK(s.mean({"x", "mean/last"}) == std::vector<double>{0.5, 1.25});
  CHECK(s.per_sample({"x", "archetype 1"}) == per_sample{{0, {-5, 5}}, {1, {-6, 6}}});
  CHECK(
      s.per_sample({"x", "archetype 2/1"}) == per_sample{{0, {-2, -5, 2, 5}}, {1, {-2, -6, 2, 6}}}
  );
  CHECK(s.usual_shape("x") == std::vector<std::uint64_t>{2, 1, 2});
  CHECK(s.seen().size() == 2);
}

TEST_CASE_FIXTURE(collecting, "each sample is run once") {
  toy_evaluator evaluator(toy_samples(100, {1, 2, 3, 3}));
  CHECK(collect(evaluator, {0, 100}).seen().size() == 100);
  CHECK(evaluator.runs == 100);
}

TEST_CASE_FIXTURE(collecting, "only what was asked is kept, and only for the samples asked") {
  const auto data = toy_samples(4, {1, 2, 3, 3});
  toy_evaluator evaluator(data);
  const ptq::statistics plain = collect(evaluator, {1, 3});
  scripted_evaluator talkative{4, [&](taps, const ptq::samples&, show_ref show) {
                                 for (std::size_t s = 0; s != 4; ++s) {
                                   show(s, x, data[s].view());
                                   show(s, relu, data[s].view());
                                   show(s, {77, 3}, data[s].view());
                                 }
                               }};
  CHECK(collect(talkative, {1, 3}) == plain);
}

TEST_CASE_FIXTURE(
    collecting, "the memory is for a few numbers of each sample, whatever their size"
) {
  const auto size_for = [this](std::size_t count, std::size_t extent) {
    toy_evaluator evaluator(toy_samples(count, {1, 2, extent, 4}));
    return ptq::to_bytes(collect(evaluator, {0, count})).size();
  };
  CHECK(size_for(3, 4) == size_for(3, 40));
  const std::size_t one_more = size_for(4, 4) - size_for(3, 4);
  CHECK(one_more == size_for(41, 4) - size_for(40, 4));
  CHECK(one_more < 150);
}

TEST_CASE_FIXTURE(collecting, "the bits do not depend on how samples are batched or ordered") {
  constexpr std::size_t count = 70;
  const auto data = toy_samples(count, {1, 3, 5, 7}, -2.0F, 3.0F);
  toy_evaluator one_by_one(data);
  const ptq::statistics whole = collect(one_by_one, {0, count});

  const auto batch_of = [&](const ptq::samples& which) {
    ptq::tensor_data batch{{which.size(), 3, 5, 7}, {}};
    for (const std::size_t s : which) {
      batch.values.insert(batch.values.end(), data[s].values.begin(), data[s].values.end());
    }
    return batch;
  };
  SUBCASE("in batches") {
    for (const std::size_t size : {2U, 7U, 64U}) {
      CHECK(whole == collect(count, [&](taps, const ptq::samples& range, show_ref show) {
              for (std::size_t from = 0; from < range.size(); from += size) {
                const ptq::samples part = range.part(from, size);
                show(part, x, batch_of(part).view());
              }
            }));
    }
  }
  SUBCASE("backwards, and batches of no order") {
    CHECK(whole == collect(count, [&](taps, const ptq::samples& range, show_ref show) {
            std::vector<std::size_t> order(range.begin(), range.end());
            std::ranges::reverse(order);
            std::swap(order[0], order[order.size() / 2]);
            const ptq::samples list(order);
            show(list, x, batch_of(list).view());
          }));
  }
  SUBCASE("an explicit list of samples") {
    std::vector<std::size_t> order;
    for (std::size_t s = 0; s != count; ++s) {
      order.push_back(s * 37 % count);
    }
    CHECK(collect(one_by_one, ptq::samples(order)) == whole);
  }
  SUBCASE("in parts that are merged") {
    ptq::statistics merged = collect(one_by_one, {50, count});
    merged.merge(collect(one_by_one, {0, 13}));
    merged.merge(collect(one_by_one, {13, 50}));
    CHECK(merged == whole);
  }
}

TEST_CASE_FIXTURE(
    collecting,
    "the layout in memory changes no number, but the last bits of means of packed tensors"
) {
  constexpr std::size_t channels = 3;
  std::size_t side = 5;
  SUBCASE("small") {}
  SUBCASE("more values than fit one block") {
    side = 71;
  }
  const std::vector<float> dense = toy_numbers(channels * side * side, 3, -2.0F, 3.0F);
  const ptq::statistics plain =
      shown_as({ptq::tensor_view(dense, std::array{std::size_t{1}, channels, side, side})});
  { // channels last
    std::vector<float> moved(dense.size());
    for (std::size_t i = 0; i != dense.size(); ++i) {
      moved[i % (side * side) * channels + i / (side * side)] = dense[i];
    }
    const ptq::tensor_view nhwc(moved, std::array{std::size_t{1}, side, side, channels});
    // Swept where it lies: the sums are rounded in another order.
    const ptq::statistics moved_statistics = shown_as({nhwc.permuted({0, 3, 1, 2})});
    CHECK(moved_statistics.all_per_sample() == plain.all_per_sample());
    CHECK(moved_statistics.all_shapes() == plain.all_shapes());
    for (const auto& [name, sums] : plain.all_sums()) {
      const std::vector<double> expected = plain.mean(name);
      const std::vector<double> actual = moved_statistics.mean(name);
      REQUIRE(actual.size() == expected.size());
      for (std::size_t c = 0; c != expected.size(); ++c) {
        CHECK(std::abs(actual[c] - expected[c]) < 1e-6);
      }
    }
  }
  { // channels in blocks of eight, the rest of them rubbish
    std::vector<float> moved(8 * side * side, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i != dense.size(); ++i) {
      moved[i % (side * side) * 8 + i / (side * side)] = dense[i];
    }
    const auto row = static_cast<std::ptrdiff_t>(side * 8);
    const std::array<ptq::dimension, 4> blocked{
        {{.extent = 1, .stride = row},
         {.extent = channels,
          .stride = row * static_cast<std::ptrdiff_t>(side),
          .block = 8,
          .block_stride = 1},
         {.extent = side, .stride = row},
         {.extent = side, .stride = 8}}
    };
    CHECK(shown_as({ptq::tensor_view(moved.data(), ptq::element_type::f32, blocked)}) == plain);
  }
  { // rows with gaps
    std::vector<float> moved(channels * side * (side + 3), std::numeric_limits<float>::infinity());
    for (std::size_t i = 0; i != dense.size(); ++i) {
      moved[i / side * (side + 3) + i % side] = dense[i];
    }
    const auto row = static_cast<std::ptrdiff_t>(side + 3);
    const std::array<ptq::dimension, 4> padded{
        {{.extent = 1, .stride = 1},
         {.extent = channels, .stride = row * static_cast<std::ptrdiff_t>(side)},
         {.extent = side, .stride = row},
         {.extent = side, .stride = 1}}
    };
    CHECK(shown_as({ptq::tensor_view(moved.data(), ptq::element_type::f32, padded)}) == plain);
  }
}

template <class T>
auto narrowed(const std::vector<float>& from) -> std::vector<T> {
  std::vector<T> result;
  for (const float value : from) {
    result.push_back(static_cast<T>(value));
  }
  return result;
}

TEST_CASE_FIXTURE(collecting, "the bits do not depend on the element type") {
  const std::vector<float> values{-8, 0, 3, 7, -1, 100, -128, 5, 6, 64, 127, 1};
  const std::array<std::size_t, 4> shape{1, 3, 2, 2};
  const ptq::statistics plain = shown_as({ptq::tensor_view(values, shape)});
  CHECK(shown_as({ptq::tensor_view(narrowed<double>(values), shape)}) == plain);
  const auto i8 = narrowed<std::int8_t>(values);
  CHECK(shown_as({ptq::tensor_view(i8, shape)}) == plain);
  const auto i16 = narrowed<std::int16_t>(values);
  CHECK(shown_as({ptq::tensor_view(i16, shape)}) == plain);
  const auto i32 = narrowed<std::int32_t>(values);
  CHECK(shown_as({ptq::tensor_view(i32, shape)}) == plain);
  const auto i64 = narrowed<std::int64_t>(values);
  CHECK(shown_as({ptq::tensor_view(i64, shape)}) == plain);

  std::vector<std::uint16_t> bf16;
  std::vector<std::uint16_t> f16;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    bf16.push_back(static_cast<std::uint16_t>(bits >> 16U));
    const std::uint32_t exponent = bits >> 23U & 0xFFU;
    const std::uint32_t half =
        exponent == 0 ? 0U : (exponent - 112U) << 10U | (bits >> 13U & 0x3FFU);
    f16.push_back(static_cast<std::uint16_t>(half | (bits >> 16U & 0x8000U)));
  }
  const ptq::tensor_view like(values, shape);
  CHECK(shown_as({{bf16.data(), ptq::element_type::bf16, like.dimensions()}}) == plain);
  CHECK(shown_as({{f16.data(), ptq::element_type::f16, like.dimensions()}}) == plain);
}

TEST_CASE_FIXTURE(collecting, "several pieces of one tensor for one sample count as one") {
  request = {};
  request.extremes(0, std::nullopt);
  request.extremes(0, 1);
  request.mean(0, 1);
  request.estimate(0, range_estimator_archetype(2), 1);
  const std::vector<float> values{-8, 0, 3, 7, -1, 100, -128, 5, 6, 64, 127, 1};
  const ptq::statistics whole = shown_as({ptq::tensor_view(values, {1, 2, 6})});
  const ptq::statistics pieces = shown_as({
      ptq::tensor_view(std::span(values).first(4), {1, 2, 2}),
      ptq::tensor_view(std::span(values).subspan(4, 8), {1, 2, 4}),
  });
  CHECK(pieces.per_sample({"x", "extremes"}) == whole.per_sample({"x", "extremes"}));
  CHECK(pieces.seen() == whole.seen());
  // Of the channels as the pieces have them: {-8, 0, -1, 100, -128, 5} and {3, 7, 6, 64, 127, 1}.
  CHECK(pieces.per_sample({"x", "extremes/1"}).at(0) == std::vector<float>{-128, 1, 100, 127});
  CHECK(
      pieces.per_sample({"x", "archetype 2/1"}).at(0) == std::vector<float>{-100, -127, 100, 127}
  );
  CHECK(
      pieces.mean({"x", "mean/1"}) ==
      std::vector<double>{static_cast<double>(-32.0F / 6), static_cast<double>(208.0F / 6)}
  );
}

TEST_CASE_FIXTURE(collecting, "quantiles are of a whole sample, or of each channel of it") {
  const std::vector<float> values = toy_numbers(2'000, 6, -2.0F, 3.0F);
  request = {};
  request.estimate(0, ptq::quantile{0.01}, std::nullopt);
  request.estimate(0, ptq::abs_quantile{0.01}, 1);
  const auto ends = [](std::span<const float> of, double q) { return ptq::quantile_of(of, q); };
  std::vector<float> channels;
  for (const float sign : {-1.0F, 1.0F}) {
    for (const std::size_t c : {0U, 1U}) {
      std::vector<float> magnitudes(values.begin() + 1'000 * static_cast<int>(c), values.end());
      magnitudes.resize(1'000);
      for (float& value : magnitudes) {
        value = std::abs(value);
      }
      channels.push_back(sign * ends(magnitudes, 0.99));
    }
  }
  const ptq::statistics s = shown_as({ptq::tensor_view(values, {1, 2, 20, 50})});
  using numbers = std::vector<float>;
  CHECK(
      s.per_sample({"x", "quantile 0.01"}).at(0) == numbers{ends(values, 0.01), ends(values, 0.99)}
  );
  CHECK(s.per_sample({"x", "abs_quantile 0.01/1"}).at(0) == channels);
}

TEST_CASE_FIXTURE(
    collecting, "a quantile of a sample that comes in pieces is refused, and says where"
) {
  const std::vector<float> values = toy_numbers(2'000, 6);
  request = {};
  request.estimate(0, ptq::quantile{0.01}, std::nullopt);
  const std::span<const float> all(values);
  CHECK(
      message_of([&] {
        (void)shown_as(
            {ptq::tensor_view(all.first(1'000), {1, 1'000}),
             ptq::tensor_view(all.last(1'000), {1, 1'000})}
        );
      }) == "x, sample 0: a quantile needs all values of a sample at once, and these came in parts"
  );
}

TEST_CASE_FIXTURE(collecting, "progress is told from the beginning to the end") {
  std::vector<std::size_t> done;
  ptq::observers tell;
  tell.on_progress = [&](const ptq::progress& now) {
    CHECK(now.stage == "calibration");
    CHECK(now.of == 70);
    done.push_back(now.done);
  };
  toy_evaluator evaluator(toy_samples(70, {1, 2, 3, 3}));
  (void)ptq::collect_statistics(g, read, evaluator, {0, 70}, request, tell);
  CHECK(done.front() == 0);
  CHECK(done.back() == 70);
  CHECK(std::ranges::is_sorted(done));
}

TEST_CASE("statistics are collected of a graph and an engine that are no more than their concepts"
) {
  const graph_archetype g;
  evaluator_archetype<graph_archetype> evaluator;
  ptq::statistics_request request;
  request.extremes(2, std::nullopt);
  const ptq::statistics s =
      ptq::collect_statistics(g, ptq::read_graph(g), evaluator, {0, 2}, request, ptq::observers{});
  CHECK(s.per_sample({"sum", "extremes"}).at(1) == std::vector<float>{2, 4});
}

} // namespace
