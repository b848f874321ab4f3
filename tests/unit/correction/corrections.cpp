// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/fast_bias.hpp>
#include <ptq/correction/saturation_fix.hpp>
#include <ptq/plan/resolve.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "laws/correction.hpp"
#include "support/message.hpp"
#include "support/policy_archetypes.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using tensor = toy_graph::tensor;
using ptq::correction::fast_bias;
using ptq::correction::saturation_fix;

static_assert(ptq::explain_plan_correction<fast_bias>());
static_assert(ptq::explain_plan_correction<saturation_fix>());
static_assert(ptq::explain_plan_correction<correction_archetype>());
static_assert(!ptq::plan_correction<int>);
static_assert(ptq::plan_correction<ptq::corrections<fast_bias, saturation_fix>>);

template <class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::performance,
    ptq::device::cpu,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

/// A toy graph, samples for it, and what corrections make of it.
struct fixture {
  toy_graph g;
  tensor x = g.input("x");
  toy::shape sample_shape{1, 2, 5, 5};
  std::vector<std::string> notes{};
  unsigned seed = 1;

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  auto numbers(std::string name, toy::shape shape, float low = -1, float high = 1) -> tensor {
    const std::size_t size = toy::volume(shape);
    return g.constant(std::move(name), std::move(shape), toy_numbers(size, ++seed, low, high));
  }

  auto data() const { return toy_samples(8, sample_shape, -0.5F, 2.0F); }

  template <class... Each, class G>
  auto corrected_on(const G& of, Each... each) -> ptq::plan {
    toy_evaluator evaluator(data());
    const quantization<Each...> quantize{.corrections = ptq::corrections<Each...>(each...)};
    return quantize(of, evaluator, *this);
  }

  template <class... Each>
  auto corrected(Each... each) -> ptq::plan {
    return corrected_on(g, each...);
  }

  /// The mean of each channel on `axis` of a tensor over the samples, under the quantizers of the
  /// plan's weights.
  auto means(tensor of, std::size_t axis, ptq::plan under) const -> std::vector<double> {
    std::erase_if(under.quantizers, [](const auto& each) {
      return each->kind == ptq::tensor_kind::activations;
    });
    const auto resolved = ptq::resolve(g, under);
    std::vector<double> result;
    std::size_t count = 0;
    for (const ptq::tensor_data& sample : data()) {
      const ptq::tensor_data seen = toy_run(g, resolved, std::span(&sample, 1)).at(of);
      result.resize(seen.shape[axis]);
      count += seen.values.size() / seen.shape[axis];
      toy::for_each_index(seen.shape, [&](const toy::shape& index) {
        result[index[axis]] += toy::read(seen, index);
      });
    }
    for (double& mean : result) {
      mean /= static_cast<double>(count);
    }
    return result;
  }

  void check_means_are_kept(tensor of, std::size_t axis, const ptq::plan& under) {
    REQUIRE(under.constants.size() == 1);
    CHECK(under.constants[0]->cause == "fast_bias_correction");
    const auto expected = means(of, axis, {});
    const auto actual = means(of, axis, under);
    ptq::plan uncorrected = under;
    uncorrected.constants.clear();
    const auto before = means(of, axis, uncorrected);
    double moved = 0.0;
    for (std::size_t c = 0; c != expected.size(); ++c) {
      CHECK(std::abs(actual[c] - expected[c]) < 2e-6);
      moved = std::max(moved, std::abs(before[c] - expected[c]));
    }
    CHECK(moved > 1e-4); // there was something to correct
  }
};

TEST_CASE_FIXTURE(fixture, "a corrected bias keeps the mean output of a pointwise convolution") {
  const auto c = g.convolution("conv", x, numbers("w", {3, 2, 1, 1}), numbers("b", {3}, 1, 2));
  const ptq::plan p = corrected(fast_bias{});
  check_means_are_kept(c, 1, p);
  CHECK(p.constants[0]->tensor == "b");
  CHECK(p.constants[0]->node == "conv");
  CHECK(p.constants[0]->value.shape == std::vector<std::size_t>{3});
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with("conv: bias corrected by up to 0.0"));
}

