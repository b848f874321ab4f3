// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/collector.hpp>
#include <ptq/calibration/request.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Runs `range` once in floating point and keeps what `request` asks for.
///
/// @param read  The graph as read by `read_graph`.
/// @throws error, with tensor and sample, for NaN or infinity in a tensor; for a tensor that was
/// not
///   shown; for channels that changed; for an empty range, for samples that are in it twice or that
/// the evaluator lacks.
/// @par Complexity
/// One inference for each sample; memory for the numbers that are kept for each sample, and for the
/// open samples of one part of the range, but for no tensor beyond the one that is shown, if that
/// has another type than float32 or gaps.
///
/// @par Determinism
/// The same bits for any order and batching of the samples. The ranges have the same bits for any
/// layout of the tensors as well; the means of channels, which are rounded to binary32 for each
/// sample, for one layout.
template <class G, evaluator_for<G> E>
[[nodiscard]] auto collect_statistics(
    const G& of,
    const read_graph_result<G>& read,
    E& evaluator,
    const samples& range,
    const statistics_request& request,
    const observers& tell
) -> statistics {
  if (range.empty()) {
    throw error("there is no sample to calibrate on");
  }
  const std::size_t available = evaluator.sample_count();
  std::set<std::size_t> asked;
  for (const std::size_t sample : range) {
    if (sample >= available) {
      throw error(
          "sample " + std::to_string(sample) + " is asked for, but the evaluator has " +
          std::to_string(available)
      );
    }
    if (!asked.insert(sample).second) {
      throw error("sample " + std::to_string(sample) + " is asked for twice");
    }
  }
  std::vector<tap<G>> taps;
  for (const auto& [tensor, wanted] : request.tensors()) {
    const topology::tensor& entry = read.nodes.tensors[tensor];
    taps.push_back({read.ids[entry.node], entry.output});
  }
  detail::collector collector(read.nodes, request);
  const auto sink = [&](const samples& batch, const tap<G>& tensor, const tensor_view& view) {
    const auto known = read.tensors.find(tensor);
    return known == read.tensors.end() ? more : collector.show(batch, known->second, view);
  };
  // Small parts bound what is kept of samples that are not closed yet.
  constexpr std::size_t part_size = 32;
  for (std::size_t done = 0; done < range.size(); done += part_size) {
    tell.on_progress({"calibration", done, range.size()});
    const samples part = range.part(done, part_size);
    collector.open(part);
    observe_float(of, evaluator, taps, part, show_ref<typename G::node_id>(sink));
    collector.close();
  }
  tell.on_progress({"calibration", range.size(), range.size()});
  return std::move(collector).collected();
}

} // namespace ptq
