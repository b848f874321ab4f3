// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/channel_grids.hpp>
#include <ptq/kernel/detail/channel_layout.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

// What the public kernels check before they touch memory.
namespace ptq::detail {

inline void
check_grid(const grid& on, const char* kernel, std::size_t channel, std::int64_t most_levels) {
  const float in_width = on.in_high - on.in_low;
  const float out_width = on.out_high - on.out_low;
  const bool ordered = in_width == in_width && out_width == out_width;
  if (ordered && on.levels >= 2 && on.levels <= most_levels) [[likely]] {
    return;
  }
  const std::string where = std::string(kernel) + ", grid " + std::to_string(channel);
  if (!ordered) {
    throw error("a limit of the grid is NaN, or both are the same infinity", where);
  }
  throw error(
      std::to_string(on.levels) + " levels; supported are 2 to " + std::to_string(most_levels),
      where,
      "levels"
  );
}

inline constexpr std::int64_t most_float_levels = std::int64_t{1} << 32;

inline void check_sizes(std::size_t from, std::size_t to, const char* kernel) {
  if (from != to) {
    throw error(
        "reads " + std::to_string(from) + " elements and has room for " + std::to_string(to), kernel
    );
  }
}

/// @throws error unless the channels of a gapless tensor of `type` are as many as the grids.
[[nodiscard]] inline auto check_channels(
    const tensor_view& x,
    element_type type,
    const channel_grids& on,
    const char* kernel,
    std::int64_t most_levels
) -> channel_layout {
  if (x.type() != type) {
    throw error(
        "the tensor is " + std::string(name_of(x.type())) + ", not " + std::string(name_of(type)),
        kernel
    );
  }
  if (on.axis >= x.rank()) {
    throw error(
        "axis " + std::to_string(on.axis) + " of a tensor of shape " + shape_text(x), kernel, "axis"
    );
  }
  if (on.grids.size() != x.extent(on.axis)) {
    throw error(
        std::to_string(on.grids.size()) + " grids for the " + std::to_string(x.extent(on.axis)) +
            " channels on axis " + std::to_string(on.axis) + " of " + shape_text(x),
        kernel
    );
  }
  const auto layout = layout_of(x, on.axis);
  if (!layout && x.size() != 0) {
    throw error("the tensor of shape " + shape_text(x) + " has gaps in memory", kernel);
  }
  for (std::size_t c = 0; c != on.grids.size(); ++c) {
    check_grid(on.grids[c], kernel, c, most_levels);
  }
  return layout.value_or(channel_layout{});
}

} // namespace ptq::detail
