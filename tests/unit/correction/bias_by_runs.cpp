// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/full_bias.hpp>
#include <ptq/correction/none.hpp>
#include <ptq/correction/sequential_bias.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/largest_distance.hpp"
#include "support/message.hpp"
#include "support/small_net.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::full_bias;
using ptq::correction::sequential_bias;

static_assert(ptq::explain_plan_correction<full_bias>());
static_assert(ptq::explain_plan_correction<sequential_bias>());
static_assert(ptq::runs_the_model<full_bias>);
static_assert(ptq::runs_the_model<ptq::corrections<ptq::correction::none, sequential_bias>>);
static_assert(!ptq::runs_the_model<ptq::corrections<ptq::correction::fast_bias>>);

template <class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

struct biased {
  const char* tensor;
  const char* output;
  std::size_t axis;
};

constexpr std::array all_biased{
    biased{"b1", "first", 1},
    biased{"b2", "sum2", 1},
    biased{"b3", "left", 1},
    biased{"b4", "right", 1},
    biased{"b5", "dense", 1},
};

struct fixture : small_net {
  std::vector<std::string> notes{};

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  template <class Evaluator = toy_evaluator, class Correction>
  auto corrected(const Correction& correction, std::size_t samples = 12) -> ptq::plan {
    Evaluator evaluator(data(samples));
    quantization<Correction> quantize{.weights = {.bits = 4}};
    quantize.corrections = ptq::corrections<Correction>(correction);
    return quantize(g, evaluator, *this);
  }

  auto means(const biased& of, const ptq::plan& under, std::span<const ptq::tensor_data> part)
      -> std::vector<double> {
    return channel_means_of(g, toy_graph::tensor(g.find(of.output)), of.axis, under, part);
  }
};

TEST_CASE_FIXTURE(
    fixture, "after full correction each mean output, with float activations, is the float one"
) {
  const ptq::plan plan = corrected(full_bias{.share = 1.0});
  CHECK(plan.constants.size() == 5);
  const ptq::plan weights_only = without_activations(plan);
  ptq::plan uncorrected = weights_only;
  uncorrected.constants.clear();
  for (const biased& each : all_biased) {
    CAPTURE(each.output);
    const auto wanted = means(each, {}, data());
    CHECK(largest_distance(means(each, weights_only, data()), wanted) < 1e-5);
    CHECK(largest_distance(means(each, uncorrected, data()), wanted) > 1e-3);
    const auto entry = std::ranges::find_if(plan.constants, [&](const auto& constant) {
      return constant->tensor == each.tensor;
    });
    REQUIRE(entry != plan.constants.end());
    CHECK((*entry)->cause == "bias_correction");
  }
  CHECK(notes.size() == 5);
}

TEST_CASE_FIXTURE(fixture, "a fifth of the samples is run, the first ones, as in POT") {
  const ptq::plan plan = without_activations(corrected(full_bias{}));
  const auto all = data();
  const auto part = std::span(all).first(2); // floor(0.2 * 12)
  for (const biased& each : all_biased) {
    CHECK(largest_distance(means(each, plan, part), means(each, {}, part)) < 1e-5);
  }
  CHECK(largest_distance(means(all_biased[0], plan, all), means(all_biased[0], {}, all)) > 1e-4);
  CHECK_NOTHROW(corrected(full_bias{}, 1)); // at least one
}

TEST_CASE_FIXTURE(fixture, "of more samples than are wanted those that are run are spread evenly") {
  std::vector<std::size_t> run;
  const auto chosen = [&](const ptq::samples& all, std::size_t most) {
    const ptq::samples some = ptq::detail::at_most(all, most);
    run.assign(some.begin(), some.end());
    return run;
  };
  CHECK(chosen({10, 20}, 4) == std::vector<std::size_t>{10, 12, 15, 17});
  CHECK(chosen({10, 13}, 4) == std::vector<std::size_t>{10, 11, 12});
  const auto all = data();
  const std::vector<ptq::tensor_data> part{all[0], all[4], all[8]};
  const ptq::plan full = without_activations(corrected(full_bias{.share = 1.0, .most_samples = 3}));
  const ptq::plan sequential = corrected(sequential_bias{.verified_on = 0.0, .most_samples = 3});
  for (const biased& each : all_biased) {
    CAPTURE(each.output);
    CHECK(largest_distance(means(each, full, part), means(each, {}, part)) < 1e-5);
    CHECK(largest_distance(means(each, sequential, part), means(each, {}, part)) < 1e-5);
  }
}

