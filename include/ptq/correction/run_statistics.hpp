// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/collector.hpp>
#include <ptq/calibration/request.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/correction/run.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ptq::detail {

/// What the calibration of a graph that runs under a plan would keep.
/// @throws error as `collect_statistics`.
inline auto statistics_under(
    const topology& in,
    const run_ref& run,
    const plan& under,
    const samples& range,
    const statistics_request& request
) -> statistics {
  std::vector<std::size_t> tensors;
  for (const auto& [tensor, wanted] : request.tensors()) {
    tensors.push_back(tensor);
  }
  for (const std::size_t sample : range) {
    if (sample >= run.sample_count()) {
      throw error(
          "the statistics are of sample " + std::to_string(sample) + ", but the evaluator has " +
          std::to_string(run.sample_count())
      );
    }
  }
  collector seen(in, request);
  constexpr std::size_t part_size = 32;
  for (std::size_t done = 0; done < range.size(); done += part_size) {
    const samples part = range.part(done, part_size);
    seen.open(part);
    run(under, tensors, part, [&seen](const samples& batch, std::size_t tensor, const auto& view) {
      return seen.show(batch, tensor, view);
    });
    seen.close();
  }
  return std::move(seen).collected();
}

} // namespace ptq::detail
