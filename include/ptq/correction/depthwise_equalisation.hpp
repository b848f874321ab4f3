// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/detail/equalisation_links.hpp>
#include <ptq/correction/detail/layer_pair.hpp>
#include <ptq/correction/equalisation_factors.hpp>
#include <ptq/correction/preparation.hpp>
#include <ptq/placement/place.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq::correction {

/// Scales the channels that a depthwise convolution reads, so that each is as wide as the widest:
/// its one grid for all of them then is as fine for each as a grid of its own.
///
/// Costs nothing where both layers' weights have a grid for each channel, which takes the scale up;
/// elsewhere nothing is done. The function of the model stays: what is between the layers (ReLU,
/// leaky ReLU, pooling) commutes with a positive scale, and through a clamp (ReLU6) a channel is
/// scaled as far as its calibrated extremes stay inside. The scaled tensors are observed in a
/// second pass; without an engine that runs plans all stays as it is.
struct depthwise_equalisation {
  double headroom =
      0.1; ///< What has to be left to a clamp's limit, as a share of it. 0 to below 1.
  double least_scale =
      1e-3; ///< No channel is widened by more than its inverse. Above 0, at most 1.

  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    for (const detail::equalisation_link& each : links_of(nodes, sites)) {
      ask.extremes(nodes.nodes[each.second].inputs[0], 1);
      for (const detail::clamp_between& clamp : each.clamps) {
        ask.extremes(clamp.input, 1);
      }
    }
  }

  [[nodiscard]] auto prepare(const preparation_context& context, const preparation& before) const
      -> preparation {
    const topology& in = context.nodes;
    preparation after = before;
    if (!context.can_run) {
      return after;
    }
    for (const detail::equalisation_link& each : links_of(in, context.sites)) {
      const topology::node& second = in.nodes[each.second];
      const std::vector<double> scale = scales_of(
          context, each, slice_maxima(detail::constant_under(after.model, in, second.inputs[1]), 0)
      );
      if (std::ranges::all_of(scale, [](double s) { return s == 1.0; })) {
        continue;
      }
      detail::divide_output(after, in, each.first, scale, cause);
      const std::vector<double> still(scale.size(), 0.0);
      for (const std::size_t tensor : each.between) {
        after.maps.push_back({tensor, 1, scale, still});
      }
      tensor_data weights = detail::constant_under(after.model, in, second.inputs[1]);
      detail::scale_slices(weights, 0, scale);
      detail::replace(after, in, second.inputs[1], cause, std::move(weights));
      context.tell.on_note(
          {second.name, "channels made equally wide by `" + in.nodes[each.first.node].name + "`"}
      );
    }
    return after;
  }

  /// @throws error for a headroom or a scale that is none.
  void check_options() const {
    if (!(headroom >= 0.0) || !(headroom < 1.0)) {
      throw error("it is 0 to below 1", {}, "depthwise_equalisation.headroom");
    }
    if (!(least_scale > 0.0) || !(least_scale <= 1.0)) {
      throw error("it is above 0 and at most 1", {}, "depthwise_equalisation.least_scale");
    }
  }

  friend constexpr auto operator==(const depthwise_equalisation&, const depthwise_equalisation&)
      -> bool = default;

private:
  static constexpr const char* cause = "depthwise_equalisation";

  struct width {
    double low = 0.0;
    double high = 0.0;
  };

  /// Has input `input` of a node a quantizer, with a grid for each channel or for all?
  static auto
  is_quantized(const placement& sites, std::size_t node, std::size_t input, bool per_channel_grids)
      -> bool {
    return std::ranges::any_of(sites.sites, [&](const quantizer_site& site) {
      return site.axis.has_value() == per_channel_grids &&
             std::ranges::any_of(site.consumers, [&](const topology::port& port) {
               return port.node == node && port.input == input;
             });
    });
  }

  static auto links_of(const topology& in, const placement& sites)
      -> std::vector<detail::equalisation_link> {
    std::vector<detail::equalisation_link> result;
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      if (in.nodes[n].kind != op::depthwise_convolution || !is_quantized(sites, n, 0, false) ||
          !is_quantized(sites, n, 1, true)) {
        continue;
      }
      std::optional<detail::equalisation_link> link = detail::link_before(in, n);
      if (link && !link->has_unknown_clamp && is_quantized(sites, link->first.node, 1, true)) {
        result.push_back(std::move(*link));
      }
    }
    return result;
  }

  /// The extremes of each channel over all samples, zero among them.
  static auto widths_of(const preparation_context& context, std::size_t tensor)
      -> std::vector<width> {
    std::vector<width> result;
    const auto& samples = context.collected.per_sample(
        {context.nodes.tensors[tensor].name, statistic_key(extremes_key, 1)}
    );
    for (const auto& [sample, numbers] : samples) {
      const std::size_t channels = numbers.size() / 2;
      result.resize(channels);
      for (std::size_t c = 0; c != channels; ++c) {
        result[c].low = std::min(result[c].low, static_cast<double>(numbers[c]));
        result[c].high = std::max(result[c].high, static_cast<double>(numbers[channels + c]));
      }
    }
    return result;
  }

  /// @param weights  The width of the depthwise weights of each channel.
  [[nodiscard]] auto scales_of(
      const preparation_context& context,
      const detail::equalisation_link& of,
      const std::vector<double>& weights
  ) const -> std::vector<double> {
    const std::vector<width> widths = widths_of(context, context.nodes.nodes[of.second].inputs[0]);
    const auto magnitude = [](const width& each) { return std::max(each.high, -each.low); };
    double widest = 0.0;
    for (const width& each : widths) {
      widest = std::max(widest, magnitude(each));
    }
    std::vector<double> result(widths.size(), 1.0);
    for (std::size_t c = 0; c != widths.size(); ++c) {
      if (magnitude(widths[c]) > 0.0) {
        result[c] = std::max(magnitude(widths[c]) / widest, least_scale);
      }
    }
    // The weights of a channel that never fires mean nothing, but their scale is that of its bias
    // as an integer.
    double heaviest = 0.0;
    for (std::size_t c = 0; c != widths.size(); ++c) {
      if (magnitude(widths[c]) > 0.0) {
        heaviest = std::max(heaviest, weights.at(c) * result[c]);
      }
    }
    for (std::size_t c = 0; c != widths.size(); ++c) {
      if (magnitude(widths[c]) == 0.0 && heaviest > 0.0 && weights.at(c) > heaviest) {
        result[c] = std::max(heaviest / weights[c], least_scale);
      }
    }
    for (const detail::clamp_between& clamp : of.clamps) {
      const std::vector<width> before = widths_of(context, clamp.input);
      for (std::size_t c = 0; c != result.size(); ++c) {
        const double inside = 1.0 - headroom;
        const double of_low = clamp.low < 0.0 ? before[c].low / (clamp.low * inside) : 0.0;
        const double least = std::max(before[c].high / (clamp.high * inside), of_low);
        const bool commutes = clamp.low <= 0.0 && clamp.high > 0.0 && least <= 1.0;
        result[c] = commutes ? std::max(result[c], least) : 1.0;
      }
    }
    return result;
  }
};

} // namespace ptq::correction
