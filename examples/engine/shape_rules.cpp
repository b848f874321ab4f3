// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <optional>

#include "detail/axes.hpp"
#include "detail/draft.hpp"

namespace engine::detail {
namespace {

/// What a node makes of the shapes of its inputs.
class shape_rules {
public:
  shape_rules(
      const model& of, const node& current, std::size_t batch, const std::vector<shape>& inputs
  )
      : model_(of), current_(&current), batch_(batch), inputs_(inputs) {}

  [[nodiscard]] auto of_outputs() const -> std::vector<shape> {
    if (current_->kind != operation::split) {
      return {output_shape()};
    }
    const auto& form = std::get<split_form>(current_->form);
    const shape& from = inputs_[0];
    const std::size_t axis = existing_axis(form.axis);
    const std::size_t parts = current_->outputs.size();
    std::vector<shape> result(parts, from);
    std::size_t left = from[axis];
    for (std::size_t i = 0; i != parts; ++i) {
      const std::size_t equal = std::min(left, (from[axis] + parts - 1) / parts);
      const std::int64_t extent =
          form.extents.empty() ? static_cast<std::int64_t>(equal) : form.extents[i];
      if (extent < 1 || static_cast<std::uint64_t>(extent) > left) {
        fail("an input of shape " + text(from) + " does not divide as it says");
      }
      result[i][axis] = static_cast<std::size_t>(extent);
      left -= static_cast<std::size_t>(extent);
    }
    if (left != 0) {
      fail("an input of shape " + text(from) + " does not divide as it says");
    }
    return result;
  }

private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw error("node '" + current_->name + "' (" + current_->op_type + "): " + problem);
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
    switch (of.kind) {
    case operation::input: {
      shape result = model_.input_shape;
      result[0] = batch_;
      return result;
    }
    case operation::convolution:
      return convolution();
    case operation::transposed_convolution:
      return transposed_convolution();
    case operation::resize:
      return resize();
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
    case operation::subtract:
    case operation::multiply:
    case operation::factor:
    case operation::divide:
    case operation::power:
      return broadcast(inputs_[0], inputs_[1]);
    case operation::prelu:
      need(broadcast(inputs_[0], inputs_[1]) == inputs_[0]);
      return inputs_[0];
    case operation::softmax:
      existing_axis(std::get<softmax_form>(of.form).axis);
      return inputs_[0];
    case operation::layer_normalization:
      normalization();
      return inputs_[0];
    case operation::mean_variance_normalization:
      existing_axis(std::get<mean_variance_form>(of.form).axis);
      return inputs_[0];
    case operation::reduce_mean:
      return mean();
    case operation::transpose:
      return transpose();
    case operation::squeeze:
      return squeeze();
    case operation::unsqueeze:
      return unsqueeze();
    case operation::slice:
      return slice();
    case operation::gather:
      return gather();
    case operation::concat:
      return concat();
    case operation::batch_normalization:
      need(inputs_[0].size() >= 2 && inputs_[1] == shape{inputs_[0][1]});
      return inputs_[0];
    default:
      return inputs_[0];
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

  [[nodiscard]] auto transposed_convolution() const -> shape {
    const auto& form = std::get<window>(current_->form);
    const shape& weights = inputs_[1];
    need(inputs_[0].size() == 4 && inputs_[0][1] == weights[0]);
    shape result{inputs_[0][0], weights[1] * form.groups};
    for (std::size_t i = 0; i != 2; ++i) {
      const std::size_t reach = (form.kernel[i] - 1) * form.dilations[i] + 1;
      const std::size_t all =
          (inputs_[0][2 + i] - 1) * form.strides[i] + reach + form.output_padding[i];
      need(all > form.pads_begin[i] + form.pads_end[i]);
      result.push_back(all - form.pads_begin[i] - form.pads_end[i]);
    }
    return result;
  }

  [[nodiscard]] auto resize() const -> shape {
    const auto& form = std::get<resize_form>(current_->form);
    const shape& from = inputs_[0];
    need((form.sizes.empty() ? form.scales.size() : form.sizes.size()) == from.size());
    shape result;
    for (std::size_t axis = 0; axis != from.size(); ++axis) {
      if (axis == 0) { // The samples.
        need(form.sizes.empty() ? form.scales[0] == 1.0F : form.sizes[0] == 1);
        result.push_back(from[0]);
      } else if (!form.sizes.empty()) {
        need(form.sizes[axis] > 0 && form.sizes[axis] < (std::int64_t{1} << 31U));
        result.push_back(static_cast<std::size_t>(form.sizes[axis]));
      } else {
        result.push_back(
            static_cast<std::size_t>(static_cast<float>(from[axis]) * form.scales[axis])
        );
      }
    }
    return result;
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

  auto existing_axis(std::int64_t axis) const -> std::size_t {
    const auto result = resolved(axis, inputs_[0].size());
    if (!result) {
      fail("axis " + std::to_string(axis) + " of an input of shape " + text(inputs_[0]));
    }
    return *result;
  }

  [[nodiscard]] auto existing_axes(std::size_t rank) const -> std::vector<std::size_t> {
    const auto result = resolved(std::get<axes_form>(current_->form).axes, rank);
    if (!result) {
      fail("its axes do not fit an input of shape " + text(inputs_[0]));
    }
    return *result;
  }

  void normalization() const {
    const shape& from = inputs_[0];
    const std::size_t axis = existing_axis(std::get<mean_variance_form>(current_->form).axis);
    const shape behind(from.begin() + static_cast<std::ptrdiff_t>(axis), from.end());
    for (std::size_t i = 1; i < inputs_.size(); ++i) {
      need(current_->inputs[i].is_absent() || broadcast(behind, inputs_[i]) == behind);
    }
  }

  [[nodiscard]] auto mean() const -> shape {
    const auto& form = std::get<axes_form>(current_->form);
    const auto axes = existing_axes(inputs_[0].size());
    shape result;
    for (std::size_t i = 0; i != inputs_[0].size(); ++i) {
      if (!axes.empty() && !std::ranges::binary_search(axes, i)) {
        result.push_back(inputs_[0][i]);
      } else if (form.keep) {
        result.push_back(1);
      }
    }
    return result;
  }

  [[nodiscard]] auto transpose() const -> shape {
    const auto order = order_of(std::get<axes_form>(current_->form), inputs_[0].size());
    if (!order) {
      fail("its perm does not fit an input of shape " + text(inputs_[0]));
    }
    shape result;
    for (const std::size_t axis : *order) {
      result.push_back(inputs_[0][axis]);
    }
    return result;
  }

  [[nodiscard]] auto squeeze() const -> shape {
    const auto axes = existing_axes(inputs_[0].size());
    shape result;
    for (std::size_t i = 0; i != inputs_[0].size(); ++i) {
      const bool named = std::ranges::binary_search(axes, i);
      need(!named || inputs_[0][i] == 1);
      if (!named && (!axes.empty() || inputs_[0][i] != 1)) {
        result.push_back(inputs_[0][i]);
      }
    }
    return result;
  }

  [[nodiscard]] auto unsqueeze() const -> shape {
    const auto& form = std::get<axes_form>(current_->form);
    const auto axes = existing_axes(inputs_[0].size() + form.axes.size());
    shape result = inputs_[0];
    for (const std::size_t axis : axes) {
      result.insert(result.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    }
    return result;
  }

  [[nodiscard]] auto slice() const -> shape {
    const auto cuts = cuts_of(std::get<slice_form>(current_->form), inputs_[0]);
    if (!cuts) {
      fail("its axes do not fit an input of shape " + text(inputs_[0]));
    }
    shape result;
    for (const cut& each : *cuts) {
      result.push_back(each.count);
    }
    return result;
  }

  [[nodiscard]] auto gather() const -> shape {
    const auto& form = std::get<gather_form>(current_->form);
    const std::size_t axis = existing_axis(form.axis);
    for (const std::int64_t index : form.indices) {
      if (!resolved(index, inputs_[0][axis])) {
        fail("index " + std::to_string(index) + " in an input of shape " + text(inputs_[0]));
      }
    }
    shape result(inputs_[0].begin(), inputs_[0].begin() + static_cast<std::ptrdiff_t>(axis));
    const shape listed = shape_of(form.indices);
    result.insert(result.end(), listed.begin(), listed.end());
    result.insert(
        result.end(), inputs_[0].begin() + static_cast<std::ptrdiff_t>(axis) + 1, inputs_[0].end()
    );
    return result;
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
    const auto result = detail::broadcast(a, b);
    need(result.has_value());
    return *result;
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
  const node* current_;
  std::size_t batch_;
  const std::vector<shape>& inputs_;
};

} // namespace

auto output_shapes(
    const model& of, const node& from, std::size_t batch, const std::vector<shape>& inputs
) -> std::vector<shape> {
  return shape_rules(of, from, batch, inputs).of_outputs();
}

} // namespace engine::detail
