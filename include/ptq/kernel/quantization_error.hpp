// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/channel_grids.hpp>
#include <ptq/kernel/detail/checks.hpp>
#include <ptq/kernel/detail/gather.hpp>
#include <ptq/kernel/detail/quantization_error_kernel.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <xsimd/xsimd.hpp>

namespace ptq {

/// What fake-quantization does to some values.
struct noise {
  double squared_error = 0.0; ///< The sum of `(x - y)^2`.
  double signal = 0.0;        ///< The sum of `x^2`.
  float largest = 0.0F;       ///< The largest `|x - y|`.
  std::size_t count = 0;

  [[nodiscard]] constexpr auto mean_squared_error() const noexcept -> double {
    return count == 0 ? 0.0 : squared_error / static_cast<double>(count);
  }

  /// The ratio of signal to noise in decibels: infinite without noise.
  [[nodiscard]] auto sqnr_db() const noexcept -> double {
    return squared_error == 0.0 ? std::numeric_limits<double>::infinity()
                                : 10.0 * std::log10(signal / squared_error);
  }

  friend constexpr auto operator==(const noise&, const noise&) -> bool = default;
};

namespace detail {

[[nodiscard]] inline auto noise_of(const swept_error& found, std::size_t count) -> noise {
  const bool finite = found.squared_error == found.squared_error;
  const float largest = finite ? found.largest : std::numeric_limits<float>::quiet_NaN();
  return {found.squared_error, found.signal, largest, count};
}

} // namespace detail

/// The distance of `x` to `fake_quantize(x)`, which is not written.
///
/// @par Determinism
/// The same bits on every architecture and alignment; summed as `summarize` sums, the squares in
/// binary32.
/// @throws error if a limit is NaN, or the levels are not 2 to 2^32
template <class Arch = xsimd::default_arch>
[[nodiscard]] auto quantization_error(std::span<const float> x, const grid& on) -> noise {
  detail::check_grid(on, "quantization_error", 0, detail::most_float_levels);
  detail::swept_error found{};
  detail::quantization_error_kernel{}(Arch{}, x.data(), x.size(), on, found);
  return detail::noise_of(found, x.size());
}

/// The same for each channel.
///
/// @par Determinism
/// A channel's sums are those of its runs in memory, in order; channels innermost are summed in
/// runs of 256. A view with gaps or blocked channels has the sums of its values in row-major order.
/// @param x  float32
template <class Arch = xsimd::default_arch>
[[nodiscard]] auto quantization_error(const tensor_view& x, const channel_grids& on)
    -> std::vector<noise> {
  detail::check_grids(x, element_type::f32, on, "quantization_error", detail::most_float_levels);
  std::vector<noise> result(on.grids.size());
  if (x.size() == 0) {
    return result;
  }
  const auto layout = detail::layout_of(x, on.axis);
  if (!layout) {
    const std::vector<float> dense = detail::gathered<Arch, float>(x);
    return quantization_error<Arch>(detail::row_major_view(dense, x), on);
  }
  std::vector<detail::swept_error> found(on.grids.size());
  detail::quantization_error_kernel{
  }(Arch{}, x.template data_as<float>(), *layout, on.grids.data(), found.data());
  const std::size_t count = layout->outer * layout->inner;
  for (std::size_t c = 0; c != result.size(); ++c) {
    result[c] = detail::noise_of(found[c], count);
  }
  return result;
}

} // namespace ptq
