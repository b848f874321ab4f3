// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/steps.hpp>
#include <ptq/kernel/detail/sweep.hpp>
#include <ptq/kernel/formula.hpp>

#include <cstddef>
#include <type_traits>

namespace ptq::detail {

/// What is compiled once for each instruction set: instantiate `operator()` in a file with the
/// right flags to dispatch at run time.
template <class Formula>
struct fake_quantize_kernel {
  template <class Arch>
  void
  operator()(Arch, const float* from, float* to, std::size_t size, const grid& on) const noexcept {
    sweep_all<Arch>(*this, on, from, to, size);
  }

  template <class Arch>
  void operator()(
      Arch, const float* from, float* to, const channel_layout& layout, const grid* grids
  ) const noexcept {
    sweep_channels<Arch>(*this, grids, from, to, layout);
  }

  template <class Arch>
  [[gnu::always_inline]] static void
  prepare_grid(prepared_grid& result, const grid& on, bool follows) noexcept {
    prepare<
        Arch,
        std::is_same_v<Formula, formula::approximate>,
        std::is_same_v<Formula, formula::division>>(result, on, 0.0F, follows);
  }

  template <class Arch, class Run>
  [[gnu::always_inline]] static void with_step(path by, Run&& run) noexcept {
    if constexpr (std::is_same_v<Formula, formula::approximate>) {
      if (by == path::approximate) {
        fake_quantize_step<Arch, path::approximate> step;
        return run(step);
      }
    } else if constexpr (simd::fuses_multiply_add<Arch> &&
                         std::is_same_v<Formula, formula::exact>) {
      if (by == path::reciprocal) {
        fake_quantize_step<Arch, path::reciprocal> step;
        return run(step);
      }
      if (by == path::reciprocal_high) {
        fake_quantize_step<Arch, path::reciprocal_high> step;
        return run(step);
      }
      if (by == path::reciprocal_both) {
        fake_quantize_step<Arch, path::reciprocal_both> step;
        return run(step);
      }
    }
    fake_quantize_step<Arch, path::division> step;
    run(step);
  }
};

} // namespace ptq::detail
