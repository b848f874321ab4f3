// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/plan/fingerprint.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"

namespace ptq::test {

/// The example engine for a model with one output of class scores. It remembers these, so that
/// several searches over the same plans run each sample once; what a search is told does not depend
/// on it, and neither does what a search counts.
class remembering_evaluator {
public:
  using ptq_evaluator = void;

  /// What is measured of a sample.
  enum class measures : std::uint8_t {
    top1,
    top1_whole, ///< As a value of the whole, without those of the samples.
    top1_and_loss,
    top1_and_probability
  };

  remembering_evaluator(
      const engine::graph& graph, engine::evaluator& runs, std::vector<std::int64_t> labels
  )
      : graph_(&graph), runs_(&runs), labels_(std::move(labels)) {}

  measures what = measures::top1;

  [[nodiscard]] auto sample_count() const -> std::size_t { return labels_.size(); }

  void observe(
      const engine::graph& of,
      std::span<const tap<engine::graph>> taps,
      const samples& range,
      show_ref<engine::node_id> show
  ) {
    observe(of, plan{}, taps, range, show);
  }

  /// @pre The tap is the output.
  void observe(
      const engine::graph& /*of*/,
      const plan& under,
      std::span<const tap<engine::graph>> taps,
      const samples& range,
      show_ref<engine::node_id> show
  ) {
    const scores_by_sample& known = run(under, range);
    for (const std::size_t sample : range) {
      const std::vector<float>& row = known.at(sample);
      for (const auto& each : taps) {
        if (show(sample, each, tensor_view(row.data(), {1, row.size()})) != more) {
          return;
        }
      }
    }
  }

  auto measure(const engine::graph& /*of*/, const plan& under, const samples& range)
      -> measurement {
    const scores_by_sample& known = run(under, range);
    metric top1{.name = "top1", .least = 0.0, .most = 1.0};
    metric loss{.name = "nll", .direction = lower_is_better, .least = 0.0};
    metric probability{.name = "prob", .least = 0.0, .most = 1.0};
    for (const std::size_t sample : range) {
      const std::vector<float>& row = known.at(sample);
      const auto label = static_cast<std::size_t>(labels_[sample]);
      const auto best = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
      double other = -std::numeric_limits<double>::infinity();
      double sum = 0.0;
      for (std::size_t c = 0; c != row.size(); ++c) {
        const auto score = static_cast<double>(row[c]);
        other = c == label ? other : std::max(other, score);
        sum += std::exp(score - static_cast<double>(row[best]));
      }
      const double log_share = static_cast<double>(row[label] - row[best]) - std::log(sum);
      top1.per_sample.push_back(best == label ? 1.0 : 0.0);
      top1.margin.push_back(std::abs(static_cast<double>(row[label]) - other));
      loss.per_sample.push_back(-log_share);
      probability.per_sample.push_back(std::exp(log_share));
    }
    switch (what) {
    case measures::top1:
      break;
    case measures::top1_whole:
      return {{.name = "top1", .whole = top1.value()}};
    case measures::top1_and_loss:
      return {top1, loss};
    case measures::top1_and_probability:
      return {top1, probability};
    }
    return {top1};
  }

  /// Goes on from what `save` wrote, if it is there.
  void load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    entry head;
    while (file.read(reinterpret_cast<char*>(&head), sizeof head)) {
      std::vector<float> row(head.classes);
      file.read(
          reinterpret_cast<char*>(row.data()),
          static_cast<std::streamsize>(row.size() * sizeof(float))
      );
      known_[head.plan][head.sample] = std::move(row);
    }
  }

  void save(const std::string& path) const {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    for (const auto& [plan, of_plan] : known_) {
      for (const auto& [sample, row] : of_plan) {
        const entry head{plan, sample, row.size()};
        file.write(reinterpret_cast<const char*>(&head), sizeof head);
        file.write(
            reinterpret_cast<const char*>(row.data()),
            static_cast<std::streamsize>(row.size() * sizeof(float))
        );
      }
    }
  }

private:
  using scores_by_sample = std::map<std::size_t, std::vector<float>>;

  struct entry {
    std::uint64_t plan;
    std::uint64_t sample;
    std::uint64_t classes;
  };

  auto run(const plan& under, const samples& range) -> const scores_by_sample& {
    scores_by_sample& known = known_[under.empty() ? 0 : fingerprint(under)];
    std::vector<std::size_t> open;
    for (const std::size_t sample : range) {
      if (!known.contains(sample)) {
        open.push_back(sample);
      }
    }
    if (!open.empty()) {
      const engine::tensor scores = runs_->outputs(*graph_, under, samples(open));
      const std::size_t width = scores.size() / open.size();
      for (std::size_t at = 0; at != open.size(); ++at) {
        const float* const row = scores.data() + at * width;
        known[open[at]].assign(row, row + width);
      }
    }
    return known;
  }

  const engine::graph* graph_;
  engine::evaluator* runs_;
  std::vector<std::int64_t> labels_;
  std::map<std::uint64_t, scores_by_sample> known_{};
};

} // namespace ptq::test
