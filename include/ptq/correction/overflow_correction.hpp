// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/detail/operation_mean.hpp>
#include <ptq/range/extremes.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// By what weights are divided so that sums of products fit 32 bits: `q / (2^31 - 1)` of the
/// greatest sum `q`, in units of both steps; 1 if it fits.
[[nodiscard]] inline auto overflow_ratio(double abs_max, double input_step, double weight_step)
    -> double {
  constexpr double most = 2147483647.0;
  const double sum = std::trunc(abs_max / (input_step * weight_step));
  return sum > most ? sum / most : 1.0;
}

namespace correction {

/// Makes room in 32-bit sums for weights of more than 8 bits: they are divided by what the greatest
/// output over all samples exceeds the sums by, and their output limits multiplied.
/// @see POT, OverflowCorrection
struct overflow_correction {
  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    for (const topology::node& node : nodes.nodes) {
      if (is_wide(nodes, sites, node)) {
        ask.extremes(output_of(nodes, node), std::nullopt);
      }
    }
  }

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    plan after = before;
    for (auto& entry : after.quantizers) {
      const topology::node* const node = reader(context.nodes, *entry);
      if (node == nullptr || entry->kind != tensor_kind::weights ||
          entry->format.grids.front().levels <= 255 ||
          !is_wide(context.nodes, context.sites, *node) ||
          context.nodes.tensors[node->inputs[1]].consumers.size() != 1) {
        continue;
      }
      std::set<std::size_t> seen;
      const double input_step = input_step_of(context.nodes, before, *node, seen);
      const double weight_step = step_of(entry->format.grids);
      if (!(input_step > 0.0) || !(weight_step > 0.0)) {
        continue;
      }
      const double ratio = overflow_ratio(abs_max(context, *node), input_step, weight_step);
      if (ratio == 1.0) {
        continue;
      }
      quantizer wider = *entry;
      for (grid& each : wider.format.grids) {
        each.out_low = static_cast<float>(static_cast<double>(each.out_low) * ratio);
        each.out_high = static_cast<float>(static_cast<double>(each.out_high) * ratio);
      }
      tensor_data weights = detail::constant_under(before, context.nodes, node->inputs[1]);
      for (float& value : weights.values) {
        value = static_cast<float>(static_cast<double>(value) / ratio);
      }
      context.tell.on_note(
          {node->name,
           "weights divided by " + std::to_string(ratio) + ", so that sums of products fit 32 bits"}
      );
      after.constants.push_back(
          replaced_constant{entry->tensor, node->name, "overflow_correction", std::move(weights)}
      );
      entry = std::move(wider);
    }
    return after;
  }

  friend constexpr auto operator==(const overflow_correction&, const overflow_correction&)
      -> bool = default;

private:
  static auto output_of(const topology& in, const topology::node& of) -> std::size_t {
    const std::optional<bias_site> bias = find_bias(in, of);
    return bias ? bias->output : of.outputs.front();
  }

  /// Are the operation's weights quantized to more than 8 bits?
  static auto is_wide(const topology& in, const placement& sites, const topology::node& of)
      -> bool {
    return detail::is_weighted(of.kind) &&
           std::ranges::any_of(sites.sites, [&](const quantizer_site& site) {
             return site.kind == tensor_kind::weights && site.choice.bits > 8 &&
                    std::ranges::any_of(site.consumers, [&](const topology::port& port) {
                      return port.input == 1 && &in.nodes[port.node] == &of;
                    });
           });
  }

  static auto reader(const topology& in, const quantizer& of) -> const topology::node* {
    for (const topology::node& node : in.nodes) {
      for (const port_name& port : of.consumers) {
        if (port.input == 1 && port.node == node.name && in.constant_at(node, 1) != nullptr) {
          return &node;
        }
      }
    }
    return nullptr;
  }

  static auto step_of(const std::vector<grid>& grids) -> double {
    double widest = 0.0;
    for (const grid& each : grids) {
      const double width = static_cast<double>(each.out_high) - static_cast<double>(each.out_low);
      widest = std::max(widest, width / static_cast<double>(each.levels - 1));
    }
    return widest;
  }

  /// The widest step of the quantizers that are met first on each way up from the inputs.
  static auto input_step_of(
      const topology& in, const plan& under, const topology::node& of, std::set<std::size_t>& seen
  ) -> double {
    double widest = 0.0;
    for (std::size_t port = 0; port != of.inputs.size(); ++port) {
      if (of.inputs[port] == topology::none || in.constant_at(of, port) != nullptr) {
        continue;
      }
      if (const quantizer* const on = under.input(of.name, port)) {
        widest = std::max(widest, step_of(on->format.grids));
      } else if (seen.insert(of.inputs[port]).second) {
        widest = std::max(widest, input_step_of(in, under, in.producer(of.inputs[port]), seen));
      }
    }
    return widest;
  }

  static auto abs_max(const correction_context& context, const topology::node& of) -> double {
    double result = 0.0;
    const std::string& tensor = context.nodes.tensors[output_of(context.nodes, of)].name;
    for (const auto& [sample, ends] :
         context.collected.per_sample({tensor, statistic_key(extremes_key, std::nullopt)})) {
      result = std::max(
          {result,
           std::abs(static_cast<double>(ends.at(0))),
           std::abs(static_cast<double>(ends.at(1)))}
      );
    }
    return result;
  }
};

} // namespace correction

} // namespace ptq
