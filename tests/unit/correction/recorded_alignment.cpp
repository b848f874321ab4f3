// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Channel alignment against the pair of layers that POT aligned.
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/channel_alignment.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "golden/read_golden.hpp"
#include "support/largest_distance.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::channel_alignment;
using ptq::correction::fast_bias;
using ptq::correction::saturation_fix;

template <class Ranges, class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::performance,
    ptq::device::cpu,
    Ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

auto recorded(const std::string& name) -> ptq::tensor_data {
  return read_npy(PTQ_TESTS_DIR "/golden/alignment/" + name + ".npy");
}

/// The pair of fashion_mix that POT aligned, and POT's statistics of it.
struct recorded_pair {
  toy_graph g{};
  ptq::statistics seen{};
  std::string stage{}; ///< `_aligned`: as POT aligned it.

  recorded_pair() : recorded_pair("") {}

  explicit recorded_pair(std::string which) : stage(std::move(which)) {
    const auto image = g.input("image");
    const auto stem = g.constant("stem", {32, 1, 1, 1}, std::vector<float>(32, 1.0F));
    const auto x =
        g.relu("x", g.convolution("c", image, stem)); // so that `lin` is not the first one
    const auto first = g.convolution(
        "lin",
        x,
        constant("first_weights"),
        g.constant("first_bias", {32}, recorded("first_bias" + stage).values)
    );
    const auto second = g.convolution(
        "exp",
        first,
        constant("second_weights"),
        g.constant("second_bias", {48}, recorded("second_bias" + stage).values)
    );
    g.output("y", second);
    const ptq::tensor_data low = recorded("low");
    const ptq::tensor_data high = recorded("high");
    const auto in_mean = recorded("in_mean").values;
    const auto first_mean = recorded("first_mean" + stage).values;
    const auto second_mean = recorded("second_mean").values;
    const std::string quantiles = "channel_quantiles/1e-04/1";
    for (std::size_t s = 0; s != 300; ++s) {
      const auto row = [s](const ptq::tensor_data& of) {
        return std::vector(
            of.values.begin() + static_cast<std::ptrdiff_t>(s * 32),
            of.values.begin() + static_cast<std::ptrdiff_t>(s * 32 + 32)
        );
      };
      std::vector<float> ends = row(low);
      const std::vector<float> highs = row(high);
      ends.insert(ends.end(), highs.begin(), highs.end());
      seen.see(s);
      seen.record({"lin", quantiles}, s, ends);
      seen.record({"lin", "extremes/1"}, s, ends);
      seen.record(
          {"lin", "extremes"}, s, {*std::ranges::min_element(ends), *std::ranges::max_element(ends)}
      );
      seen.record({"image", "extremes"}, s, {0.0F, 1.0F});
      seen.record({"x", "extremes"}, s, {0.0F, 4.0F});
      seen.add({"x", "mean/1"}, in_mean);
      seen.add({"lin", "mean/1"}, first_mean);
      seen.add({"exp", "mean/1"}, second_mean);
      seen.note_shape("x", {32, 7, 7});
      seen.note_shape("lin", {32, 7, 7});
      seen.note_shape("exp", {48, 7, 7});
    }
  }

  auto constant(const std::string& name) -> toy_graph::tensor {
    const ptq::tensor_data value = recorded(name + stage);
    return g.constant(name, value.shape, value.values);
  }
};

TEST_CASE_FIXTURE(recorded_pair, "the pair of fashion_mix is aligned as POT aligned it") {
  const quantization<ptq::default_ranges, channel_alignment> quantize;
  const ptq::plan plan = quantize(g, seen);
  for (const std::string name : {"first_weights", "first_bias", "second_weights", "second_bias"}) {
    CAPTURE(name);
    REQUIRE(plan.constant(name) != nullptr);
    const auto wanted = recorded(name + "_aligned");
    CHECK(largest_distance(plan.constant(name)->values, wanted.values) < 1e-6);
    CHECK(largest_distance(recorded(name).values, wanted.values) > 1e-2);
  }
  for (const auto& constant : plan.constants) {
    CHECK(constant->cause == "channel_alignment");
    CHECK(constant->node.empty());
  }
}

TEST_CASE_FIXTURE(recorded_pair, "aligned, halved and with fast biases it is what POT made of it") {
  const quantization<ptq::default_ranges, channel_alignment, saturation_fix, fast_bias> quantize;
  const ptq::plan plan = quantize(g, seen);
  CHECK(
      largest_distance(
          plan.constant("first_bias")->values, recorded("first_bias_corrected").values
      ) < 1e-5
  );
  // Halving puts the greatest weight of each channel on a half code, where the last bit of an
  // aligned weight decides: some channels are off by what one step of one weight makes.
  const auto& second = plan.constant("second_bias")->values;
  const auto wanted = recorded("second_bias_corrected").values;
  std::size_t alike = 0;
  for (std::size_t c = 0; c != wanted.size(); ++c) {
    alike += std::abs(second[c] - wanted[c]) < 1e-5F ? 1U : 0U;
    CHECK(std::abs(second[c] - wanted[c]) < 2e-3F);
  }
  CHECK(alike >= 36);
  // The second convolution is not the first of its path; it is halved since it was aligned.
  ptq::tensor_data half = recorded("second_weights_aligned");
  for (float& value : half.values) {
    value *= 0.5F;
  }
  CHECK(largest_distance(plan.constant("second_weights")->values, half.values) < 1e-6);
  const quantization<ptq::default_ranges, channel_alignment, saturation_fix> none{
      .corrections = {channel_alignment{}, saturation_fix{.apply = ptq::saturation::no}}
  };
  CHECK(
      largest_distance(
          none(g, seen).constant("second_weights")->values,
          recorded("second_weights_aligned").values
      ) < 1e-6
  );
}

struct aligned_pair : recorded_pair {
  aligned_pair() : recorded_pair("_aligned") {}
};

TEST_CASE_FIXTURE(aligned_pair, "from POT's own aligned weights the fast biases are POT's") {
  const quantization<ptq::default_ranges, saturation_fix, fast_bias> quantize{
      .corrections = {saturation_fix{.apply = ptq::saturation::all}, fast_bias{}}
  };
  const ptq::plan plan = quantize(g, seen);
  CHECK(
      largest_distance(
          plan.constant("second_bias")->values, recorded("second_bias_corrected").values
      ) < 1e-6
  );
}

} // namespace
