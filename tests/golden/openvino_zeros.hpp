// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/plan/plan.hpp>

#include <cmath>
#include <utility>

namespace ptq::test {

/// The plan with zero where OpenVINO's kernel has it, for accuracies to be compared.
///
/// On 255 levels, as POT leaves them to activations of explicit codes, zero lies on the half
/// between two codes, and half of all values are zero. OpenVINO computes `x s + b` with
/// `b = -low s` in binary32, whose last bit decides about all of them: limits move by 1e-4 of a
/// step, so that the code of zero here is the one there.
inline auto with_zeros_of_openvino(const plan& of) -> plan {
  plan result = of;
  for (auto& entry : result.quantizers) {
    quantizer moved = *entry;
    bool has_moved = false;
    for (grid& each : moved.format.grids) {
      const double width = static_cast<double>(each.in_high) - static_cast<double>(each.in_low);
      const auto last = static_cast<float>(each.levels - 1);
      const double level = -static_cast<double>(each.in_low) / width * static_cast<double>(last);
      if (entry->kind == tensor_kind::weights || each.in_low >= 0.0F ||
          std::abs(level - std::floor(level) - 0.5) > 1e-4) {
        continue;
      }
      const float product = -each.in_low * last;
      const float kernels = product / (each.in_high - each.in_low);
      const bool up = static_cast<double>(std::nearbyint(kernels)) > level;
      const double by = (up ? -1e-4 : 1e-4) * width / static_cast<double>(last);
      each.in_low = static_cast<float>(static_cast<double>(each.in_low) + by);
      each.in_high = static_cast<float>(static_cast<double>(each.in_high) + by);
      has_moved = true;
    }
    if (has_moved) {
      entry = std::move(moved);
    }
  }
  return result;
}

} // namespace ptq::test
