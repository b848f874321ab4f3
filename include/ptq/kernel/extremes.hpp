// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/detail/extremes_kernel.hpp>
#include <ptq/kernel/detail/gather.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include <xsimd/xsimd.hpp>

namespace ptq {

/// The least and the greatest of some values. NaN is passed over, and said; zeros are positive.
struct extremes {
  float low = std::numeric_limits<float>::infinity();
  float high = -std::numeric_limits<float>::infinity();
  bool has_nan = false;

  [[nodiscard]] constexpr auto has_infinity() const noexcept -> bool {
    constexpr float most = std::numeric_limits<float>::max();
    return (low < -most && high >= low) || (high > most && high >= low);
  }

  [[nodiscard]] constexpr auto abs_max() const noexcept -> float {
    return high < low ? 0.0F : (-low < high ? high : -low);
  }

  friend constexpr auto operator==(const extremes&, const extremes&) -> bool = default;
};

/// Extremes and sum of some values. NaN is passed over in the extremes, and said; zeros are
/// positive. A sum with NaN in it is NaN.
struct summary {
  float low = std::numeric_limits<float>::infinity();
  float high = -std::numeric_limits<float>::infinity();
  double sum = 0.0;
  std::size_t count = 0;
  bool has_nan = false;
  bool has_infinity = false;

  /// 0 if there are no values.
  [[nodiscard]] constexpr auto mean() const noexcept -> double {
    return count == 0 ? 0.0 : sum / static_cast<double>(count);
  }

  /// 0 if there are no values.
  [[nodiscard]] constexpr auto abs_max() const noexcept -> float {
    return high < low ? 0.0F : (-low < high ? high : -low);
  }

  friend constexpr auto operator==(const summary&, const summary&) -> bool = default;
};

/// The extremes of `values`, in one sweep.
template <class Arch = xsimd::default_arch>
[[nodiscard]] auto extremes_of(std::span<const float> values) -> extremes {
  detail::swept found{};
  detail::extremes_kernel{}(Arch{}, values.data(), values.size(), found);
  return {found.low, found.high, found.has_nan};
}

/// Extremes and sum of `values`, in one sweep.
///
/// @par Determinism
/// The sum has the same bits on every architecture and alignment: element `i` of each block of
/// 4,096 goes to lane `i % 32` in binary32; the lanes are added up in a fixed tree, the blocks in
/// order in binary64.
template <class Arch = xsimd::default_arch>
[[nodiscard]] auto summarize(std::span<const float> values) -> summary {
  detail::swept found{};
  detail::summary_kernel{}(Arch{}, values.data(), values.size(), found);
  return {
      found.low,
      found.high,
      found.sum,
      values.size(),
      found.has_nan,
      found.low == -detail::infinity || found.high == detail::infinity,
  };
}

/// The summary of each channel of `axis`.
///
/// @par Determinism
/// A channel's sum is that of its runs in memory, each summed as above, in order in binary64. Where
/// the runs are single values, eight at a time are added up in binary32 first. A view with gaps or
/// blocked channels has the sums of its values in row-major order.
/// @param x  float32
/// @throws error if `x` is not so, or `channels` has another size than the axis
template <class Arch = xsimd::default_arch>
void summarize(const tensor_view& x, std::size_t axis, std::span<summary> channels) {
  if (x.type() != element_type::f32 || axis >= x.rank() || channels.size() != x.extent(axis)) {
    throw error(
        std::string(name_of(x.type())) + " tensor of shape " + shape_text(x) + ", axis " +
            std::to_string(axis) + ", and room for " + std::to_string(channels.size()) +
            " channels",
        "summarize"
    );
  }
  if (x.size() == 0) {
    for (summary& channel : channels) {
      channel = {};
    }
    return;
  }
  const auto layout = detail::layout_of(x, axis);
  if (!layout) {
    const std::vector<float> dense = detail::gathered<Arch, float>(x);
    return summarize<Arch>(detail::row_major_view(dense, x), axis, channels);
  }
  detail::summary_kernel{}(Arch{}, x.data_as<float>(), *layout, channels.data());
}

} // namespace ptq