TEST_CASE_FIXTURE(
    fixture, "what is skipped by the threshold stays, and those behind make up for it"
) {
  const ptq::plan all = corrected(full_bias{.share = 1.0});
  notes.clear();
  const ptq::plan some = corrected(full_bias{.threshold = 0.25, .share = 1.0});
  REQUIRE(some.constants.size() < all.constants.size());
  REQUIRE_FALSE(some.constants.empty());
  CHECK(std::ranges::any_of(notes, [](const std::string& note) {
    return note.find("not below the threshold 0.25") != std::string::npos;
  }));
  const ptq::plan weights_only = without_activations(some);
  for (const biased& each : all_biased) {
    if (some.constant(each.tensor) != nullptr) {
      CHECK(largest_distance(means(each, weights_only, data()), means(each, {}, data())) < 1e-5);
    }
  }
}

TEST_CASE_FIXTURE(fixture, "sequential correction keeps the means with quantized activations too") {
  const ptq::plan plan = corrected(sequential_bias{.verified_on = 0.0});
  CHECK(plan.constants.size() == 5);
  ptq::plan uncorrected = plan;
  uncorrected.constants.clear();
  for (const biased& each : all_biased) {
    CAPTURE(each.output);
    const auto wanted = means(each, {}, data());
    CHECK(largest_distance(means(each, plan, data()), wanted) < 1e-5);
    CHECK(largest_distance(means(each, uncorrected, data()), wanted) > 1e-3);
  }
}

auto output_error(const toy_graph& g, const ptq::plan& under, std::span<const ptq::tensor_data> on)
    -> double {
  const ptq::plan none;
  const auto exact = ptq::resolve(g, none);
  const auto resolved = ptq::resolve(g, under);
  const toy_graph::tensor y(g.find("dense"));
  double off = 0.0;
  for (const ptq::tensor_data& sample : on) {
    const ptq::tensor_data wanted = toy_run(g, exact, std::span(&sample, 1)).at(y);
    const ptq::tensor_data reached = toy_run(g, resolved, std::span(&sample, 1)).at(y);
    for (std::size_t i = 0; i != wanted.values.size(); ++i) {
      off += std::pow(static_cast<double>(wanted.values[i] - reached.values[i]), 2);
    }
  }
  return off;
}

TEST_CASE_FIXTURE(fixture, "a verified correction never leaves held-back samples worse") {
  const ptq::plan plan = corrected(sequential_bias{.verified_on = 0.25});
  const auto all = data();
  const auto rest = std::span(all).last(3);
  double before = 0.0;
  ptq::plan so_far = plan;
  so_far.constants.clear();
  before = output_error(g, so_far, rest);
  REQUIRE_FALSE(plan.constants.empty());
  for (const auto& constant : plan.constants) {
    so_far.constants.push_back(constant);
    const double now = output_error(g, so_far, rest);
    CHECK(now < before);
    before = now;
  }
}

TEST_CASE_FIXTURE(fixture, "part by part and by whole runs come to the same") {
  CHECK(corrected<toy_evaluator_of_parts>(full_bias{}) == corrected(full_bias{}));
  CHECK(
      corrected<toy_evaluator_of_parts>(full_bias{.threshold = 0.25, .share = 0.5}) ==
      corrected(full_bias{.threshold = 0.25, .share = 0.5})
  );
  CHECK(corrected<toy_evaluator_of_parts>(sequential_bias{}) == corrected(sequential_bias{}));
}

TEST_CASE_FIXTURE(
    fixture, "part by part each sample runs once, by whole runs once for each depth"
) {
  const quantization<sequential_bias> quantize{
      .corrections = ptq::corrections<sequential_bias>(sequential_bias{.verified_on = 0.0})
  };
  toy_evaluator whole(data());
  static_cast<void>(quantize(g, whole));
  CHECK(whole.runs == 12 * (1 + 1 + 4)); // calibration, float means; left and right share a run
  toy_evaluator_of_parts parts(data());
  static_cast<void>(quantize(g, parts));
  CHECK(parts.runs == 12 * (1 + 1 + 1)); // the last one for the inputs
  // 12 nodes from `first` to `dense`, and the 5 with a bias again.
  CHECK(parts.parts == 12 * (12 + 5));
}

