// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/placement/insertion.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Which weights the saturation fix halves.
enum class saturation : std::uint8_t {
  first_layer, ///< Of the convolutions that come first on each path from an input, and of those
               ///< whose channels were aligned.
  all,         ///< Of all convolutions and matrix products.
  no,
};

namespace correction {

/// Halves weights, so that their codes need 7 bits and pairs of `u8 x s8` products stay within 16
/// bits: the constant is divided by 2, the input limits stay, the output limits double.
///
/// Only for devices whose sums saturate, and graphs with a convolution.
/// @see POT, parameter saturation_fix
struct saturation_fix {
  saturation apply = saturation::first_layer;

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    if (apply == saturation::no || !context.sums_saturate || !has_convolution(context.nodes)) {
      return before;
    }
    std::set<std::size_t> chosen = apply == saturation::all ? weighted_nodes(context.nodes)
                                                            : first_convolutions(context.nodes);
    if (context.prepared != nullptr) {
      chosen.insert(context.prepared->rescaled.begin(), context.prepared->rescaled.end());
    }
    plan after = before;
    for (auto& entry : after.quantizers) {
      if (entry->kind != tensor_kind::weights) {
        continue;
      }
      const topology::node* const node = reader(context.nodes, chosen, *entry);
      if (node == nullptr) {
        continue;
      }
      // The halved constant would reach these readers without the doubled limits.
      if (context.nodes.tensors[node->inputs[1]].consumers.size() != entry->consumers.size()) {
        context.tell.on_note(
            {node->name, "weights not halved: they are also read in floating point"}
        );
        continue;
      }
      quantizer doubled = *entry;
      for (grid& each : doubled.format.grids) {
        each.out_low *= 2.0F;
        each.out_high *= 2.0F;
      }
      const tensor_data* const replaced = before.constant(entry->tensor);
      tensor_data halved =
          replaced != nullptr ? *replaced : to_floats(*context.nodes.constant_at(*node, 1));
      for (float& value : halved.values) {
        value *= 0.5F;
      }
      after.constants.push_back(
          correction_entry(entry->tensor, node->name, "saturation_fix", std::move(halved))
      );
      entry = std::move(doubled);
    }
    return after;
  }

  friend constexpr auto operator==(const saturation_fix&, const saturation_fix&) -> bool = default;

  /// The weighted operations of a graph.
  [[nodiscard]] static auto weighted_nodes(const topology& in) -> std::set<std::size_t> {
    std::set<std::size_t> result;
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      if (detail::is_weighted(in.nodes[n].kind)) {
        result.insert(n);
      }
    }
    return result;
  }

  /// The convolutions that no other convolution comes before.
  [[nodiscard]] static auto first_convolutions(const topology& in) -> std::set<std::size_t> {
    std::set<std::size_t> result;
    std::set<std::size_t> open;
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      const topology::node& node = in.nodes[n];
      bool reached = node.kind == op::input;
      for (const std::size_t tensor : node.inputs) {
        reached = reached || (tensor != topology::none && open.contains(in.tensors[tensor].node));
      }
      if (!reached) {
        continue;
      }
      if (is_convolution(node.kind)) {
        result.insert(n);
      } else {
        open.insert(n);
      }
    }
    return result;
  }

private:
  static auto
  correction_entry(std::string tensor, std::string node, std::string cause, tensor_data value)
      -> shared_value<replaced_constant> {
    return replaced_constant{
        std::move(tensor), std::move(node), std::move(cause), std::move(value)
    };
  }

  static auto is_convolution(op kind) -> bool {
    return kind == op::convolution || kind == op::depthwise_convolution;
  }

  static auto has_convolution(const topology& in) -> bool {
    for (const topology::node& node : in.nodes) {
      if (is_convolution(node.kind)) {
        return true;
      }
    }
    return false;
  }

  static auto reader(const topology& in, const std::set<std::size_t>& chosen, const quantizer& of)
      -> const topology::node* {
    for (const std::size_t n : chosen) {
      for (const port_name& port : of.consumers) {
        if (port.input == 1 && port.node == in.nodes[n].name) {
          return &in.nodes[n];
        }
      }
    }
    return nullptr;
  }
};

} // namespace correction

} // namespace ptq
