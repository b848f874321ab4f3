// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/statistics/statistics.hpp>

#include <chrono>
#include <cstddef>
#include <future>
#include <type_traits>
#include <vector>

namespace ptq {

/// Runs `range` once and keeps what `algorithm` needs: a value to merge with that of other samples,
/// to save, to send. `algorithm(graph, statistics)` makes the plan of it.
/// @throws error for what goes wrong in the run, with tensor and sample.
template <class Algorithm, class G, class E, class... Observers>
[[nodiscard]] auto calibrate(
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

/// The same with `threads` forks of the evaluator at work, each on a part of the range. The same
/// bits as with one.
/// @param tell  Any observers; they are told by the calling thread, as each part is done.
/// @throws error as `calibrate`: of several, the one of the first part; and if `threads` is 0.
template <class Algorithm, class G, class E, class... Observers>
[[nodiscard]] auto calibrate_in_threads(
    const Algorithm& algorithm,
    const G& of,
    const E& evaluator,
    const samples& range,
    std::size_t threads,
    Observers&&... tell
) -> statistics {
  if constexpr (graph<G> && forkable_evaluator_for<E, G>) {
    if (threads == 0) {
      throw error("at least one thread is needed", {}, "threads");
    }
    const observers all = observed_by(tell...);
    const auto begun = std::chrono::steady_clock::now();
    const std::size_t size = (range.size() + threads - 1) / threads;
    std::vector<std::future<statistics>> parts;
    for (std::size_t begin = 0; begin < range.size() || parts.empty(); begin += size) {
      parts.push_back(std::async(
          std::launch::async,
          [&algorithm, &of, part = range.part(begin, size), own = evaluator.fork()]() mutable {
            return calibrate(algorithm, of, own, part);
          }
      ));
      if (size == 0) {
        break;
      }
    }
    statistics result;
    all.on_progress({"calibration", 0, range.size()});
    for (std::future<statistics>& part : parts) {
      result.merge(part.get());
      all.on_progress({"calibration", result.seen().size(), range.size()});
    }
    const auto taken = std::chrono::steady_clock::now() - begun;
    all.on_time({"calibration", std::chrono::duration<double>(taken).count()});
    return result;
  } else {
    static_assert(explain_forkable_evaluator<E, G>());
    return {};
  }
}

} // namespace ptq
