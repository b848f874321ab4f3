// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/observer/step.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/ranking/budget.hpp>
#include <ptq/search/configuration.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace ptq {

/// What came of a search over configurations.
struct tuning_outcome {
  ptq::plan plan{}; ///< The best that was found.
  ptq::configuration configuration{};
  std::string changes{};              ///< What the configuration changes, in words.
  bool reached = false;               ///< Is it within every limit?
  stop_reason why = stop_reason::met; ///< Why the search ended; `met`: it came to its end.
  double missed_by = 0.0;    ///< The largest excess over a limit, as a share of the baseline.
  double cost = 0.0;         ///< Of the plan, by the user's function.
  std::string measured_by{}; ///< The metrics.
  std::vector<metric_drop> start{
  }; ///< Of the algorithm as it is; empty if it was not measured on all samples.
  std::vector<metric_drop> returned{}; ///< Of the plan that is returned.
  bool returned_in_full = false; ///< Measured on all samples; false only if the search was stopped.
  std::vector<trial> trials{};   ///< In the order in which they were measured.
  inferred_samples inferred{};
  std::size_t evaluations = 0; ///< Configurations that were measured; those of equal plans once.
  std::vector<step> trace{};

  /// The drop of the plan that is returned, the first metric's.
  [[nodiscard]] auto drop() const -> double {
    return returned.empty() ? 0.0 : returned.front().drop;
  }

  friend auto operator==(const tuning_outcome&, const tuning_outcome&) -> bool = default;
};

} // namespace ptq
