// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/exact_bias.hpp>
#include <ptq/correction/full_bias.hpp>
#include <ptq/correction/none.hpp>
#include <ptq/correction/output_error.hpp>
#include <ptq/correction/sequential_bias.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "laws/correction.hpp"
#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using tensor = toy_graph::tensor;
using ptq::correction::exact_bias;
using ptq::correction::full_bias;
using ptq::correction::sequential_bias;

static_assert(ptq::explain_plan_correction<exact_bias>());
static_assert(ptq::explain_plan_correction<full_bias>());
static_assert(ptq::explain_plan_correction<sequential_bias>());

template <class Correction>
using quantization = ptq::default_quantization<
    ptq::preset::performance,
    ptq::device::cpu,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Correction>>;

constexpr std::size_t count = 30;
constexpr std::size_t calibrated = 20;

/// Two padded convolutions with a few bits, so that their errors are large.
struct fixture {
  toy_graph g;
  tensor x = g.input("x");
  std::vector<std::string> notes{};
  unsigned seed = 1;
  toy_evaluator engine{toy_samples(count, {1, 2, 5, 5}, -0.5F, 2.0F)};

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  auto numbers(std::string name, toy::shape shape, float low = -1, float high = 1) -> tensor {
    const std::size_t size = toy::volume(shape);
    return g.constant(std::move(name), std::move(shape), toy_numbers(size, ++seed, low, high));
  }

  auto network() -> std::vector<tensor> {
    const auto a = g.convolution(
        "a",
        x,
        numbers("a.w", {4, 2, 3, 3}),
        numbers("a.b", {4}, 1, 2),
        {.pads_begin = {1, 1}, .pads_end = {1, 1}}
    );
    const auto b = g.convolution(
        "b",
        g.relu("a.relu", a),
        numbers("b.w", {4, 1, 3, 3}),
        numbers("b.b", {4}, 1, 2),
        {.strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}, .groups = 4}
    );
    const auto c =
        g.convolution("c", g.relu("b.relu", b), numbers("c.w", {3, 4, 1, 1}), numbers("c.b", {3}));
    g.output("y", c);
    return {a, b, c};
  }

  template <class Correction>
  static auto quantize(Correction correction) -> quantization<Correction> {
    return {.stat_subset_size = calibrated, .weights = {.bits = 3}, .corrections = {correction}};
  }

  template <class Correction>
  auto corrected(Correction correction) -> ptq::plan {
    return quantize(correction)(g, engine, *this);
  }

  auto plain() -> ptq::plan { return corrected(ptq::correction::none{}); }

  /// The mean of each channel over the first `samples` samples.
  auto means(tensor of, const ptq::plan& under, std::size_t samples) -> std::vector<double> {
    std::vector<double> result;
    std::size_t seen = 0;
    const auto sink = [&](const ptq::samples&, ptq::tensor_ref<int>, const ptq::tensor_view& view) {
      const ptq::tensor_data values = ptq::to_floats(view);
      result.resize(values.shape[1]);
      seen += values.values.size() / values.shape[1];
      toy::for_each_index(values.shape, [&](const toy::shape& index) {
        result[index[1]] += toy::read(values, index);
      });
      return ptq::more;
    };
    engine.observe(g, under, std::span(&of, 1), {0, samples}, ptq::show_ref<int>(sink));
    for (double& mean : result) {
      mean /= static_cast<double>(seen);
    }
    return result;
  }

  auto most_apart(tensor of, const ptq::plan& one, const ptq::plan& other, std::size_t samples)
      -> double {
    const std::vector<double> a = means(of, one, samples);
    const std::vector<double> b = means(of, other, samples);
    double most = 0.0;
    for (std::size_t c = 0; c != a.size(); ++c) {
      most = std::max(most, std::abs(a[c] - b[c]));
    }
    return most;
  }

  static auto without_activations(ptq::plan of) -> ptq::plan {
    std::erase_if(of.quantizers, [](const auto& each) {
      return each->kind == ptq::tensor_kind::activations;
    });
    return of;
  }
};

auto causes(const ptq::plan& of) -> std::vector<std::string> {
  std::vector<std::string> result;
  for (const auto& each : of.constants) {
    result.push_back(each->tensor + " " + each->cause);
  }
  return result;
}

using list = std::vector<std::string>;

