// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_view.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace ptq::detail {

/// Where the channels lie in memory: element `(o, c, i)` at `(o * channels + c) * inner + i`.
struct channel_layout {
  std::size_t outer = 1;
  std::size_t channels = 1;
  std::size_t inner = 1;
};

/// How the channels of `axis` lie, if the tensor fills its memory without gaps, in whatever order
/// of axes: channels-last memory shown as NCHW counts.
[[nodiscard]] inline auto layout_of(const tensor_view& view, std::size_t axis)
    -> std::optional<channel_layout> {
  std::array<std::pair<dimension, bool>, tensor_view::max_rank> axes{};
  std::size_t count = 0;
  channel_layout result;
  for (std::size_t i = 0; i != view.rank(); ++i) {
    const dimension& d = view.dimensions()[i];
    if (d.block != 1) {
      return std::nullopt;
    }
    if (d.extent != 1) {
      // Sorted by insertion, the smallest stride first.
      std::size_t at = count++;
      for (; at != 0 && axes[at - 1].first.stride > d.stride; --at) {
        axes[at] = axes[at - 1];
      }
      axes[at] = {d, i == axis};
    }
  }
  std::size_t expected = 1;
  bool inside = true;
  for (std::size_t i = 0; i != count; ++i) {
    const auto& [d, is_channel] = axes[i];
    if (d.stride != static_cast<std::ptrdiff_t>(expected)) {
      return std::nullopt;
    }
    expected *= d.extent;
    if (is_channel) {
      result.channels = d.extent;
      inside = false;
    } else {
      (inside ? result.inner : result.outer) *= d.extent;
    }
  }
  // An axis of extent 1 has no place of its own: one channel owns all.
  return result;
}

} // namespace ptq::detail
