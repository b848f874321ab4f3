// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/evaluator/check.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "laws/evaluator.hpp"
#include "support/archetypes.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using ptq::plan;
using ptq::samples;
using ptq::tensor_view;
using tap = ptq::tap<toy_graph>;

/// x -> conv (weights, bias) -> relu -> add (a constant) -> pool -> matmul.
auto small_net() -> toy_graph {
  toy_graph g;
  const auto x = g.input("x");
  const auto w = g.constant("w", {4, 2, 3, 3}, toy_numbers(72, 1));
  const auto b = g.constant("b", {4}, {0.1F, 0.2F, 0.3F, 0.4F});
  const auto c = g.convolution("conv", x, w, b, {.pads_begin = {1, 1}, .pads_end = {1, 1}});
  const auto r = g.relu("relu", c);
  const auto a = g.add("shift", r, g.constant("offset", {1, 4, 1, 1}, {1, 2, 3, 4}));
  const auto f = g.flatten("flat", g.reduce_mean("pool", a));
  g.output("y", g.matmul("fc", f, g.constant("fw", {4, 3}, toy_numbers(12, 2))));
  return g;
}

enum class lie {
  none,
  skips_a_tensor,
  skips_a_sample,
  goes_by_position,
  always_the_first_sample,
  random,
  nan,
  no_batch_axis,
  no_memory,
  throws,
  ignores_the_plan,
  ignores_quantizers,
  ignores_constants,
  knows_convolutions_alone,
  shows_the_quantized,
  keeps_the_plan,
  quantizes_in_float,
};

struct liar {
  using ptq_evaluator = void;

  lie how = lie::none;
  toy_evaluator engine{toy_samples(3, {1, 2, 5, 5})};
  plan kept{};
  float disturbance = 0.0F;

  auto sample_count() const -> std::size_t { return engine.sample_count(); }

  auto really_under(plan under) -> plan {
    switch (how) {
    case lie::ignores_the_plan:
      return {};
    case lie::ignores_quantizers:
      under.quantizers.clear();
      break;
    case lie::ignores_constants:
      under.constants.clear();
      break;
    case lie::knows_convolutions_alone:
      std::erase_if(under.quantizers, [](const auto& q) { return q->consumers[0].node != "conv"; });
      break;
    case lie::keeps_the_plan:
      kept = under.empty() ? kept : under;
      return kept;
    case lie::quantizes_in_float:
      under.constants.emplace_back(ptq::replaced_constant{"b", "conv", "lie", {{4}, {0, 0, 0, 0}}});
      break;
    default:
      break;
    }
    return under;
  }

  void observe(
      const toy_graph& graph,
      std::span<const tap> taps,
      const samples& range,
      ptq::show_ref<int> show
  ) {
    run(graph, plan{}, taps, range, show);
  }

  void observe(
      const toy_graph& graph,
      const plan& under,
      std::span<const tap> taps,
      const samples& range,
      ptq::show_ref<int> show
  ) {
    run(graph, really_under(under), taps, range, show);
  }

  void
  run(const toy_graph& graph,
      const plan& under,
      std::span<const tap> taps,
      const samples& range,
      ptq::show_ref<int> show) {
    const samples really = how == lie::goes_by_position ? samples(0, range.size()) : range;
    std::size_t position = 0;
    const auto sink = [&](const samples& batch, tap tensor, const tensor_view& view) {
      const std::string_view name = graph.tensor_name(tensor);
      const std::size_t s = how == lie::goes_by_position ? range[batch[0]] : batch[0];
      ++position;
      if ((how == lie::skips_a_tensor && name == "relu") ||
          (how == lie::skips_a_sample && s == 1)) {
        return ptq::more;
      }
      if (how == lie::no_memory && name == "relu") {
        return show(s, tensor, tensor_view(static_cast<const float*>(nullptr), {1, 4}));
      }
      if (how == lie::no_batch_axis && name == "flat") {
        return show(s, tensor, tensor_view(view.data_as<float>(), {4}));
      }
      std::vector<float> values(view.data_as<float>(), view.data_as<float>() + view.size());
      if (how == lie::random && name == "pool") {
        values[0] += disturbance += 1.0F;
      }
      if (how == lie::nan && name == "relu") {
        values[3] = std::numeric_limits<float>::quiet_NaN();
      }
      if (how == lie::shows_the_quantized && !under.quantizers.empty() &&
          name == under.quantizers[0]->tensor) {
        for (float& v : values) {
          v = toy::fake_quantize(v, under.quantizers[0]->format.grids[0]);
        }
      }
      std::vector<std::size_t> shape;
      for (const ptq::dimension& d : view.dimensions()) {
        shape.push_back(d.extent);
      }
      return show(s, tensor, tensor_view(values, shape));
    };
    if (how == lie::throws) {
      throw std::runtime_error("out of memory");
    }
    if (how == lie::always_the_first_sample) {
      for (const std::size_t s : range) {
        const auto renamed = [&](const samples&, tap tensor, const tensor_view& view) {
          return show(s, tensor, view);
        };
        engine.observe(graph, under, taps, samples(0, 1), ptq::show_ref<int>(renamed));
      }
      return;
    }
    engine.observe(graph, under, taps, really, ptq::show_ref<int>(sink));
  }
};

