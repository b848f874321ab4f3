// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <numeric>

#include "detail/draft.hpp"
#include "model.hpp"

namespace engine {
namespace {

class inference {
public:
  /// @param known The shapes of the first nodes; gets those of the rest.
  inference(
      const model& of,
      std::size_t batch,
      const limits& allowed,
      std::vector<std::vector<shape>>& known
  )
      : model_(of), batch_(batch), allowed_(allowed), result_(known) {}

  void run() {
    double values = 0;
    double multiplications = 0;
    for (std::size_t id = result_.size(); id != model_.nodes.size(); ++id) {
      const node& each = model_.nodes[id];
      current_ = &each;
      inputs_.clear();
      for (const source from : each.inputs) {
        inputs_.push_back(from.is_absent() ? shape{} : result_[from.node][from.output]);
      }
      if (each.kind != operation::constant) {
        check_element_types();
      }
      std::vector<shape> outputs = detail::output_shapes(model_, each, batch_, inputs_);
      for (const shape& output : outputs) {
        if (each.kind == operation::constant) {
          continue;
        }
        values += count(output);
        multiplications += count(output) * per_output();
        const double samples = static_cast<double>(batch_);
        if (values > static_cast<double>(allowed_.values_per_sample) * samples ||
            multiplications > allowed_.multiplications_per_sample * samples) {
          fail("with an output of shape " + text(output) + " the model is too large to run");
        }
        if (output.size() > 8 || extents(output) == 0) {
          fail("an output of shape " + text(output));
        }
      }
      result_.push_back(std::move(outputs));
    }
  }

private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw error("node '" + current_->name + "' (" + current_->op_type + "): " + problem);
  }

  static auto reads_integers(operation kind) -> bool {
    switch (kind) {
    case operation::reshape:
    case operation::reduce_mean:
    case operation::squeeze:
    case operation::unsqueeze:
    case operation::split:
    case operation::slice:
    case operation::gather:
    case operation::resize:
      return true;
    default:
      return false;
    }
  }

  void check_element_types() const {
    for (std::size_t i = 0; i != current_->inputs.size(); ++i) {
      const source from = current_->inputs[i];
      const bool target = i != 0 && reads_integers(current_->kind);
      if (!from.is_absent() && !target &&
          std::holds_alternative<integer_tensor>(model_.nodes[from.node].value)) {
        fail("input " + std::to_string(i) + " is int64 where float32 is needed");
      }
    }
  }

  static auto count(const shape& of) -> double {
    return std::accumulate(of.begin(), of.end(), 1.0, [](double product, std::size_t extent) {
      return product * static_cast<double>(extent);
    });
  }

  /// Multiplications for each element of the output, roughly.
  [[nodiscard]] auto per_output() const -> double {
    switch (current_->kind) {
    case operation::convolution:
      return count(inputs_[1]) / static_cast<double>(inputs_[1][0]);
    case operation::transposed_convolution:
      return count(inputs_[1]) / static_cast<double>(inputs_[1][1]);
    case operation::gemm:
    case operation::matmul:
      return static_cast<double>(inputs_[0].empty() ? 1 : inputs_[0].back());
    case operation::max_pool:
    case operation::average_pool: {
      const auto& form = std::get<window>(current_->form);
      return static_cast<double>(form.kernel[0]) * static_cast<double>(form.kernel[1]);
    }
    default:
      return 1;
    }
  }

  const model& model_;
  std::size_t batch_;
  limits allowed_;
  const node* current_ = nullptr;
  std::vector<shape> inputs_;
  std::vector<std::vector<shape>>& result_;
};

} // namespace

auto infer_shapes(const model& of, std::size_t batch, const limits& allowed)
    -> std::vector<std::vector<shape>> {
  std::vector<std::vector<shape>> result;
  detail::infer_more_shapes(of, batch, allowed, result);
  return result;
}

void detail::infer_more_shapes(
    const model& of,
    std::size_t batch,
    const limits& allowed,
    std::vector<std::vector<shape>>& known
) {
  inference(of, batch, allowed, known).run();
}

auto constant_of(const model& of, node_id node) -> const tensor* {
  return std::get_if<tensor>(&of.nodes[node].value);
}

} // namespace engine
