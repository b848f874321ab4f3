// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/correction/run.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// The tensors that a graph gives to its user: those read by outputs, and those that nothing reads.
[[nodiscard]] inline auto output_tensors(const topology& in) -> std::vector<std::size_t> {
  std::vector<std::size_t> result;
  for (std::size_t t = 0; t != in.tensors.size(); ++t) {
    const topology::node& node = in.producer(t);
    if (node.kind == op::output || node.kind == op::input || node.constant) {
      continue;
    }
    const auto& readers = in.tensors[t].consumers;
    if (readers.empty() || std::ranges::any_of(readers, [&in](const topology::port& port) {
          return in.nodes[port.node].kind == op::output;
        })) {
      result.push_back(t);
    }
  }
  return result;
}

namespace detail {

/// The outputs of a graph for some samples, by sample and tensor.
using kept_outputs = std::map<std::pair<std::size_t, std::size_t>, std::vector<float>>;

/// @throws error for an output that is not shown.
inline auto
outputs_under(const topology& in, const run_ref& run, const plan& under, const samples& range)
    -> kept_outputs {
  const std::vector<std::size_t> tensors = output_tensors(in);
  kept_outputs result;
  run(under, tensors, range, [&](const samples& batch, std::size_t tensor, const auto& view) {
    std::size_t position = 0;
    for (const std::size_t sample : batch) {
      result[{sample, tensor}] =
          to_floats(batch.size() == 1 ? view : view.at(0, position++)).values;
    }
    return more;
  });
  for (const std::size_t sample : range) {
    for (const std::size_t tensor : tensors) {
      if (!result.contains({sample, tensor})) {
        throw error(
            "the evaluator did not show this tensor for sample " + std::to_string(sample),
            in.tensors[tensor].name
        );
      }
    }
  }
  return result;
}

/// The squared error of the outputs, relative to their energy, summed over the outputs.
inline auto output_error(const topology& in, const kept_outputs& wanted, const kept_outputs& actual)
    -> double {
  double total = 0.0;
  for (const std::size_t tensor : output_tensors(in)) {
    double error_sum = 0.0;
    double energy = 0.0;
    for (const auto& [key, values] : wanted) {
      const auto found = actual.find(key);
      if (key.second != tensor || found == actual.end()) {
        continue;
      }
      for (std::size_t i = 0; i != values.size(); ++i) {
        const auto reference = static_cast<double>(values[i]);
        const double difference = i < found->second.size()
                                      ? static_cast<double>(found->second[i]) - reference
                                      : reference;
        energy += rounded(reference * reference);
        error_sum += rounded(difference * difference);
      }
    }
    total += energy > 0.0 ? error_sum / energy : error_sum;
  }
  return total;
}

} // namespace detail

} // namespace ptq
