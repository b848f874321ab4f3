// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "../model.hpp"

namespace engine::detail {

/// The shape of what two tensors are spread to; null if they do not fit.
[[nodiscard]] inline auto broadcast(const shape& a, const shape& b) -> std::optional<shape> {
  shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i != result.size(); ++i) {
    const std::size_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::size_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      return std::nullopt;
    }
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

/// The axis counted from the front; null if there is none.
[[nodiscard]] inline auto resolved(std::int64_t axis, std::size_t rank)
    -> std::optional<std::size_t> {
  const auto count = static_cast<std::int64_t>(rank);
  if (axis < -count || axis >= count) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}

/// The axes counted from the front, sorted; null if one does not exist or is named twice.
[[nodiscard]] inline auto resolved(const std::vector<std::int64_t>& axes, std::size_t rank)
    -> std::optional<std::vector<std::size_t>> {
  std::vector<std::size_t> result;
  for (const std::int64_t axis : axes) {
    const auto each = resolved(axis, rank);
    if (!each) {
      return std::nullopt;
    }
    result.push_back(*each);
  }
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) {
    return std::nullopt;
  }
  return result;
}

/// What is left of one axis.
struct cut {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::size_t count = 0;
};

/// What a Slice leaves of an axis of `extent`: ends beyond it are brought inside, as ONNX says.
[[nodiscard]] inline auto
cut_of(std::int64_t start, std::int64_t end, std::int64_t step, std::size_t extent) -> cut {
  const auto count = static_cast<std::int64_t>(extent);
  const auto inside = [&](std::int64_t at) {
    const std::int64_t least = step > 0 ? 0 : -1;
    const std::int64_t most = step > 0 ? count : count - 1;
    const std::int64_t from_front = at < 0 ? std::max(at, -count - 1) + count : at;
    return std::clamp(from_front, least, most);
  };
  // A negative start that is still before the front means the first element.
  const std::int64_t first = std::max<std::int64_t>(inside(start), 0);
  const std::int64_t last = inside(end);
  const std::int64_t distance = step > 0 ? last - first : first - last;
  const auto stride = step > 0 ? static_cast<std::uint64_t>(step)
                               : std::uint64_t{0} - static_cast<std::uint64_t>(step);
  if (distance <= 0 || count == 0) {
    return {first, step, 0};
  }
  return {
      first, step, static_cast<std::size_t>((static_cast<std::uint64_t>(distance) - 1) / stride + 1)
  };
}

/// What a Slice leaves of each axis; null if it names an axis that does not exist, or one twice.
[[nodiscard]] inline auto cuts_of(const slice_form& form, const shape& from)
    -> std::optional<std::vector<cut>> {
  if (!resolved(form.axes, from.size())) {
    return std::nullopt;
  }
  std::vector<cut> result;
  for (const std::size_t extent : from) {
    result.push_back({0, 1, extent});
  }
  for (std::size_t i = 0; i != form.axes.size(); ++i) {
    const std::size_t axis = *resolved(form.axes[i], from.size());
    result[axis] = cut_of(form.starts[i], form.ends[i], form.steps[i], from[axis]);
  }
  return result;
}

/// The order of the axes that a Transpose asks for; null if it is no permutation.
[[nodiscard]] inline auto order_of(const axes_form& form, std::size_t rank)
    -> std::optional<std::vector<std::size_t>> {
  std::vector<std::size_t> result;
  if (form.axes.empty()) {
    for (std::size_t axis = rank; axis-- != 0;) {
      result.push_back(axis);
    }
    return result;
  }
  std::vector<bool> seen(rank, false);
  for (const std::int64_t axis : form.axes) {
    if (axis < 0 || static_cast<std::size_t>(axis) >= rank ||
        seen[static_cast<std::size_t>(axis)]) {
      return std::nullopt;
    }
    seen[static_cast<std::size_t>(axis)] = true;
    result.push_back(static_cast<std::size_t>(axis));
  }
  return result.size() == rank ? std::optional(result) : std::nullopt;
}

} // namespace engine::detail
