// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

/// How many characters must be put in, taken out or changed to make `b` of `a`.
/// @see V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals"
[[nodiscard]] inline auto edit_distance(std::string_view a, std::string_view b) -> std::size_t {
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

/// The name that is most like `wanted`, the first of several; empty if there is none.
template <class Names>
[[nodiscard]] auto nearest_name(std::string_view wanted, const Names& names) -> std::string {
  std::string nearest;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const auto& each : names) {
    const std::string_view name(each);
    if (const std::size_t distance = edit_distance(wanted, name); distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

} // namespace ptq
