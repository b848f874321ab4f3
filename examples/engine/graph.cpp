// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "graph.hpp"

namespace engine {

graph::graph(const model& of) : model_(&of) {
  for (const node& each : of.nodes) {
    auto& list = inputs_.emplace_back();
    const std::size_t told = each.kind == operation::factor ? 1 : each.inputs.size();
    for (const engine::source from : std::span(each.inputs).first(told)) {
      list.push_back(
          from.is_absent() ? ptq::tensor_ref<node_id>::absent()
                           : ptq::tensor_ref<node_id>(from.node, from.output)
      );
    }
  }
  for (const engine::source from : of.outputs) {
    inputs_.push_back({ptq::tensor_ref<node_id>(from.node, from.output)});
    output_names_.push_back(of.value_name(from) + "/output");
  }
}

auto graph::op(node_id node) const -> ptq::op {
  if (is_output(node)) {
    return ptq::op::output;
  }
  switch (model_->nodes[node].kind) {
  case operation::input:
    return ptq::op::input;
  case operation::constant:
    return ptq::op::constant;
  case operation::convolution:
    return ptq::op::convolution;
  case operation::transposed_convolution:
    return std::get<window>(model_->nodes[node].form).groups == 1
               ? ptq::op::transposed_convolution
               : ptq::op::grouped_transposed_convolution;
  case operation::clip:
    return ptq::op::clamp;
  case operation::relu:
    return ptq::op::relu;
  case operation::global_average_pool:
    return ptq::op::reduce_mean;
  case operation::flatten:
    return ptq::op::flatten;
  case operation::reshape:
  case operation::identity: // To its own shape.
  case operation::factor:
    return ptq::op::reshape;
  case operation::gemm:
  case operation::matmul:
    return ptq::op::matmul;
  case operation::add:
    return ptq::op::add;
  case operation::concat:
    return ptq::op::concat;
  case operation::batch_normalization:
    return ptq::op::batch_normalization;
  case operation::max_pool:
    return ptq::op::max_pool;
  case operation::average_pool:
    return ptq::op::average_pool;
  case operation::subtract:
    return ptq::op::subtract;
  case operation::multiply:
  case operation::factor_place:
    return ptq::op::multiply;
  case operation::divide:
    return ptq::op::divide;
  case operation::power:
    return ptq::op::power;
  case operation::sqrt:
    return ptq::op::sqrt;
  case operation::exp:
    return ptq::op::exp;
  case operation::erf:
    return ptq::op::erf;
  case operation::tanh:
    return ptq::op::tanh;
  case operation::sigmoid:
    return ptq::op::sigmoid;
  case operation::swish:
    return ptq::op::swish;
  case operation::hard_sigmoid:
    return ptq::op::hard_sigmoid;
  case operation::hard_swish:
    return ptq::op::hard_swish;
  case operation::gelu:
    return ptq::op::gelu;
  case operation::leaky_relu:
  case operation::prelu:
    return ptq::op::prelu;
  case operation::softmax:
    return ptq::op::softmax;
  case operation::reduce_mean:
    return ptq::op::reduce_mean;
  case operation::layer_normalization: // Never left by the loader.
    return ptq::op::other;
  case operation::mean_variance_normalization:
    return ptq::op::mean_variance_normalization;
  case operation::transpose:
    return ptq::op::transpose;
  case operation::squeeze:
    return ptq::op::squeeze;
  case operation::unsqueeze:
    return ptq::op::unsqueeze;
  case operation::split:
    return ptq::op::split;
  case operation::slice:
    return ptq::op::slice;
  case operation::gather:
    return ptq::op::gather;
  case operation::resize:
    return ptq::op::interpolate;
  }
  return ptq::op::other;
}

auto graph::constant(node_id node) const -> std::optional<ptq::constant_view> {
  if (is_output(node)) {
    return std::nullopt;
  }
  const auto& value = model_->nodes[node].value;
  if (const auto* values = std::get_if<tensor>(&value)) {
    return ptq::constant_view(values->data(), shape_of(*values));
  }
  if (const auto* values = std::get_if<integer_tensor>(&value)) {
    return ptq::constant_view(values->data(), shape_of(*values));
  }
  return std::nullopt;
}

auto graph::attributes(node_id node) const -> ptq::op_attributes {
  if (is_output(node)) {
    return {};
  }
  const engine::node& of = model_->nodes[node];
  if (of.kind == operation::convolution) {
    const auto& form = std::get<window>(of.form);
    return ptq::convolution_attributes{
        .strides = {form.strides.begin(), form.strides.end()},
        .dilations = {form.dilations.begin(), form.dilations.end()},
        .pads_begin = {form.pads_begin.begin(), form.pads_begin.end()},
        .pads_end = {form.pads_end.begin(), form.pads_end.end()},
        .groups = form.groups,
    };
  }
  if (of.kind == operation::gemm) {
    return ptq::matmul_attributes{.transpose_b = std::get<gemm_form>(of.form).transpose_b};
  }
  if (of.kind == operation::matmul) {
    return ptq::matmul_attributes{};
  }
  std::optional<std::int64_t> axis;
  if (of.kind == operation::concat) {
    axis = std::get<axis_form>(of.form).axis;
  } else if (of.kind == operation::split) {
    axis = std::get<split_form>(of.form).axis;
  } else if (of.kind == operation::softmax) {
    axis = std::get<softmax_form>(of.form).axis;
  }
  if (axis && *axis >= 0) {
    return ptq::axis_attributes{static_cast<std::size_t>(*axis)};
  }
  return {};
}

} // namespace engine
