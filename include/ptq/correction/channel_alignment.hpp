// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/detail/channel_quantiles.hpp>
#include <ptq/correction/detail/layer_pair.hpp>
#include <ptq/correction/preparation.hpp>
#include <ptq/range/median.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// By what the channels are divided so that their widths meet at the median of those above 0: 1 for
/// the others, and never less than 0.01 or more than 100.
[[nodiscard]] inline auto alignment_factors(std::span<const float> widths) -> std::vector<double> {
  std::vector<float> positive;
  std::ranges::copy_if(widths, std::back_inserter(positive), [](float w) { return w > 0.0F; });
  std::vector<double> result(widths.size(), 1.0);
  if (positive.empty()) {
    return result;
  }
  const auto middle = static_cast<double>(aggregate::median{}(positive));
  for (std::size_t c = 0; c != widths.size(); ++c) {
    if (widths[c] > 0.0F) {
      result[c] = std::clamp(static_cast<double>(widths[c]) / middle, 0.01, 100.0);
    }
  }
  return result;
}

/// What the mean of each channel adds to the output of the layer that reads it: `sum over c and
/// taps of w[o, c, tap] means[c]`.
/// @param weights  `[O, C, spatial...]`
[[nodiscard]] inline auto carried_means(const tensor_data& weights, std::span<const double> means)
    -> std::vector<double> {
  std::vector<double> result(weights.shape.at(0));
  const std::size_t taps = weights.values.size() / (result.size() * means.size());
  std::size_t at = 0;
  for (double& sum : result) {
    for (const double mean : means) {
      for (std::size_t tap = 0; tap != taps; ++tap) {
        sum += detail::rounded(static_cast<double>(weights.values[at++]) * mean);
      }
    }
  }
  return result;
}

namespace correction {

/// Shifts and scales the channels between two convolutions with nothing but a bias between them, so
/// that all are around zero and equally wide: the second makes up for what the first does. The
/// function of the model stays.
///
/// @par Definition
/// With the ends `lo`, `hi` of each channel, the medians over the samples of its quantiles: the
/// biases take up `(lo + hi) / 2`, if there are two; the weights are divided and multiplied by
/// `alignment_factors(hi - lo)`.
///
/// The second has one group, no padding, strides and dilations of 1, so that the shift is exact.
/// @see POT, ActivationChannelAlignment
struct channel_alignment {
  double outlier_prob = 1e-4; ///< The quantile of the low end. 0 to below 0.5.

  void request(const topology& nodes, const placement&, statistics_request& ask) const {
    for (const pair& each : pairs_of(nodes)) {
      const std::size_t between = each.first.output;
      ask.estimate(between, detail::channel_quantiles{outlier_prob}, 1);
      ask.extremes(between, 1); // of which those of the aligned tensor follow
      ask.mean(between, 1);
    }
  }

  [[nodiscard]] auto prepare(const preparation_context& context, const preparation& before) const
      -> preparation {
    preparation after = before;
    for (const pair& each : pairs_of(context.nodes)) {
      align(context, each, after);
      after.rescaled.insert(each.second);
    }
    return after;
  }

  /// @throws error for a quantile that is none.
  void check_options() const {
    if (!(outlier_prob >= 0.0) || !(outlier_prob < 0.5)) {
      throw error("it is 0 to below 0.5", {}, "channel_alignment.outlier_prob");
    }
  }

  friend constexpr auto operator==(const channel_alignment&, const channel_alignment&)
      -> bool = default;

  struct pair {
    detail::producing_layer first{};
    std::size_t second = 0; ///< The node of the convolution that reads it.
  };

  /// The pairs of a graph, by the names of the second ones.
  [[nodiscard]] static auto pairs_of(const topology& in) -> std::vector<pair> {
    std::vector<pair> result;
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      const topology::node& node = in.nodes[n];
      const auto* const geometry = topology::convolution_of(node);
      if (node.kind != op::convolution || geometry == nullptr || !is_plain(*geometry) ||
          in.constant_at(node, 1) == nullptr || !detail::read_once(in, node.inputs[1]) ||
          !detail::read_once(in, node.inputs[0])) {
        continue;
      }
      const auto first = detail::layer_behind(in, node.inputs[0]);
      if (first && in.nodes[first->node].kind == op::convolution &&
          in.constant_at(in.nodes[first->node], 1)->extent(0) ==
              in.constant_at(node, 1)->extent(1)) {
        result.push_back({*first, n});
      }
    }
    std::ranges::sort(result, {}, [&in](const pair& each) { return in.nodes[each.second].name; });
    return result;
  }

private:
  static constexpr const char* cause = "channel_alignment";

