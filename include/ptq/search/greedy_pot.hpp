// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/concept.hpp>
#include <ptq/search/context.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace ptq::search {

/// POT's search, step by step: it reverts the first group of the ranking, takes a step that made
/// it worse back and ranks anew, and returns the last plan.
///
/// Kept as POT has it: the first step of all and the first one behind a roll-back are never taken
/// back; the drop to compare with is then that of the plan that was taken back; a model without
/// any quantizer is a failure, whatever its drop; drops are compared as the doubles that they are.
/// Every candidate is measured on all samples.
/// @see POT, AccuracyAwareQuantization
struct greedy_pot {
  std::size_t max_iter_num = std::numeric_limits<std::size_t>::max();
  bool use_prev_if_drop_increase = true;

  [[nodiscard]] auto operator()(search_context& in) const -> search_result {
    const std::vector<double> start = in.measure({}).drops;
    if (met(in, start)) {
      return {{}, stop_reason::met};
    }
    if (max_iter_num == 0) {
      return {{}, stop_reason::max_iter_num};
    }
    std::size_t metric = farthest(in, start);
    group_set reverted;
    group_set ranking = in.rank(reverted, metric);
    double reference = start[metric];
    bool step_back = true;
    std::size_t next = 0;
    for (std::size_t iteration = 0; iteration != max_iter_num; ++iteration) {
      if (next == ranking.size()) {
        return {reverted, stop_reason::ranking_exhausted};
      }
      const group_set before = reverted;
      reverted = with_group(reverted, ranking[next++]);
      const std::vector<double> drops = in.measure(reverted).drops;
      const double now = drops[metric];
      const double limit = in.limits()[metric].maximal_drop;
      if (in.variants().of(reverted).quantizers.empty()) {
        in.decide("stopped", "nothing is quantized any more");
        return {reverted, stop_reason::everything_reverted};
      }
      if (met(in, drops)) {
        in.decide("fits", "every drop is within its limit");
        return {reverted, stop_reason::met};
      }
      if ((limit < now && now <= reference) || (now > reference && step_back)) {
        in.decide(
            "kept", now <= reference ? "not worse than before" : "the first step of a ranking"
        );
        step_back = false;
        reference = now;
        continue;
      }
      if (now > reference && use_prev_if_drop_increase) {
        in.decide("rolled back", "worse than before");
        reverted = before;
        step_back = true;
      } else {
        in.decide("kept", now > reference ? "worse than before" : "this metric is met, others not");
      }
      reference = now;
      if (now <= limit) {
        metric = farthest(in, drops);
        reference = start[metric];
        step_back = false;
      }
      ranking = in.rank(reverted, metric);
      next = 0;
    }
    return {reverted, stop_reason::max_iter_num};
  }

  friend constexpr auto operator==(const greedy_pot&, const greedy_pot&) -> bool = default;

private:
  static auto met(const search_context& in, const std::vector<double>& drops) -> bool {
    for (std::size_t m = 0; m != drops.size(); ++m) {
      if (!(drops[m] <= in.limits()[m].maximal_drop)) {
        return false;
      }
    }
    return true;
  }

  /// The last of those farthest over their limit, as a share of the baseline.
  static auto farthest(const search_context& in, const std::vector<double>& drops) -> std::size_t {
    std::size_t result = 0;
    double most = -std::numeric_limits<double>::infinity();
    for (std::size_t m = 0; m != drops.size(); ++m) {
      const metric_limit& limit = in.limits()[m];
      const double scale = limit.baseline == 0.0 ? 1.0 : limit.baseline;
      const double over = (drops[m] - limit.maximal_drop) / scale;
      if (over >= most) {
        most = over;
        result = m;
      }
    }
    return result;
  }
};

} // namespace ptq::search
