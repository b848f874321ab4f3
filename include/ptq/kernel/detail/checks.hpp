// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/channel_grids.hpp>

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

inline void check_type(const tensor_view& x, element_type type, const char* kernel) {
  if (x.type() != type) {
    throw error(
        "the tensor is " + std::string(name_of(x.type())) + ", not " + std::string(name_of(type)),
        kernel
    );
  }
}

/// @throws error unless the tensor is of `type`, and for a grid as `check_grid`.
inline void check_one_grid(
    const tensor_view& x,
    element_type type,
    const grid& on,
    const char* kernel,
    std::int64_t most_levels
) {
  check_type(x, type, kernel);
  check_grid(on, kernel, 0, most_levels);
}

/// @throws error unless the tensor is of `type` and its channels are as many as the grids.
inline void check_grids(
    const tensor_view& x,
    element_type type,
    const channel_grids& on,
    const char* kernel,
    std::int64_t most_levels
) {
  check_type(x, type, kernel);
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
  for (std::size_t c = 0; c != on.grids.size(); ++c) {
    check_grid(on.grids[c], kernel, c, most_levels);
  }
}

} // namespace ptq::detail
