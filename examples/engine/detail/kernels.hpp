// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <vector>

#include "../model.hpp"
#include "../tensor.hpp"
#include "axes.hpp"

namespace engine::detail {

/// A tensor in the engine's memory. The extents are in ONNX's order; in memory a tensor of four
/// axes may have its channels last, all others are row-major.
struct view {
  float* data = nullptr;
  shape extents{};
  bool channels_last = false;

  [[nodiscard]] auto size() const -> std::size_t { return engine::extents(extents); }
};

/// Work on fixed buffers, prepared once.
using step = std::function<void()>;

/// @pre `from` and `to` have their channels last.
[[nodiscard]] auto convolution(
    const window& form, const view& from, const tensor& weights, const tensor* bias, const view& to
) -> step;

/// With weights `[inputs, outputs / groups, height, width]`.
/// @pre `from` and `to` have their channels last.
[[nodiscard]] auto transposed_convolution(
    const window& form, const view& from, const tensor& weights, const tensor* bias, const view& to
) -> step;

/// `to = a b`, with `b` read as `[out, in]` where `transpose_b` is set.
/// @pre All are row-major.
[[nodiscard]] auto matmul(const view& a, const view& b, bool transpose_b, const view& to) -> step;

/// @pre `from` and `to` have their channels last.
[[nodiscard]] auto pool(const window& form, bool maximum, const view& from, const view& to) -> step;

/// Copies, and changes from channels last to row-major or back where the two differ.
[[nodiscard]] auto relayout(const view& from, const view& to) -> step;

/// @pre `from` and `to` have one layout.
[[nodiscard]] auto clip(const view& from, float low, float high, const view& to) -> step;

/// @pre `from` has its channels last.
[[nodiscard]] auto average_over_positions(const view& from, const view& to) -> step;

/// `to = alpha a + beta b`, each broadcast to the shape of `to`.
[[nodiscard]] auto add(const view& a, float alpha, const view& b, float beta, const view& to)
    -> step;

/// A sum, difference, product, quotient, power or PRelu, each input broadcast to the shape of `to`.
[[nodiscard]] auto binary(operation kind, const view& a, const view& b, const view& to) -> step;

/// A function of each value by itself.
/// @pre `from` and `to` have one layout.
[[nodiscard]] auto unary(const node& of, const view& from, const view& to) -> step;

/// @pre Both are row-major.
[[nodiscard]] auto softmax(const softmax_form& form, const view& from, const view& to) -> step;

/// The mean over `axes`, over all if there are none; `to` may have an extent of 1 in their place.
/// @pre Both are row-major.
[[nodiscard]] auto mean(const std::vector<std::size_t>& axes, const view& from, const view& to)
    -> step;

/// Zero mean and unit variance over the axes from `axis` on.
/// @pre Both are row-major.
[[nodiscard]] auto
mean_variance_normalization(std::size_t axis, float epsilon, const view& from, const view& to)
    -> step;

/// @pre `to` is row-major, and its axis `i` is axis `order[i]` of `from`.
[[nodiscard]] auto
transpose(const std::vector<std::size_t>& order, const view& from, const view& to) -> step;

/// @pre `from` and `to` have one layout.
[[nodiscard]] auto slice(const std::vector<cut>& cuts, const view& from, const view& to) -> step;

/// @pre Both are row-major.
[[nodiscard]] auto
gather(std::size_t axis, const integer_tensor& indices, const view& from, const view& to) -> step;

/// Position `i` of axis `a` is position `positions[a][i]` of `from`.
/// @pre Both have one layout.
[[nodiscard]] auto
pick(const std::vector<std::vector<std::size_t>>& positions, const view& from, const view& to)
    -> step;

/// @pre All have one layout.
[[nodiscard]] auto concat(const std::vector<view>& from, std::size_t axis, const view& to) -> step;

/// `to = from * factor + shift` by channel (axis 1).
[[nodiscard]] auto scale_channels(
    const view& from, std::vector<float> factor, std::vector<float> shift, const view& to
) -> step;

/// The axes in the order in which they lie in memory.
[[nodiscard]] auto memory_order(const view& of) -> std::vector<std::size_t>;

/// Is the order in memory the same with channels last and row-major?
[[nodiscard]] auto layout_is_moot(const shape& of) -> bool;

} // namespace engine::detail
