// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/correction/bias.hpp>
#include <ptq/correction/channel_alignment.hpp>
#include <ptq/correction/preparation.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "golden/golden_run.hpp"

namespace ptq::test {

/// Channel alignment, and behind it the constants that POT made of the same.
///
/// Both are in the plan, to be compared; the latter count. POT's ends of the channels are binary64
/// and were recorded in binary32, so that constants agree to 1e-7 and not to the bit. The
/// saturation fix then puts the extreme weight of each channel on an exact half of a code, which
/// goes where the last bit sends it, and each bias behind it follows.
struct recorded_alignment {
  static constexpr const char* cause = "recorded_alignment";

  correction::channel_alignment own{};
  std::map<std::string, std::vector<float>> weights{}; ///< By node.
  std::map<std::string, std::vector<float>> biases{};

  recorded_alignment() = default;

  explicit recorded_alignment(const golden_run& run) {
    for (const golden_weights& each : run.weights) {
      if (each.aligned) {
        weights[each.node] = each.aligned->values;
      }
    }
    for (const golden_bias& each : run.biases) {
      if (weights.contains(each.node)) {
        biases[each.node] = each.aligned;
      }
    }
  }

  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    own.request(nodes, sites, ask);
  }

  [[nodiscard]] auto prepare(const preparation_context& context, const preparation& before) const
      -> preparation {
    preparation after = own.prepare(context, before);
    const topology& in = context.nodes;
    for (const topology::node& node : in.nodes) {
      if (const auto found = weights.find(node.name); found != weights.end()) {
        put(in, node.inputs.at(1), found->second, after);
        put(in, find_bias(in, node).value().tensor, biases.at(node.name), after);
      }
    }
    return after;
  }

  friend auto operator==(const recorded_alignment&, const recorded_alignment&) -> bool = default;

private:
  /// A constant that ours left alone stays: it is missed in the comparison.
  static void
  put(const topology& in, std::size_t tensor, const std::vector<float>& values, preparation& to) {
    const std::string& name = in.tensors[tensor].name;
    const tensor_data* const own = to.model.constant(name);
    if (own != nullptr && own->values.size() == values.size()) {
      to.model.constants.push_back(replaced_constant{name, {}, cause, {own->shape, values}});
    }
  }
};

} // namespace ptq::test
