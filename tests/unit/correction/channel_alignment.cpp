// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/channel_alignment.hpp>
#include <ptq/correction/none.hpp>
#include <ptq/plan/resolve.hpp>
#include <ptq/range/percentile.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/largest_distance.hpp"
#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::channel_alignment;
using ptq::correction::fast_bias;
using ptq::correction::saturation_fix;

static_assert(ptq::explain_plan_correction<channel_alignment>());
static_assert(ptq::plan_correction<ptq::one_of<channel_alignment, ptq::correction::none>>);
static_assert(ptq::explain_plan_correction<ptq::one_of<ptq::correction::none, fast_bias>>());

template <class Ranges, class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::performance,
    ptq::device::cpu,
    Ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

TEST_CASE("means move from one bias to the next (NNCF, test_channel_alignment.py)") {
  ptq::tensor_data weights{{4, 3}, {}};
  for (int i = 0; i != 12; ++i) {
    weights.values.push_back(static_cast<float>(i));
  }
  const std::vector<double> means{10, 20, 30};
  CHECK(ptq::carried_means(weights, means) == std::vector<double>{80, 260, 440, 620});
}

TEST_CASE(
    "factors are widths over their median, within 0.01 and 100 (NNCF, test_channel_alignment.py)"
) {
  const std::vector<float> widths{-5, 0, 1e-3F, 1e3F, 2};
  CHECK(ptq::alignment_factors(widths) == std::vector<double>{1, 1, 0.01, 100, 1});
  CHECK(ptq::alignment_factors(std::vector<float>{0, -1}) == std::vector<double>{1, 1});
  CHECK(ptq::alignment_factors(std::vector<float>{1, 3}) == std::vector<double>{0.5, 1.5});
}

/// A pair whose second convolution has a bias or not, and what may be between.
struct toy_pair {
  toy_graph g{};
  toy_graph::tensor x = g.input("x");
  std::vector<std::string> notes{};

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  auto numbers(std::string name, toy::shape shape, unsigned seed) -> toy_graph::tensor {
    const std::size_t size = toy::volume(shape);
    return g.constant(std::move(name), std::move(shape), toy_numbers(size, seed, -1, 1));
  }

  auto first(ptq::convolution_attributes how = {.pads_begin = {1, 1}, .pads_end = {1, 1}}) {
    return g.convolution(
        "first", x, numbers("w1", {4, 2, 3, 3}, 1), numbers("b1", {4}, 2), std::move(how)
    );
  }

  auto second(
      toy_graph::tensor in, ptq::convolution_attributes how = {}, toy::shape shape = {3, 4, 2, 2}
  ) {
    return g.convolution(
        "second", in, numbers("w2", std::move(shape), 3), numbers("b2", {3}, 4), std::move(how)
    );
  }

  static auto data() { return toy_samples(9, {1, 2, 6, 6}, -0.5F, 3.0F); }

  auto pairs() const { return channel_alignment::pairs_of(ptq::read_graph(g).nodes).size(); }
};

TEST_CASE_FIXTURE(toy_pair, "alignment keeps the function and makes channels equally wide") {
  const auto c = first();
  g.output("y", second(c));
  toy_evaluator evaluator(data());
  const quantization<ptq::default_ranges, channel_alignment> quantize;
  const ptq::plan plan = quantize(g, evaluator, *this);
  CHECK(evaluator.runs == 9); // what the aligned tensor's range is follows from the first pass
  CHECK(notes == std::vector<std::string>{"second: channels aligned with those of `first`"});

  ptq::plan aligned;
  aligned.constants = plan.constants;
  ptq::plan as_it_was;
  const auto before = ptq::resolve(g, as_it_was);
  const auto after = ptq::resolve(g, aligned);
  float low = 0.0F;
  float high = 0.0F;
  double mean_abs_max = 0.0;
  for (const ptq::tensor_data& sample : data()) {
    const auto one = toy_run(g, before, std::span(&sample, 1));
    const auto other = toy_run(g, after, std::span(&sample, 1));
    CHECK(
        largest_distance(one.at(g.find("second")).values, other.at(g.find("second")).values) < 1e-5
    );
    const auto& between = other.at(g.find("first")).values;
    low = std::min(low, *std::ranges::min_element(between));
    high = std::max(high, *std::ranges::max_element(between));
    mean_abs_max +=
        static_cast<double>(
            std::max(-*std::ranges::min_element(between), *std::ranges::max_element(between))
        ) /
        9;
    CHECK(largest_distance(one.at(g.find("first")).values, between) > 0.1);
  }
  const ptq::quantizer* const on = plan.input("second", 0);
  REQUIRE(on != nullptr);
  CHECK(std::abs(static_cast<double>(on->format.grids.front().in_high) - mean_abs_max) < 1e-5);
}

