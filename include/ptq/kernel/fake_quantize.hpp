// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/channel_grids.hpp>
#include <ptq/kernel/detail/checks.hpp>
#include <ptq/kernel/detail/fake_quantize_kernel.hpp>
#include <ptq/kernel/detail/gather.hpp>
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

/// Each channel on its own grid. `y` gets the memory layout of `x` if that fills its memory, in any
/// order of axes; of other views, with gaps or blocked channels, it is row-major.
///
/// @pre `y` is the memory of `x` itself if that fills it, or does not overlap it
/// @throws error also if `x` is not float32, or has another number of channels
template <class Arch = xsimd::default_arch, class Formula = formula::exact>
void fake_quantize(const tensor_view& x, std::span<float> y, const channel_grids& on) {
  detail::check_grids(x, element_type::f32, on, "fake_quantize", detail::most_float_levels);
  detail::check_sizes(x.size(), y.size(), "fake_quantize");
  if (y.empty()) {
    return;
  }
  const detail::fake_quantize_kernel<Formula> kernel;
  if (const auto layout = detail::layout_of(x, on.axis)) {
    kernel(Arch{}, x.template data_as<float>(), y.data(), *layout, on.grids.data());
    return;
  }
  const detail::channel_layout rows = detail::row_major_layout(x, on.axis);
  detail::for_each_gathered<Arch, float>(
      x,
      rows,
      [&](const float* from, std::size_t first, std::size_t items) {
        const detail::channel_layout some{items, rows.channels, rows.inner};
        kernel(Arch{}, from, y.data() + first, some, on.grids.data());
      }
  );
}

/// All of a view on one grid, its layout as above.
template <class Arch = xsimd::default_arch, class Formula = formula::exact>
void fake_quantize(const tensor_view& x, std::span<float> y, const grid& on) {
  if (x.type() == element_type::f32 && detail::fills_memory(x)) {
    const std::span<const float> values(x.template data_as<float>(), x.size());
    return fake_quantize<Arch, Formula>(values, y, on);
  }
  detail::check_one_grid(x, element_type::f32, on, "fake_quantize", detail::most_float_levels);
  detail::check_sizes(x.size(), y.size(), "fake_quantize");
  if (!y.empty()) {
    const detail::fake_quantize_kernel<Formula> kernel;
    detail::for_each_gathered<Arch, float>(
        x,
        detail::whole_layout(x),
        [&](const float* from, std::size_t first, std::size_t items) {
          kernel(Arch{}, from, y.data() + first, items * x.extent(x.rank() - 1), on);
        }
    );
  }
}

} // namespace ptq
