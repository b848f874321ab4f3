// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/plan/resolve.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/program.hpp"
#include "golden/golden_run.hpp"

namespace ptq::test {

/// Fake-quantization as the CPU plugin of OpenVINO 2023.3 computes it, in which POT's accuracies in
/// emulation were measured: the level is `x s + b` with `s` and `b = -in_low s` rounded to
/// binary32. OpenVINO's reference, and `ptq`, divide. The two differ by a level where a value lies
/// on the half between two levels, and hardly anywhere else.
struct openvino_kernel {
  float low, high, scale, shift, step, lowest, last;

  explicit openvino_kernel(const grid& on)
      : low(on.in_low),
        high(on.in_high),
        scale(static_cast<float>(on.levels - 1) / (on.in_high - on.in_low)),
        shift(-on.in_low * scale),
        step((on.out_high - on.out_low) / static_cast<float>(on.levels - 1)),
        lowest(on.out_low),
        last(static_cast<float>(on.levels - 1)) {}

  [[nodiscard]] auto level(float x) const -> float {
    const float inside = std::clamp(x, low, high);
    return std::clamp(std::nearbyint(std::fma(inside, scale, shift)), 0.0F, last);
  }

  [[nodiscard]] auto operator()(float x) const -> float { return std::fma(level(x), step, lowest); }
};

/// The plan with POT's limits to the last bit where the run recorded them for the same tensor: they
/// decide on which side of a half a value lies.
inline auto with_recorded_grids(plan of, const golden_run& run) -> plan {
  for (auto& each : of.quantizers) {
    for (const golden_quantizer& recorded : run.quantizers) {
      const quantizer& theirs = recorded.quantizer;
      const bool same = each->kind == theirs.kind &&
                        (theirs.kind == tensor_kind::weights ? each->consumers == theirs.consumers
                                                             : each->tensor == theirs.tensor);
      if (same && recorded.factor == 1.0 && !recorded.of_moved_scale &&
          theirs.format.grids.size() == each->format.grids.size()) {
        quantizer changed = *each;
        changed.format.grids = theirs.format.grids;
        each = std::move(changed);
        break;
      }
    }
  }
  return of;
}

/// The plan's changes to the engine's program, with that kernel in place of the library's.
inline auto changes_with_openvino_kernel(const engine::graph& of, const plan& under)
    -> engine::changes {
  engine::changes result = engine::changes_of(of, under);
  const auto resolved = resolve(of, under);
  for (auto& [at, filter] : result.filters) {
    const uniform_format& format = resolved.input(at.node, at.index)->format;
    std::vector<openvino_kernel> kernels(format.grids.begin(), format.grids.end());
    filter.apply = [kernels, axis = format.axis](const engine::view& from, float* to) {
      // Where the channel of an element is, in the order in which the elements lie.
      const engine::shape& extents = from.extents;
      std::size_t inner = 1;
      if (axis && !(from.channels_last && *axis == 1)) {
        for (std::size_t i = *axis + 1; i < extents.size(); ++i) {
          inner *= extents[i];
        }
      }
      for (std::size_t i = 0; i != from.size(); ++i) {
        to[i] = kernels[i / inner % kernels.size()](from.data[i]);
      }
    };
  }
  return result;
}

/// Top-1 of a plan on the example engine, with POT's limits and the arithmetic of OpenVINO's
/// kernel.
inline auto accuracy_with_openvino_kernel(
    const engine::graph& of,
    const plan& mine,
    const golden_run& run,
    const engine::tensor& images,
    const std::vector<std::int64_t>& labels
) -> double {
  const plan under = with_recorded_grids(mine, run);
  const engine::changes changes = changes_with_openvino_kernel(of, under);
  constexpr std::size_t batch = 50;
  engine::program ready(of.source(), batch, changes);
  const std::size_t size = images.size() / labels.size();
  std::size_t right = 0;
  for (std::size_t first = 0; first + batch <= labels.size(); first += batch) {
    ready.run(images.data() + first * size);
    const std::vector<std::int64_t> classes = engine::top1(ready.output());
    for (std::size_t i = 0; i != batch; ++i) {
      right += classes[i] == labels[first + i] ? 1U : 0U;
    }
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

} // namespace ptq::test