  static auto is_plain(const convolution_attributes& how) -> bool {
    const auto all = [](const std::vector<std::size_t>& list, std::size_t number) {
      return std::ranges::all_of(list, [number](std::size_t each) { return each == number; });
    };
    return how.groups == 1 && all(how.strides, 1) && all(how.dilations, 1) &&
           all(how.pads_begin, 0) && all(how.pads_end, 0);
  }

  /// The medians over the samples of both ends of each channel.
  [[nodiscard]] auto ends_of(const preparation_context& context, std::size_t tensor) const
      -> std::vector<value_range<float>> {
    const auto& samples = context.collected.per_sample(
        {context.nodes.tensors[tensor].name,
         statistic_key(detail::channel_quantiles{outlier_prob}.key(), 1)}
    );
    std::vector<value_range<float>> result(samples.begin()->second.size() / 2);
    for (std::size_t c = 0; c != result.size(); ++c) {
      std::vector<float> lows;
      std::vector<float> highs;
      for (const auto& [sample, numbers] : samples) {
        lows.push_back(numbers.at(c));
        highs.push_back(numbers.at(result.size() + c));
      }
      result[c] = {aggregate::median{}(lows), aggregate::median{}(highs)};
    }
    return result;
  }

  void align(const preparation_context& context, const pair& of, preparation& after) const {
    const topology& in = context.nodes;
    const std::string& name = in.nodes[of.second].name;
    const std::vector<value_range<float>> ends = ends_of(context, of.first.output);
    const std::size_t weights = in.nodes[of.second].inputs[1];
    if (ends.size() != in.constant_at(in.nodes[of.second], 1)->extent(1)) {
      throw error("the statistics have another number of channels than the weights", name);
    }
    const std::optional<bias_site> bias = find_bias(in, in.nodes[of.second]);
    if (of.first.bias && bias && bias->axis && detail::read_once(in, bias->tensor)) {
      std::vector<double> means;
      for (const value_range<float>& each : ends) {
        means.push_back(0.5 * (static_cast<double>(each.low) + static_cast<double>(each.high)));
      }
      tensor_data first = detail::constant_under(after.model, in, of.first.bias->tensor);
      for (std::size_t c = 0; c != means.size(); ++c) {
        first.values[c] = static_cast<float>(static_cast<double>(first.values[c]) - means[c]);
      }
      tensor_data second = detail::constant_under(after.model, in, bias->tensor);
      const std::vector<double> carried =
          carried_means(detail::constant_under(after.model, in, weights), means);
      for (std::size_t o = 0; o != carried.size(); ++o) {
        second.values[o] = static_cast<float>(static_cast<double>(second.values[o]) + carried[o]);
      }
      detail::replace(after, in, of.first.bias->tensor, cause, std::move(first));
      detail::replace(after, in, bias->tensor, cause, std::move(second));
      after.maps.push_back({of.first.output, 1, std::vector<double>(means.size(), 1.0), means});
    }
    std::vector<float> widths;
    for (const value_range<float>& each : ends) {
      widths.push_back(each.high - each.low);
    }
    const std::vector<double> factors = alignment_factors(widths);
    if (std::ranges::any_of(factors, [](double factor) { return factor != 1.0; })) {
      detail::divide_output(after, in, of.first, factors, cause);
      tensor_data scaled = detail::constant_under(after.model, in, weights);
      detail::scale_slices(scaled, 1, factors);
      detail::replace(after, in, weights, cause, std::move(scaled));
    }
    context.tell.on_note(
        {name, "channels aligned with those of `" + in.nodes[of.first.node].name + "`"}
    );
  }
};

} // namespace correction

} // namespace ptq
