// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/detail/equalisation_links.hpp>
#include <ptq/correction/detail/layer_pair.hpp>
#include <ptq/correction/equalisation_factors.hpp>
#include <ptq/correction/preparation.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq::correction {

/// Scales the channels between layers, so that the weights that make a channel and those that read
/// it are equally wide. The function of the model stays: what is between them (ReLU, leaky ReLU,
/// pooling) commutes with a positive scale.
///
/// A depthwise convolution between two layers is equalised with both. A clamp (ReLU6) commutes only
/// where it does not cut: a channel is scaled through it as far as its calibrated extremes stay
/// inside, and not at all if they do not.
/// @see Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
/// 2019
struct cross_layer_equalisation {
  int iterations = 10; ///< Over all layers, since chains of them depend on each other. At least 1.
  double headroom =
      0.1; ///< What has to be left to a clamp's limit, as a share of it. 0 to below 1.

  void request(const topology& nodes, const placement&, statistics_request& ask) const {
    for (const detail::equalisation_link& each : links_of(nodes)) {
      const std::size_t axis = detail::channel_axis(nodes.nodes[each.first.node]);
      for (const std::size_t tensor : tensors_of(nodes, each)) {
        ask.extremes(tensor, axis);
        ask.mean(tensor, axis);
      }
    }
  }

  [[nodiscard]] auto prepare(const preparation_context& context, const preparation& before) const
      -> preparation {
    const topology& in = context.nodes;
    std::vector<state> links;
    std::map<std::size_t, std::size_t> onward; // by the first layer's node
    std::map<std::size_t, tensor_data> weights;
    for (detail::equalisation_link& each : links_of(in)) {
      const topology::node& first = in.nodes[each.first.node];
      const topology::node& second = in.nodes[each.second];
      for (const std::size_t tensor : {first.inputs[1], second.inputs[1]}) {
        weights.try_emplace(tensor, detail::constant_under(before.model, in, tensor));
      }
      const std::size_t channels = weights.at(first.inputs[1]).shape.at(detail::output_axis(first));
      onward.emplace(each.first.node, links.size());
      links.push_back({each, std::vector<double>(channels, 1.0), {}, {}});
      limit(context, links.back());
    }
    for (int round = 0; round != iterations; ++round) {
      double moved = 0.0;
      for (std::size_t i = 0; i != links.size(); ++i) {
        const topology::node& second = in.nodes[links[i].link.second];
        const auto next = onward.find(links[i].link.second);
        if (second.kind == op::depthwise_convolution && next != onward.end()) {
          moved = std::max(moved, equalise(in, weights, links[i], links[next->second]));
        } else if (in.nodes[links[i].link.first.node].kind != op::depthwise_convolution ||
                   !follows(in, links, i)) {
          moved = std::max(moved, equalise(in, weights, links[i]));
        }
      }
      if (moved < 1e-4) {
        break;
      }
    }
    return emitted(context, links, weights, before);
  }

  /// @throws error for a number of iterations or a headroom that is none.
  void check_options() const {
    if (iterations < 1) {
      throw error("at least one iteration", {}, "cross_layer_equalisation.iterations");
    }
    if (!(headroom >= 0.0) || !(headroom < 1.0)) {
      throw error("it is 0 to below 1", {}, "cross_layer_equalisation.headroom");
    }
  }

  friend constexpr auto operator==(const cross_layer_equalisation&, const cross_layer_equalisation&)
      -> bool = default;

private:
  static constexpr const char* cause = "cross_layer_equalisation";

  struct state {
    detail::equalisation_link link{};
    std::vector<double> total{}; ///< By what each channel is divided so far.
    std::vector<double> least{}; ///< Of the total; empty: no limit.
    std::vector<double> most{};
  };

