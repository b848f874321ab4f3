// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>

#include <compare>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Where the taps of a convolution's kernel read, along each spatial axis.
struct tap_geometry {
  struct axis {
    std::size_t kernel = 1;
    std::size_t stride = 1;
    std::size_t dilation = 1;
    std::size_t pad_begin = 0;
    std::size_t pad_end = 0;

    friend auto operator==(const axis&, const axis&) -> bool = default;
    friend auto operator<=>(const axis&, const axis&) = default;

    /// 0 if the kernel does not fit.
    [[nodiscard]] constexpr auto positions(std::size_t extent) const -> std::size_t {
      const std::size_t reach = (kernel - 1) * dilation + 1;
      const std::size_t padded = extent + pad_begin + pad_end;
      return padded < reach ? 0 : (padded - reach) / stride + 1;
    }
  };

  std::vector<axis> axes{};

  /// Does each position read just the value there, so that a tap's mean is the channel's?
  [[nodiscard]] auto is_pointwise() const -> bool {
    for (const axis& each : axes) {
      if (each.kernel != 1 || each.stride != 1 || each.pad_begin != 0 || each.pad_end != 0) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] auto taps() const -> std::size_t {
    std::size_t count = 1;
    for (const axis& each : axes) {
      count *= each.kernel;
    }
    return count;
  }

  /// The name under which the statistics keep the means: `tap_mean/k3s1d1p1,1/k3s2d1p0,1`.
  [[nodiscard]] auto key() const -> std::string {
    std::string result = "tap_mean";
    for (const axis& each : axes) {
      result += "/k" + std::to_string(each.kernel) + "s" + std::to_string(each.stride) + "d" +
                std::to_string(each.dilation) + "p" + std::to_string(each.pad_begin) + "," +
                std::to_string(each.pad_end);
    }
    return result;
  }

  friend auto operator==(const tap_geometry&, const tap_geometry&) -> bool = default;
  friend auto operator<=>(const tap_geometry&, const tap_geometry&) = default;
};

/// The geometry of a convolution; empty if it makes no sense.
/// @param kernel  The spatial extents of the weights.
[[nodiscard]] inline auto
tap_geometry_of(std::span<const std::size_t> kernel, const convolution_attributes& of)
    -> std::optional<tap_geometry> {
  const auto number = [](const std::vector<std::size_t>& list, std::size_t axis, std::size_t none) {
    return axis < list.size() ? list[axis] : none;
  };
  tap_geometry result;
  for (std::size_t a = 0; a != kernel.size(); ++a) {
    result.axes.push_back(
        {kernel[a],
         number(of.strides, a, 1),
         number(of.dilations, a, 1),
         number(of.pads_begin, a, 0),
         number(of.pads_end, a, 0)}
    );
    if (kernel[a] == 0 || result.axes[a].stride == 0) {
      return std::nullopt;
    }
  }
  return result;
}

/// For each channel and tap, the mean over the output positions of the value that the tap reads, 0
/// where it reads padding.
///
/// @param values  Row-major, the channels first, then the spatial axes.
/// @return `[channels, kernel...]`; empty if the kernel does not fit.
/// @par Determinism
/// Sums along the last axis first, in order, in binary64.
[[nodiscard]] inline auto tap_means(
    std::span<const float> values,
    std::span<const std::size_t> spatial_extents,
    const tap_geometry& geometry
) -> std::vector<double> {
  std::vector<double> sums(values.begin(), values.end());
  double positions = 1.0;
  std::size_t inner = 1;
  for (std::size_t a = geometry.axes.size(); a-- != 0;) {
    const tap_geometry::axis& axis = geometry.axes[a];
    const std::size_t extent = spatial_extents[a];
    const std::size_t count = axis.positions(extent);
    if (count == 0) {
      return {};
    }
    const std::size_t outer = sums.size() / (extent * inner);
    std::vector<double> reduced(outer * axis.kernel * inner);
    for (std::size_t o = 0; o != outer; ++o) {
      for (std::size_t tap = 0; tap != axis.kernel; ++tap) {
        double* const to = reduced.data() + (o * axis.kernel + tap) * inner;
        for (std::size_t position = 0; position != count; ++position) {
          const std::size_t at = position * axis.stride + tap * axis.dilation;
          if (at < axis.pad_begin || at - axis.pad_begin >= extent) {
            continue;
          }
          const double* const from = sums.data() + (o * extent + at - axis.pad_begin) * inner;
          for (std::size_t i = 0; i != inner; ++i) {
            to[i] += from[i];
          }
        }
      }
    }
    sums = std::move(reduced);
    inner *= axis.kernel;
    positions *= static_cast<double>(count);
  }
  for (double& sum : sums) {
    sum /= positions;
  }
  return sums;
}

} // namespace ptq