TEST_CASE_FIXTURE(fixture, "sequential correction keeps each mean in the quantized network") {
  const std::vector<tensor> tensors = network();
  const ptq::plan before = plain();
  const ptq::plan after = corrected(sequential_bias{.samples = 12, .held_back = 4});
  CHECK(
      causes(after) ==
      list{
          "a.b sequential_bias_correction",
          "b.b sequential_bias_correction",
          "c.b sequential_bias_correction"
      }
  );
  for (const tensor& each : tensors) {
    CHECK(most_apart(each, {}, after, 12) < 2e-5);
    CHECK(most_apart(each, {}, before, 12) > 1e-3);
  }
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with(
      "sequential_bias: biases corrected: the outputs' relative squared error on 4 held-back "
      "samples is "
  ));
}

TEST_CASE_FIXTURE(fixture, "a correction that does harm on held-back samples is not kept") {
  // The first twelve samples are not like the rest: what holds for them is wrong for others.
  std::vector<ptq::tensor_data> data = toy_samples(count, {1, 2, 5, 5}, -0.5F, 2.0F);
  for (std::size_t s = 0; s != 12; ++s) {
    for (float& value : data[s].values) {
      value = -20.0F * value;
    }
  }
  engine = toy_evaluator(data);
  network();
  CHECK(corrected(sequential_bias{.samples = 12, .held_back = 8}).constants.empty());
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with("sequential_bias: biases left as they are: "));
  notes.clear();
  CHECK(corrected(sequential_bias{.samples = 12, .held_back = 0}).constants.size() == 3);
  CHECK(
      notes ==
      list{"sequential_bias: biases corrected; not tested: there are no samples to hold back"}
  );
}

TEST_CASE_FIXTURE(fixture, "held-back samples are those behind, then those not calibrated on") {
  network();
  const auto note_for = [this](const sequential_bias& correction) {
    notes.clear();
    static_cast<void>(corrected(correction));
    return notes.empty() ? std::string() : notes.back();
  };
  const auto has = [](const std::string& note, const std::string& what) {
    return note.find(what) != std::string::npos;
  };
  CHECK(has(note_for({.samples = 20, .held_back = 4}), "on 4 held-back samples"));
  CHECK(has(note_for({.samples = 18, .held_back = 100}), "on 12 held-back samples"));
  engine = toy_evaluator(toy_samples(calibrated, {1, 2, 5, 5}));
  CHECK(has(note_for({.samples = 20, .held_back = 4}), "not tested"));
}

TEST_CASE_FIXTURE(fixture, "full correction keeps each mean among quantized weights alone") {
  const std::vector<tensor> tensors = network();
  const ptq::plan after = corrected(full_bias{});
  CHECK(causes(after) == list{"a.b bias_correction", "b.b bias_correction", "c.b bias_correction"});
  // A fifth of the samples.
  for (const tensor& each : tensors) {
    CHECK(most_apart(each, {}, without_activations(after), 4) < 2e-5);
    CHECK(most_apart(each, {}, without_activations(plain()), 4) > 1e-3);
    CHECK(most_apart(each, {}, without_activations(after), calibrated) > 1e-4);
  }
  CHECK(notes.empty());
}

TEST_CASE_FIXTURE(
    fixture, "full correction runs the samples once for each operation and in float"
) {
  network();
  static_cast<void>(plain());
  const std::size_t calibration = engine.runs;
  engine.runs = 0;
  static_cast<void>(corrected(full_bias{}));
  CHECK(engine.runs - calibration == 4 * (1 + 3));
}

TEST_CASE_FIXTURE(
    fixture, "full correction leaves biases with a zero and large shifts, and says so"
) {
  g.convolution("a", x, numbers("a.w", {2, 2, 1, 1}), g.constant("a.b", {2}, {0.0F, 0.5F}));
  g.convolution("b", x, numbers("b.w", {2, 2, 1, 1}), g.constant("b.b", {2}, {1e-6F, 0.5F}));
  CHECK(corrected(full_bias{}).constants.empty());
  REQUIRE(notes.size() == 2);
  CHECK(notes[0] == "a: bias left as it is: it has a zero in it");
  CHECK(notes[1].starts_with("b: bias left as it is: it would change by "));
  CHECK(causes(corrected(full_bias{.threshold = 1e9})) == list{"b.b bias_correction"});
}

