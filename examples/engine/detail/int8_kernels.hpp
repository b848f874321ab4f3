// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels.hpp"

namespace engine::detail {

/// Codes in the engine's memory; laid out as a `view`. Signed ones lie there as their bytes.
struct code_view {
  std::uint8_t* data = nullptr;
  shape extents{};
  bool channels_last = false;

  [[nodiscard]] auto size() const -> std::size_t { return engine::extents(extents); }
};

enum class result_type : std::uint8_t { f32, u8, s8 };

/// Codes to be laid around the input of a convolution that then has no padding of its own.
struct explicit_padding {
  std::array<std::size_t, 2> begin{};
  std::array<std::size_t, 2> end{};
  std::vector<std::uint8_t> codes{}; ///< One for each channel.

  [[nodiscard]] auto around(shape of) const -> shape {
    of[2] += begin[0] + end[0];
    of[3] += begin[1] + end[1];
    return of;
  }
};

/// A convolution or matrix product on codes:
/// `y = convert(clip(scale (sum of w (x - zero_point) + bias)))`, with one scale and bias for each
/// output channel.
struct int8_operation {
  shape from{};
  shape to{};
  bool source_is_signed = false;
  int source_zero_point = 0;    ///< Of a convolution only.
  std::optional<window> form{}; ///< Empty for a matrix product.
  bool output_first = true; ///< Weights of a matrix product: `[out, in]` rather than `[in, out]`.
  shape weights_shape{};
  std::vector<std::int8_t> weights{};
  std::vector<float> bias{};
  std::vector<float> scale{};
  result_type result = result_type::f32;
  std::optional<std::pair<float, float>> clip{};
  std::optional<explicit_padding> padding{}; ///< Not part of what the kernel does.
};

/// The name of the kernel that oneDNN would run; it begins with `ref` where there is no fast one.
/// Empty where there is none at all.
[[nodiscard]] auto kernel_of(const int8_operation& of) -> std::string;

[[nodiscard]] auto int8_step(const int8_operation& of, const std::uint8_t* from, void* to) -> step;

/// Changes from channels last to row-major or back.
/// @pre Four axes, and the layouts differ.
[[nodiscard]] auto relayout_codes(const code_view& from, const code_view& to) -> step;

/// @pre Both have their channels last, and `to` has the shape of `from` with `by` around it.
[[nodiscard]] auto pad_codes(const code_view& from, explicit_padding by, const code_view& to)
    -> step;

/// The mean over the positions of each channel: `(mean of codes - zero_point) * scale`.
[[nodiscard]] auto average_codes(
    const code_view& from, bool is_signed, int zero_point, std::vector<float> scale, const view& to
) -> step;

/// Does this machine add products of 8-bit codes in 32 bits, without saturating in between?
[[nodiscard]] auto sums_are_exact() -> bool;

} // namespace engine::detail
