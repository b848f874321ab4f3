// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What goes wrong while statistics are collected: each time it is said where.
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

TEST_CASE_FIXTURE(collecting, "a value that is not finite names the tensor and the sample") {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();

  struct row {
    float bad;
    const char* message;
  };

  for (const row& each :
       {row{nan, "x, sample 41: the tensor holds NaN"},
        row{inf, "x, sample 41: the tensor holds infinity"},
        row{-inf, "x, sample 41: the tensor holds infinity"}}) {
    auto data = toy_samples(50, {1, 2, 3, 3});
    data[41].values[17] = each.bad;
    toy_evaluator evaluator(data);
    CHECK(message_of([&] { (void)collect(evaluator, {0, 50}); }) == each.message);

    for (int only = 0; only != 4; ++only) {
      request = {};
      if (only == 0) {
        request.extremes(0, std::nullopt);
      } else if (only == 1) {
        request.extremes(0, 1);
      } else if (only == 2) {
        request.mean(0, 1);
      } else {
        request.estimate(0, range_estimator_archetype(1), std::nullopt);
      }
      CHECK(message_of([&] { (void)collect(evaluator, {0, 50}); }) == each.message);
    }
    request = all_of(0);
  }
}

TEST_CASE_FIXTURE(collecting, "nothing more is run once an error is certain") {
  auto data = toy_samples(50, {1, 2, 3, 3});
  data[3].values[0] = std::numeric_limits<float>::quiet_NaN();
  toy_evaluator evaluator(data);
  CHECK_THROWS_AS(collect(evaluator, {0, 50}), const ptq::error&);
  CHECK(evaluator.runs == 4);
}

TEST_CASE_FIXTURE(
    collecting, "an engine that swallows exceptions and goes on is no way around errors"
) {
  const float bad[] = {0.0F, std::numeric_limits<float>::quiet_NaN()};
  const float good[] = {0.0F, 1.0F};
  CHECK(refusal(2, [&](taps, const ptq::samples&, show_ref show) {
          for (const std::size_t s : {std::size_t{0}, std::size_t{1}}) {
            try {
              show(s, x, ptq::tensor_view(s == 0 ? bad : good, {1, 2}));
            } catch (...) {
            }
          }
        }) == "x, sample 0: the tensor holds NaN");
}

TEST_CASE_FIXTURE(collecting, "what the engine throws itself comes through") {
  scripted_evaluator evaluator{1, [](taps, const ptq::samples&, show_ref) {
                                 throw std::out_of_range("mine");
                               }};
  CHECK_THROWS_WITH_AS(collect(evaluator, {0, 1}), "mine", const std::out_of_range&);
}

TEST_CASE_FIXTURE(collecting, "a tensor that was not shown is named") {
  const float values[] = {1.0F, 2.0F};
  CHECK(refusal(3, [&](taps, const ptq::samples&, show_ref show) {
          show(0, x, ptq::tensor_view(values, {1, 2}));
          show(2, x, ptq::tensor_view(values, {1, 2}));
        }) == "x: the evaluator did not show this tensor for sample 1");
  CHECK(refusal(1, [](taps, const ptq::samples&, show_ref) {
        }) == "x: the evaluator did not show this tensor for sample 0");
}

