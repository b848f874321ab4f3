// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <vector>

#include "../model.hpp"
#include "../tensor.hpp"

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

/// @pre All have one layout.
[[nodiscard]] auto concat(const std::vector<view>& from, std::size_t axis, const view& to) -> step;

/// `to = from * factor + shift` by channel (axis 1).
[[nodiscard]] auto scale_channels(
    const view& from, std::vector<float> factor, std::vector<float> shift, const view& to
) -> step;

/// Is the order in memory the same with channels last and row-major?
[[nodiscard]] auto layout_is_moot(const shape& of) -> bool;

} // namespace engine::detail
