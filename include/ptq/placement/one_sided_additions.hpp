// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/placement/rules.hpp>
#include <ptq/placement/sites.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace ptq::detail {

/// Does a chain of operations with one input lead up to a convolution or matrix product? A
/// quantized constant counts as an input.
inline auto
comes_from_a_layer(const topology& in, const std::vector<quantizer_site>& sites, std::size_t tensor)
    -> bool {
  const auto is_plain_constant = [&](const topology::node& of, std::size_t input) {
    return in.constant_at(of, input) != nullptr &&
           std::ranges::find(sites, of.inputs[input], &quantizer_site::tensor) == sites.end();
  };
  while (true) {
    const topology::node& above = in.producer(tensor);
    if (is_weighted(above.kind)) {
      return true;
    }
    std::size_t count = 0;
    std::size_t next = topology::none;
    for (std::size_t input = 0; input != above.inputs.size(); ++input) {
      if (above.inputs[input] != topology::none && !is_plain_constant(above, input)) {
        ++count;
        next = above.inputs[input];
      }
    }
    if (count != 1) {
      return false;
    }
    tensor = next;
  }
}

/// Leaves one side of additions in floating point, for devices that fuse the addition into the
/// layer on that side.
/// @see POT, CPU_SPR
inline void leave_one_side_in_float(const topology& in, std::vector<quantizer_site>& sites) {
  const auto site_at = [&sites](const topology::port& at) -> std::size_t {
    const auto found = std::ranges::find_if(sites, [&at](const quantizer_site& site) {
      return std::ranges::find(site.consumers, at) != site.consumers.end();
    });
    return static_cast<std::size_t>(found - sites.begin());
  };
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    const topology::node& sum = in.nodes[n];
    if (sum.kind != op::add || sum.inputs.size() != 2 || in.constant_at(sum, 1) != nullptr) {
      continue;
    }
    topology::port more{n, 0};
    topology::port less{n, 1};
    if (site_at(more) == sites.size() || site_at(less) == sites.size() ||
        site_at(more) == site_at(less)) {
      continue;
    }
    if (sites[site_at(more)].consumers.size() < sites[site_at(less)].consumers.size()) {
      std::swap(more, less);
    }
    const auto drop = [&](const topology::port& at) {
      std::vector<topology::port>& consumers = sites[site_at(at)].consumers;
      std::erase(consumers, at);
    };
    const topology::node& made_by = in.producer(sites[site_at(less)].tensor);
    if (sites[site_at(more)].consumers.size() > 1 && sites[site_at(less)].consumers.size() == 1 &&
        in.constant_at(made_by, 1) != nullptr) {
      drop(less);
    } else if (comes_from_a_layer(in, sites, sum.inputs[0]) &&
               comes_from_a_layer(in, sites, sum.inputs[1])) {
      drop(more);
    }
  }
  std::erase_if(sites, [](const quantizer_site& site) { return site.consumers.empty(); });
}

} // namespace ptq::detail
