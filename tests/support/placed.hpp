// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/devices.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/placement/place.hpp>

#include <string>
#include <vector>

namespace ptq::test {

/// A placement in words, a line for each quantizer in the order of the tensors, then one for each
/// unified group: `x -> conv.0: symmetric`, `w -> conv.1: weights symmetric axis 0`, `unified a b`.
inline auto placed(const topology& in, const device_view& on, placement_options how)
    -> std::vector<std::string> {
  const placement found = place(in, on, how);
  std::vector<std::string> lines;
  for (const quantizer_site& site : found.sites) {
    std::string line = in.tensors[site.tensor].name + " ->";
    for (const topology::port& port : site.consumers) {
      line += " " + in.nodes[port.node].name + "." + std::to_string(port.input);
    }
    line += site.kind == tensor_kind::weights ? ": weights " : ": ";
    line += site.choice.mode == symmetric ? "symmetric" : "asymmetric";
    line += site.axis ? " axis " + std::to_string(*site.axis) : "";
    line += site.choice.bits == 8 ? "" : " bits " + std::to_string(site.choice.bits);
    lines.push_back(std::move(line));
  }
  for (const std::vector<std::size_t>& group : found.unified) {
    std::string line = "unified";
    for (const std::size_t member : group) {
      line += " " + in.tensors[found.sites[member].tensor].name;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

template <graph G>
auto placed(const G& of, placement_options how = {}) -> std::vector<std::string> {
  return placed(read_graph(of).nodes, view_of(device::cpu{}), how);
}

} // namespace ptq::test
