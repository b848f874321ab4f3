// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/correction/constant_input.hpp>
#include <ptq/correction/fake_quantized.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/lowering/lower.hpp>
#include <ptq/plan/validate.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "golden/golden_statistics.hpp"
#include "golden/plans.hpp"
#include "support/sha256.hpp"

namespace ptq::test {

namespace {

template <class Value>
auto bytes_of(const std::vector<Value>& values) -> std::string_view {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

/// A matrix with its axes exchanged.
template <class Value>
auto exchanged(const std::vector<Value>& values, const std::vector<std::size_t>& shape)
    -> std::vector<Value> {
  std::vector<Value> result(values.size());
  for (std::size_t row = 0; row != shape.at(0); ++row) {
    for (std::size_t column = 0; column != shape.at(1); ++column) {
      result[column * shape[0] + row] = values[row * shape[1] + column];
    }
  }
  return result;
}

/// The mode that was asked for, where POT's options tell it.
auto expected_mode(const golden_run& run, tensor_kind kind) -> std::optional<mode> {
  const bool weights = kind == tensor_kind::weights;
  const nlohmann::json& given = run.parameters();
  const nlohmann::json own = given.value(weights ? "weights" : "activations", nlohmann::json());
  if (own.is_object() && own.contains("mode")) {
    return own.at("mode") == "asymmetric" ? asymmetric : symmetric;
  }
  const std::string device = given.value("target_device", "ANY");
  if (device == "NPU" || device.starts_with("GNA")) {
    return std::nullopt;
  }
  const std::string preset = given.value("preset", "performance");
  return preset == "accuracy" || (preset == "mixed" && !weights) ? asymmetric : symmetric;
}

class comparing {
public:
  comparing(const plan& mine, const golden_run& run, const topology& in, const tolerances& within)
      : plan_(mine), run_(run), in_(in), within_(within) {}

  void quantizers() {
    try {
      validate(plan_);
    } catch (const error& problem) {
      differ(problem.what());
    }
    result.quantizers = plan_.quantizers.size();
    std::set<const quantizer*> met;
    for (const golden_quantizer& each : run_.quantizers) {
      if (each.of_moved_scale) {
        continue;
      }
      const quantizer* const mine = counterpart(each.quantizer);
      if (mine == nullptr) {
        differ(name_of(each.quantizer), " has no quantizer here");
        continue;
      }
      if (!met.insert(mine).second && each.factor == 1.0) {
        differ(name_of(each.quantizer), " shares its quantizer here");
      }
      compare_quantizer(*mine, each);
    }
    for (const auto& each : plan_.quantizers) {
      if (!met.contains(&*each)) {
        differ(name_of(*each), " has a quantizer here only");
      }
    }
  }

  void constants() {
    std::map<std::string, std::set<std::string>> changed;
    for (const auto& each : plan_.constants) {
      if (each->cause != "channel_alignment") {
        changed[each->cause].insert(each->node);
      }
    }
    // Constants of the prepared model belong to no operation: those that read them as weights.
    for (const topology::node& node : in_.nodes) {
      if (in_.constant_at(node, 1) != nullptr && is_aligned(in_.tensors[node.inputs[1]].name)) {
        changed["channel_alignment"].insert(node.name);
      }
    }
    std::map<std::string, std::set<std::string>> recorded;
    for (const golden_bias& each : run_.biases) {
      compare_bias(each, changed);
    }
    for (const golden_weights& each : run_.weights) {
      if (each.halved) {
        recorded["saturation_fix"].insert(each.node);
      }
      if (is_scaled(each)) {
        recorded["overflow_correction"].insert(each.node);
      }
      if (each.aligned) {
        recorded["channel_alignment"].insert(each.node);
      }
      compare_weights(each);
    }
    for (const char* const cause : {"saturation_fix", "overflow_correction", "channel_alignment"}) {
      if (recorded[cause] != changed[cause]) {
        differ("of ", cause, ", here: ", list(changed[cause]), "; in POT: ", list(recorded[cause]));
      }
    }
  }

  void codes(const std::vector<lowered_tensor>& lowered) {
    std::size_t integers = 0;
    std::map<port_name, const lowered_tensor*> weights;
    for (const lowered_tensor& each : lowered) {
      if (std::holds_alternative<std::vector<std::int8_t>>(each.codes)) {
        ++integers;
        for (const auto& by : plan_.quantizers) {
          if (by->kind == tensor_kind::weights && by->tensor == each.name) {
            for (const port_name& port : by->consumers) {
              weights[port] = &each;
            }
          }
        }
      }
    }
    std::size_t moved = 0;
    for (const golden_codes& each : run_.codes) {
      const golden_quantizer* const by = quantizer_of(each.consumers);
      if (by != nullptr && by->of_moved_scale) {
        ++moved;
        continue;
      }
      if (is_recorded_in_part(each.consumers.front().node)) {
        continue;
      }
      ++result.codes;
      const auto mine = weights.find(each.consumers.front());
      if (by == nullptr || mine == weights.end()) {
        differ(each.consumers.front().node, " has no integer weights here");
      } else if (compare_codes(*mine->second, each, *by)) {
        ++result.equal_codes;
      }
    }
    // All have codes, those too that are not compared.
    if (integers != run_.codes.size() - moved) {
      differ(integers, " constants have codes, in POT ", run_.codes.size() - moved);
    }
  }

  comparison result{};

private:
  template <class... Parts>
  void differ(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    result.differences.push_back(text.str());
  }

  static auto list(const std::set<std::string>& names) -> std::string {
    std::string text;
    for (const std::string& each : names) {
      text += (text.empty() ? "" : ", ") + each;
    }
    return text.empty() ? "none" : text;
  }

  static auto name_of(const quantizer& of) -> std::string {
    const bool weights = of.kind == tensor_kind::weights;
    const port_name& reader = of.consumers.front();
    return weights ? "input " + std::to_string(reader.input) + " of " + reader.node : of.tensor;
  }

  [[nodiscard]] auto counterpart(const quantizer& of) const -> const quantizer* {
    for (const auto& each : plan_.quantizers) {
      if (each->kind == of.kind &&
          (of.kind == tensor_kind::weights ? each->consumers == of.consumers
                                           : each->tensor == of.tensor)) {
        return &*each;
      }
    }
    return nullptr;
  }

  [[nodiscard]] auto quantizer_of(const std::vector<port_name>& consumers) const
      -> const golden_quantizer* {
    for (const golden_quantizer& each : run_.quantizers) {
      if (each.quantizer.consumers == consumers) {
        return &each;
      }
    }
    return nullptr;
  }

  [[nodiscard]] auto is_aligned(const std::string& tensor) const -> bool {
    return std::ranges::any_of(plan_.constants, [&tensor](const auto& each) {
      return each->cause == "channel_alignment" && each->tensor == tensor;
    });
  }

  /// POT makes what two activations are multiplied of symmetric in a transformer.
  [[nodiscard]] auto is_forced_to_be_symmetric(const quantizer& of) const -> bool {
    return run_.parameters().value("model_type", "") == "transformer" &&
           std::ranges::any_of(of.consumers, [&](const port_name& port) {
             return reaches_product(*std::ranges::find(in_.nodes, port.node, &topology::node::name)
             );
           });
  }

  /// Is it a product of two activations, or are there only such as move values before one?
  [[nodiscard]] auto reaches_product(const topology::node& from) const -> bool {
    if (from.kind == op::matmul) {
      return in_.constant_at(from, 1) == nullptr;
    }
    return (from.kind == op::reshape || from.kind == op::transpose) &&
           std::ranges::any_of(
               in_.tensors[from.outputs.front()].consumers,
               [&](const topology::port& reader) { return reaches_product(in_.nodes[reader.node]); }
           );
  }

  /// A constant as the plan leaves it; empty if the graph has none by this name.
  [[nodiscard]] auto constant(const std::string& tensor) const -> tensor_data {
    if (const tensor_data* const replaced = plan_.constant(tensor)) {
      return *replaced;
    }
    const auto found = std::ranges::find(in_.tensors, tensor, &topology::tensor::name);
    if (found == in_.tensors.end() || !in_.nodes[found->node].constant) {
      return {};
    }
    return to_floats(*in_.nodes[found->node].constant);
  }

  void compare_quantizer(const quantizer& mine, const golden_quantizer& each) {
    const quantizer& recorded = each.quantizer;
    const bool weights = recorded.kind == tensor_kind::weights;
    if (mine.consumers != recorded.consumers && each.factor == 1.0) {
      differ(name_of(recorded), " has other readers here");
    }
    const std::optional<std::size_t> axis = each.transposed && recorded.format.axis
                                                ? std::optional(1 - *recorded.format.axis)
                                                : recorded.format.axis;
    const bool one = mine.format.grids.size() == 1; // Of one channel: the axis says nothing.
    if ((mine.format.axis != axis && !one) ||
        mine.format.grids.size() != recorded.format.grids.size()) {
      differ(
          name_of(recorded),
          " has ",
          mine.format.grids.size(),
          " grids, in POT ",
          recorded.format.grids.size()
      );
      return;
    }
    const std::int64_t levels = recorded.format.grids.front().levels;
    if (mine.format.grids.front().levels != levels) {
      differ(
          name_of(recorded), " has ", mine.format.grids.front().levels, " levels, in POT ", levels
      );
    }
    const std::optional<mode> wanted =
        is_forced_to_be_symmetric(mine) ? symmetric : expected_mode(run_, recorded.kind);
    // Grids that begin at 0 are the same in both.
    const bool mode_counts = std::ranges::any_of(recorded.format.grids, [](const grid& of_channel) {
      return of_channel.in_low < 0.0F;
    });
    if (wanted && mode_counts && mine.format.mode != *wanted) {
      differ(name_of(recorded), " has another mode");
    }
    if (mine.format.bits !=
        static_cast<int>(std::bit_width(static_cast<std::uint64_t>(levels - 1)))) {
      differ(name_of(recorded), " has ", mine.format.bits, " bits");
    }
    if (weights) {
      compare_constant(mine, each);
    }
    const double apart = distance(mine.format.grids, recorded.format.grids, each.factor);
    double& worst = weights ? result.worst_weights : result.worst_activations;
    worst = std::max(worst, apart);
    if (!(apart <= (weights ? within_.weights : within_.activations))) {
      differ(name_of(recorded), " is off by ", apart, " of its width");
    }
  }

  /// Of some aligned constants POT's values were not recorded, only what tells them apart.
  [[nodiscard]] auto is_recorded_in_part(const std::string& node) const -> bool {
    return std::ranges::any_of(run_.weights, [&node](const golden_weights& each) {
      return each.node == node && each.aligned && each.aligned->values.empty();
    });
  }

  /// Did overflow correction change it?
  static auto is_scaled(const golden_weights& of) -> bool {
    return of.cause == "overflow_correction" ||
           (of.aligned && !of.halved && of.after.sha256 != of.aligned->sha256);
  }

  /// Scaled constants are compared by value, in `compare_weights`; all others must be POT's to the
  /// bit.
  void compare_constant(const quantizer& mine, const golden_quantizer& each) {
    const std::string& node = each.quantizer.consumers.front().node;
    if (is_recorded_in_part(node)) {
      return;
    }
    for (const golden_weights& changed : run_.weights) {
      if (changed.node == node && is_scaled(changed)) {
        return;
      }
    }
    const tensor_data own = constant(mine.tensor);
    if (own.values.empty() ||
        sha256(bytes_of(each.transposed ? exchanged(own.values, own.shape) : own.values)) !=
            each.weights_sha256) {
      differ("the weights of ", node, " are not POT's to the bit");
    }
  }

  /// A constant as a correction left it; empty if it did not replace it.
  [[nodiscard]] auto replaced(const std::string& tensor, const std::string& cause) const
      -> std::vector<float> {
    std::vector<float> last;
    for (const auto& each : plan_.constants) {
      if (each->tensor == tensor && each->cause == cause) {
        last = each->value.values;
      }
    }
    return last;
  }

  void compare_weights(const golden_weights& each) {
    const auto node = std::ranges::find(in_.nodes, each.node, &topology::node::name);
    if (node == in_.nodes.end()) {
      differ(each.node, " is not in the graph");
      return;
    }
    const std::string& tensor = in_.tensors[node->inputs.at(1)].name;
    if (each.aligned) {
      std::vector<float> own = replaced(tensor, "channel_alignment");
      const bool whole = !each.aligned->values.empty();
      own.resize(whole ? own.size() : std::min<std::size_t>(8, own.size()));
      compare_constants(
          own, whole ? each.aligned->values : each.aligned->first8, "aligned weights", each.node
      );
    }
    std::vector<float> mine = constant(tensor).values;
    mine.resize(std::min<std::size_t>(8, mine.size()));
    compare_constants(mine, each.after.first8, "weights", each.node);
  }

  void compare_constants(
      const std::vector<float>& mine,
      const std::vector<float>& recorded,
      const char* what,
      const std::string& node
  ) {
    if (mine.size() != recorded.size()) {
      differ("the ", what, " of ", node, " are of another size");
      return;
    }
    const double apart = distance(mine, recorded);
    result.worst_constant = std::max(result.worst_constant, apart);
    if (!(apart <= within_.constants)) {
      differ("the ", what, " of ", node, " are off by ", apart, " of the largest");
    }
  }

  void compare_bias(
      const golden_bias& each, const std::map<std::string, std::set<std::string>>& changed
  ) {
    const auto node = std::ranges::find(in_.nodes, each.node, &topology::node::name);
    const std::optional<bias_site> site =
        node == in_.nodes.end() ? std::nullopt : find_bias(in_, *node);
    if (!site) {
      differ(each.node, " has no bias here");
      return;
    }
    const std::string& tensor = in_.tensors[site->tensor].name;
    if (is_aligned(tensor)) {
      compare_constants(
          replaced(tensor, "channel_alignment"), each.aligned, "aligned bias", each.node
      );
    }
    if (to_floats(*in_.producer(site->tensor).constant).values != each.before) {
      differ("the bias of ", each.node, " is not POT's to the bit before all");
    }
    const bool corrected = std::ranges::any_of(changed, [&](const auto& entry) {
      return entry.first.ends_with("bias_correction") && entry.second.contains(each.node);
    });
    if (corrected != (each.verdict == bias_verdict::set)) {
      differ(
          "the bias of ", each.node, corrected ? " is corrected here only" : " is not corrected"
      );
      return;
    }
    const std::vector<float> mine = constant(tensor).values;
    if (mine.size() != each.after.size()) {
      differ("the bias of ", each.node, " is of another size");
      return;
    }
    std::vector<float> expected = each.after;
    if (corrected) {
      const std::vector<double> shift = shift_by_ties(*node);
      for (std::size_t c = 0; c != shift.size(); ++c) {
        expected.at(c) = static_cast<float>(static_cast<double>(expected[c]) + shift[c]);
      }
    }
    const double apart = distance(mine, expected);
    result.worst_bias = std::max(result.worst_bias, apart);
    if (!(apart <= within_.biases)) {
      differ("the bias of ", each.node, " is off by ", apart, " of the largest");
    }
  }

  /// What rounding ties to even moves a corrected bias by, against OpenVINO's kernel.
  ///
  /// OpenVINO folds fake-quantized constants of 15, 16, 255 and 256 levels, with ties to even. For
  /// others its kernel runs, which reckons `x s - low s` in binary32: a weight on an exact half,
  /// where the saturation fix puts the extreme one of each channel, goes where the noise sends it.
  [[nodiscard]] auto shift_by_ties(const topology::node& of) const -> std::vector<double> {
    const quantizer* const by = plan_.input(of.name, 1);
    const convolution_attributes* const geometry = topology::convolution_of(of);
    if (by == nullptr || geometry == nullptr || by->format.axis != 0) {
      return {};
    }
    const std::int64_t levels = by->format.grids.front().levels;
    if (levels == 15 || levels == 16 || levels == 255 || levels == 256) {
      return {};
    }
    const tensor_data even = constant(by->tensor);
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
        recorded.try_emplace(run_.model, golden_statistics(run_.model)).first->second;
    const std::string& input = in_.tensors[of.inputs[0]].name;
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

  auto compare_codes(
      const lowered_tensor& mine, const golden_codes& recorded, const golden_quantizer& by
  ) -> bool {
    const std::string& node = recorded.consumers.front().node;
    const std::size_t before = result.differences.size();
    std::vector<std::int8_t> codes = std::get<std::vector<std::int8_t>>(mine.codes);
    std::vector<std::size_t> shape = mine.shape;
    if (recorded.transposed) {
      codes = exchanged(codes, shape);
      std::ranges::reverse(shape);
    }
    if (shape != recorded.shape) {
      differ("the codes of ", node, " are of another shape");
    }
    if (sha256(bytes_of(recorded.bits == 4 ? nibbles(codes) : codes)) != recorded.sha256) {
      if (const auto halves = codes_on_halves(mine, recorded, by)) {
        result.codes_on_halves += *halves;
      } else {
        differ("the codes of ", node, " are not POT's");
      }
    }
    // All scales of POT: the recorded limits give them to the bit, in float32 as POT reckoned.
    std::vector<float> scales;
    for (const grid& each : by.quantizer.format.grids) {
      scales.push_back((each.out_high - each.out_low) / static_cast<float>(each.levels - 1));
    }
    if (sha256(bytes_of(scales)) != recorded.scale_sha256) {
      differ("the recorded scales of ", node, " do not follow from its limits");
    }
    if (mine.scales.size() != scales.size() || mine.zero_points.size() != scales.size()) {
      differ("the scales of ", node, " are ", mine.scales.size(), ", in POT ", scales.size());
      return false;
    }
    double scale = 0.0;
    double zero_point = 0.0;
    for (std::size_t c = 0; c != scales.size(); ++c) {
      const float zero = recorded.zero_points.empty() ? 0.0F : recorded.zero_points.at(c);
      scale = std::max(
          scale,
          std::abs(static_cast<double>(mine.scales[c]) / static_cast<double>(scales[c]) - 1.0)
      );
      zero_point = std::max(
          zero_point, std::abs(static_cast<double>(mine.zero_points[c]) - static_cast<double>(zero))
      );
    }
    if (!(scale <= 1e-6)) {
      differ("a scale of ", node, " is off by ", scale, " of itself");
    }
    if (!(zero_point <= 1e-4)) {
      differ("a zero point of ", node, " is off by ", zero_point);
    }
    if (expected_mode(run_, tensor_kind::weights) == symmetric &&
        sha256(bytes_of(mine.scales)) != recorded.scale_sha256) {
      differ("the scales of ", node, " are not POT's to the bit");
    }
    return result.differences.size() == before;
  }

  /// How many codes differ from POT's by one where on POT's grid the weight lies so near the half
  /// between two codes that the last bits of the limits decide; empty if one differs otherwise.
  [[nodiscard]] auto codes_on_halves(
      const lowered_tensor& mine, const golden_codes& recorded, const golden_quantizer& by
  ) const -> std::optional<std::size_t> {
    const tensor_data weights = constant(mine.name);
    const std::vector<std::int8_t>& own = std::get<std::vector<std::int8_t>>(mine.codes);
    const std::vector<grid>& grids = by.quantizer.format.grids;
    if (recorded.transposed || recorded.bits != 8 || by.quantizer.format.axis.value_or(0) != 0) {
      return std::nullopt;
    }
    const lowered_tensor pot = ptq::detail::lowered_weights(
        weights, by.quantizer, {.removed = zero_point_removal::of_8_bits}
    );
    const std::vector<std::int8_t>& theirs = std::get<std::vector<std::int8_t>>(pot.codes);
    if (sha256(bytes_of(theirs)) != recorded.sha256 || theirs.size() != own.size()) {
      return std::nullopt;
    }
    std::size_t found = 0;
    for (std::size_t i = 0; i != own.size(); ++i) {
      if (own[i] == theirs[i]) {
        continue;
      }
      const grid& on = grids[i / (own.size() / grids.size())];
      const double width = static_cast<double>(on.in_high) - static_cast<double>(on.in_low);
      const double level =
          (static_cast<double>(weights.values[i]) - static_cast<double>(on.in_low)) / width *
          static_cast<double>(on.levels - 1);
      if (std::abs(own[i] - theirs[i]) != 1 || !(std::abs(std::fmod(level, 1.0) - 0.5) <= 1e-5)) {
        return std::nullopt;
      }
      ++found;
    }
    return found;
  }

  /// Two codes in a byte, the first in the low half.
  static auto nibbles(const std::vector<std::int8_t>& codes) -> std::vector<std::int8_t> {
    std::vector<std::int8_t> result((codes.size() + 1) / 2);
    for (std::size_t i = 0; i != codes.size(); ++i) {
      const int half = (codes[i] & 15) << (i % 2 == 0 ? 0 : 4);
      result[i / 2] = static_cast<std::int8_t>(result[i / 2] | half);
    }
    return result;
  }

  const plan& plan_;
  const golden_run& run_;
  const topology& in_;
  const tolerances& within_;
};

} // namespace

auto compare(
    const plan& mine, const golden_run& run, const engine::graph& of, const tolerances& within
) -> comparison {
  const topology in = read_graph(of).nodes;
  comparing with(mine, run, in, within);
  with.quantizers();
  with.constants();
  try {
    with.codes(lower(of, mine, lowering_options{.removed = zero_point_removal::of_8_bits}));
  } catch (const error& problem) {
    with.result.differences.push_back(std::string("lowering: ") + problem.what());
  }
  return with.result;
}

} // namespace ptq::test
