// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <numeric>
#include <optional>

#include "model.hpp"

namespace engine {
namespace {

class inference {
public:
  inference(const model& of, std::size_t batch, const limits& allowed)
      : model_(of), batch_(batch), allowed_(allowed) {}

  auto run() -> std::vector<std::vector<shape>> {
    double values = 0;
    double multiplications = 0;
    for (const node& each : model_.nodes) {
      current_ = &each;
      inputs_.clear();
      for (const source from : each.inputs) {
        inputs_.push_back(from.is_absent() ? shape{} : result_[from.node][from.output]);
      }
      shape output = output_shape();
      if (each.kind != operation::constant) {
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
      result_.push_back({std::move(output)});
    }
    return std::move(result_);
  }

private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw error("node '" + current_->name + "' (" + current_->op_type + "): " + problem);
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

  [[nodiscard]] auto output_shape() const -> shape {
    const node& of = *current_;
    if (of.kind == operation::constant) {
      return std::visit(
          []<class T>(const T& value) -> shape {
            if constexpr (std::is_same_v<T, std::monostate>) {
              return {};
            } else {
              return shape_of(value);
            }
          },
          of.value
      );
    }
    check_element_types();
    switch (of.kind) {
    case operation::input: {
      shape result = model_.input_shape;
      result[0] = batch_;
      return result;
    }
    case operation::convolution:
      return convolution();
    case operation::max_pool:
    case operation::average_pool:
      return pool();
    case operation::global_average_pool:
      need(inputs_[0].size() == 4);
      return {inputs_[0][0], inputs_[0][1], 1, 1};
    case operation::flatten:
      return flatten();
    case operation::reshape:
      return reshape();
    case operation::gemm:
      return gemm();
    case operation::matmul:
      return matmul();
    case operation::add:
      return broadcast(inputs_[0], inputs_[1]);
    case operation::concat:
      return concat();
    case operation::batch_normalization:
      need(inputs_[0].size() >= 2 && inputs_[1] == shape{inputs_[0][1]});
      return inputs_[0];
    default:
      return inputs_[0];
    }
  }

  void check_element_types() const {
    for (std::size_t i = 0; i != current_->inputs.size(); ++i) {
      const source from = current_->inputs[i];
      const bool target = current_->kind == operation::reshape && i == 1;
      if (!from.is_absent() && !target &&
          std::holds_alternative<integer_tensor>(model_.nodes[from.node].value)) {
        fail("input " + std::to_string(i) + " is int64 where float32 is needed");
      }
    }
  }

  void need(bool fits) const {
    if (!fits) {
      std::string shapes;
      for (const shape& each : inputs_) {
        shapes += (shapes.empty() ? "" : ", ") + text(each);
      }
      fail("inputs of shape " + shapes + " do not fit");
    }
  }

  [[nodiscard]] auto convolution() const -> shape {
    const auto& form = std::get<window>(current_->form);
    const shape& weights = inputs_[1];
    need(inputs_[0].size() == 4 && inputs_[0][1] == weights[1] * form.groups);
    return slide(form, weights[0]);
  }

  [[nodiscard]] auto pool() const -> shape {
    const auto& form = std::get<window>(current_->form);
    need(inputs_[0].size() == 4);
    for (std::size_t i = 0; i != 2; ++i) {
      // A window of padding only has no maximum and no mean.
      need(form.pads_begin[i] < form.kernel[i] && form.pads_end[i] < form.kernel[i]);
    }
    return slide(form, inputs_[0][1]);
  }

  [[nodiscard]] auto slide(const window& form, std::size_t channels) const -> shape {
    shape result{inputs_[0][0], channels};
    for (std::size_t i = 0; i != 2; ++i) {
      const std::size_t padded = inputs_[0][2 + i] + form.pads_begin[i] + form.pads_end[i];
      const std::size_t reach = (form.kernel[i] - 1) * form.dilations[i] + 1;
      if (reach > padded) {
        fail("the window is larger than its input of shape " + text(inputs_[0]));
      }
      const std::size_t steps = padded - reach;
      std::size_t extent = steps / form.strides[i] + 1;
      if (form.ceil_mode && steps % form.strides[i] != 0 &&
          extent * form.strides[i] < inputs_[0][2 + i] + form.pads_begin[i]) {
        ++extent;
      }
      result.push_back(extent);
    }
    return result;
  }

  /// @returns the axis counted from the front, at most `most`.
  [[nodiscard]] auto resolved_axis(std::size_t rank, std::size_t most) const -> std::size_t {
    const std::int64_t axis = std::get<axis_form>(current_->form).axis;
    const std::int64_t resolved = axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
    if (axis < -static_cast<std::int64_t>(rank) || resolved > static_cast<std::int64_t>(most)) {
      fail("axis " + std::to_string(axis) + " of an input of shape " + text(inputs_[0]));
    }
    return static_cast<std::size_t>(resolved);
  }

  [[nodiscard]] auto flatten() const -> shape {
    const shape& input = inputs_[0];
    const std::size_t axis = resolved_axis(input.size(), input.size());
    const auto middle = input.begin() + static_cast<std::ptrdiff_t>(axis);
    return {extents(shape(input.begin(), middle)), extents(shape(middle, input.end()))};
  }

  [[nodiscard]] auto reshape() const -> shape {
    const auto& form = std::get<reshape_form>(current_->form);
    shape result;
    std::optional<std::size_t> unknown;
    double known = 1;
    for (std::size_t i = 0; i != form.target.size(); ++i) {
      const std::int64_t extent = form.target[i];
      if (extent == -1 && !unknown) {
        unknown = i;
        result.push_back(1);
      } else if (extent == 0 && !form.allow_zero && i < inputs_[0].size()) {
        result.push_back(inputs_[0][i]);
      } else if (extent > 0 && extent < (std::int64_t{1} << 31U)) {
        result.push_back(static_cast<std::size_t>(extent));
      } else {
        fail("an extent of " + std::to_string(extent) + " in the target shape");
      }
      known *= static_cast<double>(result.back());
    }
    const std::size_t total = extents(inputs_[0]);
    if (unknown && known <= static_cast<double>(total) && total % extents(result) == 0) {
      result[*unknown] = total / extents(result);
      known = static_cast<double>(total);
    }
    if (known != static_cast<double>(total)) {
      fail("an input of shape " + text(inputs_[0]) + " does not fill the target shape");
    }
    return result;
  }

  [[nodiscard]] auto gemm() const -> shape {
    need(inputs_[0].size() == 2 && inputs_[1].size() == 2);
    const bool transposed = std::get<gemm_form>(current_->form).transpose_b;
    need(inputs_[0][1] == inputs_[1][transposed ? 1 : 0]);
    shape result{inputs_[0][0], inputs_[1][transposed ? 0 : 1]};
    if (inputs_.size() > 2) {
      need(broadcast(result, inputs_[2]) == result);
    }
    return result;
  }

  [[nodiscard]] auto matmul() const -> shape {
    const shape& a = inputs_[0];
    const shape& b = inputs_[1];
    need(a.size() >= 2 && b.size() >= 2 && a.back() == b[b.size() - 2]);
    shape result = broadcast(shape(a.begin(), a.end() - 2), shape(b.begin(), b.end() - 2));
    result.push_back(a[a.size() - 2]);
    result.push_back(b.back());
    return result;
  }

  [[nodiscard]] auto broadcast(const shape& a, const shape& b) const -> shape {
    shape result(std::max(a.size(), b.size()), 1);
    for (std::size_t i = 0; i != result.size(); ++i) {
      const std::size_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
      const std::size_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
      need(x == y || x == 1 || y == 1);
      result[result.size() - 1 - i] = x == 1 ? y : x;
    }
    return result;
  }

  [[nodiscard]] auto concat() const -> shape {
    shape result = inputs_[0];
    need(!result.empty());
    const std::size_t axis = resolved_axis(result.size(), result.size() - 1);
    for (std::size_t i = 1; i != inputs_.size(); ++i) {
      need(inputs_[i].size() == result.size());
      for (std::size_t k = 0; k != result.size(); ++k) {
        need(k == axis || inputs_[i][k] == result[k]);
      }
      result[axis] += inputs_[i][axis];
    }
    return result;
  }

  const model& model_;
  std::size_t batch_;
  limits allowed_;
  const node* current_ = nullptr;
  std::vector<shape> inputs_;
  std::vector<std::vector<shape>> result_;
};

} // namespace

auto infer_shapes(const model& of, std::size_t batch, const limits& allowed)
    -> std::vector<std::vector<shape>> {
  return inference(of, batch, allowed).run();
}

auto constant_of(const model& of, node_id node) -> const tensor* {
  return std::get_if<tensor>(&of.nodes[node].value);
}

} // namespace engine
