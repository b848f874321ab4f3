// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/collect.hpp>
#include <ptq/range/quantile.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/message.hpp"
#include "support/policy_archetypes.hpp"
#include "support/scripted_evaluator.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace ptq::test {

struct collecting {
  using taps = std::span<const ptq::tensor_ref<int>>;
  using show_ref = ptq::show_ref<int>;

  toy_graph g;
  ptq::tensor_ref<int> x = g.input("x");
  ptq::tensor_ref<int> relu = g.relu("relu", x);
  ptq::read_graph_result<toy_graph> read = ptq::read_graph(g);
  ptq::statistics_request request = all_of(0);

  static auto all_of(std::size_t tensor) -> ptq::statistics_request {
    ptq::statistics_request result;
    result.extremes(tensor, std::nullopt);
    result.extremes(tensor, 1);
    result.mean(tensor, 1);
    result.mean(tensor, ptq::last_axis);
    result.estimate(tensor, range_estimator_archetype(1), std::nullopt);
    result.estimate(tensor, range_estimator_archetype(2), 1);
    return result;
  }

  template <class E>
  auto collect(E& evaluator, const ptq::samples& range) -> ptq::statistics {
    return ptq::collect_statistics(g, read, evaluator, range, request, ptq::observers{});
  }

  auto collect(std::size_t count, scripted_evaluator::script run) -> ptq::statistics {
    scripted_evaluator evaluator{count, std::move(run)};
    return collect(evaluator, {0, count});
  }

  /// The statistics of one sample that is shown as `views`, one piece after the other.
  auto shown_as(const std::vector<ptq::tensor_view>& views) -> ptq::statistics {
    return collect(1, [&](taps, const ptq::samples&, show_ref show) {
      for (const ptq::tensor_view& view : views) {
        show(0, x, view);
      }
    });
  }

  auto refusal(std::size_t count, scripted_evaluator::script run) -> std::string {
    return message_of([&] { (void)collect(count, std::move(run)); });
  }
};

} // namespace ptq::test
