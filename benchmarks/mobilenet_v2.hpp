// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>

#include "engine/model.hpp"

/// A network of the shape of MobileNetV2 (width 1, input `[N, 3, extent, extent]`, normalisation
/// folded into the convolutions) with random weights of He's variance: the right work for a
/// benchmark, and no use for anything else.
/// @see M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", table 2
[[nodiscard]] auto mobilenet_v2(std::size_t extent = 224) -> engine::model;
