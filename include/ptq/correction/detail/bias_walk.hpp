// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/detail/channel_means.hpp>
#include <ptq/correction/detail/operation_mean.hpp>
#include <ptq/evaluator/plan_runner.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq::detail {

/// Visits operations in topological order and tells each one's mean output under a plan that has
/// been changed for those before it.
class bias_walk {
public:
  /// Gets the plan so far, which operation of the list it is, and the mean of each channel of its
  /// output; answers whether it changed the plan.
  using visitor = std::function<bool(plan& under, std::size_t which, std::vector<double> reached)>;

  bias_walk(
      const topology& in,
      plan_runner& engine,
      const samples& range,
      std::vector<biased_operation> operations
  )
      : in_(&in), engine_(&engine), range_(&range), operations_(std::move(operations)) {}

  /// The mean of each channel of each operation's output under one plan.
  [[nodiscard]] auto means(const plan& under) -> std::vector<std::vector<double>> {
    std::vector<std::size_t> all(operations_.size());
    for (std::size_t i = 0; i != all.size(); ++i) {
      all[i] = i;
    }
    return observed(under, all);
  }

  /// Runs the walk, part by part where the engine can, and returns the plan at its end.
  [[nodiscard]] auto visit(plan under, const visitor& each) -> plan {
    if (operations_.empty()) {
      return under;
    }
    return engine_->has_parts() ? by_parts(std::move(under), each)
                                : by_runs(std::move(under), each);
  }

private:
  [[nodiscard]] auto node_of(std::size_t which) const -> const topology::node& {
    return in_->nodes[operations_[which].node];
  }

  [[nodiscard]] auto add(channel_means& to, std::size_t which, const tensor_view& view) const {
    try {
      to.add(view, channel_axis(node_of(which)));
    } catch (const error& problem) {
      throw error(problem.what(), in_->tensors[operations_[which].bias.output].name);
    }
  }

  auto observed(const plan& under, const std::vector<std::size_t>& which)
      -> std::vector<std::vector<double>> {
    std::vector<std::size_t> tensors;
    std::map<std::size_t, std::size_t> position;
    for (std::size_t i = 0; i != which.size(); ++i) {
      tensors.push_back(operations_[which[i]].bias.output);
      position.emplace(tensors.back(), i);
    }
    std::vector<channel_means> sums(which.size());
    engine_->run(
        under,
        tensors,
        *range_,
        [&](std::size_t, std::size_t tensor, const tensor_view& view) {
          const auto found = position.find(tensor);
          if (found != position.end()) {
            add(sums[found->second], which[found->second], view);
          }
        }
    );
    std::vector<std::vector<double>> result;
    for (const channel_means& sum : sums) {
      result.push_back(sum.value());
    }
    return result;
  }

  /// How many operations of the list are before each of them on the longest way from an input.
  /// Those of one level do not see each other, so that one run serves all of them.
  [[nodiscard]] auto levels() const -> std::vector<std::size_t> {
    std::vector<std::size_t> of_tensor(in_->tensors.size(), 0);
    std::map<std::size_t, std::size_t> ends;
    for (std::size_t i = 0; i != operations_.size(); ++i) {
      ends.emplace(operations_[i].bias.output, i);
    }
    std::vector<std::size_t> result(operations_.size(), 0);
    for (const topology::node& node : in_->nodes) {
      std::size_t level = 0;
      for (const std::size_t input : node.inputs) {
        level = std::max(level, input == topology::none ? 0 : of_tensor[input]);
      }
      for (const std::size_t output : node.outputs) {
        const auto found = ends.find(output);
        of_tensor[output] = level + (found == ends.end() ? 0 : 1);
        if (found != ends.end()) {
          result[found->second] = level;
        }
      }
    }
    return result;
  }

  auto by_runs(plan under, const visitor& each) -> plan {
    const std::vector<std::size_t> level = levels();
    const std::size_t last = *std::ranges::max_element(level);
    for (std::size_t now = 0; now <= last; ++now) {
      std::vector<std::size_t> which;
      for (std::size_t i = 0; i != level.size(); ++i) {
        if (level[i] == now) {
          which.push_back(i);
        }
      }
      std::vector<std::vector<double>> reached = observed(under, which);
      for (std::size_t i = 0; i != which.size(); ++i) {
        each(under, which[i], std::move(reached[i]));
      }
    }
    return under;
  }

