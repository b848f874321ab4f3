// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/detail/channel_layout.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

// Views that do not fill their memory, or have blocked channels: brought into row-major order, the
// order of the view's own axes. The loops are templates of the instruction set for the linker,
// which merges functions of one name.
namespace ptq::detail {

/// Copies the elements of some axes to `to`, the last axis fastest; returns the end.
template <class Arch, class T>
auto gather(const T* from, std::span<const dimension> axes, T* to) -> T* {
  if (axes.empty()) {
    *to = *from;
    return to + 1;
  }
  const dimension& axis = axes.front();
  if (axes.size() != 1) {
    for (std::size_t i = 0; i != axis.extent; ++i) {
      to = gather<Arch>(from + axis.offset_of(i), axes.subspan(1), to);
    }
    return to;
  }
  if (axis.block != 1) {
    for (std::size_t i = 0; i != axis.extent; ++i) {
      to[i] = from[axis.offset_of(i)];
    }
  } else if (axis.stride == 1) {
    std::memcpy(to, from, axis.extent * sizeof(T));
  } else {
    for (std::size_t i = 0; i != axis.extent; ++i) {
      to[i] = from[static_cast<std::ptrdiff_t>(i) * axis.stride];
    }
  }
  return to + axis.extent;
}

/// Does the view fill its memory without gaps, in whatever order of axes?
[[nodiscard]] inline auto fills_memory(const tensor_view& view) -> bool {
  return view.rank() == 0 || layout_of(view, 0).has_value();
}

/// The channels of `axis` once the elements are in row-major order.
[[nodiscard]] inline auto row_major_layout(const tensor_view& view, std::size_t axis)
    -> channel_layout {
  channel_layout result{.outer = 1, .channels = view.extent(axis), .inner = 1};
  for (std::size_t i = 0; i != view.rank(); ++i) {
    if (i != axis) {
      (i < axis ? result.outer : result.inner) *= view.extent(i);
    }
  }
  return result;
}

/// One channel that has all elements; its items are rows of the last axis.
/// @pre the view has an axis
[[nodiscard]] inline auto whole_layout(const tensor_view& view) -> channel_layout {
  const std::size_t row = view.extent(view.rank() - 1);
  return {.outer = row == 0 ? 0 : view.size() / row, .channels = 1, .inner = row};
}

/// Calls `run(elements, first, items)` with the view's elements in row-major order, as many whole
/// items of `layout.outer` at a time as a buffer in the second cache holds; `first` counts
/// elements.
/// @pre no extent is 0
template <class Arch, class T, class Run>
void for_each_gathered(const tensor_view& view, const channel_layout& layout, Run&& run) {
  constexpr std::size_t buffer_size = std::size_t{1} << 14U;
  const std::size_t item = layout.channels * layout.inner;
  const std::size_t at_once = std::clamp<std::size_t>(buffer_size / item, 1, layout.outer);
  std::vector<T> buffer(at_once * item);
  const std::span<const dimension> axes = view.dimensions();
  std::size_t split = 0; // The axes before it are the outer ones.
  for (std::size_t left = layout.outer; left != 1; ++split) {
    left /= axes[split].extent;
  }
  for (std::size_t first = 0; first < layout.outer; first += at_once) {
    const std::size_t count = std::min(at_once, layout.outer - first);
    T* to = buffer.data();
    for (std::size_t o = first; o != first + count; ++o) {
      const T* from = view.data_as<T>();
      std::size_t rest = o;
      for (std::size_t axis = split; axis-- != 0;) {
        from += axes[axis].offset_of(rest % axes[axis].extent);
        rest /= axes[axis].extent;
      }
      to = gather<Arch>(from, axes.subspan(split), to);
    }
    run(buffer.data(), first * item, count);
  }
}

/// All elements in row-major order. For kernels whose sums depend on the order of the values.
template <class Arch, class T>
[[nodiscard]] auto gathered(const tensor_view& view) -> std::vector<T> {
  std::vector<T> result(view.size());
  if (!result.empty()) {
    gather<Arch>(view.data_as<T>(), view.dimensions(), result.data());
  }
  return result;
}

/// The view that `gathered` elements of `like` have.
template <class T>
[[nodiscard]] auto row_major_view(const std::vector<T>& elements, const tensor_view& like)
    -> tensor_view {
  std::vector<std::size_t> extents;
  for (const dimension& each : like.dimensions()) {
    extents.push_back(each.extent);
  }
  return {elements, extents};
}

} // namespace ptq::detail
