// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>

#include <cstddef>
#include <span>

namespace ptq {

/// One grid for each index along an axis of a tensor. The grids are the caller's.
struct channel_grids {
  std::size_t axis = 0;
  std::span<const grid> grids{};
};

} // namespace ptq
