// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/ranking/detail/engine_crew.hpp>
#include <ptq/ranking/known_values.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace ptq::detail {

/// Samples that an engine is asked for at a time: few enough for a progress bar to move.
[[nodiscard]] constexpr auto most_in_a_part(std::size_t threads) -> std::size_t {
  return threads > 1 ? 256 : 1024;
}

/// Fewer are not worth what an engine prepares for a plan.
inline constexpr std::size_t least_in_a_part = 8;

/// How many samples each part of a measurement has: as many parts for each thread, of the same
/// size.
[[nodiscard]] constexpr auto part_size(std::size_t count, std::size_t threads) -> std::size_t {
  const auto parts_of = [](std::size_t all, std::size_t each) { return (all + each - 1) / each; };
  const std::size_t parts = threads * parts_of(count, threads * most_in_a_part(threads));
  return std::max(parts_of(count, std::max<std::size_t>(parts, 1)), least_in_a_part);
}

inline void check_threads(std::size_t threads) {
  if (threads == 0) {
    throw error("at least one thread is needed", {}, "threads");
  }
}

/// Of metrics that were measured on `count` samples, all there are, the values of some.
inline auto part_of(measurement all, std::size_t count, const samples& range) -> measurement {
  for (metric& each : all) {
    if (each.per_sample.size() == count) {
      std::vector<double> values;
      for (const std::size_t sample : range) {
        values.push_back(each.per_sample.at(sample));
      }
      each.per_sample = std::move(values);
    }
  }
  return all;
}

/// What an engine measures of `range`, a part of it at a time in each thread, put together in the
/// order of the samples.
/// @param probe  It is not known yet whether a metric has a value of the whole: one sample tells.
/// @param done   Told how many samples are done.
/// @return Empty if a metric has a value of the whole, of which nobody can do a part.
/// @throws what the engine throws, for the first of the samples; error for parts that cannot be.
inline auto measured_in_parts(
    engine_crew& crew,
    const plan& under,
    const samples& range,
    bool probe,
    const std::function<void(std::size_t)>& done
) -> std::optional<measurement> {
  std::vector<measurement> parts;
  if (probe) {
    try {
      parts.push_back(crew.engine().measure(under, range.part(0, 1)));
    } catch (...) { // it may be one sample that cannot be measured
      return std::nullopt;
    }
    if (parts[0].empty() || !of_samples(parts[0])) {
      return std::nullopt;
    }
  }
  const std::size_t first = parts.size();
  const std::size_t rest = range.size() - first;
  const std::size_t threads = crew.enlist(rest / least_in_a_part);
  const std::size_t size = part_size(rest, threads);
  const auto part_at = [&](std::size_t item) {
    return item < first ? range.part(0, 1) : range.part(first + (item - first) * size, size);
  };
  parts.resize(first + (rest + size - 1) / size);
  crew.for_each(
      parts.size() - first,
      [&](measuring_engine& engine, std::size_t item) {
        parts[first + item] = engine.measure(under, part_at(first + item));
      },
      [&](std::size_t items) { done(std::min(first + items * size, range.size())); }
  );
  measurement result;
  for (std::size_t item = 0; item != parts.size(); ++item) {
    check_measurement(parts[item], part_at(item));
    if (!of_samples(parts[item])) {
      return std::nullopt;
    }
    if (item == 0) {
      result = std::move(parts[item]);
      continue;
    }
    check_same_metrics(result, parts[item]);
    for (std::size_t m = 0; m != result.size(); ++m) {
      const auto join = [](std::vector<double>& to, const std::vector<double>& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      join(result[m].per_sample, parts[item][m].per_sample);
      join(result[m].margin, parts[item][m].margin);
    }
  }
  return result;
}

} // namespace ptq::detail
