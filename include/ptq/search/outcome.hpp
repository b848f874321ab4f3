// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/observer/step.hpp>
#include <ptq/plan/group.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/ranking/budget.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace ptq {

/// What came of a search.
struct accuracy_outcome {
  ptq::plan plan{};     ///< The best that was found.
  bool reached = false; ///< Does it hold the accuracy?
  stop_reason why = stop_reason::met;
  double missed_by = 0.0;    ///< The largest excess over a limit, as a share of the baseline.
  std::string measured_by{}; ///< The metrics, or what was measured for want of labels.
  /// Of the plan with everything quantized, by the configuration that is returned.
  std::vector<metric_drop> start{};
  bool start_in_full = false; ///< False: `start` is what was seen until that plan was turned down.
  std::vector<metric_drop> returned{}; ///< Of the plan that is returned.
  bool returned_in_full = false; ///< Measured on all samples; false only if the search was stopped.
  std::vector<group> reverted{}; ///< In the order of the graph.
  std::size_t operations_reverted = 0;
  std::size_t operations_quantized = 0; ///< Of the plan with everything quantized.
  inferred_samples inferred{};
  std::string configuration{}; ///< What the base algorithm was changed to; empty: as given.
  std::size_t evaluations = 0; ///< Candidates that were measured, on a part of the samples or all.
  std::vector<step> trace{};

  /// The drops of the plan that is returned, the first metric's.
  [[nodiscard]] auto drop() const -> double {
    return returned.empty() ? 0.0 : returned.front().drop;
  }

  friend auto operator==(const accuracy_outcome&, const accuracy_outcome&) -> bool = default;
};

} // namespace ptq
