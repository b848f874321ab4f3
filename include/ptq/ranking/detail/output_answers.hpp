// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/ranking/measuring_engine.hpp>
#include <ptq/ranking/output_distance.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

// What an engine's outputs come to, as an answer that is kept.
namespace ptq::detail {

inline auto
errors_of(const std::vector<output_tensors>& wanted, const std::vector<output_tensors>& now)
    -> measurement {
  return {{.name = "errors of the outputs", .per_sample = scaled_errors(wanted, now)}};
}

inline auto what_distance(distance kind) -> std::string {
  return std::string(name_of(kind)) + " of the outputs";
}

inline auto distances(
    measuring_engine& engine,
    const plan& under,
    const samples& range,
    distance kind,
    const std::vector<output_tensors>& wanted
) -> measurement {
  const std::vector<output_tensors> reached = engine.outputs_of(under, range);
  metric result{.name = what_distance(kind)};
  for (std::size_t s = 0; s != wanted.size(); ++s) {
    result.per_sample.push_back(distance_between(kind, wanted[s], reached[s]));
  }
  result.whole = distance_between(kind, std::span(wanted), std::span(reached));
  return {result};
}

} // namespace ptq::detail
