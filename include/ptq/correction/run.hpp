// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/flow.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/plan/plan.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace ptq {

/// Sees a tensor, by its index in the topology; axis 0 has one entry for each sample.
using show_tensor = std::function<flow(const samples&, std::size_t, const tensor_view&)>;

/// An engine that runs plans, whatever its type and that of its graph. A reference of two pointers:
/// it lives as long as what it was made of.
class run_ref {
public:
  /// @param run  Called as `run(const plan&, std::span<const std::size_t>, const samples&, const
  ///   show_tensor&)`, and asked for `run.sample_count()`.
  template <class Run>
    requires(!std::same_as<std::remove_cv_t<Run>, run_ref>)
  explicit run_ref(Run& run)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(run)))),
        call_(
            [](void* object,
               const plan& under,
               std::span<const std::size_t> tensors,
               const samples& range,
               const show_tensor& show) -> std::size_t {
              Run& engine = *static_cast<Run*>(object);
              if (show) {
                engine(under, tensors, range, show);
              }
              return static_cast<std::size_t>(engine.sample_count());
            }
        ) {}

  /// Runs the graph under a plan on `range`, and shows the tensors of these indices.
  void operator()(
      const plan& under,
      std::span<const std::size_t> tensors,
      const samples& range,
      const show_tensor& show
  ) const {
    call_(object_, under, tensors, range, show);
  }

  [[nodiscard]] auto sample_count() const -> std::size_t { return call_(object_, {}, {}, {}, {}); }

private:
  void* object_;
  std::
      size_t (*call_)(void*, const plan&, std::span<const std::size_t>, const samples&, const show_tensor&);
};

/// A graph and an evaluator that runs plans on it, as a `run_ref` takes them.
template <class G, plan_evaluator_for<G> E>
class graph_run {
public:
  /// @param read  The graph as read by `read_graph`.
  graph_run(const G& of, const read_graph_result<G>& read, E& evaluator)
      : of_(&of), read_(&read), evaluator_(&evaluator) {}

  [[nodiscard]] auto sample_count() const -> std::size_t { return evaluator_->sample_count(); }

  /// @throws what `show` throws, even if the engine swallows it.
  void operator()(
      const plan& under,
      std::span<const std::size_t> tensors,
      const samples& range,
      const show_tensor& show
  ) const {
    std::vector<tap<G>> taps;
    for (const std::size_t each : tensors) {
      const topology::tensor& tensor = read_->nodes.tensors[each];
      taps.push_back({read_->ids[tensor.node], tensor.output});
    }
    std::exception_ptr problem;
    const auto sink = [&](const samples& batch, const tap<G>& tensor, const tensor_view& view) {
      const auto known = read_->tensors.find(tensor);
      if (problem || known == read_->tensors.end()) {
        return problem ? enough : more;
      }
      try {
        return show(batch, known->second, view);
      } catch (...) {
        problem = std::current_exception();
        return enough;
      }
    };
    const show_ref<typename G::node_id> to(sink);
    if (under.empty()) {
      observe_float(*of_, *evaluator_, std::span<const tap<G>>(taps), range, to);
    } else {
      evaluator_->observe(*of_, under, std::span<const tap<G>>(taps), range, to);
    }
    if (problem) {
      std::rethrow_exception(problem);
    }
  }

private:
  const G* of_;
  const read_graph_result<G>* read_;
  E* evaluator_;
};

} // namespace ptq
