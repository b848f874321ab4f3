// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/configuration.hpp>

#include <cstddef>
#include <optional>
#include <set>
#include <span>

namespace ptq::search {

/// Every configuration, the first axis slowest.
struct grid {
  [[nodiscard]] auto suggest(std::span<const search_axis> axes, std::span<const trial> so_far) const
      -> std::optional<configuration> {
    std::set<configuration> known;
    for (const trial& each : so_far) {
      known.insert(each.at);
    }
    configuration at(axes.size());
    while (known.contains(at)) {
      std::size_t a = axes.size();
      while (a != 0 && ++at[a - 1] == axes[a - 1].choices.size()) {
        at[--a] = 0;
      }
      if (a == 0) {
        return std::nullopt;
      }
    }
    return at;
  }

  friend constexpr auto operator==(const grid&, const grid&) -> bool = default;
};

} // namespace ptq::search
