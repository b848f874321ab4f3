// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_view.hpp>

#include <deque>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "detail/kernels.hpp"
#include "model.hpp"

namespace engine {

using detail::view;

/// Changes a tensor on its way into a node: writes `to`, which has the layout of the tensor.
/// Readers of one tensor whose filters have one key share the result.
struct input_filter {
  const void* key = nullptr;
  std::function<void(const view& from, float* to)> apply;
};

/// How a program differs from its model.
struct changes {
  std::map<node_id, tensor> constants; ///< By the node of the constant.
  std::map<port, input_filter> filters;
};

/// A model made ready to run in float on batches of one size: every buffer is allocated, every
/// weight stands in the layout that its kernel wants.
class program {
public:
  struct only {
    node_id node;
  };

  /// @param with outlives the program.
  /// @throws error that names the node that cannot be run.
  program(const model& of, std::size_t batch, const changes& with);

  program(const program&) = delete;
  auto operator=(const program&) -> program& = delete;
  virtual ~program() = default;

  /// One node of the model by itself, for one sample.
  /// @param with outlives the program.
  /// @throws error that names the node if it cannot be run.
  program(const model& of, only one, const changes& with);

  [[nodiscard]] auto batch() const -> std::size_t { return batch_; }

  /// Runs a batch that lies row-major at `input`.
  void run(const float* input) {
    run(input, [](source) { return true; });
  }

  /// After each node that computes, `seen(source)` is called with what it produced; `false` ends
  /// the run.
  template <class Seen>
  void run(const float* input, Seen&& seen) {
    input_ = input;
    for (const stage& each : stages_) {
      for (const detail::step& work : each.steps) {
        work();
      }
      if (!seen(each.result)) {
        return;
      }
    }
  }

  /// Runs the one node that the program was made for, on the values of its inputs that are no
  /// constants, in the order of its ports.
  /// @throws error that names the node if they do not fit.
  void run_alone(std::span<const ptq::tensor_view> inputs);

  /// What a run left there.
  [[nodiscard]] auto value(source of) const -> const view& { return values_.at(of); }

  /// The same, row-major in memory of its own.
  [[nodiscard]] auto copy_of(source of) const -> tensor;

  /// The first output of the model, row-major.
  [[nodiscard]] auto output() const -> tensor;

protected:
  struct unprepared {};

  program(const model& of, std::size_t batch, const changes& with, unprepared);

  void prepare();

  /// A derived program may make a node ready in another way than this one does.
  /// @return whether it did.
  virtual auto prepare_otherwise(node_id, const shape&) -> bool { return false; }

  /// The tensor at an input of a node, in float, through the filter that lies before it.
  virtual auto operand(node_id id, std::uint32_t index) -> view;

  auto in_layout(const view& from, bool channels_last) -> view;
  auto allocate(const shape& of, bool channels_last) -> view;

  void add_stage(source result) { stages_.push_back({result, {}}); }

  void add_step(detail::step work) { stages_.back().steps.push_back(std::move(work)); }

  void set_value(source of, const view& to) { values_[of] = to; }

  [[nodiscard]] auto has_value(source of) const -> bool { return values_.contains(of); }

  [[nodiscard]] auto the_model() const -> const model& { return model_; }

  [[nodiscard]] auto shape_at(source of) const -> const shape& {
    return shapes_[of.node][of.output];
  }

private:
  struct stage {
    source result;
    std::vector<detail::step> steps;
  };

  auto filtered(source from, port on) -> view;
  void prepare_outputs();
  void prepare_alone(node_id id);
  void prepare_constant(node_id id);
  void prepare_node(node_id id, const shape& result);
  void prepare_split(node_id id);
  void prepare_input(const view& to);
  void prepare_resize(node_id id, const shape& result);
  void prepare_convolution(node_id id, const view& to);
  void prepare_product(node_id id, const view& to);
  void prepare_normalization(node_id id, const view& from, const view& to);

  const model& model_;
  std::size_t batch_;
  const changes& with_;
  std::vector<std::vector<shape>> shapes_;
  const float* input_ = nullptr;
  node_id alone_ = 0;
  std::deque<tensor> memory_;
  std::map<source, view> values_;
  std::map<std::pair<source, const void*>, view> filtered_;
  std::map<std::size_t, view> outputs_; ///< Those with a filter, by index.
  std::vector<stage> stages_;
};

} // namespace engine