  /// For each tensor that the walk needs, the last node that reads it.
  [[nodiscard]] auto needed() const -> std::map<std::size_t, std::size_t> {
    std::map<std::size_t, std::size_t> last;
    for (const biased_operation& each : operations_) {
      last.emplace(each.bias.output, 0);
    }
    for (std::size_t n = in_->nodes.size(); n-- != 0;) {
      const topology::node& node = in_->nodes[n];
      if (std::ranges::none_of(node.outputs, [&](std::size_t t) { return last.contains(t); })) {
        continue;
      }
      for (std::size_t port = 0; port != node.inputs.size(); ++port) {
        if (node.inputs[port] != topology::none && in_->constant_at(node, port) == nullptr) {
          const auto entry = last.emplace(node.inputs[port], n).first;
          entry->second = std::max(entry->second, n);
        }
      }
    }
    return last;
  }

  using values = std::map<std::size_t, std::vector<tensor_data>>; ///< By tensor, for each sample.

  auto inputs_of_graph(const plan& under, const std::map<std::size_t, std::size_t>& last)
      -> values {
    std::vector<std::size_t> tensors;
    for (const auto& [tensor, reader] : last) {
      if (in_->producer(tensor).kind == op::input) {
        tensors.push_back(tensor);
      }
    }
    values result;
    std::map<std::size_t, std::size_t> position;
    for (const std::size_t sample : *range_) {
      position.emplace(sample, position.size());
    }
    for (const std::size_t tensor : tensors) {
      result[tensor].resize(range_->size());
    }
    engine_->run(
        under,
        tensors,
        *range_,
        [&](std::size_t sample, std::size_t tensor, const tensor_view& view) {
          const auto at = position.find(sample);
          if (at != position.end() && result.contains(tensor)) {
            result[tensor][at->second] = to_floats(view);
          }
        }
    );
    return result;
  }

  void compute(
      const plan& under,
      std::size_t n,
      const std::map<std::size_t, std::size_t>& last,
      values& known
  ) {
    const topology::node& node = in_->nodes[n];
    std::vector<std::size_t> read;
    for (std::size_t port = 0; port != node.inputs.size(); ++port) {
      if (node.inputs[port] != topology::none && in_->constant_at(node, port) == nullptr) {
        read.push_back(node.inputs[port]);
      }
    }
    for (const std::size_t tensor : node.outputs) {
      if (last.contains(tensor)) {
        known[tensor].assign(range_->size(), {});
      }
    }
    for (std::size_t s = 0; s != range_->size(); ++s) {
      std::vector<tensor_view> inputs;
      for (const std::size_t tensor : read) {
        inputs.push_back(known.at(tensor)[s].view());
      }
      std::size_t shown = 0;
      engine_->run_part(
          under,
          n,
          inputs,
          [&](std::size_t, std::size_t tensor, const tensor_view& view) {
            if (known.contains(tensor) && last.contains(tensor) && in_->tensors[tensor].node == n) {
              known[tensor][s] = to_floats(view);
              ++shown;
            }
          }
      );
      if (shown == 0) {
        throw error("`run_part` did not show what the operation made", node.name);
      }
    }
  }

  auto by_parts(plan under, const visitor& each) -> plan {
    const std::map<std::size_t, std::size_t> last = needed();
    std::map<std::size_t, std::size_t> ends;
    for (std::size_t i = 0; i != operations_.size(); ++i) {
      ends.emplace(operations_[i].bias.output, i);
    }
    values known = inputs_of_graph(under, last);
    for (std::size_t n = 0; n != in_->nodes.size(); ++n) {
      const topology::node& node = in_->nodes[n];
      if (node.kind == op::input || node.constant ||
          std::ranges::none_of(node.outputs, [&](std::size_t t) { return last.contains(t); })) {
        continue;
      }
      compute(under, n, last, known);
      const auto end = ends.find(node.outputs.front());
      if (end != ends.end()) {
        channel_means sum;
        for (const tensor_data& value : known.at(end->first)) {
          add(sum, end->second, value.view());
        }
        if (each(under, end->second, sum.value())) {
          compute(under, n, last, known);
        }
      }
      std::erase_if(known, [&](const auto& entry) { return last.at(entry.first) <= n; });
    }
    return under;
  }

  const topology* in_;
  plan_runner* engine_;
  const samples* range_;
  std::vector<biased_operation> operations_;
};

} // namespace ptq::detail
