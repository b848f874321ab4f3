// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/blocks.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/correction/constant_input.hpp>
#include <ptq/correction/fake_quantized.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>

#include "golden/comparing.hpp"
#include "golden/golden_statistics.hpp"

namespace ptq::test {

namespace {

auto list(const std::set<std::string>& names) -> std::string {
  std::string text;
  for (const std::string& each : names) {
    text += (text.empty() ? "" : ", ") + each;
  }
  return text.empty() ? "none" : text;
}

/// A constant as a correction left it; empty if it did not replace it.
auto replaced(const comparing& with, const std::string& tensor, const std::string& cause)
    -> std::vector<float> {
  std::vector<float> last;
  for (const auto& each : with.mine.constants) {
    if (each->tensor == tensor && each->cause == cause) {
      last = each->value.values;
    }
  }
  return last;
}

void compare_values(
    comparing& with,
    const std::vector<float>& mine,
    const std::vector<float>& recorded,
    const char* what,
    const std::string& node
) {
  if (mine.size() != recorded.size()) {
    with.differ("the ", what, " of ", node, " are of another size");
    return;
  }
  const double apart = distance(mine, recorded);
  with.result.worst_constant = std::max(with.result.worst_constant, apart);
  if (!(apart <= with.within.constants)) {
    with.differ("the ", what, " of ", node, " are off by ", apart, " of the largest");
  }
}

void compare_weights(comparing& with, const golden_weights& each) {
  const auto node = std::ranges::find(with.in.nodes, each.node, &topology::node::name);
  if (node == with.in.nodes.end()) {
    with.differ(each.node, " is not in the graph");
    return;
  }
  const std::string& tensor = with.in.tensors[node->inputs.at(1)].name;
  if (each.aligned) {
    std::vector<float> own = replaced(with, tensor, "channel_alignment");
    const bool whole = !each.aligned->values.empty();
    own.resize(whole ? own.size() : std::min<std::size_t>(8, own.size()));
    compare_values(
        with, own, whole ? each.aligned->values : each.aligned->first8, "aligned weights", each.node
    );
  }
  std::vector<float> mine = with.constant(tensor).values;
  mine.resize(std::min<std::size_t>(8, mine.size()));
  compare_values(with, mine, each.after.first8, "weights", each.node);
}

/// What rounding ties to even moves a corrected bias by, against OpenVINO's kernel.
///
/// OpenVINO folds fake-quantized constants of 15, 16, 255 and 256 levels, with ties to even. For
/// others its kernel runs, which reckons `x s - low s` in binary32: a weight on an exact half,
/// where the saturation fix puts the extreme one of each channel, goes where the noise sends it.
auto shift_by_ties(const comparing& with, const topology::node& of) -> std::vector<double> {
  const quantizer* const by = with.mine.input(of.name, 1);
  const convolution_attributes* const geometry = topology::convolution_of(of);
  if (by == nullptr || geometry == nullptr || by->format.axis != 0) {
    return {};
  }
  const std::int64_t levels = by->format.grids.front().levels;
  if (levels == 15 || levels == 16 || levels == 255 || levels == 256) {
    return {};
  }
  const tensor_data even = with.constant(by->tensor);
  tensor_data noisy = even;
  const std::size_t inner = even.values.size() / by->format.grids.size();
  for (std::size_t i = 0; i != even.values.size(); ++i) {
    const grid& on = by->format.grids[i / inner];
    const float scale = static_cast<float>(levels - 1) / (on.in_high - on.in_low);
    const auto product = [scale](float value) {
      return static_cast<float>(static_cast<double>(value) * static_cast<double>(scale));
    };
    const float code = std::clamp(
        std::nearbyint(product(even.values[i]) - product(on.in_low)),
        0.0F,
        static_cast<float>(levels - 1)
    );
    noisy.values[i] = static_cast<float>(
        static_cast<double>(code) * on.scale() + static_cast<double>(on.out_low)
    );
  }
  static std::map<std::string, statistics> recorded;
  const statistics& collected =
      recorded.try_emplace(with.run.model, golden_statistics(with.run.model)).first->second;
  const std::string& input = with.in.tensors[of.inputs[0]].name;
  const std::vector<double> means = collected.mean({input, "mean/1"});
  const auto mean_of = [&](const tensor_data& weights) {
    return convolved_means(weights, means, collected.usual_shape(input), *geometry);
  };
  std::vector<double> shift = mean_of(noisy);
  const std::vector<double> reached = mean_of(fake_quantized(even, by->format));
  for (std::size_t c = 0; c != shift.size(); ++c) {
    shift[c] -= reached[c];
  }
  return shift;
}

void compare_bias(
    comparing& with,
    const golden_bias& each,
    const std::map<std::string, std::set<std::string>>& changed
) {
  const auto node = std::ranges::find(with.in.nodes, each.node, &topology::node::name);
  const std::optional<bias_site> site =
      node == with.in.nodes.end() ? std::nullopt : find_bias(with.in, *node);
  if (!site) {
    with.differ(each.node, " has no bias here");
    return;
  }
  const std::string& tensor = with.in.tensors[site->tensor].name;
  if (with.is_aligned(tensor)) {
    compare_values(
        with, replaced(with, tensor, "channel_alignment"), each.aligned, "aligned bias", each.node
    );
  }
  if (to_floats(*with.in.producer(site->tensor).constant).values != each.before) {
    with.differ("the bias of ", each.node, " is not POT's to the bit before all");
  }
  const bool corrected = std::ranges::any_of(changed, [&](const auto& entry) {
    return entry.first.ends_with("bias_correction") && entry.second.contains(each.node);
  });
  if (corrected != (each.verdict == bias_verdict::set)) {
    with.differ(
        "the bias of ", each.node, corrected ? " is corrected here only" : " is not corrected"
    );
    return;
  }
  const std::vector<float> mine = with.constant(tensor).values;
  if (mine.size() != each.after.size()) {
    with.differ("the bias of ", each.node, " is of another size");
    return;
  }
  std::vector<float> expected = each.after;
  if (corrected) {
    const std::vector<double> shift = shift_by_ties(with, *node);
    for (std::size_t c = 0; c != shift.size(); ++c) {
      expected.at(c) = static_cast<float>(static_cast<double>(expected[c]) + shift[c]);
    }
  }
  const double apart = distance(mine, expected);
  with.result.worst_bias = std::max(with.result.worst_bias, apart);
  if (!(apart <= with.within.biases)) {
    with.differ("the bias of ", each.node, " is off by ", apart, " of the largest");
  }
}

} // namespace

void compare_constants(comparing& with) {
  std::map<std::string, std::set<std::string>> changed;
  for (const auto& each : with.mine.constants) {
    if (each->cause != "channel_alignment") {
      changed[each->cause].insert(each->node);
    }
  }
  // Constants of the prepared model belong to no operation: those that read them as weights.
  for (const topology::node& node : with.in.nodes) {
    if (with.in.constant_at(node, 1) != nullptr &&
        with.is_aligned(with.in.tensors[node.inputs[1]].name)) {
      changed["channel_alignment"].insert(node.name);
    }
  }
  std::map<std::string, std::set<std::string>> recorded;
  for (const golden_bias& each : with.run.biases) {
    compare_bias(with, each, changed);
  }
  for (const golden_weights& each : with.run.weights) {
    if (each.halved) {
      recorded["saturation_fix"].insert(each.node);
    }
    if (is_scaled(each)) {
      recorded["overflow_correction"].insert(each.node);
    }
    if (each.aligned) {
      recorded["channel_alignment"].insert(each.node);
    }
    compare_weights(with, each);
  }
  for (const char* const cause : {"saturation_fix", "overflow_correction", "channel_alignment"}) {
    if (recorded[cause] != changed[cause]) {
      with.differ(
          "of ", cause, ", here: ", list(changed[cause]), "; in POT: ", list(recorded[cause])
      );
    }
  }
}

} // namespace ptq::test
