// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <string_view>

#include "detail/node_reader.hpp"

namespace engine::detail {
namespace {

auto read_window(node_reader& from, bool kernel_required) -> window {
  window result;
  if (const auto how = from.take<std::string>("auto_pad"); how && *how != "NOTSET") {
    from.fail("auto_pad '" + *how + "' is not supported, only NOTSET");
  }
  result.kernel = from.sizes<2>("kernel_shape", 0, 1);
  if (kernel_required && result.kernel[0] == 0) {
    from.fail("attribute 'kernel_shape' is missing");
  }
  result.strides = from.sizes<2>("strides", 1, 1);
  result.dilations = from.sizes<2>("dilations", 1, 1);
  const auto pads = from.sizes<4>("pads", 0, 0);
  result.pads_begin = {pads[0], pads[1]};
  result.pads_end = {pads[2], pads[3]};
  return result;
}

auto read_convolution(node_reader& from) -> node_form {
  from.arity(2, 3);
  window result = read_window(from, false);
  const auto groups = from.integer("group", 1);
  if (groups < 1) {
    from.fail("attribute 'group' is " + std::to_string(groups));
  }
  result.groups = static_cast<std::size_t>(groups);
  const shape weights = shape_of(from.constant<tensor>(1, "the weights"));
  if (weights.size() != 4) {
    from.fail("weights of shape " + text(weights) + "; only convolutions over two axes are run");
  }
  const std::array<std::size_t, 2> kernel{weights[2], weights[3]};
  if (result.kernel[0] != 0 && result.kernel != kernel) {
    from.fail("kernel_shape differs from the shape " + text(weights) + " of the weights");
  }
  result.kernel = kernel;
  if (extents(weights) == 0 || weights[0] % result.groups != 0) {
    from.fail(
        "weights of shape " + text(weights) + " do not divide into " +
        std::to_string(result.groups) + " groups"
    );
  }
  if (from.has_input(2)) {
    const shape bias = shape_of(from.constant<tensor>(2, "the bias"));
    if (bias != shape{weights[0]}) {
      from.fail("a bias of shape " + text(bias) + " for weights of shape " + text(weights));
    }
  }
  return result;
}

auto read_transposed_convolution(node_reader& from) -> node_form {
  from.arity(2, 3);
  window result = read_window(from, false);
  result.output_padding = from.sizes<2>("output_padding", 0, 0);
  const auto groups = from.integer("group", 1);
  const shape weights = shape_of(from.constant<tensor>(1, "the weights"));
  if (weights.size() != 4 || extents(weights) == 0) {
    from.fail("weights of shape " + text(weights) + "; only convolutions over two axes are run");
  }
  if (groups < 1 || weights[0] % static_cast<std::size_t>(groups) != 0) {
    from.fail(
        "weights of shape " + text(weights) + " do not divide into " + std::to_string(groups) +
        " groups"
    );
  }
  result.groups = static_cast<std::size_t>(groups);
  const std::array<std::size_t, 2> kernel{weights[2], weights[3]};
  if (result.kernel[0] != 0 && result.kernel != kernel) {
    from.fail("kernel_shape differs from the shape " + text(weights) + " of the weights");
  }
  result.kernel = kernel;
  if (from.has_input(2)) {
    const shape bias = shape_of(from.constant<tensor>(2, "the bias"));
    if (bias != shape{weights[1] * result.groups}) {
      from.fail("a bias of shape " + text(bias) + " for weights of shape " + text(weights));
    }
  }
  return result;
}

auto read_clip(node_reader& from) -> node_form {
  clip_bounds result;
  if (from.opset() < 11) {
    from.arity(1, 1);
    result.low = from.number("min", result.low);
    result.high = from.number("max", result.high);
  } else {
    from.arity(1, 3);
    float* const bounds[] = {&result.low, &result.high};
    for (std::size_t i = 1; i != 3; ++i) {
      if (from.has_input(i)) {
        const tensor& bound = from.constant<tensor>(i, "a bound");
        if (bound.size() != 1) {
          from.fail("a bound of shape " + text(shape_of(bound)) + " is no scalar");
        }
        *bounds[i - 1] = bound.data()[0];
      }
    }
  }
  if (!(result.low <= result.high)) {
    from.fail("the lower bound is not below the upper one");
  }
  return result;
}

auto read_gemm(node_reader& from) -> node_form {
  from.arity(from.opset() < 11 ? 3 : 2, 3);
  gemm_form result;
  result.alpha = from.number("alpha", 1);
  result.beta = from.number("beta", 1);
  if (from.flag("transA", false)) {
    from.fail("transA = 1 is not supported");
  }
  result.transpose_b = from.flag("transB", false);
  return result;
}

auto read_reshape(node_reader& from) -> node_form {
  from.arity(2, 2);
  const integer_tensor& target = from.constant<integer_tensor>(1, "the target shape");
  if (target.dimension() != 1 || target.size() > 8) {
    from.fail("the target shape is no list of at most 8 numbers");
  }
  reshape_form result{
      {target.data(), target.data() + target.size()}, from.flag("allowzero", false)
  };
  return result;
}

auto read_normalization(node_reader& from) -> node_form {
  from.arity(5, 5);
  normalization_form result{from.number("epsilon", 1e-5F)};
  from.number("momentum", 0.9F);
  if (from.flag("training_mode", false) || !from.flag("spatial", true)) {
    from.fail("only inference with one scale for each channel is supported");
  }
  const shape first = shape_of(from.constant<tensor>(1, "the scale"));
  for (std::size_t i = 1; i != 5; ++i) {
    const shape parameter = shape_of(from.constant<tensor>(i, "a parameter"));
    if (parameter.size() != 1 || parameter != first) {
      from.fail("its parameters are no four vectors of one length");
    }
  }
  return result;
}

auto read_max_pool(node_reader& from) -> node_form {
  from.arity(1, 1);
  window result = read_window(from, true);
  result.ceil_mode = from.flag("ceil_mode", false);
  if (from.integer("storage_order", 0) != 0) {
    from.fail("storage_order is not supported");
  }
  return result;
}

auto read_average_pool(node_reader& from) -> node_form {
  from.arity(1, 1);
  window result = read_window(from, true);
  result.ceil_mode = from.flag("ceil_mode", false);
  result.count_include_pad = from.flag("count_include_pad", false);
  if (result.dilations != std::array<std::size_t, 2>{1, 1}) {
    from.fail("dilations are not supported");
  }
  return result;
}

template <std::size_t Inputs>
auto read_plain(node_reader& from) -> node_form {
  from.arity(Inputs, Inputs);
  return {};
}

auto read_flatten(node_reader& from) -> node_form {
  from.arity(1, 1);
  return axis_form{from.integer("axis", 1)};
}

auto read_concat(node_reader& from) -> node_form {
  from.arity(from.input_count(), from.input_count());
  const auto axis = from.take<std::int64_t>("axis");
  if (!axis) {
    from.fail("attribute 'axis' is missing");
  }
  return axis_form{*axis};
}

auto read_hard_sigmoid(node_reader& from) -> node_form {
  from.arity(1, 1);
  return linear_form{from.number("alpha", 0.2F), from.number("beta", 0.5F)};
}

auto read_leaky_relu(node_reader& from) -> node_form {
  from.arity(1, 1);
  return linear_form{from.number("alpha", 0.01F), 0};
}

auto read_prelu(node_reader& from) -> node_form {
  from.arity(2, 2);
  static_cast<void>(from.constant<tensor>(1, "the slope"));
  return {};
}

auto read_softmax(node_reader& from) -> node_form {
  from.arity(1, 1);
  const bool before = from.opset() < 13;
  return softmax_form{from.integer("axis", before ? 1 : -1), before};
}

auto read_reduce_mean(node_reader& from) -> node_form {
  from.arity(1, from.opset() < 18 ? 1 : 2);
  auto axes = from.list("axes", 1, 18, "the axes");
  const bool nothing = from.opset() >= 18 && from.flag("noop_with_empty_axes", false);
  if (nothing && (!axes || axes->empty())) {
    from.fail("a mean over no axis is not supported");
  }
  return axes_form{
      std::move(axes).value_or(std::vector<std::int64_t>{}), from.flag("keepdims", true)
  };
}

auto read_layer_normalization(node_reader& from) -> node_form {
  from.arity(2, 3);
  static_cast<void>(from.constant<tensor>(1, "the scale"));
  if (from.has_input(2)) {
    static_cast<void>(from.constant<tensor>(2, "the shift"));
  }
  from.integer("stash_type", 1);
  return mean_variance_form{from.integer("axis", -1), from.number("epsilon", 1e-5F)};
}

auto read_transpose(node_reader& from) -> node_form {
  from.arity(1, 1);
  return axes_form{from.take<std::vector<std::int64_t>>("perm").value_or(std::vector<std::int64_t>{}
  )};
}

auto read_squeeze(node_reader& from) -> node_form {
  from.arity(1, from.opset() < 13 ? 1 : 2);
  return axes_form{from.list("axes", 1, 13, "the axes").value_or(std::vector<std::int64_t>{})};
}

auto read_unsqueeze(node_reader& from) -> node_form {
  from.arity(1, from.opset() < 13 ? 1 : 2);
  auto axes = from.list("axes", 1, 13, "the axes");
  if (!axes || axes->empty()) {
    from.fail("the axes are missing");
  }
  return axes_form{std::move(*axes)};
}

auto read_split(node_reader& from) -> node_form {
  from.arity(1, from.opset() < 13 ? 1 : 2);
  split_form result{from.integer("axis", 0), {}};
  if (auto extents = from.list("split", 1, 13, "the extents")) {
    result.extents = std::move(*extents);
    if (result.extents.size() != from.output_count()) {
      from.fail(
          std::to_string(result.extents.size()) + " extents for " +
          std::to_string(from.output_count()) + " outputs"
      );
    }
  }
  if (from.opset() >= 18) {
    from.integer("num_outputs", 0);
  }
  return result;
}

auto read_slice(node_reader& from) -> node_form {
  return read_slice_form(from);
}

auto read_gather(node_reader& from) -> node_form {
  from.arity(2, 2);
  return gather_form{
      from.integer("axis", 0), from.constant<integer_tensor>(1, "the list of indices")
  };
}

/// The value that an attribute names.
template <class T>
auto chosen(
    node_reader& from,
    const char* attribute,
    const std::string& otherwise,
    std::initializer_list<std::pair<std::string_view, T>> known
) -> T {
  const std::string name = from.take<std::string>(attribute).value_or(otherwise);
  const auto found =
      std::ranges::find(known, std::string_view(name), &std::pair<std::string_view, T>::first);
  if (found == known.end()) {
    from.fail(std::string(attribute) + " '" + name + "' is not supported");
  }
  return found->second;
}

auto read_resize(node_reader& from) -> node_form {
  const bool early = from.opset() < 11; // Without a choice of how positions are found.
  from.arity(early ? 2 : 1, early ? 2 : 4);
  resize_form result{
      .scales = {}, .sizes = {}, .place = resize_place::asymmetric, .nearest = resize_nearest::floor
  };
  static_cast<void>(chosen<int>(from, "mode", "nearest", {{"nearest", 0}}));
  if (!early) {
    result.place = chosen<resize_place>(
        from,
        "coordinate_transformation_mode",
        "half_pixel",
        {{"asymmetric", resize_place::asymmetric},
         {"half_pixel", resize_place::half_pixel},
         {"align_corners", resize_place::align_corners}}
    );
    result.nearest = chosen<resize_nearest>(
        from,
        "nearest_mode",
        "round_prefer_floor",
        {{"floor", resize_nearest::floor},
         {"ceil", resize_nearest::ceil},
         {"round_prefer_floor", resize_nearest::prefer_floor},
         {"round_prefer_ceil", resize_nearest::prefer_ceil}}
    );
    // What says how other modes than the nearest neighbour work.
    from.number("cubic_coeff_a", 0);
    from.number("extrapolation_value", 0);
    from.integer("exclude_outside", 0);
    if (from.integer("antialias", 0) != 0) {
      from.fail("antialias is not supported");
    }
  }
  if (auto sizes = early ? std::nullopt : from.integers_at(3, "the sizes")) {
    result.sizes = std::move(*sizes);
  } else {
    const tensor& scales = from.constant<tensor>(early ? 1 : 2, "the scales");
    result.scales.assign(scales.begin(), scales.end());
  }
  for (const float scale : result.scales) {
    if (!(scale > 0.0F) || scale > 65536.0F) {
      from.fail("a scale of " + std::to_string(scale));
    }
  }
  return result;
}

struct known_operator {
  std::string_view name;
  operation kind;
  node_form (*read)(node_reader&);
};

constexpr known_operator known[] = {
    {"Conv", operation::convolution, read_convolution},
    {"ConvTranspose", operation::transposed_convolution, read_transposed_convolution},
    {"Clip", operation::clip, read_clip},
    {"Relu", operation::relu, read_plain<1>},
    {"GlobalAveragePool", operation::global_average_pool, read_plain<1>},
    {"Flatten", operation::flatten, read_flatten},
    {"Reshape", operation::reshape, read_reshape},
    {"Gemm", operation::gemm, read_gemm},
    {"MatMul", operation::matmul, read_plain<2>},
    {"Add", operation::add, read_plain<2>},
    {"Concat", operation::concat, read_concat},
    {"Identity", operation::identity, read_plain<1>},
    {"BatchNormalization", operation::batch_normalization, read_normalization},
    {"MaxPool", operation::max_pool, read_max_pool},
    {"AveragePool", operation::average_pool, read_average_pool},
    {"Sub", operation::subtract, read_plain<2>},
    {"Mul", operation::multiply, read_plain<2>},
    {"Div", operation::divide, read_plain<2>},
    {"Pow", operation::power, read_plain<2>},
    {"Sqrt", operation::sqrt, read_plain<1>},
    {"Exp", operation::exp, read_plain<1>},
    {"Erf", operation::erf, read_plain<1>},
    {"Tanh", operation::tanh, read_plain<1>},
    {"Sigmoid", operation::sigmoid, read_plain<1>},
    {"HardSigmoid", operation::hard_sigmoid, read_hard_sigmoid},
    {"HardSwish", operation::hard_swish, read_plain<1>},
    {"LeakyRelu", operation::leaky_relu, read_leaky_relu},
    {"PRelu", operation::prelu, read_prelu},
    {"Softmax", operation::softmax, read_softmax},
    {"ReduceMean", operation::reduce_mean, read_reduce_mean},
    {"LayerNormalization", operation::layer_normalization, read_layer_normalization},
    {"Transpose", operation::transpose, read_transpose},
    {"Squeeze", operation::squeeze, read_squeeze},
    {"Unsqueeze", operation::unsqueeze, read_unsqueeze},
    {"Split", operation::split, read_split},
    {"Slice", operation::slice, read_slice},
    {"Gather", operation::gather, read_gather},
    {"Resize", operation::resize, read_resize},
};

auto scalar_or_list(node_reader& from) -> constant_value {
  const auto list = [](const auto& values) {
    using T = typename std::decay_t<decltype(values)>::value_type;
    auto result = xt::xarray<T>::from_shape(shape{values.size()});
    std::copy(values.begin(), values.end(), result.data());
    return result;
  };
  const auto scalar = [](auto value) {
    auto result = xt::xarray<decltype(value)>::from_shape(shape{});
    result.data()[0] = value;
    return result;
  };
  if (auto value = from.take<constant_value>("value")) {
    return std::move(*value);
  }
  if (const auto value = from.take<float>("value_float")) {
    return scalar(*value);
  }
  if (const auto value = from.take<std::int64_t>("value_int")) {
    return scalar(*value);
  }
  if (const auto values = from.take<std::vector<float>>("value_floats")) {
    return list(*values);
  }
  if (const auto values = from.take<std::vector<std::int64_t>>("value_ints")) {
    return list(*values);
  }
  from.fail("it has no value of a type that this engine reads");
}

} // namespace

auto read_slice_form(node_reader& from) -> slice_form {
  from.arity(from.opset() < 10 ? 1 : 3, from.opset() < 10 ? 1 : 5);
  auto starts = from.list("starts", 1, 10, "the starts");
  auto ends = from.list("ends", 2, 10, "the ends");
  if (!starts || !ends || starts->size() != ends->size()) {
    from.fail("it needs as many starts as ends");
  }
  slice_form result{{}, std::move(*starts), std::move(*ends), {}};
  const std::size_t count = result.starts.size();
  if (auto axes = from.list("axes", 3, 10, "the axes")) {
    result.axes = std::move(*axes);
  } else {
    for (std::size_t i = 0; i != count; ++i) {
      result.axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  result.steps.assign(count, 1);
  if (auto steps = from.opset() < 10 ? std::nullopt : from.integers_at(4, "the steps")) {
    result.steps = std::move(*steps);
  }
  if (result.axes.size() != count || result.steps.size() != count) {
    from.fail("it needs as many axes and steps as starts");
  }
  for (const std::int64_t step : result.steps) {
    if (step == 0 || step == std::numeric_limits<std::int64_t>::min()) {
      from.fail("a step of " + std::to_string(step));
    }
  }
  return result;
}

void interpret(
    const draft_node& from,
    std::int64_t opset,
    const std::vector<const constant_value*>& inputs,
    node& result
) {
  node_reader attributes(from, opset, inputs);
  if (from.outputs.size() != 1 && from.op_type != "Split") {
    attributes.fail("only its first output is supported");
  }
  if (from.op_type == "Constant") {
    attributes.arity(0, 0);
    result.kind = operation::constant;
    result.value = scalar_or_list(attributes);
    attributes.finish();
    return;
  }
  for (const known_operator& entry : known) {
    if (entry.name == from.op_type) {
      result.kind = entry.kind;
      result.form = entry.read(attributes);
      attributes.finish();
      return;
    }
  }
  attributes.fail("unknown operator");
}

} // namespace engine::detail
