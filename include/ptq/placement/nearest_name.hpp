// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ptq::detail {

/// How many characters must be put in, taken out or changed to make `b` of `a`.
inline auto edit_distance(std::string_view a, std::string_view b) -> std::size_t {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j != row.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 0; i != a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j != b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0U : 1U);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// The name of a node that is most like `wanted`, the first of several; null if there is no node.
inline auto nearest_name(std::string_view wanted, const std::vector<topology::node>& nodes)
    -> const std::string* {
  const auto nearest = std::ranges::min_element(nodes, {}, [wanted](const topology::node& node) {
    return edit_distance(wanted, node.name);
  });
  return nearest == nodes.end() ? nullptr : &nearest->name;
}

} // namespace ptq::detail
