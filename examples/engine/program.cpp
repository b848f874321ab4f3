// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace engine {
namespace {

auto copied(const view& from) -> tensor {
  auto result = tensor::from_shape(from.extents);
  std::copy_n(from.data, from.size(), result.data());
  return result;
}

} // namespace

program::program(const model& of, std::size_t batch, const changes& with)
    : program(of, batch, with, unprepared{}) {
  prepare();
}

program::program(const model& of, std::size_t batch, const changes& with, unprepared)
    : model_(of), batch_(batch), with_(with) {
  if (batch == 0 || (of.fixed_batch && batch != 1)) {
    throw error(
        of.name + ": the model runs on one sample at a time, not on " + std::to_string(batch)
    );
  }
  shapes_ = infer_shapes(of, batch);
}

void program::prepare() {
  for (node_id id = 0; id != model_.nodes.size(); ++id) {
    try {
      if (model_.nodes[id].kind == operation::constant) {
        prepare_constant(id);
      } else if (!prepare_otherwise(id, shapes_[id][0])) {
        add_stage({id, 0});
        prepare_node(id, shapes_[id][0]);
      }
    } catch (const std::exception& problem) {
      throw error("node '" + model_.nodes[id].name + "': " + problem.what());
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
  add_step(detail::relayout(from, to));
  return to;
}

auto program::operand(node_id id, std::uint32_t index) -> view {
  const source from = model_.nodes[id].inputs[index];
  const view& value = values_.at(from);
  const auto filter = with_.filters.find({id, index});
  if (filter == with_.filters.end()) {
    return value;
  }
  const auto [place, first] = filtered_.try_emplace({from, filter->second.key});
  if (first) {
    const view to = allocate(value.extents, value.channels_last);
    place->second = to;
    if (model_.nodes[from.node].kind == operation::constant) {
      filter->second.apply(value, to.data);
    } else {
      add_step([value, to, apply = filter->second.apply] { apply(value, to.data); });
    }
  }
  return place->second;
}

void program::prepare_constant(node_id id) {
  const auto* stored = constant_of(model_, id);
  if (stored == nullptr) {
    return;
  }
  const auto changed = with_.constants.find(id);
  const tensor& used = changed == with_.constants.end() ? *stored : changed->second;
  if (used.shape() != stored->shape()) {
    throw error("it is replaced by a constant of another shape");
  }
  memory_.push_back(used);
  values_[{id, 0}] = {memory_.back().data(), shape_of(used), false};
}

void program::prepare_node(node_id id, const shape& result) {
  const node& of = model_.nodes[id];
  const bool last = result.size() == 4;
  const auto target = [&](bool channels_last) {
    return values_[{id, 0}] = allocate(result, channels_last);
  };
  switch (of.kind) {
  case operation::constant:
    break;
  case operation::input:
    prepare_input(target(last));
    break;
  case operation::convolution:
    prepare_convolution(id, target(true));
    break;
  case operation::gemm:
  case operation::matmul:
    prepare_product(id, target(false));
    break;
  case operation::max_pool:
  case operation::average_pool: {
    const view from = in_layout(operand(id, 0), true);
    const bool maximum = of.kind == operation::max_pool;
    add_step(detail::pool(std::get<window>(of.form), maximum, from, target(true)));
    break;
  }
  case operation::global_average_pool: {
    const view from = in_layout(operand(id, 0), true);
    add_step(detail::average_over_positions(from, target(true)));
    break;
  }
  case operation::clip: {
    const view from = operand(id, 0);
    const auto& bounds = std::get<clip_bounds>(of.form);
    add_step(detail::clip(from, bounds.low, bounds.high, target(from.channels_last)));
    break;
  }
  case operation::relu: {
    const view from = operand(id, 0);
    constexpr float no_bound = std::numeric_limits<float>::infinity();
    add_step(detail::clip(from, 0, no_bound, target(from.channels_last)));
    break;
  }
  case operation::identity:
    values_[{id, 0}] = operand(id, 0);
    break;
  case operation::flatten:
  case operation::reshape:
    values_[{id, 0}] = {in_layout(operand(id, 0), false).data, result, false};
    break;
  case operation::add: {
    const view a = operand(id, 0);
    const view b = operand(id, 1);
    add_step(detail::add(a, 1, b, 1, target(last)));
    break;
  }
  case operation::concat: {
    std::vector<view> from;
    for (std::uint32_t i = 0; i != of.inputs.size(); ++i) {
      from.push_back(in_layout(operand(id, i), last));
    }
    const std::int64_t axis = std::get<axis_form>(of.form).axis;
    const std::int64_t rank = static_cast<std::int64_t>(result.size());
    add_step(
        detail::concat(from, static_cast<std::size_t>(axis < 0 ? axis + rank : axis), target(last))
    );
    break;
  }
  case operation::batch_normalization: {
    const view from = operand(id, 0);
    prepare_normalization(id, from, target(from.channels_last));
    break;
  }
  }
}

void program::prepare_input(const view& to) {
  if (detail::layout_is_moot(to.extents)) {
    add_step([this, to, size = to.size()] { std::copy_n(input_, size, to.data); });
    return;
  }
  const view staged = allocate(to.extents, false);
  add_step([this, staged, size = to.size()] { std::copy_n(input_, size, staged.data); });
  add_step(detail::relayout(staged, to));
}

void program::prepare_convolution(node_id id, const view& to) {
  const node& of = model_.nodes[id];
  const view from = in_layout(operand(id, 0), true);
  const tensor weights = copied(operand(id, 1));
  std::optional<tensor> bias;
  if (of.inputs.size() > 2 && !of.inputs[2].is_absent()) {
    bias = copied(operand(id, 2));
  }
  add_step(
      detail::convolution(std::get<window>(of.form), from, weights, bias ? &*bias : nullptr, to)
  );
}

void program::prepare_product(node_id id, const view& to) {
  const node& of = model_.nodes[id];
  const auto* form = std::get_if<gemm_form>(&of.form);
  const view a = in_layout(operand(id, 0), false);
  const view b = in_layout(operand(id, 1), false);
  add_step(detail::matmul(a, b, form != nullptr && form->transpose_b, to));
  if (form == nullptr) {
    return;
  }
  if (of.inputs.size() > 2 && !of.inputs[2].is_absent()) {
    add_step(detail::add(to, form->alpha, operand(id, 2), form->beta, to));
  } else if (form->alpha != 1) {
    add_step(detail::add(to, form->alpha, to, 0, to));
  }
}

void program::prepare_normalization(node_id id, const view& from, const view& to) {
  const view parameters[] = {operand(id, 1), operand(id, 2), operand(id, 3), operand(id, 4)};
  const float epsilon = std::get<normalization_form>(model_.nodes[id].form).epsilon;
  const std::size_t channels = from.extents[1];
  std::vector<float> factor(channels);
  std::vector<float> shift(channels);
  for (std::size_t c = 0; c != channels; ++c) {
    factor[c] = parameters[0].data[c] / std::sqrt(parameters[3].data[c] + epsilon);
    shift[c] = parameters[1].data[c] - parameters[2].data[c] * factor[c];
  }
  add_step(detail::scale_channels(from, std::move(factor), std::move(shift), to));
}

auto program::output() const -> tensor {
  const view& from = values_.at(model_.outputs.front());
  auto result = tensor::from_shape(from.extents);
  detail::relayout(from, {result.data(), from.extents, false})();
  return result;
}

} // namespace engine
