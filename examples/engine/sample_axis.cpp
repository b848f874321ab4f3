// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "detail/axes.hpp"
#include "detail/draft.hpp"

namespace engine::detail {
namespace {

/// Does a node work along the axis of the samples, as far as its form tells?
auto may_mix_samples(const model& in, const node& of, const std::vector<std::vector<shape>>& shapes)
    -> bool {
  const auto rank_of = [&](std::size_t input) {
    const source from = of.inputs[input];
    return from.is_absent() ? 0 : shapes[from.node][from.output].size();
  };
  const std::size_t rank = of.inputs.empty() ? 0 : rank_of(0);
  const auto is_first = [&](std::int64_t axis) { return resolved(axis, rank) == 0; };
  switch (of.kind) {
  case operation::softmax:
    return is_first(std::get<softmax_form>(of.form).axis);
  case operation::mean_variance_normalization:
    return is_first(std::get<mean_variance_form>(of.form).axis);
  case operation::split:
    return is_first(std::get<split_form>(of.form).axis);
  case operation::gather:
    return is_first(std::get<gather_form>(of.form).axis);
  case operation::concat:
    return is_first(std::get<axis_form>(of.form).axis);
  case operation::slice:
    return std::ranges::any_of(std::get<slice_form>(of.form).axes, is_first);
  case operation::reduce_mean: {
    const auto& axes = std::get<axes_form>(of.form).axes;
    return axes.empty() || std::ranges::any_of(axes, is_first);
  }
  case operation::gemm:
  case operation::matmul:
    return rank_of(1) == 2 && in.nodes[of.inputs[1].node].kind != operation::constant;
  default:
    return false;
  }
}

} // namespace

auto keeps_samples_apart(const model& of, const limits& allowed) -> bool {
  try {
    const auto shapes = infer_shapes(of, 2, allowed);
    if (std::ranges::any_of(of.nodes, [&](const node& each) {
          return may_mix_samples(of, each, shapes);
        })) {
      return false;
    }
    return std::ranges::all_of(of.outputs, [&](source from) {
      const shape& each = shapes[from.node][from.output];
      return !each.empty() && each[0] == 2;
    });
  } catch (const error&) {
    return false;
  }
}

auto free_of_batch(model& of, const model& other) -> bool {
  if (of.nodes.size() != other.nodes.size() || of.outputs != other.outputs) {
    return false;
  }
  for (node_id id = 0; id != of.nodes.size(); ++id) {
    node& each = of.nodes[id];
    const node& there = other.nodes[id];
    if (each.kind != there.kind || each.inputs != there.inputs) {
      return false;
    }
    if (const auto* values = std::get_if<tensor>(&each.value)) {
      const auto* others = std::get_if<tensor>(&there.value);
      if (others == nullptr || values->shape() != others->shape() ||
          !std::equal(values->begin(), values->end(), others->begin())) {
        return false;
      }
    }
    if (each.form == there.form) {
      continue;
    }
    if (each.kind != operation::reshape) {
      return false;
    }
    auto& target = std::get<reshape_form>(each.form).target;
    const auto& others = std::get<reshape_form>(there.form).target;
    if (target.size() != others.size()) {
      return false;
    }
    for (std::size_t i = 0; i != target.size(); ++i) {
      if (target[i] != others[i]) {
        if (std::ranges::find(target, -1) != target.end()) {
          return false;
        }
        target[i] = -1;
      }
    }
    auto list = integer_tensor::from_shape({target.size()});
    std::ranges::copy(target, list.data());
    of.nodes[each.inputs[1].node].value = std::move(list);
  }
  return true;
}

} // namespace engine::detail
