// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/fake_quantized.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/place.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>

namespace ptq::detail {

/// The axis of a weighted operation's activations that has the channels.
inline auto channel_axis_of(const topology::node& of) -> std::size_t {
  return of.kind == op::matmul ? last_axis : 1;
}

/// Will the weights of this operation be quantized?
inline auto
has_quantized_weights(const topology& in, const placement& sites, const topology::node& of)
    -> bool {
  return std::ranges::any_of(sites.sites, [&](const quantizer_site& site) {
    return site.kind == tensor_kind::weights &&
           std::ranges::any_of(site.consumers, [&](const topology::port& port) {
             return port.input == 1 && &in.nodes[port.node] == &of;
           });
  });
}

/// The constant `tensor` as the plan has it, before any quantizer.
inline auto constant_under(const topology& in, const plan& under, std::size_t tensor)
    -> tensor_data {
  const tensor_data* const replaced = under.constant(in.tensors[tensor].name);
  return replaced != nullptr ? *replaced : to_floats(*in.producer(tensor).constant);
}

/// The weights of an operation as it sees them under the plan.
inline auto weights_under(const topology& in, const plan& under, const topology::node& of)
    -> tensor_data {
  tensor_data weights = constant_under(in, under, of.inputs[1]);
  const quantizer* const grids = under.input(of.name, 1);
  return grids != nullptr ? fake_quantized(std::move(weights), grids->format) : weights;
}

} // namespace ptq::detail