TEST_CASE_FIXTURE(fixture, "exact correction keeps the mean of an operation on real images") {
  const std::vector<tensor> tensors = network();
  const ptq::plan after = corrected(exact_bias{});
  CHECK(
      causes(after) ==
      list{"a.b exact_bias_correction", "b.b exact_bias_correction", "c.b exact_bias_correction"}
  );
  CHECK(notes.empty());
  const std::vector<const char*> names{"a", "b", "c"};
  for (std::size_t i = 0; i != tensors.size(); ++i) {
    // With just this operation quantized.
    ptq::plan alone = without_activations(after);
    std::erase_if(alone.quantizers, [&](const auto& each) {
      return each->consumers.front().node != names[i];
    });
    std::erase_if(alone.constants, [&](const auto& each) { return each->node != names[i]; });
    REQUIRE(alone.constants.size() == 1);
    CHECK(most_apart(tensors[i], {}, alone, calibrated) < 1e-5);
    alone.constants.clear();
    CHECK(most_apart(tensors[i], {}, alone, calibrated) > 1e-3);
  }
}

TEST_CASE_FIXTURE(fixture, "exact correction of a matrix product, either way round") {
  bool transposed = false;
  SUBCASE("[out, in]") {
    transposed = true;
  }
  SUBCASE("[in, out]") {}
  const auto flat = g.flatten("flat", x);
  const auto w = transposed ? numbers("w", {3, 50}) : numbers("w", {50, 3});
  const auto y = g.matmul("fc", flat, w, numbers("b", {3}, 1, 2), {.transpose_b = transposed});
  const ptq::plan after = without_activations(corrected(exact_bias{}));
  REQUIRE(causes(after) == list{"b exact_bias_correction"});
  CHECK(most_apart(y, {}, after, calibrated) < 1e-5);
  CHECK(most_apart(y, {}, without_activations(plain()), calibrated) > 1e-3);
}

TEST_CASE_FIXTURE(fixture, "exact correction is nothing where weights are on their grid") {
  g.convolution(
      "a",
      x,
      g.constant("w", {1, 2, 1, 1}, {3.0F, -2.0F}),
      g.constant("b", {1}, {0.25F}),
      {.pads_begin = {1, 1}}
  );
  const ptq::plan after = corrected(exact_bias{});
  REQUIRE(after.constants.size() == 1);
  CHECK(after.constants[0]->value.values == std::vector<float>{0.25F});
}

TEST_CASE_FIXTURE(fixture, "what exact correction cannot tell is left, with the reason") {
  const auto w = numbers("w", {2, 2, 1, 1});
  g.other(
      "t",
      {x, w, numbers("b", {2}, 1, 2)},
      [](std::span<const ptq::tensor_data> in) { return std::vector{in[0]}; },
      ptq::op::transposed_convolution
  );
  CHECK(corrected(exact_bias{}).constants.empty());
  CHECK(notes == list{"t: bias left as it is: transposed convolutions are not covered"});
}

TEST_CASE_FIXTURE(fixture, "statistics and an engine give the bits of an engine alone") {
  network();
  const auto algorithm = quantize(sequential_bias{.samples = 12});
  const ptq::statistics collected = ptq::calibrate(algorithm, g, engine, {0, calibrated});
  const ptq::plan expected = algorithm(g, engine);
  CHECK(algorithm(g, collected, engine) == expected);
  CHECK(algorithm(g, collected, engine, *this) == expected);
  toy_evaluator few(toy_samples(10, {1, 2, 5, 5}));
  CHECK(message_of([&] {
          (void)algorithm(g, collected, few);
        }) == "the statistics are of sample 10, but the evaluator has 10");
}

