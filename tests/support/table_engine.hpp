// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "support/plan_table.hpp"
#include "support/toy_graph.hpp"

namespace ptq::test {

/// A graph with the operations of a table, one behind the other. What they compute is in the table.
inline auto graph_of(const plan_table& of) -> toy_graph {
  toy_graph g;
  toy_graph::tensor x = g.input("image");
  for (const plan_table::member& each : of.groups) {
    for (const std::string& name : each.operations) {
      x = g.matmul(name, x, g.constant(name + " weights", {2, 2}, {1, 0, 0, 1}));
    }
  }
  g.output("scores", x);
  return g;
}

/// The base algorithm of a search over a table.
struct quantize_table {
  const plan_table* table = nullptr;

  template <class G, class E>
  auto operator()(const G& /*graph*/, E&& /*evaluator*/) const -> plan {
    return table->start();
  }
};

/// An engine that looks its answers up: top-1, and outputs where the table has them.
class table_engine {
public:
  using ptq_evaluator = void;

  explicit table_engine(const plan_table& of) : table_(&of), times_(of.plans() * of.samples) {}

  auto sample_count() const -> std::size_t { return table_->samples; }

  void observe(
      const toy_graph& /*graph*/,
      const plan& under,
      std::span<const tap<toy_graph>> taps,
      const samples& range,
      show_ref<int> show
  ) {
    for (const std::size_t s : range) {
      ++inferences;
      const std::span<const float> scores = outputs(table_->number_of(under), s);
      for (const auto& each : taps) {
        show(s, each, tensor_view(scores.data(), {1, scores.size()}));
      }
    }
  }

  auto measure(const toy_graph& /*graph*/, const plan& under, const samples& range) -> measurement {
    const std::size_t plan = table_->number_of(under);
    metric result{.name = "top1", .least = 0.0, .most = 1.0};
    for (const std::size_t s : range) {
      ++inferences;
      most_times = std::max(most_times, ++times_.at(plan * table_->samples + s));
      result.per_sample.push_back(table_->right.at(plan).at(s) ? 1.0 : 0.0);
    }
    return {result};
  }

  std::size_t inferences = 0; ///< That a real engine would have run.
  int most_times = 0;         ///< How often the same sample was measured under the same plan.

private:
  auto outputs(std::size_t plan, std::size_t sample) const -> std::span<const float> {
    if (plan == table_->everything()) {
      return std::span(table_->in_float).subspan(sample * table_->classes, table_->classes);
    }
    const auto at = std::ranges::find(table_->shown, sample);
    for (std::size_t g = 0; g != table_->groups.size(); ++g) {
      if (plan == (table_->everything() ^ std::size_t{1} << g) && at != table_->shown.end()) {
        const auto row = static_cast<std::size_t>(at - table_->shown.begin());
        return std::span(table_->alone[g]).subspan(row * table_->classes, table_->classes);
      }
    }
    throw std::logic_error("the table has no outputs of this plan on this sample");
  }

  const plan_table* table_;
  std::vector<int> times_; ///< `[plan][sample]`
};

} // namespace ptq::test