TEST_CASE_FIXTURE(fixture, "a bias that is added behind a convolution is corrected as well") {
  const auto c = g.convolution("conv", x, numbers("w", {3, 2, 1, 1}));
  SUBCASE("[1, C, 1, 1]") {
    const auto sum = g.add("sum", c, numbers("b", {1, 3, 1, 1}, 1, 2));
    check_means_are_kept(sum, 1, corrected(fast_bias{}));
  }
  SUBCASE("[C, 1, 1], and the bias first") {
    const auto sum = g.add("sum", numbers("b", {3, 1, 1}, 1, 2), c);
    check_means_are_kept(sum, 1, corrected(fast_bias{}));
  }
}

TEST_CASE_FIXTURE(fixture, "what is added behind a convolution but is no bias is left alone") {
  // As many columns as channels: the constant fits both, and means the columns.
  sample_shape = {1, 2, 5, 3};
  const auto c = g.convolution("conv", x, numbers("w", {3, 2, 1, 1}));
  SUBCASE("one number for each column") {
    g.add("sum", c, numbers("b", {3}, 1, 2));
  }
  SUBCASE("one number for each column and channel") {
    g.add("sum", c, numbers("b", {1, 3, 1, 3}, 1, 2));
  }
  SUBCASE("one number") {
    g.add("sum", c, numbers("b", {}, 1, 2));
  }
  CHECK(corrected(fast_bias{}).constants.empty());
  CHECK(
      notes ==
      std::vector<std::string>{"conv: bias left as it is: its shape is not that of the channels"}
  );
}

TEST_CASE_FIXTURE(fixture, "a corrected bias keeps the mean output of a matrix product") {
  sample_shape = {1, 5};
  SUBCASE("[out, in]") {
    const auto y =
        g.matmul("fc", x, numbers("w", {3, 5}), numbers("b", {3}, 1, 2), {.transpose_b = true});
    check_means_are_kept(y, 1, corrected(fast_bias{}));
  }
  SUBCASE("[in, out]") {
    const auto y = g.matmul("fc", x, numbers("w", {5, 3}), numbers("b", {1, 3}, 1, 2));
    check_means_are_kept(y, 1, corrected(fast_bias{}));
  }
  SUBCASE("the bias behind it, three axes") {
    sample_shape = {1, 4, 5};
    const auto y = g.add("sum", g.matmul("fc", x, numbers("w", {5, 3})), numbers("b", {3}, 1, 2));
    check_means_are_kept(y, 2, corrected(fast_bias{}));
  }
}

TEST_CASE_FIXTURE(fixture, "a corrected bias keeps the mean output over constant images") {
  // With padding the closed form is the mean of what each channel's mean gives.
  const auto constant_images = [this] {
    return g.other("flat", {x}, [](std::span<const ptq::tensor_data> in) {
      return std::vector{toy::tabulate(in[0].shape, [&](const toy::shape& index) {
        return index[1] == 0 ? 0.75 : -0.25;
      })};
    });
  };
  const auto c = g.convolution(
      "conv",
      constant_images(),
      numbers("w", {4, 1, 3, 3}),
      numbers("b", {4}, 1, 2),
      {.strides = {2, 1}, .dilations = {1, 2}, .pads_begin = {1, 0}, .pads_end = {0, 2}, .groups = 2
      }
  );
  check_means_are_kept(c, 1, corrected(fast_bias{}));
}

