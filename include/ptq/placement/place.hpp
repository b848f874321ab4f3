// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/placement/insertion.hpp>
#include <ptq/placement/unification.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace ptq {

/// Decides which tensors get a quantizer and of what kind: a function of the graph, the device and
/// the options alone.
///
/// Each input that the device takes in low precision gets one; quantizers behind operations that
/// only move values are moved above them where every reader is quantized; those on one tensor
/// become one, with what the choices of all readers have in common; those that a concatenation
/// joins are grouped to share a range.
/// @throws error, with a tensor's name, if tensors that a concatenation joins have no per-tensor
/// choice in common.
/// @see POT, insertion and propagation of FakeQuantize
[[nodiscard]] inline auto
place(const topology& in, std::span<const device_rule> device, const placement_options& options)
    -> placement {
  const detail::rule_book rules(device);
  detail::edge_quantizers edges = detail::insert_quantizers(in, rules, options);
  detail::propagate_upward(in, rules, edges);

  placement result;
  std::vector<choice_list> choices;
  for (std::size_t t = 0; t != in.tensors.size(); ++t) {
    quantizer_site site{.tensor = t};
    choice_list common;
    for (const topology::port& port : in.tensors[t].consumers) {
      const auto edge = edges.find({port.node, port.input});
      if (edge == edges.end()) {
        continue;
      }
      common = site.consumers.empty() ? edge->second.choices
                                      : common_choices(common, edge->second.choices);
      site.consumers.push_back(port);
    }
    if (site.consumers.empty()) {
      continue;
    }
    const bool constant = in.tensors[t].output == 0 && in.producer(t).constant.has_value();
    site.kind = constant ? tensor_kind::weights : tensor_kind::activations;
    result.sites.push_back(std::move(site));
    choices.push_back(std::move(common));
  }

  result.unified = detail::unification(in, rules, result.sites).groups();
  for (const std::vector<std::size_t>& group : result.unified) {
    choice_list common = choices[group.front()];
    for (const std::size_t member : group) {
      common = common_choices(common, choices[member]);
    }
    std::erase_if(common, [](const quantization_choice& choice) {
      return choice.granularity == per_channel;
    });
    if (common.empty()) {
      throw error(
          "the tensors that a concatenation joins cannot be quantized alike",
          in.tensors[result.sites[group.front()].tensor].name
      );
    }
    for (const std::size_t member : group) {
      choices[member] = common;
    }
  }

  for (std::size_t s = 0; s != result.sites.size(); ++s) {
    quantizer_site& site = result.sites[s];
    const bool weights = site.kind == tensor_kind::weights;
    const bool accurate = weights ? options.accurate_weights : options.accurate_activations;
    site.choice = accurate ? choices[s].back() : choices[s].front();
    if (site.choice.granularity == per_channel) {
      site.axis = weights ? detail::weights_axis(in, site.consumers.front())
                          : std::optional<std::size_t>(1);
    }
  }
  return result;
}

} // namespace ptq
