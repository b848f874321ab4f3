// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/kernel/quantize.hpp>
#include <ptq/lowering/lowered_tensor.hpp>
#include <ptq/lowering/weights.hpp>
#include <ptq/plan/quantizer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace ptq {

/// The values that a runtime computes of the codes: `(code - zero point) * scale`, each step
/// rounded to binary32.
///
/// They differ from the plan's by at most `3e-7` of the largest magnitude on the grid.
[[nodiscard]] inline auto rebuild(const lowered_tensor& of) -> tensor_data {
  tensor_data result{of.shape, {}};
  const std::size_t inner = detail::inner_size(of);
  std::visit(
      [&](const auto& codes) {
        result.values.reserve(codes.size());
        for (std::size_t i = 0; i != codes.size(); ++i) {
          const std::size_t c = of.axis ? i / inner % of.scales.size() : 0;
          const float shifted = static_cast<float>(codes[i]) - of.zero_points[c];
          result.values.push_back(shifted * of.scales[c]);
        }
      },
      of.codes
  );
  return result;
}

/// The values that the plan gives the weights, to the bit: `level / (levels - 1) * (out_high -
/// out_low) + out_low` for each code, with the roundings of `fake_quantize`.
///
/// @par Laws
/// With `rounding::half_even` as the ties of the lowering these are the bits of `fake_quantized`,
/// also where zero points were taken into the codes; with half up they differ where a weight lies
/// halfway between two codes. A weight beyond `in_high`, which fake-quantization sets to
/// `out_high`, may be one unit in the last place off that.
/// @param format  Of the quantizer that made `of`.
/// @throws error if they do not fit together.
[[nodiscard]] inline auto rebuild(const lowered_tensor& of, const uniform_format& format)
    -> tensor_data {
  tensor_data result{of.shape, {}};
  const auto run = [&]<class Code>(const std::vector<Code>& codes) {
    if constexpr (sizeof(Code) <= 2) {
      result.values.resize(codes.size());
      const quantizer by{.tensor = of.name, .format = format};
      detail::check_weights_format(result, by);
      std::vector<float> scales;
      std::vector<float> zero_points;
      for (const grid& each : format.grids) {
        const auto numbers = detail::affine::of(each, detail::lowest_of<Code>(each.levels));
        scales.push_back(numbers.scale);
        zero_points.push_back(numbers.zero_point);
      }
      std::vector<int> shifts(zero_points.size(), 0);
      const bool removed = zero_points != of.zero_points;
      if (removed) {
        shifts = detail::whole_zero_points(zero_points, of.bits == 16);
      }
      const std::vector<float> none(zero_points.size(), 0.0F);
      if (of.axis != format.axis || of.scales != scales || shifts.size() != zero_points.size() ||
          (removed && of.zero_points != none)) {
        throw error("it was lowered with another format", of.name);
      }
      const std::size_t inner = detail::inner_size(of);
      std::vector<Code> levels(codes.size());
      for (std::size_t i = 0; i != codes.size(); ++i) {
        const std::size_t c = of.axis ? i / inner % shifts.size() : 0;
        levels[i] = static_cast<Code>(int{codes[i]} + shifts[c]);
      }
      if (of.axis) {
        const channel_grids on{.axis = *of.axis, .grids = format.grids};
        dequantize(tensor_view(levels, of.shape), std::span<float>(result.values), on);
      } else {
        dequantize(
            std::span<const Code>(levels), std::span<float>(result.values), format.grids.front()
        );
      }
    } else {
      throw error("biases have no format of their own", of.name);
    }
  };
  std::visit(run, of.codes);
  return result;
}

} // namespace ptq