auto findings_on(lie how) -> std::vector<std::string> {
  const toy_graph g = small_net();
  liar evaluator{.how = how};
  return ptq::check_evaluator(g, evaluator);
}

using findings = std::vector<std::string>;

TEST_CASE("an honest evaluator passes") {
  CHECK(findings_on(lie::none) == findings{});

  const toy_graph g = small_net();
  SUBCASE("one that runs plans") {
    toy_evaluator evaluator(toy_samples(3, {1, 2, 5, 5}));
    check_evaluator_laws(g, evaluator);
    check_evaluator_laws(plain_toy_graph(g), evaluator);
  }
  SUBCASE("one that does not") {
    toy_float_evaluator evaluator(toy_samples(3, {1, 2, 5, 5}));
    check_evaluator_laws(g, evaluator);
  }
  SUBCASE("one with a single sample") {
    toy_evaluator evaluator(toy_samples(1, {1, 2, 5, 5}));
    check_evaluator_laws(g, evaluator);
  }
}

TEST_CASE("few runs are enough") {
  const toy_graph g = small_net();
  toy_evaluator evaluator(toy_samples(300, {1, 2, 5, 5}));
  CHECK(ptq::check_evaluator(g, evaluator).empty());
  CHECK(evaluator.runs < 20);
}

TEST_CASE("each kind of lie is found") {
  CHECK(
      findings_on(lie::skips_a_tensor) ==
      findings{"`observe` does not show `relu` for sample 0, though asked to"}
  );
  CHECK(
      findings_on(lie::skips_a_sample).front() ==
      "`observe` does not show `x` for sample 1, though asked to"
  );
  CHECK(
      findings_on(lie::goes_by_position) ==
      findings{"`x` has other values for sample 0 when asked again, with the samples in another "
               "order"}
  );
  CHECK(
      findings_on(lie::always_the_first_sample) ==
      findings{"all tensors look the same for samples 0 and 1: is the sample's number used?"}
  );
  CHECK(
      findings_on(lie::random).front() ==
      "`pool` has other values for sample 0 when asked again, with the samples in another order"
  );
  CHECK(findings_on(lie::nan).front() == "`relu` holds NaN or infinity for sample 0");
  CHECK(
      findings_on(lie::no_batch_axis) ==
      findings{"`observe` shows `flat` with shape 4; axis 0 has one entry for each sample shown"}
  );
  CHECK(
      findings_on(lie::no_memory) ==
      findings{"`observe` shows `relu` with no memory; axis 0 has one entry for each sample shown"}
  );
  CHECK(findings_on(lie::throws) == findings{"`observe` throws: out of memory"});
}

TEST_CASE("each kind of disregard for the plan is found") {
  const std::string conv_ignored =
      "a quantizer of 2 levels on input 0 of `conv` changes nothing behind it: is the plan used?";
  const std::string weights_ignored = "the constant `w`, replaced by other values, changes nothing "
                                      "behind `conv`: are the plan's constants used?";
  const std::string bias_ignored = "the constant `b`, replaced by other values, changes nothing "
                                   "behind `conv`: are the plan's constants used?";
  CHECK(
      findings_on(lie::ignores_the_plan) == findings{conv_ignored, weights_ignored, bias_ignored}
  );
  CHECK(findings_on(lie::ignores_quantizers) == findings{conv_ignored});
  CHECK(findings_on(lie::ignores_constants) == findings{weights_ignored, bias_ignored});
  CHECK(
      findings_on(lie::knows_convolutions_alone) ==
      findings{"a quantizer of 2 levels on input 0 of `shift` changes nothing behind it: is the "
               "plan used?"}
  );
  CHECK(
      findings_on(lie::shows_the_quantized).front() ==
      "`x` is shown behind the quantizer on it; show what its node produced"
  );
  CHECK(
      findings_on(lie::keeps_the_plan).back() ==
      "`fc` has other values for sample 0 after a run under another plan: a plan counts for one "
      "call"
  );
  CHECK(
      findings_on(lie::quantizes_in_float).front() ==
      "`conv` has other values for sample 0 under an empty plan than in the float graph"
  );
}

TEST_CASE("an evaluator without samples, and a graph without tensors, are findings") {
  const toy_graph g = small_net();
  toy_evaluator none{std::vector<ptq::tensor_data>{}};
  CHECK(
      ptq::check_evaluator(g, none) ==
      findings{"`sample_count` is 0: there is nothing to calibrate with"}
  );
  const toy_graph empty;
  toy_evaluator some(toy_samples(1, {1}));
  CHECK(
      ptq::check_evaluator(empty, some) ==
      findings{"the graph has no tensor that depends on the samples"}
  );
}

TEST_CASE("a metric has one value for each sample") {
  struct measuring : toy_evaluator {
    using toy_evaluator::toy_evaluator;
    std::size_t values = 2;
    double drift = 0.0;

    auto measure(const toy_graph&, const plan&, const samples&) const -> ptq::measurement {
      return {{.name = "top1", .per_sample = std::vector<double>(values, 1.0)}};
    }
  };

  const toy_graph g = small_net();
  measuring evaluator(toy_samples(3, {1, 2, 5, 5}));
  CHECK(ptq::check_evaluator(g, evaluator).empty());
  evaluator.values = 3;
  CHECK(
      ptq::check_evaluator(g, evaluator) ==
      findings{"the metric `top1` has 3 values for 2 samples, and no `whole`"}
  );
}

} // namespace