  static auto links_of(const topology& in) -> std::vector<detail::equalisation_link> {
    std::vector<detail::equalisation_link> result;
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      if (auto link = detail::link_before(in, n)) {
        result.push_back(std::move(*link));
      }
    }
    return result;
  }

  static auto tensors_of(const topology& in, const detail::equalisation_link& of)
      -> std::vector<std::size_t> {
    std::vector<std::size_t> result = of.between;
    const std::size_t inner = in.nodes[of.first.node].outputs.front();
    result.push_back(of.first.output);
    if (inner != of.first.output) {
      result.push_back(inner);
    }
    return result;
  }

  /// Is the first layer of link `i`, a depthwise one, the middle of a chain of three?
  static auto follows(const topology& in, const std::vector<state>& links, std::size_t i) -> bool {
    return std::ranges::any_of(links, [&](const state& each) {
      return each.link.second == links[i].link.first.node &&
             in.nodes[each.link.second].kind == op::depthwise_convolution;
    });
  }

  /// Finds how far clamps let the channels be scaled.
  void limit(const preparation_context& context, state& of) const {
    const topology& in = context.nodes;
    const std::string& name = in.nodes[of.link.second].name;
    const std::size_t channels = of.total.size();
    if (of.link.has_unknown_clamp) {
      context.tell.on_note(
          {name,
           "not equalised: the graph does not tell the limits of the clamp before it, as "
           "constants on its inputs 1 and 2"}
      );
      of.least.assign(channels, 1.0);
      of.most.assign(channels, 1.0);
      return;
    }
    for (const detail::clamp_between& clamp : of.link.clamps) {
      of.least.resize(channels, 0.0);
      of.most.resize(channels, std::numeric_limits<double>::infinity());
      const std::size_t axis = detail::channel_axis(in.nodes[of.link.first.node]);
      const auto& samples = context.collected.per_sample(
          {in.tensors[clamp.input].name, statistic_key(extremes_key, axis)}
      );
      for (std::size_t c = 0; c != channels; ++c) {
        double low = 0.0;
        double high = 0.0;
        for (const auto& [sample, numbers] : samples) {
          low = std::min(low, static_cast<double>(numbers.at(c)));
          high = std::max(high, static_cast<double>(numbers.at(channels + c)));
        }
        const double least_of_low = clamp.low < 0.0 ? low / (clamp.low * (1.0 - headroom)) : 0.0;
        const double least = std::max(high / (clamp.high * (1.0 - headroom)), least_of_low);
        const bool commutes = clamp.low <= 0.0 && clamp.high > 0.0 && least <= 1.0;
        of.least[c] = commutes ? std::max(of.least[c], least) : 1.0;
        of.most[c] = commutes ? of.most[c] : 1.0;
      }
    }
  }

  /// Divides by factors as far as the limits allow, and says what was done.
  static auto applied(state& to, std::vector<double> factors) -> std::vector<double> {
    for (std::size_t c = 0; c != factors.size(); ++c) {
      double total = to.total[c] * factors[c];
      if (!to.least.empty()) {
        total = std::min(std::max(total, to.least[c]), to.most[c]);
      }
      factors[c] = total / to.total[c];
      to.total[c] = total;
    }
    return factors;
  }

  static auto distance(const std::vector<double>& factors) -> double {
    double result = 0.0;
    for (const double factor : factors) {
      result = std::max(result, std::abs(factor - 1.0));
    }
    return result;
  }

  static auto
  equalise(const topology& in, std::map<std::size_t, tensor_data>& weights, state& between)
      -> double {
    const topology::node& first = in.nodes[between.link.first.node];
    const topology::node& second = in.nodes[between.link.second];
    tensor_data& one = weights.at(first.inputs[1]);
    tensor_data& two = weights.at(second.inputs[1]);
    const std::vector<double> factors = applied(
        between,
        equalisation_factors(
            slice_maxima(one, detail::output_axis(first)),
            slice_maxima(two, detail::input_axis(second))
        )
    );
    detail::scale_slices(one, detail::output_axis(first), detail::inverse_of(factors));
    detail::scale_slices(two, detail::input_axis(second), factors);
    return distance(factors);
  }

  static auto equalise(
      const topology& in, std::map<std::size_t, tensor_data>& weights, state& before, state& behind
  ) -> double {
    const topology::node& first = in.nodes[before.link.first.node];
    const topology::node& middle = in.nodes[before.link.second];
    const topology::node& last = in.nodes[behind.link.second];
    tensor_data& one = weights.at(first.inputs[1]);
    tensor_data& two = weights.at(middle.inputs[1]);
    tensor_data& three = weights.at(last.inputs[1]);
    auto [left, right] = equalisation_factors(
        slice_maxima(one, detail::output_axis(first)),
        slice_maxima(two, 0),
        slice_maxima(three, detail::input_axis(last))
    );
    left = applied(before, std::move(left));
    right = applied(behind, std::move(right));
    detail::scale_slices(one, detail::output_axis(first), detail::inverse_of(left));
    detail::scale_slices(two, 0, left);
    detail::scale_slices(two, 0, detail::inverse_of(right));
    detail::scale_slices(three, detail::input_axis(last), right);
    return std::max(distance(left), distance(right));
  }

  static auto emitted(
      const preparation_context& context,
      const std::vector<state>& links,
      const std::map<std::size_t, tensor_data>& weights,
      const preparation& before
  ) -> preparation {
    const topology& in = context.nodes;
    preparation after = before;
    for (const auto& [tensor, value] : weights) {
      if (value != detail::constant_under(before.model, in, tensor)) {
        detail::replace(after, in, tensor, cause, value);
      }
    }
    for (const state& each : links) {
      if (distance(each.total) == 0.0) {
        continue;
      }
      if (each.link.first.bias) {
        const bias_site& bias = *each.link.first.bias;
        tensor_data value = detail::constant_under(before.model, in, bias.tensor);
        detail::scale_slices(value, *bias.axis, detail::inverse_of(each.total));
        detail::replace(after, in, bias.tensor, cause, std::move(value));
      }
      const std::size_t axis = detail::channel_axis(in.nodes[each.link.first.node]);
      for (const std::size_t tensor : tensors_of(in, each.link)) {
        after.maps.push_back({tensor, axis, each.total, std::vector<double>(each.total.size(), 0.0)}
        );
      }
      context.tell.on_note(
          {in.nodes[each.link.second].name,
           "channels equalised with `" + in.nodes[each.link.first.node].name + "`"}
      );
    }
    return after;
  }
};

} // namespace ptq::correction