TEST_CASE_FIXTURE(fixture, "biases that are left as they are, and why") {
  std::string why;
  SUBCASE("a zero in it") {
    g.convolution("conv", x, numbers("w", {2, 2, 1, 1}), g.constant("b", {2}, {0.0F, 0.5F}));
    CHECK(corrected(fast_bias{}).constants.empty());
    why = "it has a zero in it";
  }
  SUBCASE("too large a change") {
    g.convolution("conv", x, numbers("w", {2, 2, 1, 1}), g.constant("b", {2}, {1e-5F, 0.5F}));
    CHECK(corrected(fast_bias{}).constants.empty());
    why = "it would change by ";
    CHECK(corrected(fast_bias{.threshold = 1e9}).constants.size() == 1);
    notes.resize(1);
  }
  SUBCASE("shared") {
    const auto b = numbers("b", {2}, 1, 2);
    const auto c = g.convolution("conv", x, numbers("w", {2, 2, 1, 1}), b);
    g.other("odd", {c, b}, [](std::span<const ptq::tensor_data> in) { return std::vector{in[0]}; });
    CHECK(corrected(fast_bias{}).constants.empty());
    why = "it is shared with another operation";
  }
  SUBCASE("no attributes") {
    g.convolution("conv", x, numbers("w", {2, 2, 1, 1}), numbers("b", {2}, 1, 2));
    CHECK(corrected_on(plain_toy_graph(g), fast_bias{}).constants.empty());
    why = "the graph does not tell the convolution's strides and pads: give it "
          "`attributes(node_id) const -> ptq::op_attributes`";
  }
  SUBCASE("transposed activations") {
    sample_shape = {1, 2, 4};
    g.matmul("conv", x, numbers("w", {2, 3}), numbers("b", {3}, 1, 2), {.transpose_a = true});
    CHECK(corrected(fast_bias{}).constants.empty());
    why = "its activations are transposed";
  }
  SUBCASE("a transposed convolution") {
    g.other(
        "conv",
        {x, numbers("w", {2, 2, 1, 1}), numbers("b", {2}, 1, 2)},
        [](std::span<const ptq::tensor_data> in) { return std::vector{in[0]}; },
        ptq::op::transposed_convolution
    );
    CHECK(corrected(fast_bias{}).constants.empty());
    why = "transposed convolutions are not covered";
  }
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with("conv: bias left as it is: " + why));
}

TEST_CASE_FIXTURE(
    fixture, "where there is no bias, or no quantized weights, there is nothing to tell"
) {
  const auto c = g.convolution("conv", x, numbers("w", {2, 2, 1, 1}));
  g.add("sum", c, g.sigmoid("s", c));
  CHECK(corrected(fast_bias{}).constants.empty());
  CHECK(notes.empty());
}

TEST_CASE_FIXTURE(fixture, "a matrix product needs no attributes") {
  sample_shape = {1, 5};
  g.matmul("fc", x, numbers("w", {3, 5}), numbers("b", {3}, 1, 2), {.transpose_b = true});
  const ptq::plan with = corrected(fast_bias{});
  const ptq::plan without = corrected_on(plain_toy_graph(g), fast_bias{});
  REQUIRE(without.constants.size() == 1);
  CHECK(*without.constants[0] == *with.constants[0]);
}

auto constant_of(const ptq::plan& in, std::string_view name) -> const ptq::replaced_constant* {
  for (const auto& entry : in.constants) {
    if (entry->tensor == name) {
      return &*entry;
    }
  }
  return nullptr;
}

auto quantizer_of(const ptq::plan& in, std::string_view name) -> const ptq::quantizer& {
  for (const auto& entry : in.quantizers) {
    if (entry->tensor == name) {
      return *entry;
    }
  }
  FAIL("no quantizer of " << name);
  return *in.quantizers.front();
}

