// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "error.hpp"
#include "tensor.hpp"

namespace engine {

using node_id = std::uint32_t;

enum class operation : std::uint8_t {
  input,
  constant,
  convolution,
  transposed_convolution,
  clip,
  relu,
  global_average_pool,
  flatten,
  reshape,
  gemm,
  matmul,
  add,
  concat,
  identity,
  batch_normalization,
  max_pool,
  average_pool,
  subtract,
  multiply,
  divide,
  power,
  sqrt,
  exp,
  erf,
  tanh,
  sigmoid,
  swish,
  hard_sigmoid,
  hard_swish,
  gelu,
  leaky_relu,
  prelu,
  softmax,
  reduce_mean,
  layer_normalization, ///< Of a file; the loader makes it the next, a product and a sum.
  mean_variance_normalization,
  transpose,
  squeeze,
  unsqueeze,
  split,
  slice,
  gather,
  resize,
  factor,       ///< A number behind a matrix product; told as a Reshape.
  factor_place, ///< Where Model Optimizer has that number. Passes values on; told as a product.
};

/// What an input port reads: an output of an earlier node, or nothing where it is optional.
struct source {
  node_id node = std::numeric_limits<node_id>::max();
  std::uint32_t output = 0;

  [[nodiscard]] auto is_absent() const -> bool {
    return node == std::numeric_limits<node_id>::max();
  }

  friend auto operator==(const source&, const source&) -> bool = default;
  friend auto operator<=>(const source&, const source&) = default;
};

/// An input of a node.
struct port {
  node_id node = 0;
  std::uint32_t index = 0;

  friend auto operator==(const port&, const port&) -> bool = default;
  friend auto operator<=>(const port&, const port&) = default;
};

/// The window of a convolution or a pool over height and width.
struct window {
  std::array<std::size_t, 2> kernel{1, 1};
  std::array<std::size_t, 2> strides{1, 1};
  std::array<std::size_t, 2> dilations{1, 1};
  std::array<std::size_t, 2> pads_begin{};
  std::array<std::size_t, 2> pads_end{};
  std::size_t groups = 1;
  std::array<std::size_t, 2> output_padding{}; ///< Of a transposed convolution.
  bool count_include_pad = false;
  bool ceil_mode = false;

  friend auto operator==(const window&, const window&) -> bool = default;
};

struct clip_bounds {
  float low = std::numeric_limits<float>::lowest();
  float high = std::numeric_limits<float>::max();

  friend auto operator==(const clip_bounds&, const clip_bounds&) -> bool = default;
};

/// `max(0, min(1, alpha x + beta))` of a HardSigmoid; the slope of a LeakyRelu is its alpha.
struct linear_form {
  float alpha = 0;
  float beta = 0;

  friend auto operator==(const linear_form&, const linear_form&) -> bool = default;
};

struct gemm_form {
  float alpha = 1;
  float beta = 1;
  bool transpose_b = false;

  friend auto operator==(const gemm_form&, const gemm_form&) -> bool = default;
};

struct axis_form {
  std::int64_t axis = 0; ///< As in the file; may be negative.

  friend auto operator==(const axis_form&, const axis_form&) -> bool = default;
};

/// Several axes of a mean, a permutation or a change of rank.
struct axes_form {
  std::vector<std::int64_t> axes; ///< As in the file; may be negative. Empty of a mean: all.
  bool keep = true;               ///< A mean leaves an extent of 1 where it took an axis away.

  friend auto operator==(const axes_form&, const axes_form&) -> bool = default;
};

struct softmax_form {
  std::int64_t axis = -1;
  bool and_behind = false; ///< Over all axes from `axis` on, as before operator set 13.

  friend auto operator==(const softmax_form&, const softmax_form&) -> bool = default;
};

struct split_form {
  std::int64_t axis = 0;
  std::vector<std::int64_t> extents; ///< Of the outputs; empty: equal ones.

  friend auto operator==(const split_form&, const split_form&) -> bool = default;
};

/// One entry for each axis that is cut.
struct slice_form {
  std::vector<std::int64_t> axes;
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> ends;
  std::vector<std::int64_t> steps;

  friend auto operator==(const slice_form&, const slice_form&) -> bool = default;
};

/// The indices of a Gather.
struct gather_form {
  std::int64_t axis = 0;
  integer_tensor indices;

