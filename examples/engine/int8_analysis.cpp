// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/int8_analysis.hpp"

#include <algorithm>
#include <cmath>

namespace engine::detail {
namespace {

/// Why an operation stays in float. Never leaves this file.
struct stays_in_float {
  std::string reason;
};

/// @throws stays_in_float
auto format_of(const ptq::quantizer& by) -> code_format {
  code_format result;
  result.by = &by;
  constexpr double tolerance = 1e-3;
  for (const ptq::grid& each : by.format.grids) {
    if (each.levels > 256) {
      throw stays_in_float{"its input has " + std::to_string(each.levels) + " levels"};
    }
    if (each.in_low != each.out_low || each.in_high != each.out_high) {
      throw stays_in_float{"its input is quantized onto another range than it comes from"};
    }
    const double zero = each.zero_point();
    const double nearest = std::nearbyint(zero);
    if (std::abs(zero - nearest) > tolerance) {
      throw stays_in_float{"zero lies between two codes of its input"};
    }
    if (nearest < 0 || nearest > static_cast<double>(each.levels - 1)) {
      throw stays_in_float{"zero is not among the codes of its input"};
    }
    result.zero_points.push_back(static_cast<int>(nearest));
    result.scale.push_back(static_cast<float>(each.scale()));
  }
  const auto levels = static_cast<int>(by.format.grids.front().levels);
  // Signed codes have their zero in the middle: then no zero point is left. Where products are
  // added in 16 bits oneDNN halves the weights for signed codes, and loses a bit: unsigned ones are
  // exact.
  result.is_signed = sums_are_exact() && std::ranges::all_of(result.zero_points, [&](int zero) {
                       return zero == levels / 2;
                     });
  if (result.is_signed) {
    std::ranges::fill(result.zero_points, 0);
    result.least = -(levels / 2);
  }
  result.most = result.least + levels - 1;
  const bool same_everywhere = std::ranges::all_of(result.zero_points, [&](int zero) {
    return zero == result.zero_points.front();
  });
  if (same_everywhere) {
    result.zero_points.resize(1);
  }
  return result;
}

auto moves_values_only(const model& of, node_id node) -> bool {
  switch (of.nodes[node].kind) {
  case operation::flatten:
  case operation::reshape:
  case operation::identity:
  case operation::max_pool:
  case operation::squeeze:
  case operation::unsqueeze:
  case operation::transpose:
  case operation::split:
  case operation::slice:
  case operation::gather:
  case operation::resize:
  case operation::factor_place:
    return true;
  default:
    return false;
  }
}

auto is_layer(const model& of, node_id node) -> bool {
  const operation kind = of.nodes[node].kind;
  return kind == operation::convolution || kind == operation::gemm || kind == operation::matmul;
}

} // namespace

int8_analysis::int8_analysis(const graph& of, const ptq::plan& under)
    : graph_(of),
      model_(of.source()),
      plan_(under),
      resolved_(ptq::resolve(of, plan_)),
      shapes_(infer_shapes(of.source(), 1)) {
  // The rounding of the run under the plan.
  const ptq::lowering_options how{.ties = ptq::rounding::half_even};
  for (ptq::lowered_tensor& each : ptq::lower(of, plan_, how)) {
    auto key = std::pair(each.name, each.node);
    lowered_.emplace(std::move(key), std::move(each));
  }
  for (const auto& entry : plan_.quantizers) {
    if (entry->kind == ptq::tensor_kind::activations) {
      try {
        formats_.emplace(&*entry, format_of(*entry));
      } catch (const stays_in_float& why) {
        without_format_.emplace(&*entry, why.reason);
      }
    }
  }
  for (node_id node = 0; node != model_.nodes.size(); ++node) {
    if (moves_values_only(model_, node)) {
      const ptq::quantizer* by = quantizer_at(node, 0);
      // Channels must stay where they are for their scales to stay right.
      const bool channels_stay = model_.nodes[node].kind == operation::identity ||
                                 model_.nodes[node].kind == operation::max_pool;
      if (by != nullptr && (channels_stay || !by->format.axis)) {
        for (std::uint32_t i = 0; i != model_.nodes[node].outputs.size(); ++i) {
          carried_[{node, i}] = by;
        }
      }
    }
    if (!is_layer(model_, node)) {
      continue;
    }
    ++weighted_;
    try {
      operations_.emplace(node, describe(node));
    } catch (const stays_in_float& why) {
      floats_.push_back({model_.nodes[node].name, why.reason});
    }
  }
}

auto int8_analysis::quantizer_at(node_id node, std::uint32_t input) const -> const ptq::quantizer* {
  if (const auto* own = resolved_.input(node, input)) {
    return own;
  }
  const auto carried = carried_.find(model_.nodes[node].inputs[input]);
  return carried == carried_.end() ? nullptr : carried->second;
}

auto int8_analysis::format_at(node_id node, std::uint32_t input) const -> const code_format* {
  const auto found = formats_.find(quantizer_at(node, input));
  return found == formats_.end() ? nullptr : &found->second;
}

auto int8_analysis::describe(node_id node) -> int8_operation {
  int8_operation result;
  describe_weights(node, result);
  describe_source(node, result);
  describe_bias(node, result);
  const source from = model_.nodes[node].inputs[0];
  result.from = shapes_[from.node][from.output];
  result.to = shapes_[node][0];
  if (result.padding) {
    result.from = result.padding->around(result.from);
  }
  const std::string kernel = kernel_of(result);
  if (kernel.empty() || kernel.starts_with("ref")) {
    throw stays_in_float{"oneDNN has no fast int8 kernel for it"};
  }
  return result;
}

void int8_analysis::describe_weights(node_id node, int8_operation& result) {
  const engine::node& of = model_.nodes[node];
  if (constant_of(model_, of.inputs[1].node) == nullptr) {
    throw stays_in_float{"both its operands depend on the sample: oneDNN wants weights in int8"};
  }
  const ptq::quantizer* by = resolved_.input(node, 1);
  if (by == nullptr) {
    throw stays_in_float{"its weights are not quantized"};
  }
  const ptq::lowered_tensor* weights = nullptr;
  // A constant that several nodes read through one quantizer is lowered once, for the first.
  for (const ptq::port_name& reader : by->consumers) {
    const auto found = lowered_.find({by->tensor, reader.node});
    weights = found != lowered_.end() && weights == nullptr ? &found->second : weights;
  }
  const auto* codes =
      weights == nullptr ? nullptr : std::get_if<std::vector<std::int8_t>>(&weights->codes);
  if (codes == nullptr) {
    throw stays_in_float{"its weights have no 8-bit codes"};
  }
  if (std::ranges::any_of(weights->zero_points, [](float zero) { return zero != 0; })) {
    throw stays_in_float{"its weights are asymmetric: their zero is not code 0"};
  }
  const auto* form = std::get_if<gemm_form>(&of.form);
  result.output_first = form != nullptr && form->transpose_b;
  result.weights_shape = weights->shape;
  if (of.kind == operation::convolution) {
    result.form = std::get<window>(of.form);
  } else if (weights->shape.size() != 2) {
    throw stays_in_float{"its weights are no matrix"};
  }
  const std::size_t axis = result.form || result.output_first ? 0 : 1;
  if (weights->axis && *weights->axis != axis) {
    throw stays_in_float{"its weights have their scales on another axis than the output channels"};
  }
  // Two products of an unsigned and a signed code fit into 16 bits if no weight is beyond 64.
  const bool may_saturate =
      std::ranges::any_of(*codes, [](std::int8_t code) { return code > 64 || code < -64; });
  if (may_saturate && !sums_are_exact()) {
    throw stays_in_float{
        "weights beyond +-64 would saturate: this processor adds 8-bit products in 16 bits"
    };
  }
  result.weights = *codes;
  result.scale = weights->scales;
  result.scale.resize(weights->shape[axis], result.scale.front());
  if (weights->scales.size() == 1) {
    std::ranges::fill(result.scale, weights->scales.front());
  }
}

void int8_analysis::describe_source(node_id node, int8_operation& result) {
  const ptq::quantizer* by = quantizer_at(node, 0);
  if (by == nullptr) {
    throw stays_in_float{"its input is not quantized"};
  }
  const code_format* format = format_at(node, 0);
  if (format == nullptr) {
    throw stays_in_float{without_format_.at(by)};
  }
  result.source_is_signed = format->is_signed;
  const std::size_t channels = result.scale.size();
  const bool depthwise = result.form && result.weights_shape[1] == 1;
  const std::size_t multiplier = depthwise ? channels / result.form->groups : 1;
  if (format->scale.size() > 1 && (!depthwise || by->format.axis != 1)) {
    throw stays_in_float{"its input has a scale for each channel, which only a depthwise "
                         "convolution can take into its output"};
  }
  const bool padded = result.form && (result.form->pads_begin != std::array<std::size_t, 2>{} ||
                                      result.form->pads_end != std::array<std::size_t, 2>{});
  // oneDNN pads with one code; where channels differ, the padding is laid around the input.
  const bool laid_around = padded && format->zero_points.size() > 1;
  if (laid_around) {
    result.padding = {
        result.form->pads_begin,
        result.form->pads_end,
        {format->zero_points.begin(), format->zero_points.end()}
    };
    result.form->pads_begin = {};
    result.form->pads_end = {};
  }
  result.bias.assign(channels, 0.0F);
  for (std::size_t c = 0; c != channels; ++c) {
    const std::size_t from = c / multiplier;
    result.scale[c] *= format->scale[format->scale.size() == 1 ? 0 : from];
    const int zero = format->zero_points[format->zero_points.size() == 1 ? 0 : from];
    if (zero == 0) {
      continue;
    }
    if (padded && !laid_around) {
      result.source_zero_point = zero;
      continue;
    }
    // Without padding, or with codes for it, each weight meets exactly one code: the zero point is
    // a constant.
    const std::size_t inner = result.weights.size() / channels;
    const bool rows = result.form || result.output_first;
    int sum = 0;
    for (std::size_t i = 0; i != inner; ++i) {
      sum += result.weights[rows ? c * inner + i : i * channels + c];
    }
    result.bias[c] -= static_cast<float>(sum * zero);
  }
}

void int8_analysis::describe_bias(node_id node, int8_operation& result) {
  const engine::node& of = model_.nodes[node];
  if (const auto* form = std::get_if<gemm_form>(&of.form)) {
    if (form->alpha != 1 || form->beta != 1) {
      throw stays_in_float{"its alpha or beta is not 1"};
    }
  }
  if (of.inputs.size() < 3 || of.inputs[2].is_absent()) {
    return;
  }
  const source from = of.inputs[2];
  const tensor* stored = constant_of(model_, from.node);
  const std::size_t channels = result.scale.size();
  if (stored == nullptr || (stored->size() != channels && stored->size() != 1) ||
      (stored->size() == channels && stored->size() != 1 && stored->shape().back() != channels)) {
    throw stays_in_float{"its bias is not one constant for each output channel"};
  }
  const auto* replaced = resolved_.constant(from.node);
  for (std::size_t c = 0; c != channels; ++c) {
    const std::size_t at = stored->size() == 1 ? 0 : c;
    const float value = replaced == nullptr ? stored->data()[at] : replaced->values[at];
    if (result.scale[c] > 0) {
      // Not rounded to the int32 of `ptq::lower`: with few bits one unit of the sums is as wide as
      // a step of the result, and oneDNN adds biases in float.
      result.bias[c] += value / result.scale[c];
    } else if (value != 0) {
      throw stays_in_float{"a channel with a bias has weights of scale 0"};
    }
  }
}

auto int8_analysis::reads_codes(node_id node) const -> bool {
  if (operation_at(node) != nullptr) {
    return true;
  }
  const code_format* format = model_.nodes[node].inputs.empty() ? nullptr : format_at(node, 0);
  if (format == nullptr) {
    return false;
  }
  switch (model_.nodes[node].kind) {
  case operation::global_average_pool:
    return format->zero_points.size() == 1 && format->by->format.axis.value_or(1) == 1;
  case operation::flatten:
  case operation::reshape:
  case operation::identity:
    return carried_.contains({node, 0}) && !is_seen_as_floats({node, 0});
  default:
    return false;
  }
}

auto int8_analysis::is_seen_as_floats(source of) const -> bool {
  const auto readers = model_.readers.find(of);
  return std::ranges::find(model_.outputs, of) != model_.outputs.end() ||
         readers == model_.readers.end() || std::ranges::any_of(readers->second, [&](port reader) {
           return resolved_.input(reader.node, reader.index) != nullptr;
         });
}

auto int8_analysis::only_format_of(source of) const -> const code_format* {
  const auto readers = model_.readers.find(of);
  if (readers == model_.readers.end() ||
      std::ranges::find(model_.outputs, of) != model_.outputs.end()) {
    return nullptr;
  }
  const code_format* result = nullptr;
  for (const port reader : readers->second) {
    const code_format* wanted =
        reader.index == 0 && reads_codes(reader.node) ? format_at(reader.node, 0) : nullptr;
    if (wanted == nullptr || (result != nullptr && wanted != result)) {
      return nullptr;
    }
    result = wanted;
  }
  return result;
}

auto int8_analysis::clip_behind(node_id node) const -> std::optional<node_id> {
  const source result{node, 0};
  const auto readers = model_.readers.find(result);
  if (readers == model_.readers.end() || readers->second.size() != 1 ||
      std::ranges::find(model_.outputs, result) != model_.outputs.end()) {
    return std::nullopt;
  }
  const port reader = readers->second.front();
  const operation kind = model_.nodes[reader.node].kind;
  const bool clips = kind == operation::clip || kind == operation::relu;
  if (!clips || reader.index != 0 || resolved_.input(reader.node, 0) != nullptr) {
    return std::nullopt;
  }
  return reader.node;
}

} // namespace engine::detail
