// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/lanes.hpp>
#include <ptq/kernel/detail/quantization_error_kernel.hpp>

#include <cstddef>

namespace ptq::detail {

/// The squared distance of values to their fake-quantized selves, each times its mass.
template <class Arch, class Step>
[[gnu::always_inline]] inline void weighted_error_of(
    Step& step,
    const uniform_parameters<Arch>& parameters,
    const float* from,
    const float* masses,
    std::size_t size,
    double& result
) noexcept {
  using batch = simd::floats<Arch>;
  lane_sums<Arch> errors;
  errors.clear();
  const float* mass = masses;
  const auto add = [&](std::size_t lane, const batch& x, const batch& m)
                       __attribute__((always_inline)) {
                         const batch off = x - step(parameters, x);
                         const batch square = simd::rounded<Arch>(off * off);
                         errors.lanes[lane] += simd::rounded<Arch>(square * m);
                       };
  for_each_lane<Arch>(
      from,
      size,
      [&](std::size_t lane, const batch& x) __attribute__((always_inline)) {
        add(lane, x, simd::load<Arch>(mass));
        mass += simd::width<Arch>;
      },
      [&](std::size_t lane, const batch& x, std::size_t count) __attribute__((always_inline)) {
        add(lane, x, simd::load_first<Arch>(mass, count)); // what is not there has no mass
        mass += count;
      },
      [&]() __attribute__((always_inline)) {
        result += errors.total();
        errors.clear();
      }
  );
}

/// What is compiled once for each instruction set. Each block is looked at by all candidates while
/// it is near. Adds to the results.
struct candidate_errors_kernel {
  template <class Arch>
  void operator()(
      Arch,
      const float* from,
      const float* masses, // or null
      std::size_t size,
      const prepared_grid* candidates,
      std::size_t count,
      double* results
  ) const noexcept {
    for (std::size_t begin = 0; begin < size; begin += block_size) {
      const std::size_t some = size - begin < block_size ? size - begin : block_size;
      for (std::size_t k = 0; k != count; ++k) {
        fake_quantize_kernel<formula::exact>::with_step<Arch>(
            candidates[k].by,
            [&](auto& step) __attribute__((always_inline)) {
              const uniform_parameters<Arch> parameters(candidates[k]);
              if (masses == nullptr) {
                swept_error found{0.0, 0.0, 0.0F};
                error_of<Arch>(step, parameters, from + begin, some, found);
                results[k] += found.squared_error;
              } else {
                weighted_error_of<Arch>(
                    step, parameters, from + begin, masses + begin, some, results[k]
                );
              }
            }
        );
      }
    }
  }

  template <class Arch>
  void prepare(Arch, const grid* grids, std::size_t count, prepared_grid* to) const noexcept {
    for (std::size_t k = 0; k != count; ++k) {
      fake_quantize_kernel<formula::exact>::prepare_grid<Arch>(to[k], grids[k], false);
    }
  }
};

} // namespace ptq::detail
