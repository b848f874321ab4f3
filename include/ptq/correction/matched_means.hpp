// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/correction/bias.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/quantized_weights.hpp>
#include <ptq/correction/run_statistics.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq::detail {

/// What a correction does to one bias.
struct bias_change {
  tensor_data value{};
  double most = 0.0; ///< The largest `|shift / old|`; infinite if there is a zero in the old one.
};

/// @return empty if there is not one number for each channel.
inline auto shifted_bias(tensor_data old, const bias_site& at, const std::vector<double>& shift)
    -> std::optional<bias_change> {
  if (!at.axis || old.values.size() != shift.size()) {
    return std::nullopt;
  }
  bias_change result{std::move(old)};
  for (std::size_t c = 0; c != shift.size(); ++c) {
    const auto before = static_cast<double>(result.value.values[c]);
    result.most = std::max(
        result.most,
        before == 0.0 ? std::numeric_limits<double>::infinity() : std::abs(shift[c] / before)
    );
    result.value.values[c] = static_cast<float>(before + shift[c]);
  }
  return result;
}

struct mean_matching {
  std::string_view cause{};
  samples range{};
  bool activations = true; ///< Do the activations' quantizers run?
  double threshold = std::numeric_limits<double>::infinity();
};

/// Shifts the biases of the operations with quantized weights, each after those before it, so that
/// the mean of each output channel is what it is in floating point. One run for each.
/// @pre `context.run` is there.
inline auto
matched_means(const correction_context& context, const plan& before, const mean_matching& how)
    -> plan {
  const topology& in = context.nodes;

  struct candidate {
    const topology::node* node;
    bias_site bias;
  };

  std::vector<candidate> candidates;
  statistics_request all;
  const auto leave = [&context](const topology::node& node, const std::string& why) {
    context.tell.on_note({node.name, "bias left as it is: " + why});
  };
  for (const topology::node& node : in.nodes) {
    const std::optional<bias_site> bias = find_bias(in, node);
    const quantizer* const weights = bias ? before.input(node.name, 1) : nullptr;
    if (weights == nullptr || weights->kind != tensor_kind::weights) {
      continue;
    }
    if (in.tensors[bias->tensor].consumers.size() != 1) {
      leave(node, "it is shared with another operation");
      continue;
    }
    candidates.push_back({&node, *bias});
    all.mean(bias->output, channel_axis_of(node));
  }
  if (candidates.empty()) {
    return before;
  }
  const auto mean_of = [&in](const statistics& collected, const candidate& of) {
    return collected.mean(
        {in.tensors[of.bias.output].name, statistic_key("mean", channel_axis_of(*of.node))}
    );
  };
  const statistics in_float = statistics_under(in, *context.run, plan{}, how.range, all);
  plan after = before;
  for (std::size_t i = 0; i != candidates.size(); ++i) {
    const candidate& each = candidates[i];
    context.tell.on_progress({"bias correction", i, candidates.size()});
    plan under = after;
    if (!how.activations) {
      std::erase_if(under.quantizers, [](const auto& entry) {
        return entry->kind == tensor_kind::activations;
      });
    }
    statistics_request one;
    one.mean(each.bias.output, channel_axis_of(*each.node));
    const std::vector<double> reached =
        mean_of(statistics_under(in, *context.run, under, how.range, one), each);
    std::vector<double> shift = mean_of(in_float, each);
    for (std::size_t c = 0; c != shift.size(); ++c) {
      shift[c] -= reached.at(c);
    }
    std::optional<bias_change> change =
        shifted_bias(constant_under(in, after, each.bias.tensor), each.bias, shift);
    if (!change) {
      leave(*each.node, "its shape is not that of the channels");
    } else if (!std::isinf(how.threshold) && !(change->most < how.threshold)) {
      leave(
          *each.node,
          std::isinf(change->most)
              ? "it has a zero in it"
              : "it would change by " + std::to_string(change->most) +
                    " of its value, not below the threshold " + std::to_string(how.threshold)
      );
    } else {
      after.constants.push_back(replaced_constant{
          in.tensors[each.bias.tensor].name,
          each.node->name,
          std::string(how.cause),
          std::move(change->value)
      });
    }
  }
  context.tell.on_progress({"bias correction", candidates.size(), candidates.size()});
  return after;
}

} // namespace ptq::detail