TEST_CASE_FIXTURE(toy_pair, "from an engine and from saved statistics it is the same plan") {
  const auto c = first();
  g.output("y", second(c));
  toy_evaluator evaluator(data());
  const quantization<ptq::default_ranges, channel_alignment, saturation_fix, fast_bias> quantize;
  const ptq::statistics seen = ptq::calibrate(quantize, g, evaluator, ptq::samples{0, 9});
  CHECK(quantize(g, seen) == quantize(g, evaluator));
  CHECK(quantize(g, seen, evaluator) == quantize(g, evaluator));
}

/// The mean magnitude: nothing that follows from extremes.
struct mean_magnitude {
  template <class T>
  struct estimation {
    T sum{};
    T count{};

    void observe(std::span<const T> values) {
      for (const T value : values) {
        sum += std::abs(value);
        count += 1;
      }
    }

    auto range() const -> ptq::value_range<T> { return {-sum / count, sum / count}; }
  };

  template <class T>
  auto start() const -> estimation<T> {
    return {};
  }

  [[maybe_unused]] friend auto operator==(const mean_magnitude&, const mean_magnitude&)
      -> bool = default;
};

TEST_CASE_FIXTURE(toy_pair, "what does not follow from the first pass is observed in a second") {
  const auto c = first();
  g.output("y", second(c));
  using of_magnitude = ptq::ranges<
      ptq::for_weights<ptq::abs_max>,
      ptq::for_activations<ptq::low<mean_magnitude>, ptq::high<mean_magnitude>>>;
  toy_evaluator evaluator(data());
  const quantization<of_magnitude, channel_alignment> quantize;
  const ptq::plan plan = quantize(g, evaluator, *this);
  CHECK(evaluator.runs == 18);
  CHECK(std::ranges::any_of(notes, [](const std::string& note) {
    return note.starts_with("first: observed again, as the model was changed before it");
  }));
  ptq::plan aligned;
  aligned.constants = plan.constants;
  const auto after = ptq::resolve(g, aligned);
  double mean = 0.0;
  for (const ptq::tensor_data& sample : data()) {
    const auto all = toy_run(g, after, std::span(&sample, 1));
    double own = 0.0;
    for (const float value : all.at(g.find("first")).values) {
      own += static_cast<double>(std::abs(value));
    }
    mean += own / static_cast<double>(all.at(g.find("first")).values.size()) / 9;
  }
  const auto high = static_cast<double>(plan.input("second", 0)->format.grids.front().in_high);
  CHECK(std::abs(high - mean) < 1e-4);

  const ptq::statistics seen = ptq::calibrate(quantize, g, evaluator, ptq::samples{0, 9});
  const std::string message = message_of([&] { static_cast<void>(quantize(g, seen)); });
  CHECK(message.starts_with("first: a correction changes this tensor before its range is taken"));
  CHECK(quantize(g, seen, evaluator) == plan);
  toy_evaluator fewer({data().front()});
  CHECK(message_of([&] {
          static_cast<void>(quantize(g, seen, fewer));
        }) == "the statistics saw sample 1, but the evaluator has 1");
  toy_float_evaluator no_plans(data());
  CHECK_THROWS_AS(static_cast<void>(quantize(g, no_plans)), ptq::error);
}