TEST_CASE_FIXTURE(
    fixture, "calibrated in pieces and corrected with an engine, the bits are the same"
) {
  toy_evaluator evaluator(data());
  const quantization<full_bias> quantize{.weights = {.bits = 4}};
  ptq::statistics seen = ptq::calibrate(quantize, g, evaluator, ptq::samples{6, 12});
  seen.merge(ptq::calibrate(quantize, g, evaluator, ptq::samples{0, 6}));
  CHECK(quantize(g, seen, evaluator) == quantize(g, evaluator));
  CHECK(quantize(g, seen, evaluator, *this) == quantize(g, evaluator));
}

TEST_CASE_FIXTURE(
    fixture, "chosen at run time without an engine it is an error that says what to do"
) {
  using chosen = ptq::one_of<ptq::correction::none, full_bias, sequential_bias>;
  const auto with = [](chosen which) {
    return quantization<chosen>{.corrections = ptq::corrections<chosen>(std::move(which))};
  };
  toy_evaluator evaluator(data());
  const ptq::statistics seen = ptq::calibrate(with({}), g, evaluator, ptq::samples{0, 12});
  CHECK_NOTHROW(static_cast<void>(with(ptq::correction::none{})(g, seen)));
  CHECK(with(full_bias{})(g, seen, evaluator).constants.size() == 5);
  for (const auto& [policy, name] :
       {std::pair<chosen, std::string>{full_bias{}, "full_bias"},
        {sequential_bias{}, "sequential_bias"}}) {
    const auto quantize = with(policy);
    CHECK(message_of([&] {
            static_cast<void>(quantize(g, seen));
          }).find(name) != std::string::npos);
    CHECK(message_of([&] {
            static_cast<void>(quantize(g, seen));
          }).find("call the algorithm with an evaluator that runs plans") != std::string::npos);
    toy_float_evaluator no_plans(data());
    CHECK_THROWS_AS(static_cast<void>(quantize(g, no_plans)), ptq::error);
  }
}

TEST_CASE_FIXTURE(fixture, "a bias with a zero in it is left as it is by full correction alone") {
  toy_graph h;
  const auto in = h.input("x");
  const auto w = h.constant("w", {2, 2, 1, 1}, {0.9F, -0.3F, 0.21F, 0.77F});
  h.output("y", h.convolution("conv", in, w, h.constant("b", {2}, {0.0F, 1.0F})));
  toy_evaluator evaluator(data());
  quantization<full_bias> full{.weights = {.bits = 3}};
  CHECK(full(h, evaluator, *this).constants.empty());
  CHECK(notes.back() == "conv: bias left as it is: it has a zero in it");
  quantization<sequential_bias> sequential{.weights = {.bits = 3}};
  CHECK(sequential(h, evaluator).constants.size() == 1);
}

TEST_CASE("options that no run could use are refused by name") {
  toy_graph g;
  toy_evaluator evaluator(small_net::data(1));
  const auto refused = [&]<class Policy>(Policy policy) {
    quantization<Policy> quantize;
    quantize.corrections = ptq::corrections<Policy>(policy);
    return message_of([&] { static_cast<void>(quantize(g, evaluator)); });
  };
  CHECK(refused(full_bias{.threshold = 0.0}).find("full_bias.threshold") != std::string::npos);
  CHECK(refused(full_bias{.most_samples = 0}).find("full_bias.most_samples") != std::string::npos);
  CHECK(
      refused(sequential_bias{.most_samples = 0}).find("sequential_bias.most_samples") !=
      std::string::npos
  );
  CHECK(refused(full_bias{.share = 1.5}).find("full_bias.share") != std::string::npos);
  CHECK(
      refused(sequential_bias{.verified_on = 1.0}).find("sequential_bias.verified_on") !=
      std::string::npos
  );
}

} // namespace
