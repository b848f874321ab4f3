// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/ranking/question.hpp>
#include <ptq/search/configuration.hpp>
#include <ptq/search/grid.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ptq::search {

/// Configurations drawn evenly, none twice.
///
/// @par Determinism The same for the same seed, on every machine.
struct random {
  std::size_t max_trials = 200; ///< Beside the algorithm as it is.
  std::uint64_t seed = 0;

  [[nodiscard]] auto suggest(std::span<const search_axis> axes, std::span<const trial> so_far) const
      -> std::optional<configuration> {
    if (so_far.size() > max_trials) {
      return std::nullopt;
    }
    constexpr std::uint64_t attempts = 64;
    for (std::uint64_t attempt = 0; attempt != attempts; ++attempt) {
      configuration at;
      for (std::size_t a = 0; a != axes.size(); ++a) {
        const std::uint64_t index = (so_far.size() * attempts + attempt) * axes.size() + a;
        at.push_back(ranking::drawn(seed, index) % axes[a].choices.size());
      }
      if (!ptq::detail::was_tried(so_far, at)) {
        return at;
      }
    }
    return grid{}.suggest(axes, so_far); // few are left
  }

  friend constexpr auto operator==(const random&, const random&) -> bool = default;
};

} // namespace ptq::search
