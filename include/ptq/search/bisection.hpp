// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/closing.hpp>
#include <ptq/search/concept.hpp>
#include <ptq/search/context.hpp>

#include <cstddef>

namespace ptq::search {

/// Finds how many of the ranked groups have to be reverted by halving, then looks for fewer.
///
/// @par Complexity log2 of the number of groups candidates, and those of the closing pass.
template <class Closing = requantize>
struct bisection {
  Closing closing{};

  [[nodiscard]] auto operator()(search_context& in) const -> search_result {
    const verdict& start = in.judge({});
    if (start.fits) {
      return {{}, stop_reason::met};
    }
    const group_set ranked = in.rank({}, in.worst_metric(start));
    const auto first = [&ranked](std::size_t count) {
      group_set result(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count));
      std::ranges::sort(result);
      return result;
    };
    std::size_t fails = 0;
    std::size_t fits = ranked.size();
    if (!in.judge(first(fits)).fits) {
      return {in.best(), stop_reason::unreachable};
    }
    while (fits - fails > 1) {
      const std::size_t middle = fails + (fits - fails) / 2;
      (in.judge(first(middle)).fits ? fits : fails) = middle;
    }
    return {in.fewer(closing(in, ranked, first(fits))), stop_reason::met};
  }

  friend constexpr auto operator==(const bisection&, const bisection&) -> bool = default;
};

} // namespace ptq::search
