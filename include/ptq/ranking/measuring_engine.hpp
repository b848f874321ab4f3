// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/correction/detail/output_error.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/evaluator/plan_runner.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/ranking/output_distance.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// What a search asks of the user's engine, for code that is not a template.
class measuring_engine {
public:
  measuring_engine() = default;
  measuring_engine(const measuring_engine&) = delete;
  auto operator=(const measuring_engine&) -> measuring_engine& = delete;
  virtual ~measuring_engine() = default;

  [[nodiscard]] virtual auto sample_count() const -> std::size_t = 0;

  /// The metrics under a plan.
  [[nodiscard]] virtual auto measure(const plan& under, const samples& range) -> measurement = 0;

  /// Does it show outputs under a plan?
  [[nodiscard]] virtual auto shows_outputs() const -> bool = 0;

  /// The outputs of each sample, in the order of the range.
  /// @throws error if a sample or an output was not shown.
  [[nodiscard]] virtual auto outputs_of(const plan& under, const samples& range)
      -> std::vector<output_tensors> = 0;

  /// The graph, and what runs plans on it, for a ranking that looks inside; null if nothing does.
  [[nodiscard]] virtual auto nodes() -> const topology& = 0;
  [[nodiscard]] virtual auto runner() -> plan_runner* = 0;

  /// What the runner calls these samples.
  [[nodiscard]] virtual auto runner_samples(const samples& range) const -> samples { return range; }

  /// Another one for another thread, over the same samples; null if there can be none.
  [[nodiscard]] virtual auto fork() const -> std::unique_ptr<measuring_engine> = 0;
};

/// A `measuring_engine` over the user's graph and evaluator, which must outlive it.
template <class G, evaluator_for<G> E>
class measuring_engine_of final : public measuring_engine {
public:
  measuring_engine_of(const G& of, E& evaluator)
      : graph_(&of),
        evaluator_(&evaluator),
        nodes_(read_graph(of).nodes),
        leaving_(detail::leaving_tensors(nodes_)) {}

  [[nodiscard]] auto sample_count() const -> std::size_t override {
    return static_cast<std::size_t>(evaluator_->sample_count());
  }

  [[nodiscard]] auto measure(const plan& under, const samples& range) -> measurement override {
    if constexpr (measuring_evaluator_for<E, G>) {
      return evaluator_->measure(*graph_, under, range);
    } else {
      throw error("the evaluator measures no metric");
    }
  }

  [[nodiscard]] auto shows_outputs() const -> bool override { return plan_evaluator_for<E, G>; }

  [[nodiscard]] auto outputs_of(const plan& under, const samples& range)
      -> std::vector<output_tensors> override {
    if constexpr (plan_evaluator_for<E, G>) {
      return shown_outputs(under, range);
    } else {
      throw error("the evaluator shows no outputs under a plan");
    }
  }

  [[nodiscard]] auto nodes() -> const topology& override { return nodes_; }

  [[nodiscard]] auto runner() -> plan_runner* override {
    if constexpr (plan_evaluator_for<E, G>) {
      if (!runner_) {
        runner_ = std::make_unique<plan_runner_of<G, E>>(*graph_, *evaluator_);
      }
    }
    return runner_.get();
  }

  [[nodiscard]] auto fork() const -> std::unique_ptr<measuring_engine> override {
    if constexpr (forkable_evaluator_for<E, G>) {
      auto result = std::make_unique<measuring_engine_of>(*graph_, *evaluator_);
      result->own_ = std::make_unique<E>(std::as_const(*evaluator_).fork());
      result->evaluator_ = result->own_.get();
      return result;
    } else {
      return nullptr;
    }
  }

private:
  [[nodiscard]] auto shown_outputs(const plan& under, const samples& range)
      -> std::vector<output_tensors> {
    std::map<std::size_t, std::vector<std::size_t>> positions;
    for (std::size_t at = 0; at != range.size(); ++at) {
      positions[range[at]].push_back(at);
    }
    std::vector<output_tensors> result(range.size(), output_tensors(leaving_.size()));
    std::vector<std::vector<bool>> shown(range.size(), std::vector<bool>(leaving_.size()));
    runner()->run(
        under,
        leaving_,
        range,
        [&](std::size_t sample, std::size_t tensor, const tensor_view& view) {
          const auto here = positions.find(sample);
          const auto output = std::ranges::find(leaving_, tensor);
          if (here == positions.end() || output == leaving_.end()) {
            return;
          }
          const auto k = static_cast<std::size_t>(output - leaving_.begin());
          for (const std::size_t at : here->second) {
            shown[at][k] = true;
            result[at][k] = to_floats(view);
          }
        }
    );
    for (std::size_t at = 0; at != range.size(); ++at) {
      if (std::ranges::count(shown[at], true) != std::ssize(leaving_)) {
        throw error("the engine did not show every output of sample " + std::to_string(range[at]));
      }
    }
    return result;
  }

  const G* graph_;
  E* evaluator_;
  std::unique_ptr<E> own_{};
  std::unique_ptr<plan_runner> runner_{};
  topology nodes_;
  std::vector<std::size_t> leaving_;
};

} // namespace ptq
