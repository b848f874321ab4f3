// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/kernel/quantize.hpp>
#include <ptq/lowering/lowered_tensor.hpp>
#include <ptq/plan/quantizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ptq {

/// The most levels of which codes are made; what has more stays in floating point.
inline constexpr std::int64_t most_lowered_levels = 65536;

namespace detail {

/// @throws error unless the grids are as many as the constant's channels, in order, and alike.
inline void check_weights_format(const tensor_data& constant, const quantizer& by) {
  const uniform_format& format = by.format;
  const std::string shape = shape_text(constant.view());
  if (format.axis && *format.axis >= constant.shape.size()) {
    throw error(
        "the plan has grids on axis " + std::to_string(*format.axis) + " of a constant of shape " +
            shape,
        by.tensor
    );
  }
  const std::size_t channels = format.axis ? constant.shape[*format.axis] : 1;
  if (format.grids.size() != channels) {
    throw error(
        "the plan has " + std::to_string(format.grids.size()) + " grids for the " +
            std::to_string(channels) + " channels of a constant of shape " + shape,
        by.tensor
    );
  }
  for (std::size_t c = 0; c != format.grids.size(); ++c) {
    const grid& each = format.grids[c];
    const std::string which = "grid " + std::to_string(c) + " of the plan ";
    if (!std::isfinite(each.in_low) || !std::isfinite(each.in_high) ||
        !std::isfinite(each.out_low) || !std::isfinite(each.out_high)) {
      throw error(which + "has a limit that is not finite", by.tensor);
    }
    if (each.in_low > each.in_high || each.out_low > each.out_high) {
      throw error(which + "has its limits in the wrong order", by.tensor);
    }
    if (each.levels < 2 || each.levels != format.grids.front().levels) {
      throw error(which + "has " + std::to_string(each.levels) + " levels", by.tensor);
    }
  }
}

/// Scale and zero point of a grid whose level 0 has the code `lowest`.
///
/// Up to 256 levels with the roundings of OpenVINO, which computes them in binary32.
struct affine {
  float scale = 0.0F;
  float zero_point = 0.0F;

  [[nodiscard]] static auto of(const grid& on, std::int64_t lowest) -> affine {
    const float width = on.out_high - on.out_low;
    if (on.levels > 256 || !std::isfinite(width)) {
      const double step = on.scale();
      const double zero = step == 0.0 ? 0.0 : static_cast<double>(lowest) + on.zero_point();
      return {static_cast<float>(step), static_cast<float>(zero)};
    }
    const float step = width / static_cast<float>(on.levels - 1);
    return {step, step == 0.0F ? 0.0F : static_cast<float>(lowest) - on.out_low / step};
  }
};

template <class Code>
[[nodiscard]] auto lowest_of(std::int64_t levels) -> std::int64_t {
  return std::is_signed_v<Code> ? -(levels / 2) : 0;
}

/// Zero points as whole numbers; empty if one is not, up to the noise of binary32.
[[nodiscard]] inline auto whole_zero_points(std::span<const float> zero_points, bool of_16_bits)
    -> std::vector<int> {
  const double tolerance = of_16_bits ? 0x1p-7 : 1e-4;
  std::vector<int> whole;
  for (const float each : zero_points) {
    const double nearest = std::nearbyint(static_cast<double>(each));
    if (!(std::abs(static_cast<double>(each) - nearest) <= tolerance) ||
        std::abs(nearest) > 65536.0) {
      return {};
    }
    whole.push_back(static_cast<int>(nearest));
  }
  return whole;
}

/// How many elements lie between two channels of a lowered tensor.
[[nodiscard]] inline auto inner_size(const lowered_tensor& of) -> std::size_t {
  std::size_t inner = 1;
  for (std::size_t axis = of.axis ? *of.axis + 1 : of.shape.size(); axis < of.shape.size();
       ++axis) {
    inner *= of.shape[axis];
  }
  return inner;
}

/// Takes whole zero points into the codes, if all of these still fit.
template <class Code>
void remove_zero_points(std::vector<Code>& codes, lowered_tensor& of) {
  const std::vector<int> whole = whole_zero_points(of.zero_points, of.bits == 16);
  if (whole.size() != of.zero_points.size()) {
    return;
  }
  const std::size_t inner = inner_size(of);
  const int most = (1 << (of.bits - 1)) - 1;
  const auto shifted = [&](std::size_t i) {
    return int{codes[i]} - whole[of.axis ? i / inner % whole.size() : 0];
  };
  for (std::size_t i = 0; i != codes.size(); ++i) {
    if (shifted(i) < -most - 1 || shifted(i) > most) {
      return;
    }
  }
  for (std::size_t i = 0; i != codes.size(); ++i) {
    codes[i] = static_cast<Code>(shifted(i));
  }
  of.zero_points.assign(of.zero_points.size(), 0.0F);
}

template <class Code>
void lower_weights(
    const tensor_data& constant,
    const uniform_format& format,
    const lowering_options& how,
    lowered_tensor& result
) {
  std::vector<Code> codes(constant.values.size());
  if (format.axis) {
    const channel_grids grids{.axis = *format.axis, .grids = format.grids};
    quantize(constant.view(), std::span<Code>(codes), grids, how.ties);
  } else {
    const std::span<const float> values(constant.values);
    quantize(values, std::span<Code>(codes), format.grids.front(), how.ties);
  }
  for (const grid& each : format.grids) {
    const affine numbers = affine::of(each, lowest_of<Code>(each.levels));
    result.scales.push_back(numbers.scale);
    result.zero_points.push_back(numbers.zero_point);
  }
  const bool removes = how.removed == zero_point_removal::of_all ||
                       (how.removed == zero_point_removal::of_8_bits && result.bits == 8);
  if (std::is_signed_v<Code> && removes) {
    remove_zero_points(codes, result);
  }
  result.codes = std::move(codes);
}

/// @pre at most `most_lowered_levels`
inline auto
lowered_weights(const tensor_data& constant, const quantizer& by, const lowering_options& how)
    -> lowered_tensor {
  check_weights_format(constant, by);
  const std::int64_t levels = by.format.grids.front().levels;
  lowered_tensor result{
      .name = by.tensor,
      .node = by.consumers.empty() ? std::string{} : by.consumers.front().node,
      .shape = constant.shape,
      .axis = by.format.axis,
      .bits = levels <= 16 ? 4 : (levels <= 256 ? 8 : 16)
  };
  const auto lower_as = [&]<class Code>(Code) {
    lower_weights<Code>(constant, by.format, how, result);
  };
  try {
    if (how.weights_as == element_type::i8) {
      result.bits == 16 ? lower_as(std::int16_t{}) : lower_as(std::int8_t{});
    } else {
      result.bits == 16 ? lower_as(std::uint16_t{}) : lower_as(std::uint8_t{});
    }
  } catch (const error& problem) {
    throw error(problem.what(), by.tensor);
  }
  return result;
}

} // namespace detail

} // namespace ptq
