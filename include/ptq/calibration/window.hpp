// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/core/tensor_view.hpp>

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

/// How a convolution's kernel goes over its input: one number for each spatial axis.
struct window {
  std::vector<std::size_t> kernel{};
  std::vector<std::size_t> strides{};
  std::vector<std::size_t> dilations{};
  std::vector<std::size_t> pads_begin{};
  std::vector<std::size_t> pads_end{};

  /// `tap_mean/3x3,s2x2,d1x1,p1x1-1x1`: the statistic that is kept for this window.
  [[nodiscard]] auto key() const -> std::string {
    const auto list = [](const std::vector<std::size_t>& numbers) {
      std::string text;
      for (const std::size_t number : numbers) {
        text += (text.empty() ? "" : "x") + std::to_string(number);
      }
      return text;
    };
    return "tap_mean/" + list(kernel) + ",s" + list(strides) + ",d" + list(dilations) + ",p" +
           list(pads_begin) + "-" + list(pads_end);
  }

  /// The taps of the kernel.
  [[nodiscard]] auto taps() const -> std::size_t {
    std::size_t product = 1;
    for (const std::size_t extent : kernel) {
      product *= extent;
    }
    return product;
  }

  /// Is each input visited once and alike by its only tap, so that the means of channels say all?
  [[nodiscard]] auto is_pointwise() const -> bool {
    for (std::size_t axis = 0; axis != kernel.size(); ++axis) {
      if (kernel[axis] != 1 || strides[axis] != 1 || pads_begin[axis] != 0 || pads_end[axis] != 0) {
        return false;
      }
    }
    return true;
  }

  friend auto operator==(const window&, const window&) -> bool = default;
  friend auto operator<=>(const window&, const window&) = default;
};

/// The window of a convolution with weights `[O, I / groups, spatial...]`; empty if the shapes do
/// not fit, or a stride, a dilation or an extent of the kernel is 0.
[[nodiscard]] inline auto
window_of(const tensor_view& weights, const convolution_attributes& geometry)
    -> std::optional<window> {
  if (weights.rank() < 3) {
    return std::nullopt;
  }
  const std::size_t spatial = weights.rank() - 2;
  window result;
  const auto told = [&](const std::vector<std::size_t>& list, std::size_t none) {
    return list.empty() ? std::vector<std::size_t>(spatial, none) : list;
  };
  for (std::size_t axis = 0; axis != spatial; ++axis) {
    result.kernel.push_back(weights.extent(axis + 2));
  }
  result.strides = told(geometry.strides, 1);
  result.dilations = told(geometry.dilations, 1);
  result.pads_begin = told(geometry.pads_begin, 0);
  result.pads_end = told(geometry.pads_end, 0);
  for (const auto* list :
       {&result.strides, &result.dilations, &result.pads_begin, &result.pads_end}) {
    if (list->size() != spatial) {
      return std::nullopt;
    }
  }
  for (std::size_t axis = 0; axis != spatial; ++axis) {
    if (result.kernel[axis] == 0 || result.strides[axis] == 0 || result.dilations[axis] == 0) {
      return std::nullopt;
    }
  }
  return result;
}

} // namespace ptq
