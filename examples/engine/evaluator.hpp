// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/evaluator/concept.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph.hpp"
#include "program.hpp"

namespace engine {

/// A tensor of the engine where it lies.
[[nodiscard]] auto shown(const view& of) -> ptq::tensor_view;

/// A tensor of one sample, whose axis 0 is the sample: where a model has put another axis there,
/// one of extent 1 is set before it.
[[nodiscard]] auto shown_sample(const view& of) -> ptq::tensor_view;

/// The fake-quantizers and replaced constants of a plan, for a program. Points into the plan.
/// @throws ptq::error if the plan is of another model.
[[nodiscard]] auto changes_of(const graph& of, const ptq::plan& under) -> changes;

/// Runs a model on samples, in float or under a plan, for `ptq`: one sample at a time while tensors
/// are looked at, in batches while accuracy is measured.
class evaluator {
public:
  using ptq_evaluator = void;

  /// @param of      outlives the evaluator.
  /// @param samples `[N, ...]`, each sample of the shape of the model's input.
  /// @param labels  the class of each sample, for `measure`; may be empty.
  /// @throws error if the shapes do not fit.
  evaluator(const model& of, tensor samples, std::vector<std::int64_t> labels = {});

  [[nodiscard]] auto sample_count() const -> std::size_t { return count_; }

  void observe(
      const graph& of,
      std::span<const ptq::tap<graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<node_id> show
  );

  void observe(
      const graph& of,
      const ptq::plan& under,
      std::span<const ptq::tap<graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<node_id> show
  );

  /// Computes one operation under a plan, and shows its outputs as those of sample 0.
  /// @param inputs The values of its inputs that are connected and not constant, in the order of
  ///               its ports, before any quantizer.
  /// @throws error that names the operation if they do not fit it.
  void run_part(
      const graph& of,
      const ptq::plan& under,
      node_id node,
      std::span<const ptq::tensor_view> inputs,
      ptq::show_ref<node_id> show
  );

  /// Top-1 on the first output, with the distance of each sample's label from the best other class.
  /// @throws error if there are no labels.
  auto measure(const graph& of, const ptq::plan& under, const ptq::samples& range)
      -> ptq::measurement;

  /// The first output for the samples of `range`, `batch` at a time.
  auto outputs(
      const graph& of, const ptq::plan& under, const ptq::samples& range, std::size_t batch = 50
  ) -> tensor;

  /// An evaluator of its own over the same samples, for another thread.
  [[nodiscard]] auto fork() const -> evaluator;

private:
  evaluator() = default;
  [[nodiscard]] auto at(std::size_t sample) const -> const float*;
  void take(const graph& of, const ptq::plan& under);
  auto prepared(const graph& of, const ptq::plan& under, std::size_t batch) -> program&;

  std::size_t count_ = 0;
  std::size_t sample_size_ = 0;
  std::shared_ptr<const tensor> samples_;
  std::vector<std::int64_t> labels_;
  /// Preparing costs about as much as a few samples: the last plan's programs are kept, by batch.
  std::optional<ptq::plan> last_;
  changes changes_;
  std::map<std::size_t, std::unique_ptr<program>> programs_;
  std::map<node_id, std::unique_ptr<program>> parts_;
};

static_assert(ptq::explain_evaluator<evaluator, graph>());
static_assert(ptq::explain_plan_evaluator<evaluator, graph>());
static_assert(ptq::explain_measuring_evaluator<evaluator, graph>());
static_assert(ptq::explain_forkable_evaluator<evaluator, graph>());

/// The index of the largest value in each row of `[N, classes]`.
[[nodiscard]] auto top1(const tensor& outputs) -> std::vector<std::int64_t>;

} // namespace engine