TEST_CASE_FIXTURE(fixture, "without an engine that runs plans the message says what to do") {
  network();
  const auto message = [this](auto correction) {
    const auto algorithm = quantize(correction);
    toy_float_evaluator floats(toy_samples(count, {1, 2, 5, 5}));
    const ptq::statistics collected = ptq::calibrate(algorithm, g, engine, {0, calibrated});
    const std::string alone = message_of([&] { (void)algorithm(g, collected); });
    CHECK(message_of([&] { (void)algorithm(g, floats); }) == alone);
    return alone;
  };
  CHECK(
      message(full_bias{}) ==
      "the correction runs the quantized graph: give the algorithm an evaluator that runs plans, "
      "as in `algorithm(graph, statistics, evaluator)`, or use `exact_bias`, which needs none "
      "(option `full_bias`)"
  );
  CHECK(
      message(sequential_bias{}) ==
      "the correction runs the quantized graph: give the algorithm an evaluator that runs plans, "
      "as in `algorithm(graph, statistics, evaluator)`, or set `sequential_bias.fallback` (option "
      "`sequential_bias`)"
  );
  const auto with_fallback = quantize(sequential_bias{.fallback = exact_bias{}});
  const ptq::statistics collected = ptq::calibrate(with_fallback, g, engine, {0, calibrated});
  CHECK(with_fallback(g, collected, *this) == corrected(exact_bias{}));
  CHECK(notes == list{"sequential_bias: there is no engine: biases corrected exactly"});
}

TEST_CASE("options that no correction could use are named") {
  const auto message = [](const auto& policy) {
    return message_of([&] { policy.check_options(); });
  };
  CHECK(
      message(full_bias{.threshold = 0}) ==
      "the threshold is above 0 (option `full_bias.threshold`)"
  );
  CHECK(
      message(full_bias{.share = 1.5}) ==
      "the share is above 0 and at most 1 (option `full_bias.share`)"
  );
  CHECK(message(full_bias{.share = 0}) == message(full_bias{.share = 1.5}));
  CHECK(
      message(sequential_bias{.samples = 0}) ==
      "at least one sample is needed (option `sequential_bias.samples`)"
  );
  CHECK(message(full_bias{}) == "no error");
  CHECK(message(sequential_bias{}) == "no error");
}

TEST_CASE_FIXTURE(fixture, "corrections that run the engine obey the laws of corrections") {
  network();
  const auto algorithm = quantize(exact_bias{});
  const ptq::read_graph_result<toy_graph> read = ptq::read_graph(g);
  const ptq::placement sites = algorithm.sites_of(read.nodes);
  const ptq::statistics collected = ptq::calibrate(algorithm, g, engine, {0, calibrated});
  const ptq::observers tell;
  const ptq::graph_run<toy_graph, toy_evaluator> runs(g, read, engine);
  const ptq::run_ref run(runs);
  const ptq::correction_context context{
      read.nodes, sites, collected, true, tell, &run, ptq::samples{0, calibrated}
  };
  for (const ptq::plan& before : {plain(), corrected(full_bias{}), ptq::plan{}}) {
    check_correction_laws(exact_bias{}, context, before);
    check_correction_laws(full_bias{}, context, before);
    check_correction_laws(sequential_bias{}, context, before);
  }
}

/// Does not let exceptions through, and shows everything twice.
struct careless_engine {
  using ptq_evaluator = void;
  toy_evaluator* of;

  auto sample_count() const -> std::size_t { return of->sample_count(); }

  void observe(
      const toy_graph& g,
      const ptq::plan& under,
      std::span<const ptq::tap<toy_graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) const {
    try {
      of->observe(g, under, taps, range, show);
      of->observe(g, under, taps, range, show);
    } catch (...) {
    }
  }
};

TEST_CASE_FIXTURE(
    fixture, "what is thrown while an engine runs comes through, however it is made"
) {
  network();
  const ptq::read_graph_result<toy_graph> read = ptq::read_graph(g);
  careless_engine careless{&engine};
  const ptq::graph_run<toy_graph, careless_engine> runs(g, read, careless);
  const ptq::run_ref run(runs);
  CHECK(run.sample_count() == count);
  std::size_t shown = 0;
  const std::vector<std::size_t> tensors = ptq::output_tensors(read.nodes);
  REQUIRE(tensors.size() == 1);
  CHECK(read.nodes.tensors[tensors[0]].name == "c");
  const auto look = [&](const ptq::samples&, std::size_t seen, const ptq::tensor_view&) {
    CHECK(seen == tensors[0]);
    if (++shown == 3) {
      throw std::runtime_error("seen enough");
    }
    return ptq::more;
  };
  CHECK_THROWS_WITH_AS(run({}, tensors, {0, 5}, look), "seen enough", std::runtime_error);
  CHECK(shown == 3);
}

} // namespace