/// The constants that were halved, after a look at each of them and at its quantizer.
auto halved(const toy_graph& g, const ptq::plan& fixed, const ptq::plan& plain)
    -> std::vector<std::string> {
  std::vector<std::string> names;
  for (const auto& entry : fixed.quantizers) {
    const ptq::quantizer& before = quantizer_of(plain, entry->tensor);
    const ptq::replaced_constant* const replaced = constant_of(fixed, entry->tensor);
    if (replaced == nullptr) {
      CHECK(*entry == before);
      continue;
    }
    names.push_back(entry->tensor);
    CHECK(replaced->cause == "saturation_fix");
    const ptq::tensor_data original = dense_copy(*g.constant(g.find(entry->tensor)));
    REQUIRE(replaced->value.shape == original.shape);
    for (std::size_t i = 0; i != original.values.size(); ++i) {
      CHECK(replaced->value.values[i] == original.values[i] / 2);
    }
    for (std::size_t c = 0; c != entry->format.grids.size(); ++c) {
      const ptq::grid& now = entry->format.grids[c];
      const ptq::grid& then = before.format.grids[c];
      CHECK(
          now ==
          ptq::grid{then.in_low, then.in_high, 2 * then.out_low, 2 * then.out_high, then.levels}
      );
    }
  }
  CHECK(names.size() == fixed.constants.size());
  return names;
}

TEST_CASE_FIXTURE(fixture, "the saturation fix halves the first convolutions, all, or none") {
  // Two branches with a convolution each, a depthwise one first on the second; then another
  // convolution and a matrix product.
  const auto r = g.relu("relu", x);
  const auto a = g.convolution("a", r, numbers("a.w", {2, 2, 1, 1}));
  const auto d = g.convolution("d", r, numbers("d.w", {2, 1, 1, 1}), {}, {.groups = 2});
  const auto later = g.convolution("later", g.add("sum", a, d), numbers("later.w", {2, 2, 1, 1}));
  const auto flat = g.flatten("flat", later);
  const auto fc = g.matmul("fc", flat, numbers("fc.w", {50, 3}));
  g.matmul("outer", fc, g.sigmoid("sigmoid", fc), {}, {.transpose_b = true});

  using names = std::vector<std::string>;
  const ptq::plan plain = corrected();
  CHECK(plain.constants.empty());
  CHECK(halved(g, corrected(saturation_fix{}), plain) == names{"a.w", "d.w"});
  CHECK(
      halved(g, corrected(saturation_fix{ptq::saturation::all}), plain) ==
      names{"a.w", "d.w", "later.w", "fc.w"}
  );
  CHECK(corrected(saturation_fix{ptq::saturation::no}) == plain);
}

TEST_CASE_FIXTURE(fixture, "without convolutions the saturation fix does nothing") {
  sample_shape = {1, 5};
  g.matmul("fc", x, numbers("w", {5, 3}));
  CHECK(corrected(saturation_fix{ptq::saturation::all}) == corrected());
}

TEST_CASE_FIXTURE(fixture, "for a device whose sums do not saturate the fix does nothing") {
  g.convolution("conv", x, numbers("w", {2, 2, 1, 1}));
  toy_evaluator evaluator(data());
  const ptq::device::cpu cpu;
  const auto plan_on = [&](const ptq::device::table& device) {
    const ptq::default_quantization<ptq::preset::performance, ptq::device::table> quantize{
        .device = device
    };
    return quantize(g, evaluator);
  };
  const std::vector<ptq::device_rule> rules(cpu.rules().begin(), cpu.rules().end());
  CHECK(plan_on(ptq::device::table(rules, false)).constants.empty());
  CHECK(plan_on(ptq::device::table(rules, true)).constants.size() == 1);
  CHECK(plan_on(cpu).constants.size() == 1);
}

TEST_CASE_FIXTURE(fixture, "weights that are also read in floating point are not halved") {
  const auto w = numbers("w", {2, 2, 1, 1});
  g.convolution("conv", x, w);
  g.other("norm", {w}, [](std::span<const ptq::tensor_data> in) { return std::vector{in[0]}; });
  const ptq::plan p = corrected(saturation_fix{});
  CHECK(p == corrected());
  CHECK(
      notes ==
      std::vector<std::string>{"conv: weights not halved: they are also read in floating point"}
  );
}

