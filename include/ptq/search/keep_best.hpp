// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/closing.hpp>
#include <ptq/search/concept.hpp>
#include <ptq/search/context.hpp>

#include <cstddef>
#include <limits>
#include <vector>

namespace ptq::search {

/// Reverts group after group in the order of the ranking until the accuracy holds. A group that
/// makes it worse is quantized again and put back to the end; what is returned is the best seen.
template <class Closing = requantize>
struct keep_best {
  std::size_t max_iter_num = std::numeric_limits<std::size_t>::max(); ///< Groups to try.
  bool use_prev_if_drop_increase = true; ///< False: a group that makes it worse stays reverted.
  Closing closing{};

  [[nodiscard]] auto operator()(search_context& in) const -> search_result {
    verdict now = in.judge({});
    if (now.fits) {
      return {{}, stop_reason::met};
    }
    const group_set ranked = in.rank({}, in.worst_metric(now));
    group_set reverted;
    group_set put_back;
    std::size_t tried = 0;
    const auto revert = [&](std::size_t group, bool always) {
      group_set next = with_group(reverted, group);
      const verdict found = in.judge(next);
      if (found.fits || always || !use_prev_if_drop_increase || found.excess <= now.excess) {
        in.decide(found.fits ? "fits" : "kept", "within the limits, or not worse than before");
        reverted = std::move(next);
        now = found;
      } else {
        in.decide("rolled back", "worse than without it");
        put_back.push_back(group);
      }
    };
    for (const bool last : {false, true}) {
      const group_set queue = last ? put_back : ranked;
      for (const std::size_t group : queue) {
        if (tried == max_iter_num) {
          return {in.best(), stop_reason::max_iter_num};
        }
        ++tried;
        revert(group, last);
        if (now.fits) {
          return {in.fewer(closing(in, ranked, reverted)), stop_reason::met};
        }
      }
    }
    return {in.best(), stop_reason::unreachable};
  }

  friend constexpr auto operator==(const keep_best&, const keep_best&) -> bool = default;
};

} // namespace ptq::search