TEST_CASE_FIXTURE(toy_pair, "a histogram is counted anew in the second pass") {
  const auto c = first();
  g.output("y", second(c));
  using all_values =
      ptq::ranges<ptq::for_weights<ptq::abs_max>, ptq::for_activations<ptq::both<ptq::percentile>>>;
  toy_evaluator evaluator(data());
  quantization<all_values, channel_alignment> quantize;
  quantize.ranges.activations.both.estimator.percent = 100.0;
  const ptq::plan plan = quantize(g, evaluator);
  CHECK(evaluator.runs == 18);
  ptq::plan aligned;
  aligned.constants = plan.constants;
  const auto after = ptq::resolve(g, aligned);
  float most = 0.0F;
  for (const ptq::tensor_data& sample : data()) {
    const auto all = toy_run(g, after, std::span(&sample, 1));
    for (const float value : all.at(c).values) {
      most = std::max(most, std::abs(value));
    }
  }
  CAPTURE(plan.input("second", 0)->format.grids.front().in_high);
  CAPTURE(most);
  CHECK(std::abs(plan.input("second", 0)->format.grids.front().in_high / most - 1.0F) < 0.02F);
}

TEST_CASE_FIXTURE(toy_pair, "a second convolution that is not plain is no pair") {
  ptq::convolution_attributes how;
  SUBCASE("padding") {
    how.pads_begin = {1, 0};
  }
  SUBCASE("strides") {
    how.strides = {2, 1};
  }
  SUBCASE("dilations") {
    how.dilations = {1, 2};
  }
  const auto c = first();
  g.output("y", second(c, how));
  CHECK(pairs() == 0);
}

TEST_CASE_FIXTURE(toy_pair, "what another operation reads, too, is not changed") {
  const auto c = first();
  const auto s = second(c);
  SUBCASE("nothing else") {
    g.output("y", s);
    CHECK(pairs() == 1);
  }
  SUBCASE("the tensor between") {
    g.output("y", s);
    g.output("z", c);
    CHECK(pairs() == 0);
  }
  SUBCASE("the first weights") {
    g.output("y", s);
    g.output("z", g.convolution("other", x, toy_graph::tensor(g.find("w1"))));
    CHECK(pairs() == 0);
  }
}

TEST_CASE_FIXTURE(toy_pair, "an activation between is no pair and groups are none either") {
  const auto c = first();
  SUBCASE("relu") {
    g.output("y", second(g.relu("relu", c)));
    CHECK(pairs() == 0);
  }
  SUBCASE("groups") {
    g.output("y", second(c, {.groups = 3}, {3, 1, 1, 1}));
    CHECK(pairs() == 0);
  }
}

TEST_CASE_FIXTURE(toy_pair, "without a second bias channels are scaled, not shifted") {
  const auto c = first();
  g.output("y", g.convolution("second", c, numbers("w2", {3, 4, 1, 1}, 3)));
  toy_evaluator evaluator(data());
  const quantization<ptq::default_ranges, channel_alignment> quantize;
  const ptq::plan plan = quantize(g, evaluator);
  const ptq::tensor_data b1 =
      toy_run(g, ptq::resolve(g, plan), std::span<const ptq::tensor_data>(data()).first(1))
          .at(g.find("b1"));
  const auto before = toy_numbers(4, 2, -1, 1);
  const auto& scaled = *plan.constant("w1");
  const auto w1 = toy_numbers(72, 1, -1, 1);
  for (std::size_t o = 0; o != 4; ++o) {
    CHECK(std::abs(b1.values[o] / before[o] - scaled.values[o * 18] / w1[o * 18]) < 1e-5F);
  }
}

TEST_CASE("a quantile that is none is refused") {
  toy_graph g;
  toy_evaluator evaluator(toy_samples(1, {1, 1, 1, 1}));
  quantization<ptq::default_ranges, channel_alignment> quantize;
  quantize.corrections = ptq::corrections<channel_alignment>(channel_alignment{0.5});
  CHECK(message_of([&] {
          static_cast<void>(quantize(g, evaluator));
        }).find("channel_alignment.outlier_prob") != std::string::npos);
}

} // namespace
