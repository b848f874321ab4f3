// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace ptq {

/// What a node computes, as far as quantization cares. `other` is always an honest answer: such an
/// operation stays in floating point, and so does what it reads.
enum class op : std::uint8_t {
  other,
  input,    ///< A tensor that depends on the sample.
  constant, ///< A tensor that does not.
  output,   ///< Marks a result of the graph; optional.
  convolution,
  depthwise_convolution, ///< Groups, input channels and output channels are the same number.
  transposed_convolution,
  matmul, ///< With or without a bias on input 2 (a fully connected layer, Gemm).
  add,
  subtract,
  multiply,
  divide,
  batch_normalization,
  relu,
  clamp, ///< ReLU6 is a clamp.
  sigmoid,
  average_pool,
  reduce_mean, ///< A global average pool is one.
  max_pool,
  reduce_max,
  reshape,
  flatten,
  squeeze,
  unsqueeze,
  transpose,
  split,
  concat,
  pad,
  slice,
  softmax,
  maximum,
  minimum,
  power,
  squared_difference,
  floor_mod,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  logical_and,
  logical_or,
  logical_xor,
  logical_not,
  abs,
  exp,
  log,
  sign,
  sqrt,
  erf,
  prelu, ///< Leaky ReLU is one.
  elu,
  gelu,
  swish, ///< SiLU: `x sigmoid(x)`.
  hard_swish,
  hard_sigmoid,
  tanh,
  softsign,
  mean_variance_normalization, ///< Layer and instance normalization, without scale and shift.
  normalize_l2,
  interpolate,
  reduce_sum,
  crop,
  tile,
  shuffle_channels,
  broadcast,
  convert_like,
  gather,
  depth_to_space,
  lstm, ///< Inputs 0 (x), 1 (initial state), 4 (weights) and 5 (recurrent weights) are of interest.
  gru,  ///< Inputs 0 (x), 1 (initial state), 3 (weights) and 4 (recurrent weights) are of interest.
  read_value, ///< A state kept between samples.
  assign,     ///< Writes a state.
  shape_of,   ///< The extents of a tensor, as integers.
  non_max_suppression,
  top_k,
  detection_output,      ///< The last stage of a detector: boxes and classes.
  roi_feature_extractor, ///< Pools features of regions of interest.
  convert,               ///< Changes the type of the elements.
  grouped_transposed_convolution,
};

inline constexpr std::array op_names{
    std::string_view("other"),
    std::string_view("input"),
    std::string_view("constant"),
    std::string_view("output"),
    std::string_view("convolution"),
    std::string_view("depthwise_convolution"),
    std::string_view("transposed_convolution"),
    std::string_view("matmul"),
    std::string_view("add"),
    std::string_view("subtract"),
    std::string_view("multiply"),
    std::string_view("divide"),
    std::string_view("batch_normalization"),
    std::string_view("relu"),
    std::string_view("clamp"),
    std::string_view("sigmoid"),
    std::string_view("average_pool"),
    std::string_view("reduce_mean"),
    std::string_view("max_pool"),
    std::string_view("reduce_max"),
    std::string_view("reshape"),
    std::string_view("flatten"),
    std::string_view("squeeze"),
    std::string_view("unsqueeze"),
    std::string_view("transpose"),
    std::string_view("split"),
    std::string_view("concat"),
    std::string_view("pad"),
    std::string_view("slice"),
    std::string_view("softmax"),
    std::string_view("maximum"),
    std::string_view("minimum"),
    std::string_view("power"),
    std::string_view("squared_difference"),
    std::string_view("floor_mod"),
    std::string_view("less"),
    std::string_view("less_equal"),
    std::string_view("greater"),
    std::string_view("greater_equal"),
    std::string_view("equal"),
    std::string_view("not_equal"),
    std::string_view("logical_and"),
    std::string_view("logical_or"),
    std::string_view("logical_xor"),
    std::string_view("logical_not"),
    std::string_view("abs"),
    std::string_view("exp"),
    std::string_view("log"),
    std::string_view("sign"),
    std::string_view("sqrt"),
    std::string_view("erf"),
    std::string_view("prelu"),
    std::string_view("elu"),
    std::string_view("gelu"),
    std::string_view("swish"),
    std::string_view("hard_swish"),
    std::string_view("hard_sigmoid"),
    std::string_view("tanh"),
    std::string_view("softsign"),
    std::string_view("mean_variance_normalization"),
    std::string_view("normalize_l2"),
    std::string_view("interpolate"),
    std::string_view("reduce_sum"),
    std::string_view("crop"),
    std::string_view("tile"),
    std::string_view("shuffle_channels"),
    std::string_view("broadcast"),
    std::string_view("convert_like"),
    std::string_view("gather"),
    std::string_view("depth_to_space"),
    std::string_view("lstm"),
    std::string_view("gru"),
    std::string_view("read_value"),
    std::string_view("assign"),
    std::string_view("shape_of"),
    std::string_view("non_max_suppression"),
    std::string_view("top_k"),
    std::string_view("detection_output"),
    std::string_view("roi_feature_extractor"),
    std::string_view("convert"),
    std::string_view("grouped_transposed_convolution"),
};

[[nodiscard]] constexpr auto name_of(op kind) noexcept -> std::string_view {
  return op_names[static_cast<std::size_t>(kind)];
}

/// The geometry of a convolution. One number for each spatial axis; an empty list means all ones
/// (strides, dilations) or all zeros (pads).
struct convolution_attributes {
  std::vector<std::size_t> strides{};
  std::vector<std::size_t> dilations{};
  std::vector<std::size_t> pads_begin{};
  std::vector<std::size_t> pads_end{};
  std::size_t groups = 1;

  friend auto operator==(const convolution_attributes&, const convolution_attributes&)
      -> bool = default;
};

/// How a matrix product reads its operands: `transpose_b` says that input 1 is `[out, in]`.
struct matmul_attributes {
  bool transpose_a = false;
  bool transpose_b = false;

  friend auto operator==(const matmul_attributes&, const matmul_attributes&) -> bool = default;
};

/// The axis that a concatenation, split or softmax works on.
struct axis_attributes {
  std::size_t axis = 0;

  friend auto operator==(const axis_attributes&, const axis_attributes&) -> bool = default;
};

/// How a GRU combines its gates.
struct recurrent_attributes {
  bool linear_before_reset = false;

  friend auto operator==(const recurrent_attributes&, const recurrent_attributes&)
      -> bool = default;
};

/// What a graph tells of a node beyond its kind; `monostate` where there is nothing to tell.
using op_attributes = std::variant<
    std::monostate,
    convolution_attributes,
    matmul_attributes,
    axis_attributes,
    recurrent_attributes>;

} // namespace ptq