TEST_CASE_FIXTURE(collecting, "tensors of a wrong shape are named") {
  const float values[8]{};
  const auto showing = [&](std::vector<std::vector<std::size_t>> shapes) {
    return [&, shapes](taps, const ptq::samples& range, show_ref show) {
      for (const std::size_t s : range) {
        show(s, x, ptq::tensor_view(static_cast<const float*>(values), shapes[s % shapes.size()]));
      }
    };
  };
  SUBCASE("another number of channels") {
    CHECK(
        refusal(2, showing({{1, 2, 2}, {1, 4, 2}})) ==
        "x: sample 1 has 8 numbers of `extremes/1`, the samples before it 4: did its channels "
        "change?"
    );
  }
  SUBCASE("another number of channels, where only means are kept") {
    request = {};
    request.mean(0, 1);
    CHECK(
        refusal(2, showing({{1, 2, 2}, {1, 4, 2}})) ==
        "x: 4 numbers of `mean/1` where there were 2 before: did its channels change?"
    );
  }
  SUBCASE("no axis for channels") {
    CHECK(refusal(1, showing({{1}})) == "x, sample 0: shown as 1, which has no channels on axis 1");
  }
  SUBCASE("no axis for the sample") {
    const std::string hint = " for one sample: axis 0 is the sample";
    CHECK(refusal(1, showing({{2, 2, 2}})) == "x, sample 0: shown as 2x2x2" + hint);
    CHECK(refusal(2, showing({{1, 4}, {4}})) == "x, sample 1: shown as 4" + hint);
    CHECK(refusal(1, showing({{}})) == "x, sample 0: shown as scalar" + hint);
  }
  SUBCASE("nothing in it") {
    CHECK(refusal(1, showing({{1, 0, 4}})) == "x, sample 0: the tensor is empty: 1x0x4");
  }
  SUBCASE("pieces of different channels") {
    CHECK(refusal(1, [&](taps, const ptq::samples&, show_ref show) {
            show(0, x, ptq::tensor_view(static_cast<const float*>(values), {1, 2, 4}));
            show(0, x, ptq::tensor_view(static_cast<const float*>(values), {1, 4, 2}));
          }) == "x, sample 0: shown with 4 channels after 2");
  }
  SUBCASE("pieces of different channels, of which only an estimator is told") {
    request = {};
    request.estimate(0, range_estimator_archetype(2), 1);
    for (const int channels : {4, 1}) {
      CHECK(refusal(1, [&](taps, const ptq::samples&, show_ref show) {
              show(0, x, ptq::tensor_view(static_cast<const float*>(values), {1, 2, 4}));
              show(0, x, ptq::tensor_view(static_cast<const float*>(values), {1, channels, 2}));
            }) == "x, sample 0: shown with " + std::to_string(channels) + " channels after 2");
    }
  }
  SUBCASE("a batch that is none") {
    CHECK(refusal(2, [&](taps, const ptq::samples& range, show_ref show) {
            show(range, x, ptq::tensor_view(static_cast<const float*>(values), {1, 8}));
          }) == "x: shown as 1x8 for a batch of 2 samples: axis 0 is the sample");
  }
}

TEST_CASE_FIXTURE(collecting, "samples that are not there are refused before anything runs") {
  toy_evaluator evaluator(toy_samples(3, {1, 2, 3, 3}));
  CHECK(message_of([&] { (void)collect(evaluator, {}); }) == "there is no sample to calibrate on");
  CHECK(message_of([&] {
          (void)collect(evaluator, {2, 5});
        }) == "sample 3 is asked for, but the evaluator has 3");
  CHECK(message_of([&] {
          (void)collect(evaluator, ptq::samples(std::vector<std::size_t>{9}));
        }) == "sample 9 is asked for, but the evaluator has 3");
  CHECK(message_of([&] {
          (void)collect(evaluator, ptq::samples(std::vector<std::size_t>{1, 0, 1}));
        }) == "sample 1 is asked for twice");
  CHECK(evaluator.runs == 0);
}

/// An estimator whose answer is not a number.
struct broken {
  struct estimation {
    void observe(std::span<const float>) {}

    auto range() const -> ptq::value_range<float> {
      return {0.0F, std::numeric_limits<float>::quiet_NaN()};
    }
  };

  template <class T>
  auto start() const -> estimation {
    return {};
  }

  static auto key() -> std::string { return "broken"; }

  auto operator==(const broken&) const -> bool = default;
};

TEST_CASE_FIXTURE(collecting, "an estimator that gives NaN is named") {
  request.estimate(0, broken{}, std::nullopt);
  toy_evaluator evaluator(toy_samples(1, {1, 2, 3, 3}));
  CHECK(message_of([&] {
          (void)collect(evaluator, {0, 1});
        }) == "x, sample 0: the estimator `broken` gave NaN or infinity");
}

/// An estimator with errors of its own.
struct throwing {
  struct estimation {
    void observe(std::span<const float>) { throw std::runtime_error("mine"); }

    auto range() const -> ptq::value_range<float> { return {}; }
  };

  template <class T>
  auto start() const -> estimation {
    return {};
  }

  auto operator==(const throwing&) const -> bool = default;
};

TEST_CASE_FIXTURE(
    collecting, "what an estimator throws comes through, even if the engine swallows"
) {
  request = {};
  request.estimate(0, throwing{}, std::nullopt);
  const float values[] = {0.0F, 1.0F};
  std::vector<ptq::flow> answers;
  bool escaped = false;
  scripted_evaluator evaluator{2, [&](taps, const ptq::samples& range, show_ref show) {
                                 for (const std::size_t s : range) {
                                   try {
                                     answers.push_back(show(s, x, ptq::tensor_view(values, {1, 2}))
                                     );
                                   } catch (...) {
                                     escaped = true;
                                   }
                                 }
                               }};
  CHECK_THROWS_WITH_AS((void)collect(evaluator, {0, 2}), "mine", const std::runtime_error&);
  CHECK_FALSE(escaped);
  CHECK(answers == std::vector<ptq::flow>{ptq::enough, ptq::enough});
}

} // namespace
