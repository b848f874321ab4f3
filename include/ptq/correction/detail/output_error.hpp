// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/evaluator/plan_runner.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace ptq::detail {

/// The tensors that leave the graph: those that its outputs read, or else those that nobody reads.
inline auto leaving_tensors(const topology& in) -> std::vector<std::size_t> {
  std::vector<std::size_t> marked;
  std::vector<std::size_t> unread;
  for (std::size_t t = 0; t != in.tensors.size(); ++t) {
    const topology::tensor& tensor = in.tensors[t];
    const topology::node& from = in.nodes[tensor.node];
    if (from.constant || from.kind == op::constant || from.kind == op::output) {
      continue;
    }
    if (tensor.consumers.empty()) {
      unread.push_back(t);
    } else if (std::ranges::any_of(tensor.consumers, [&](const topology::port& port) {
                 return in.nodes[port.node].kind == op::output;
               })) {
      marked.push_back(t);
    }
  }
  return marked.empty() ? unread : marked;
}

/// How far the graph's outputs under a plan are from those in floating point, on some samples.
class output_error {
public:
  output_error(const topology& in, plan_runner& engine, samples range)
      : engine_(&engine), range_(std::move(range)), tensors_(leaving_tensors(in)) {
    engine_->run(
        plan{},
        tensors_,
        range_,
        [this](std::size_t sample, std::size_t tensor, const tensor_view& view) {
          wanted_[{tensor, sample}] = to_floats(view);
        }
    );
  }

  /// The squared distance of the outputs over their squared length, added up over the outputs.
  [[nodiscard]] auto of(const plan& under) const -> double {
    std::map<std::pair<std::size_t, std::size_t>, std::pair<double, double>> found;
    engine_->run(
        under,
        tensors_,
        range_,
        [&](std::size_t sample, std::size_t tensor, const tensor_view& view) {
          const auto wanted = wanted_.find({tensor, sample});
          if (wanted == wanted_.end()) {
            return;
          }
          const tensor_data reached = to_floats(view);
          const tensor_data& expected = wanted->second;
          if (reached.values.size() != expected.values.size()) {
            throw error("an output has another shape under a plan than in floating point");
          }
          double off = 0.0;
          double length = 0.0;
          for (std::size_t i = 0; i != expected.values.size(); ++i) {
            const auto value = static_cast<double>(expected.values[i]);
            const double distance = static_cast<double>(reached.values[i]) - value;
            off += rounded(distance * distance);
            length += rounded(value * value);
          }
          found[{tensor, sample}] = {off, length};
        }
    );
    if (found.size() != wanted_.size()) {
      throw error("the evaluator did not show each output for each sample under a plan");
    }
    double result = 0.0;
    for (const std::size_t tensor : tensors_) {
      double off = 0.0;
      double length = 0.0;
      for (const auto& [at, part] : found) {
        if (at.first == tensor) {
          off += part.first;
          length += part.second;
        }
      }
      if (!(off <= 0.0)) { // what is no number is as far off as can be
        const double share = off / length;
        result += share >= 0.0 ? share : std::numeric_limits<double>::infinity();
      }
    }
    return result;
  }

private:
  plan_runner* engine_;
  samples range_;
  std::vector<std::size_t> tensors_;
  std::map<std::pair<std::size_t, std::size_t>, tensor_data> wanted_{}; ///< By tensor and sample.
};

} // namespace ptq::detail
