// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "detail/kernels.hpp"

namespace engine::detail {
namespace {

/// How far apart neighbours along each axis lie, in ONNX's order of the axes.
auto strides_of(const view& of) -> std::vector<std::ptrdiff_t> {
  std::vector<std::ptrdiff_t> result(of.extents.size());
  std::ptrdiff_t stride = 1;
  const auto order = memory_order(of);
  for (auto axis = order.rbegin(); axis != order.rend(); ++axis) {
    result[*axis] = stride;
    stride *= static_cast<std::ptrdiff_t>(of.extents[*axis]);
  }
  return result;
}

/// Fills `to` in the order of its memory from values that lie `strides` apart, one stride for each
/// axis of `to` in ONNX's order.
auto strided_copy(const float* from, const std::vector<std::ptrdiff_t>& strides, const view& to)
    -> step {
  shape extents_of;
  std::vector<std::ptrdiff_t> steps;
  for (const std::size_t axis : memory_order(to)) {
    extents_of.push_back(to.extents[axis]);
    steps.push_back(strides[axis]);
  }
  return [=, size = to.size()] {
    const std::size_t rank = extents_of.size();
    std::vector<std::size_t> position(rank, 0);
    std::ptrdiff_t at = 0;
    for (std::size_t i = 0; i != size; ++i) {
      to.data[i] = from[at];
      for (std::size_t axis = rank; axis-- != 0;) {
        at += steps[axis];
        if (++position[axis] != extents_of[axis]) {
          break;
        }
        at -= steps[axis] * static_cast<std::ptrdiff_t>(extents_of[axis]);
        position[axis] = 0;
      }
    }
  };
}

} // namespace

auto transpose(const std::vector<std::size_t>& order, const view& from, const view& to) -> step {
  const auto own = strides_of(from);
  std::vector<std::ptrdiff_t> strides;
  for (const std::size_t axis : order) {
    strides.push_back(own[axis]);
  }
  return strided_copy(from.data, strides, to);
}

auto slice(const std::vector<cut>& cuts, const view& from, const view& to) -> step {
  const auto own = strides_of(from);
  std::vector<std::ptrdiff_t> strides;
  std::ptrdiff_t first = 0;
  for (std::size_t axis = 0; axis != cuts.size(); ++axis) {
    // A step that is never taken may be of any size.
    strides.push_back(cuts[axis].count < 2 ? 0 : own[axis] * cuts[axis].step);
    first += own[axis] * cuts[axis].start;
  }
  return strided_copy(from.data + first, strides, to);
}

auto gather(std::size_t axis, const integer_tensor& indices, const view& from, const view& to)
    -> step {
  const auto middle = from.extents.begin() + static_cast<std::ptrdiff_t>(axis);
  const std::size_t outer = extents(shape(from.extents.begin(), middle));
  const std::size_t inner = extents(shape(middle + 1, from.extents.end()));
  std::vector<std::size_t> rows;
  for (const std::int64_t index : indices) {
    rows.push_back(*resolved(index, from.extents[axis]));
  }
  return [=, count = from.extents[axis]] {
    float* y = to.data;
    for (std::size_t block = 0; block != outer; ++block) {
      for (const std::size_t row : rows) {
        y = std::copy_n(from.data + (block * count + row) * inner, inner, y);
      }
    }
  };
}

auto pick(const std::vector<std::vector<std::size_t>>& positions, const view& from, const view& to)
    -> step {
  const auto strides = strides_of(from);
  std::vector<std::size_t> offsets{0};
  for (const std::size_t axis : memory_order(to)) {
    std::vector<std::size_t> finer;
    for (const std::size_t offset : offsets) {
      for (const std::size_t position : positions[axis]) {
        finer.push_back(offset + position * static_cast<std::size_t>(strides[axis]));
      }
    }
    offsets = std::move(finer);
  }
  return [offsets = std::move(offsets), from = from.data, to = to.data] {
    for (std::size_t i = 0; i != offsets.size(); ++i) {
      to[i] = from[offsets[i]];
    }
  };
}

} // namespace engine::detail
