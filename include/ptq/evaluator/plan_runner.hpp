// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/flow.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/plan/plan.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace ptq {

/// An evaluator that runs plans, for code that is not a template: tensors and nodes go by their
/// index in the topology.
class plan_runner {
public:
  /// Sees the tensor `tensor` of one sample.
  using sink = std::function<void(std::size_t sample, std::size_t tensor, const tensor_view& view)>;

  plan_runner() = default;
  plan_runner(const plan_runner&) = delete;
  auto operator=(const plan_runner&) -> plan_runner& = delete;
  virtual ~plan_runner() = default;

  /// Runs each sample under the plan and shows each of `tensors`.
  /// @throws what `show` threw.
  virtual void
  run(const plan& under,
      std::span<const std::size_t> tensors,
      const samples& range,
      const sink& show) = 0;

  /// Is there a `run_part`?
  [[nodiscard]] virtual auto has_parts() const -> bool = 0;

  /// Computes one operation under the plan from the values of its inputs that are not constant, and
  /// shows its outputs as those of sample 0.
  /// @throws what `show` threw.
  virtual void run_part(
      const plan& under, std::size_t node, std::span<const tensor_view> inputs, const sink& show
  ) = 0;
};

namespace detail {

/// Passes on to a sink what an engine shows. What the sink throws is kept, since engines may
/// swallow exceptions.
template <class G>
class passing_on {
public:
  passing_on(const read_graph_result<G>& read, const plan_runner::sink& to)
      : read_(&read), to_(&to) {}

  auto operator()(const samples& batch, const tap<G>& of, const tensor_view& view) -> flow {
    const auto known = read_->tensors.find(of);
    if (problem_ || known == read_->tensors.end()) {
      return problem_ ? enough : more;
    }
    try {
      if (view.rank() == 0 || view.extent(0) != batch.size()) {
        throw error(
            "shown as " + shape_text(view) + ": axis 0 is the sample",
            read_->nodes.tensors[known->second].name
        );
      }
      std::size_t position = 0;
      for (const std::size_t sample : batch) {
        (*to_)(sample, known->second, batch.size() == 1 ? view : view.at(0, position++));
      }
    } catch (...) {
      problem_ = std::current_exception();
    }
    return problem_ ? enough : more;
  }

  void finish() const {
    if (problem_) {
      std::rethrow_exception(problem_);
    }
  }

private:
  const read_graph_result<G>* read_;
  const plan_runner::sink* to_;
  std::exception_ptr problem_{};
};

} // namespace detail

/// A `plan_runner` over the user's graph and evaluator, which must outlive it.
template <class G, plan_evaluator_for<G> E>
class plan_runner_of final : public plan_runner {
public:
  plan_runner_of(const G& of, E& evaluator)
      : graph_(std::addressof(of)), evaluator_(std::addressof(evaluator)), read_(read_graph(of)) {}

  void
  run(const plan& under,
      std::span<const std::size_t> tensors,
      const samples& range,
      const sink& show) override {
    std::vector<tap<G>> taps;
    for (const std::size_t tensor : tensors) {
      const topology::tensor& entry = read_.nodes.tensors[tensor];
      taps.push_back({read_.ids[entry.node], entry.output});
    }
    detail::passing_on<G> pass(read_, show);
    evaluator_->observe(
        *graph_, under, std::span<const tap<G>>(taps), range, show_ref<typename G::node_id>(pass)
    );
    pass.finish();
  }

  [[nodiscard]] auto has_parts() const -> bool override { return evaluator_of_parts_for<E, G>; }

  void run_part(
      const plan& under, std::size_t node, std::span<const tensor_view> inputs, const sink& show
  ) override {
    if constexpr (evaluator_of_parts_for<E, G>) {
      detail::passing_on<G> pass(read_, show);
      evaluator_->run_part(
          *graph_, under, read_.ids[node], inputs, show_ref<typename G::node_id>(pass)
      );
      pass.finish();
    } else {
      throw error("the evaluator does not run parts", read_.nodes.nodes[node].name);
    }
  }

private:
  const G* graph_;
  E* evaluator_;
  read_graph_result<G> read_;
};

} // namespace ptq
