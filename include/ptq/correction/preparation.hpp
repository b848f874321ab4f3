// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/placement/place.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cstddef>
#include <set>
#include <vector>

namespace ptq {

/// What became of a tensor when constants before it were replaced: `x' = (x - shift) / scale`, for
/// each channel on `axis`. All scales are above 0.
struct channel_map {
  std::size_t tensor = 0;
  std::size_t axis = 1; ///< May be `last_axis`.
  std::vector<double> scale{};
  std::vector<double> shift{};

  friend auto operator==(const channel_map&, const channel_map&) -> bool = default;
};

/// The float model as it is quantized: some constants are others, the function is the same.
struct preparation {
  /// Constants alone. They belong to no operation, so that they stay whatever leaves a plan.
  plan model{};
  std::vector<channel_map> maps{};  ///< In the order in which they happened.
  std::set<std::size_t> rescaled{}; ///< Nodes whose weights the saturation fix shall halve.

  friend auto operator==(const preparation&, const preparation&) -> bool = default;
};

/// What a correction that prepares the model may look at.
struct preparation_context {
  const topology& nodes;
  const placement& sites;
  const statistics& collected; ///< Of the model as it came.
  const observers& tell;
  bool can_run = false; ///< Is there an engine for a second pass over the samples?
};

} // namespace ptq
