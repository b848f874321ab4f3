// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/context.hpp>

#include <algorithm>
#include <cstddef>

namespace ptq::search {

/// Tries to quantize each reverted group again, that of the least influence first.
struct requantize {
  /// @param ranked    All groups, the one of most influence in front.
  /// @param reverted  Within the limits.
  [[nodiscard]] auto
  operator()(search_context& in, const group_set& ranked, group_set reverted) const -> group_set {
    for (auto at = ranked.rbegin(); at != ranked.rend(); ++at) {
      if (!std::ranges::binary_search(reverted, *at)) {
        continue;
      }
      const group_set fewer = without_group(reverted, *at);
      if (in.judge(fewer).fits) {
        in.decide("quantized again", "not needed to hold the accuracy");
        reverted = fewer;
      }
    }
    return reverted;
  }

  friend constexpr auto operator==(const requantize&, const requantize&) -> bool = default;
};

/// Leaves what the search found.
struct no_closing {
  [[nodiscard]] auto operator()(search_context&, const group_set&, group_set reverted) const
      -> group_set {
    return reverted;
  }

  friend constexpr auto operator==(const no_closing&, const no_closing&) -> bool = default;
};

} // namespace ptq::search
