// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <optional>

#include "program.hpp"

namespace engine {
namespace {

auto copied(const view& from) -> tensor {
  auto result = tensor::from_shape(from.extents);
  std::copy_n(from.data, from.size(), result.data());
  return result;
}

/// The input position for each output position of an axis.
auto nearest_positions(const resize_form& how, std::size_t extent, std::size_t resized, float scale)
    -> std::vector<std::size_t> {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i != resized; ++i) {
    const auto at = static_cast<float>(i);
    float place = at / scale;
    if (how.place == resize_place::half_pixel) {
      place = (at + 0.5F) / scale - 0.5F;
    } else if (how.place == resize_place::align_corners) {
      place = resized < 2 ? 0.0F
                          : at * static_cast<float>(extent - 1) / static_cast<float>(resized - 1);
    }
    switch (how.nearest) {
    case resize_nearest::floor:
      place = std::floor(place);
      break;
    case resize_nearest::ceil:
      place = std::ceil(place);
      break;
    case resize_nearest::prefer_floor:
      place = std::ceil(place - 0.5F);
      break;
    case resize_nearest::prefer_ceil:
      place = std::floor(place + 0.5F);
      break;
    }
    result.push_back(
        static_cast<std::size_t>(std::clamp(place, 0.0F, static_cast<float>(extent - 1)))
    );
  }
  return result;
}

} // namespace

void program::prepare_split(node_id id) {
  const view from = operand(id, 0);
  const std::size_t axis =
      *detail::resolved(std::get<split_form>(model_.nodes[id].form).axis, from.extents.size());
  std::vector<detail::cut> cuts;
  for (const std::size_t extent : from.extents) {
    cuts.push_back({0, 1, extent});
  }
  for (std::uint32_t i = 0; i != shapes_[id].size(); ++i) {
    if (i != 0) {
      add_stage({id, i});
    }
    const view to = allocate(shapes_[id][i], from.channels_last);
    set_value({id, i}, to);
    cuts[axis].count = to.extents[axis];
    add_step(detail::slice(cuts, from, to));
    cuts[axis].start += static_cast<std::int64_t>(to.extents[axis]);
  }
}

void program::prepare_resize(node_id id, const shape& result) {
  const auto& form = std::get<resize_form>(model_.nodes[id].form);
  const view from = operand(id, 0);
  std::vector<std::vector<std::size_t>> positions;
  for (std::size_t axis = 0; axis != result.size(); ++axis) {
    const float scale = form.scales.empty() ? static_cast<float>(result[axis]) /
                                                  static_cast<float>(from.extents[axis])
                                            : form.scales[axis];
    positions.push_back(nearest_positions(form, from.extents[axis], result[axis], scale));
  }
  const view to = allocate(result, from.channels_last);
  set_value({id, 0}, to);
  add_step(detail::pick(positions, from, to));
}

void program::prepare_convolution(node_id id, const view& to) {
  const node& of = model_.nodes[id];
  const view from = in_layout(operand(id, 0), true);
  const tensor weights = copied(operand(id, 1));
  std::optional<tensor> bias;
  if (of.inputs.size() > 2 && !of.inputs[2].is_absent()) {
    bias = copied(operand(id, 2));
  }
  const auto kernel =
      of.kind == operation::convolution ? &detail::convolution : &detail::transposed_convolution;
  add_step(kernel(std::get<window>(of.form), from, weights, bias ? &*bias : nullptr, to));
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

} // namespace engine
