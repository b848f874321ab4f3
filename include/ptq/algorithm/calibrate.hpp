// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/evaluator/concept.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/statistics/statistics.hpp>

#include <type_traits>

namespace ptq {

/// Runs `range` once and keeps what `algorithm` needs: a value to merge with that of other samples,
/// to save, to send. `algorithm(graph, statistics)` makes the plan of it.
/// @throws error for what goes wrong in the run, with tensor and sample.
template <class Algorithm, class G, class E, class... Observers>
auto calibrate(
    const Algorithm& algorithm,
    const G& of,
    E&& evaluator,
    const samples& range,
    Observers&&... tell
) -> statistics {
  using engine = std::remove_reference_t<E>;
  if constexpr (graph<G> && evaluator_for<engine, G>) {
    return algorithm.calibration_of(of, evaluator, range, observed_by(tell...));
  } else {
    static_assert(explain_evaluator<engine, G>());
    return {};
  }
}

} // namespace ptq
