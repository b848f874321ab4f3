// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/kernel/detail/steps.hpp>
#include <ptq/kernel/detail/sweep.hpp>

#include <cstddef>
#include <type_traits>

namespace ptq::detail {

/// The code of level 0: `-(levels / 2)` for signed codes.
template <class Arch, class Code>
[[nodiscard, gnu::always_inline]] inline auto lowest_code_of(const grid& on) noexcept -> float {
  return std::is_signed_v<Code> ? -static_cast<float>(on.levels / 2) : 0.0F;
}

/// Floats to codes. Remembers whether it met a NaN, whose code is unspecified.
template <class Code, rounding Ties>
struct quantize_kernel {
  bool met_nan = false;

  template <class Arch>
  void operator()(Arch, const float* from, Code* to, std::size_t size, const grid& on) noexcept {
    sweep_all<Arch>(*this, on, from, to, size);
  }

  template <class Arch>
  void operator()(
      Arch, const float* from, Code* to, const channel_layout& layout, const grid* grids
  ) noexcept {
    sweep_channels<Arch>(*this, grids, from, to, layout);
  }

  template <class Arch>
  [[gnu::always_inline]] static void
  prepare_grid(prepared_grid& result, const grid& on, bool follows) noexcept {
    prepare<Arch, false, Ties != rounding::half_even>(
        result, on, lowest_code_of<Arch, Code>(on), follows
    );
  }

  template <class Arch, class Run>
  [[gnu::always_inline]] void with_step(path by, Run&& run) noexcept {
    if constexpr (simd::fuses_multiply_add<Arch> && Ties == rounding::half_even) {
      if (by != path::division) {
        // The ends of the output range are of no concern to the codes.
        quantize_step<Arch, path::reciprocal, Ties, Code> step;
        run(step);
        met_nan = met_nan || xsimd::any(step.not_a_number);
        return;
      }
    }
    quantize_step<Arch, path::division, Ties, Code> step;
    run(step);
    met_nan = met_nan || xsimd::any(step.not_a_number);
  }
};

/// Codes back to floats.
template <class Code>
struct dequantize_kernel {
  template <class Arch>
  void
  operator()(Arch, const Code* from, float* to, std::size_t size, const grid& on) const noexcept {
    sweep_all<Arch>(*this, on, from, to, size);
  }

  template <class Arch>
  void operator()(
      Arch, const Code* from, float* to, const channel_layout& layout, const grid* grids
  ) const noexcept {
    sweep_channels<Arch>(*this, grids, from, to, layout);
  }

  template <class Arch>
  [[gnu::always_inline]] static void
  prepare_grid(prepared_grid& result, const grid& on, bool follows) noexcept {
    prepare<Arch, false, false>(result, on, lowest_code_of<Arch, Code>(on), follows);
  }

  template <class Arch, class Run>
  [[gnu::always_inline]] static void with_step(path by, Run&& run) noexcept {
    if constexpr (simd::fuses_multiply_add<Arch>) {
      if (by != path::division) {
        dequantize_step<Arch, path::reciprocal, Code> step;
        return run(step);
      }
    }
    dequantize_step<Arch, path::division, Code> step;
    run(step);
  }
};

} // namespace ptq::detail
