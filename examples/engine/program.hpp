// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
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
  /// @throws error that names the node that cannot be run.
  program(const model& of, std::size_t batch, const changes& with = {});

  program(const program&) = delete;
  auto operator=(const program&) -> program& = delete;

  [[nodiscard]] auto batch() const -> std::size_t { return batch_; }

  /// Runs a batch that lies row-major at `input`. After each node that computes, `seen(source,
  /// view)` is called with what it produced; `false` ends the run.
  template <class Seen>
  void run(const float* input, Seen&& seen) {
    input_ = input;
    for (const stage& each : stages_) {
      for (const detail::step& work : each.steps) {
        work();
      }
      if (!seen(each.result, values_.at(each.result))) {
        return;
      }
    }
  }

  void run(const float* input) {
    run(input, [](source, const view&) { return true; });
  }

  /// What a run left there.
  [[nodiscard]] auto value(source of) const -> const view& { return values_.at(of); }

  /// The first output of the model, row-major.
  [[nodiscard]] auto output() const -> tensor;

private:
  struct stage {
    source result;
    std::vector<detail::step> steps;
  };

  void compile(node_id id, const changes& with, const shape& result);
  auto operand(node_id id, std::uint32_t index, const changes& with) -> view;
  auto in_layout(const view& from, bool channels_last) -> view;
  auto allocate(const shape& of, bool channels_last) -> view;
  void compile_gemm(const node& of, node_id id, const changes& with, const view& to);

  const model& model_;
  std::size_t batch_;
  const float* input_ = nullptr;
  std::deque<tensor> memory_;
  std::map<source, view> values_;
  std::map<std::pair<source, const void*>, view> filtered_;
  std::vector<stage> stages_;
};

} // namespace engine
