// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "evaluator.hpp"

namespace engine {
namespace {

auto copied_row_major(const view& from) -> tensor {
  auto result = tensor::from_shape(from.extents);
  detail::relayout(from, {result.data(), from.extents, false})();
  return result;
}

/// Where the elements of a tensor in the engine's memory lie.
auto strides_of(const view& of) -> std::vector<std::size_t> {
  std::vector<std::size_t> result(of.extents.size());
  std::size_t stride = 1;
  const auto order = detail::memory_order(of);
  for (auto axis = order.rbegin(); axis != order.rend(); ++axis) {
    result[*axis] = stride;
    stride *= of.extents[*axis];
  }
  return result;
}

void copy(const ptq::tensor_view& from, const view& to) {
  const auto strides = strides_of(to);
  const std::size_t rank = strides.size();
  std::vector<std::size_t> position(rank, 0);
  for (std::size_t i = 0; i != to.size(); ++i) {
    std::ptrdiff_t source = 0;
    std::size_t target = 0;
    for (std::size_t axis = 0; axis != rank; ++axis) {
      source += from.dimensions()[from.rank() - rank + axis].offset_of(position[axis]);
      target += strides[axis] * position[axis];
    }
    to.data[target] = from.data_as<float>()[source];
    for (std::size_t axis = rank; axis-- != 0;) {
      if (++position[axis] != to.extents[axis]) {
        break;
      }
      position[axis] = 0;
    }
  }
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

program::program(const model& of, only one, const changes& with)
    : program(of, 1, with, unprepared{}) {
  alone_ = one.node;
  const node& made = of.nodes[alone_];
  if (made.kind == operation::input || made.kind == operation::constant) {
    throw error("node '" + made.name + "': it computes nothing");
  }
  try {
    prepare_alone(alone_);
  } catch (const std::exception& problem) {
    throw error("node '" + made.name + "': " + problem.what());
  }
}

void program::prepare_alone(node_id id) {
  for (const source from : model_.nodes[id].inputs) {
    if (from.is_absent() || has_value(from)) {
      continue;
    }
    if (model_.nodes[from.node].kind == operation::constant) {
      prepare_constant(from.node);
    } else {
      const shape& extents_of = shape_at(from);
      set_value(from, allocate(extents_of, extents_of.size() == 4));
    }
  }
  add_stage({id, 0});
  prepare_node(id, shapes_[id][0]);
}

void program::run_alone(std::span<const ptq::tensor_view> inputs) {
  const node& of = model_.nodes[alone_];
  const auto refuse = [&](const std::string& problem) {
    throw error("node '" + of.name + "': " + problem);
  };
  std::size_t next = 0;
  for (const source from : of.inputs) {
    if (from.is_absent() || model_.nodes[from.node].kind == operation::constant) {
      continue;
    }
    if (next == inputs.size()) {
      refuse("it reads more values than the " + std::to_string(inputs.size()) + " given");
    }
    const ptq::tensor_view& given = inputs[next++];
    const view& to = value(from);
    const ptq::tensor_view wanted = shown_sample(to);
    bool fits = given.type() == ptq::element_type::f32 && given.rank() == wanted.rank();
    for (std::size_t axis = 0; fits && axis != given.rank(); ++axis) {
      fits = given.extent(axis) == wanted.extent(axis);
    }
    if (!fits) {
      refuse(
          "a value of shape " + ptq::shape_text(given) + " where it reads floats of shape " +
          text(to.extents)
      );
    }
    copy(given, to);
  }
  if (next != inputs.size()) {
    refuse(
        "it reads " + std::to_string(next) + " values, not the " + std::to_string(inputs.size()) +
        " given"
    );
  }
  run(nullptr);
}

/// What a graph calls the node of an output has the filter of that output.
void program::prepare_outputs() {
  for (std::size_t k = 0; k != model_.outputs.size(); ++k) {
    const auto id = static_cast<node_id>(model_.nodes.size() + k);
    if (with_.filters.contains({id, 0})) {
      outputs_[k] = filtered(model_.outputs[k], {id, 0});
    }
  }
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
  prepare_outputs();
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
  return filtered(model_.nodes[id].inputs[index], {id, index});
}

auto program::filtered(source from, port on) -> view {
  const view& value = values_.at(from);
  const auto filter = with_.filters.find(on);
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
  case operation::transposed_convolution:
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
  case operation::factor_place:
    values_[{id, 0}] = operand(id, 0);
    break;
  case operation::flatten:
  case operation::reshape:
  case operation::squeeze:
  case operation::unsqueeze:
    values_[{id, 0}] = {in_layout(operand(id, 0), false).data, result, false};
    break;
  case operation::add:
  case operation::subtract:
  case operation::multiply:
  case operation::factor:
  case operation::divide:
  case operation::power:
  case operation::prelu: {
    const view a = operand(id, 0);
    const view b = operand(id, 1);
    // As the larger operand lies: products of attention are row-major, images are not.
    const bool as_a = a.extents == result;
    const bool as_b =
        b.extents == result && model_.nodes[of.inputs[1].node].kind != operation::constant;
    const bool layout =
        as_a || as_b ? (as_a && a.channels_last) || (as_b && b.channels_last) : last;
    add_step(detail::binary(of.kind, a, b, target(layout)));
    break;
  }
  case operation::sqrt:
  case operation::exp:
  case operation::erf:
  case operation::tanh:
  case operation::sigmoid:
  case operation::swish:
  case operation::hard_sigmoid:
  case operation::hard_swish:
  case operation::gelu:
  case operation::leaky_relu: {
    const view from = operand(id, 0);
    add_step(detail::unary(of, from, target(from.channels_last)));
    break;
  }
  case operation::softmax: {
    const view from = in_layout(operand(id, 0), false);
    add_step(detail::softmax(std::get<softmax_form>(of.form), from, target(false)));
    break;
  }
  case operation::reduce_mean: {
    const view from = in_layout(operand(id, 0), false);
    const auto axes = *detail::resolved(std::get<axes_form>(of.form).axes, from.extents.size());
    add_step(detail::mean(axes, from, target(false)));
    break;
  }
  case operation::mean_variance_normalization: {
    const view from = in_layout(operand(id, 0), false);
    const auto& form = std::get<mean_variance_form>(of.form);
    const std::size_t axis = *detail::resolved(form.axis, from.extents.size());
    add_step(detail::mean_variance_normalization(axis, form.epsilon, from, target(false)));
    break;
  }
  case operation::transpose: {
    const view from = operand(id, 0);
    const auto order = *detail::order_of(std::get<axes_form>(of.form), from.extents.size());
    add_step(detail::transpose(order, from, target(false)));
    break;
  }
  case operation::slice: {
    const view from = operand(id, 0);
    const auto cuts = *detail::cuts_of(std::get<slice_form>(of.form), from.extents);
    add_step(detail::slice(cuts, from, target(from.channels_last)));
    break;
  }
  case operation::gather: {
    const view from = in_layout(operand(id, 0), false);
    const auto& form = std::get<gather_form>(of.form);
    const std::size_t axis = *detail::resolved(form.axis, from.extents.size());
    add_step(detail::gather(axis, form.indices, from, target(false)));
    break;
  }
  case operation::resize:
    prepare_resize(id, result);
    break;
  case operation::split:
    prepare_split(id);
    break;
  case operation::layer_normalization:
    throw error("there is no kernel for it");
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

auto program::copy_of(source of) const -> tensor {
  return copied_row_major(values_.at(of));
}

auto program::output() const -> tensor {
  const auto filtered = outputs_.find(0);
  return filtered == outputs_.end() ? copy_of(model_.outputs.front())
                                    : copied_row_major(filtered->second);
}

} // namespace engine