TEST_CASE_FIXTURE(
    fixture, "the bias of halved weights is corrected for what they are, ties to even"
) {
  // Each channel's extreme weight lies halfway between two codes once halved.
  const std::vector<float> weights{1.0F, -0.25F, -2.0F, 0.625F};
  g.convolution("conv", x, g.constant("w", {2, 2, 1, 1}, weights), numbers("b", {2}, 1, 2));
  toy_evaluator evaluator(data());
  const quantization<saturation_fix, fast_bias> quantize;
  const ptq::statistics collected = ptq::calibrate(quantize, g, evaluator, {0, 8});
  const ptq::plan p = quantize(g, collected);
  CHECK(p == corrected(saturation_fix{}, fast_bias{}));
  const ptq::replaced_constant* const bias = constant_of(p, "b");
  REQUIRE(bias != nullptr);
  const ptq::uniform_format& format = quantizer_of(p, "w").format;
  const std::vector<double> in = collected.mean({"x", "mean/1"});
  const std::vector<double> out = collected.mean({"conv", "mean/1"});
  for (std::size_t o = 0; o != 2; ++o) {
    const float most = std::abs(weights[3 * o - o]);
    CHECK(toy::fake_quantize(most / 2, format.grids[o]) != most); // a tie, and to even
    double expected = out[o];
    for (std::size_t i = 0; i != 2; ++i) {
      expected -=
          static_cast<double>(toy::fake_quantize(weights[2 * o + i] / 2, format.grids[o])) * in[i];
    }
    CHECK(static_cast<double>(bias->value.values[o]) == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE_FIXTURE(fixture, "corrections obey their laws") {
  const auto a = g.convolution("a", x, numbers("a.w", {2, 2, 3, 3}), numbers("a.b", {2}, 1, 2));
  g.convolution("b", g.relu("r", a), numbers("b.w", {2, 2, 1, 1}), numbers("b.b", {2}, 1, 2));
  toy_evaluator evaluator(data());
  const quantization<fast_bias> quantize;
  const ptq::topology in = ptq::read_graph(g).nodes;
  const ptq::placement sites = quantize.sites_of(in);
  const ptq::statistics collected = ptq::calibrate(quantize, g, evaluator, {0, 8});
  const ptq::observers tell;
  const ptq::correction_context context{in, sites, collected, true, tell};
  const ptq::plan plain = corrected();
  const ptq::plan fixed = corrected(saturation_fix{});
  REQUIRE(fixed != plain);
  for (const ptq::plan& before : {plain, fixed, ptq::plan{}}) {
    check_correction_laws(saturation_fix{}, context, before);
    check_correction_laws(saturation_fix{ptq::saturation::all}, context, before);
    check_correction_laws(saturation_fix{ptq::saturation::no}, context, before);
    check_correction_laws(fast_bias{}, context, before);
    check_correction_laws(correction_archetype(), context, before);
    check_correction_laws(ptq::corrections<saturation_fix, fast_bias>(), context, before);
    check_correction_laws(ptq::corrections<>(), context, before);
  }
}

TEST_CASE_FIXTURE(fixture, "corrections are applied in their order") {
  g.convolution("conv", x, numbers("w", {2, 2, 1, 1}), numbers("b", {2}, 1, 2));
  const ptq::plan fix_first = corrected(saturation_fix{}, fast_bias{});
  const ptq::plan bias_first = corrected(fast_bias{}, saturation_fix{});
  REQUIRE(fix_first.constants.size() == 2);
  REQUIRE(bias_first.constants.size() == 2);
  CHECK(fix_first.constants[0]->cause == "saturation_fix");
  CHECK(bias_first.constants[0]->cause == "fast_bias_correction");
  CHECK(fix_first.constants[1]->value != bias_first.constants[0]->value);
}

} // namespace
