// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program.hpp"

#include <algorithm>
#include <cmath>

namespace engine {

program::program(const model& of, std::size_t batch, const changes& with)
    : model_(of), batch_(batch) {
  if (batch == 0 || (of.fixed_batch && batch != 1)) {
    throw error(
        of.name + ": the model runs on one sample at a time, not on " + std::to_string(batch)
    );
  }
  const auto shapes = infer_shapes(of, batch);
  for (node_id id = 0; id != of.nodes.size(); ++id) {
    try {
      compile(id, with, shapes[id][0]);
    } catch (const std::exception& problem) {
      throw error("node '" + of.nodes[id].name + "': " + problem.what());
    }
  }
}

auto program::allocate(const shape& of, bool channels_last) -> view {
  memory_.push_back(tensor::from_shape(channels_last ? shape{of[0], of[2], of[3], of[1]} : of));
  return {memory_.back().data(), of, channels_last};
}

auto program::in_layout(const view& from, bool channels_last) -> view {
  if (from.channels_last == channels_last || detail::layout_is_moot(from.extents)) {
    return {from.data, from.extents, channels_last && from.extents.size() == 4};
  }
  const view to = allocate(from.extents, channels_last);
  stages_.back().steps.push_back(detail::relayout(from, to));
  return to;
}

auto program::operand(node_id id, std::uint32_t index, const changes& with) -> view {
  const source from = model_.nodes[id].inputs[index];
  const view& value = values_.at(from);
  const auto filter = with.filters.find({id, index});
  if (filter == with.filters.end()) {
    return value;
  }
  const auto [place, first] = filtered_.try_emplace({from, filter->second.key});
  if (first) {
    const view to = allocate(value.extents, value.channels_last);
    place->second = to;
    if (model_.nodes[from.node].kind == operation::constant) {
      filter->second.apply(value, to.data);
    } else {
      stages_.back().steps.push_back([value, to, apply = filter->second.apply] {
        apply(value, to.data);
      });
    }
  }
  return place->second;
}

void program::compile(node_id id, const changes& with, const shape& result) {
  const node& of = model_.nodes[id];
  const source self{id, 0};
  if (of.kind == operation::constant) {
    if (std::holds_alternative<integer_tensor>(of.value)) {
      return;
    }
    const auto changed = with.constants.find(id);
    memory_.push_back(
        changed == with.constants.end() ? std::get<tensor>(of.value) : changed->second
    );
    if (shape_of(memory_.back()) != result) {
      throw error("it is replaced by a constant of another shape");
    }
    values_[self] = {memory_.back().data(), result, false};
    return;
  }
  stages_.push_back({self, {}});
  auto& steps = stages_.back().steps;
  const bool last = result.size() == 4;
  const auto input = [&](std::uint32_t index) { return operand(id, index, with); };
  const auto target = [&](bool channels_last) {
    return values_[self] = allocate(result, channels_last);
  };
  switch (of.kind) {
  case operation::input: {
    const view to = target(last);
    if (detail::layout_is_moot(result)) {
      steps.push_back([this, to, size = to.size()] { std::copy_n(input_, size, to.data); });
    } else {
      const view staged = allocate(result, false);
      steps.push_back([this, staged, size = to.size()] { std::copy_n(input_, size, staged.data); });
      steps.push_back(detail::relayout(staged, to));
    }
    break;
  }
  case operation::convolution: {
    const view from = in_layout(input(0), true);
    const auto owned = [&](std::uint32_t index) {
      const view of_constant = input(index);
      auto copy = tensor::from_shape(of_constant.extents);
      std::copy_n(of_constant.data, of_constant.size(), copy.data());
      return copy;
    };
    const tensor weights = owned(1);
    std::optional<tensor> bias;
    if (of.inputs.size() > 2 && !of.inputs[2].is_absent()) {
      bias = owned(2);
    }
    steps.push_back(detail::convolution(
        std::get<window>(of.form), from, weights, bias ? &*bias : nullptr, target(true)
    ));
    break;
  }
  case operation::max_pool:
  case operation::average_pool: {
    const view from = in_layout(input(0), true);
    steps.push_back(
        detail::pool(std::get<window>(of.form), of.kind == operation::max_pool, from, target(true))
    );
    break;
  }
  case operation::global_average_pool: {
    const view from = in_layout(input(0), true);
    steps.push_back(detail::average_over_positions(from, target(true)));
    break;
  }
  case operation::clip:
  case operation::relu: {
    const view from = input(0);
    const auto* bounds = std::get_if<clip_bounds>(&of.form);
    const clip_bounds range =
        bounds == nullptr ? clip_bounds{0, std::numeric_limits<float>::infinity()} : *bounds;
    steps.push_back(detail::clip(from, range.low, range.high, target(from.channels_last)));
    break;
  }
  case operation::flatten:
  case operation::reshape:
  case operation::identity: {
    const view from = input(0);
    if (of.kind == operation::identity) {
      values_[self] = from;
    } else {
      values_[self] = {in_layout(from, false).data, result, false};
    }
    break;
  }
  case operation::gemm:
  case operation::matmul:
    compile_gemm(of, id, with, target(false));
    break;
  case operation::add: {
    const view a = input(0);
    const view b = input(1);
    steps.push_back(detail::add(a, 1, b, 1, target(last)));
    break;
  }
  case operation::concat: {
    std::vector<view> from;
    for (std::uint32_t i = 0; i != of.inputs.size(); ++i) {
      from.push_back(in_layout(input(i), last));
    }
    const std::int64_t axis = std::get<axis_form>(of.form).axis;
    steps.push_back(detail::concat(
        from,
        static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(result.size()) : axis),
        target(last)
    ));
    break;
  }
  case operation::batch_normalization: {
    const view from = input(0);
    const view parameters[] = {input(1), input(2), input(3), input(4)};
    const float epsilon = std::get<normalization_form>(of.form).epsilon;
    std::vector<float> factor(result[1]);
    std::vector<float> shift(result[1]);
    for (std::size_t c = 0; c != result[1]; ++c) {
      factor[c] = parameters[0].data[c] / std::sqrt(parameters[3].data[c] + epsilon);
      shift[c] = parameters[1].data[c] - parameters[2].data[c] * factor[c];
    }
    steps.push_back(detail::scale_channels(
        from, std::move(factor), std::move(shift), target(from.channels_last)
    ));
    break;
  }
  case operation::constant:
    break;
  }
}

void program::compile_gemm(const node& of, node_id id, const changes& with, const view& to) {
  const auto* form = std::get_if<gemm_form>(&of.form);
  const view a = in_layout(operand(id, 0, with), false);
  const view b = in_layout(operand(id, 1, with), false);
  auto& steps = stages_.back().steps;
  steps.push_back(detail::matmul(a, b, form != nullptr && form->transpose_b, to));
  if (form == nullptr) {
    return;
  }
  if (of.inputs.size() > 2 && !of.inputs[2].is_absent()) {
    const view c = operand(id, 2, with);
    steps.push_back(detail::add(to, form->alpha, c, form->beta, to));
  } else if (form->alpha != 1) {
    steps.push_back(detail::add(to, form->alpha, to, 0, to));
  }
}

auto program::output() const -> tensor {
  const view& from = values_.at(model_.outputs.front());
  auto result = tensor::from_shape(from.extents);
  detail::relayout(from, {result.data(), from.extents, false})();
  return result;
}

} // namespace engine
