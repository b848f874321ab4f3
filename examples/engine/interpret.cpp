// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <optional>
#include <string_view>

#include "detail/draft.hpp"

namespace engine::detail {
namespace {

/// Hands out the attributes of one node, remembers which were asked for, and knows the constants
/// at its inputs.
class reader {
public:
  reader(
      const draft_node& of, std::int64_t opset, const std::vector<const constant_value*>& constants
  )
      : of_(of), opset_(opset), constants_(constants), left_(of.attributes) {}

  [[noreturn]] void fail(const std::string& problem) const {
    throw error("node '" + of_.name + "' (" + of_.op_type + "): " + problem);
  }

  [[nodiscard]] auto opset() const -> std::int64_t { return opset_; }

  template <class T>
  [[nodiscard]] auto take(const char* name) -> std::optional<T> {
    const auto found = left_.find(name);
    if (found == left_.end()) {
      return std::nullopt;
    }
    auto* value = std::get_if<T>(&found->second);
    if (value == nullptr) {
      fail("attribute '" + std::string(name) + "' has the wrong type");
    }
    std::optional<T> result = std::move(*value);
    left_.erase(found);
    return result;
  }

  auto integer(const char* name, std::int64_t otherwise) -> std::int64_t {
    return take<std::int64_t>(name).value_or(otherwise);
  }

  auto flag(const char* name, bool otherwise) -> bool {
    const auto value = integer(name, otherwise ? 1 : 0);
    if (value != 0 && value != 1) {
      fail("attribute '" + std::string(name) + "' is neither 0 nor 1");
    }
    return value == 1;
  }

  auto number(const char* name, float otherwise) -> float {
    return take<float>(name).value_or(otherwise);
  }

  /// A list of `Count` numbers between `least` and 2^20.
  template <std::size_t Count>
  auto sizes(const char* name, std::size_t otherwise, std::int64_t least)
      -> std::array<std::size_t, Count> {
    std::array<std::size_t, Count> result{};
    result.fill(otherwise);
    const auto list = take<std::vector<std::int64_t>>(name);
    if (!list) {
      return result;
    }
    if (list->size() != Count) {
      fail(
          "attribute '" + std::string(name) + "' has " + std::to_string(list->size()) +
          " numbers where two spatial axes need " + std::to_string(Count)
      );
    }
    for (std::size_t i = 0; i != Count; ++i) {
      if ((*list)[i] < least || (*list)[i] > (std::int64_t{1} << 20U)) {
        fail("attribute '" + std::string(name) + "' holds " + std::to_string((*list)[i]));
      }
      result[i] = static_cast<std::size_t>((*list)[i]);
    }
    return result;
  }

  void finish() const {
    if (!left_.empty()) {
      fail("attribute '" + left_.begin()->first + "' is not supported");
    }
  }

  [[nodiscard]] auto has_input(std::size_t index) const -> bool {
    return index < of_.inputs.size() && !of_.inputs[index].empty();
  }

  template <class T>
  [[nodiscard]] auto constant(std::size_t index, const char* what) const -> const T& {
    const constant_value* value = index < constants_.size() ? constants_[index] : nullptr;
    if (value == nullptr) {
      fail(std::string(what) + " must be a constant");
    }
    const T* result = std::get_if<T>(value);
    if (result == nullptr) {
      fail(std::string(what) + " has the wrong element type");
    }
    return *result;
  }

  [[nodiscard]] auto input_count() const -> std::size_t {
    return std::max<std::size_t>(of_.inputs.size(), 1);
  }

  void arity(std::size_t least, std::size_t most) const {
    const std::size_t count = of_.inputs.size();
    bool complete = count >= least && count <= most;
    for (std::size_t i = 0; complete && i != least; ++i) {
      complete = has_input(i);
    }
    if (!complete) {
      fail(
          std::to_string(count) + " inputs, " + std::to_string(least) +
          (least == most ? "" : " to " + std::to_string(most)) + " are needed"
      );
    }
  }

private:
  const draft_node& of_;
  std::int64_t opset_;
  const std::vector<const constant_value*>& constants_;
  std::map<std::string, attribute_value> left_;
};

auto read_window(reader& from, bool kernel_required) -> window {
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

auto read_convolution(reader& from) -> node_form {
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

auto read_clip(reader& from) -> node_form {
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

auto read_gemm(reader& from) -> node_form {
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

auto read_reshape(reader& from) -> node_form {
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

auto read_normalization(reader& from) -> node_form {
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

auto read_max_pool(reader& from) -> node_form {
  from.arity(1, 1);
  window result = read_window(from, true);
  result.ceil_mode = from.flag("ceil_mode", false);
  if (from.integer("storage_order", 0) != 0) {
    from.fail("storage_order is not supported");
  }
  return result;
}

auto read_average_pool(reader& from) -> node_form {
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
auto read_plain(reader& from) -> node_form {
  from.arity(Inputs, Inputs);
  return {};
}

auto read_flatten(reader& from) -> node_form {
  from.arity(1, 1);
  return axis_form{from.integer("axis", 1)};
}

auto read_concat(reader& from) -> node_form {
  from.arity(from.input_count(), from.input_count());
  const auto axis = from.take<std::int64_t>("axis");
  if (!axis) {
    from.fail("attribute 'axis' is missing");
  }
  return axis_form{*axis};
}

struct known_operator {
  std::string_view name;
  operation kind;
  node_form (*read)(reader&);
};

constexpr known_operator known[] = {
    {"Conv", operation::convolution, read_convolution},
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
};

auto scalar_or_list(reader& from) -> constant_value {
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

void interpret(
    const draft_node& from,
    std::int64_t opset,
    const std::vector<const constant_value*>& inputs,
    node& result
) {
  reader attributes(from, opset, inputs);
  if (from.outputs.size() != 1) {
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
