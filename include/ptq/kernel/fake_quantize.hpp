// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/channel_grids.hpp>
#include <ptq/kernel/detail/checks.hpp>
#include <ptq/kernel/detail/fake_quantize_kernel.hpp>
#include <ptq/kernel/formula.hpp>

#include <cstddef>
#include <span>

#include <xsimd/xsimd.hpp>

namespace ptq {

/// Maps `x` onto a grid and back to float, as `grid` defines it.
///
/// @par Laws
/// The bits of `reference::fake_quantize` for every float, grid, length, alignment and `Arch`; NaN
/// keeps its payload. `formula::approximate` promises none of this.
/// @pre `y` is `x` itself, or does not overlap it
/// @throws error if the sizes differ, a limit is NaN (or both limits are the same infinity),
/// or the levels are not 2 to 2^32
template <class Arch = xsimd::default_arch, class Formula = formula::exact>
void fake_quantize(std::span<const float> x, std::span<float> y, const grid& on) {
  detail::check_sizes(x.size(), y.size(), "fake_quantize");
  detail::check_grid(on, "fake_quantize", 0, detail::most_float_levels);
  if (!x.empty()) {
    detail::fake_quantize_kernel<Formula>{}(Arch{}, x.data(), y.data(), x.size(), on);
  }
}

/// Each channel on its own grid; `y` gets the memory layout of `x`.
///
/// @param x  any order of axes, without gaps in memory
/// @pre `y` is the memory of `x` itself, or does not overlap it
/// @throws error also if `x` is not float32, has gaps, or has another number of channels
template <class Arch = xsimd::default_arch, class Formula = formula::exact>
void fake_quantize(const tensor_view& x, std::span<float> y, const channel_grids& on) {
  const auto layout =
      detail::check_channels(x, element_type::f32, on, "fake_quantize", detail::most_float_levels);
  detail::check_sizes(x.size(), y.size(), "fake_quantize");
  if (!y.empty()) {
    detail::fake_quantize_kernel<Formula>{
    }(Arch{}, x.template data_as<float>(), y.data(), layout, on.grids.data());
  }
}

} // namespace ptq