  friend auto operator==(const gather_form&, const gather_form&) -> bool = default;
};

/// Where an output position of a resized axis is in the input.
enum class resize_place : std::uint8_t { asymmetric, half_pixel, align_corners };

/// Which input position is the nearest to it.
enum class resize_nearest : std::uint8_t { floor, ceil, prefer_floor, prefer_ceil };

/// A Resize to the nearest neighbour: `scales`, or `sizes`, has a number for each axis.
struct resize_form {
  std::vector<float> scales;
  std::vector<std::int64_t> sizes;
  resize_place place = resize_place::half_pixel;
  resize_nearest nearest = resize_nearest::prefer_floor;

  friend auto operator==(const resize_form&, const resize_form&) -> bool = default;
};

/// Zero mean and unit variance over the axes from `axis` on.
struct mean_variance_form {
  std::int64_t axis = -1;
  float epsilon = 1e-5F;

  friend auto operator==(const mean_variance_form&, const mean_variance_form&) -> bool = default;
};

/// `x (1 + erf(x / sqrt(2))) / 2`
struct gelu_form {
  friend auto operator==(const gelu_form&, const gelu_form&) -> bool = default;
};

struct reshape_form {
  std::vector<std::int64_t> target; ///< As in the file: 0 copies, -1 is worked out.
  bool allow_zero = false;

  friend auto operator==(const reshape_form&, const reshape_form&) -> bool = default;
};

struct normalization_form {
  float epsilon = 1e-5F;

  friend auto operator==(const normalization_form&, const normalization_form&) -> bool = default;
};

using node_form = std::variant<
    std::monostate,
    window,
    clip_bounds,
    gemm_form,
    axis_form,
    reshape_form,
    normalization_form,
    linear_form,
    axes_form,
    softmax_form,
    split_form,
    slice_form,
    gather_form,
    resize_form,
    mean_variance_form,
    gelu_form>;

/// One node. Model inputs, initializers and Constant nodes are nodes too.
struct node {
  std::string name;    ///< Unique. Without a name in the file: `<op_type>:<first output>`.
  std::string op_type; ///< As in the file; empty for inputs and initializers.
  operation kind = operation::identity;
  std::vector<source> inputs;
  std::vector<std::string> outputs; ///< The names of the values that it produces.
  node_form form;
  std::variant<std::monostate, tensor, integer_tensor> value; ///< Of a constant.
};

/// A model as it was loaded and checked: nodes in topological order, none of which ever changes.
struct model {
  std::string name; ///< Of the file, without its extension.
  std::vector<node> nodes;
  node_id input = 0;
  std::vector<source> outputs;
  shape input_shape;        ///< Of one sample: axis 0 has extent 1.
  bool fixed_batch = false; ///< Runs on one sample at a time only.
  std::map<source, std::vector<port>> readers;

  [[nodiscard]] auto value_name(source of) const -> const std::string& {
    return nodes[of.node].outputs[of.output];
  }
};

/// What a model may ask for before it is refused.
struct limits {
  std::size_t values_per_sample = std::size_t{1} << 29U; ///< Summed over all tensors.
  double multiplications_per_sample = 1e13;
};

/// Reads an ONNX model, checks all of it, and brings it into the form that POT saw: OpenVINO's
/// Model Optimizer rewrote models before POT placed its quantizers. The rewrites stand in
/// detail/rewrites.hpp.
/// @param sample The extents of one sample behind axis 0, where the file leaves some of them open;
///               may be empty where it does not.
/// @throws error with one line that names the file and the node, tensor or attribute at fault.
[[nodiscard]] auto
load(const std::filesystem::path& file, const limits& = {}, const shape& sample = {}) -> model;

/// The same from memory. `name` stands for the file in messages.
[[nodiscard]] auto parse(
    std::span<const char> bytes,
    const std::string& name,
    const limits& = {},
    const shape& sample = {}
) -> model;

/// The shape of each output of each node for a batch of `batch` samples.
/// @throws error that names the node whose inputs do not fit.
[[nodiscard]] auto infer_shapes(const model& of, std::size_t batch, const limits& = {})
    -> std::vector<std::vector<shape>>;

/// The values of a float constant; null for anything else.
[[nodiscard]] auto constant_of(const model& of, node_id node) -> const tensor*;

} // namespace engine
