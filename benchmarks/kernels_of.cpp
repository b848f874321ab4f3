// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled once for each instruction set, with PTQ_INSTRUCTION_SET naming it. Only the functors are
// used here, whose symbols carry the architecture.
#include "kernels_of.hpp"

#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/kernel/quantize.hpp>

#define PTQ_TEXT_OF(name) #name
#define PTQ_TEXT(name) PTQ_TEXT_OF(name)

namespace ptq::benchmarks {

namespace {

using arch = xsimd::default_arch;
using batch = xsimd::batch<float, arch>;

auto supported() -> bool {
#if defined(__AVX512F__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#elif defined(__AVX2__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

template <class Formula>
void fake(const float* x, float* y, std::size_t size, const grid& on) {
  detail::fake_quantize_kernel<Formula>{}(arch{}, x, y, size, on);
}

void copy(const float* x, float* y, std::size_t size, const grid&) {
  for (std::size_t i = 0; i + 4 * batch::size <= size; i += 4 * batch::size) {
    const batch a = batch::load_unaligned(x + i);
    const batch b = batch::load_unaligned(x + i + batch::size);
    const batch c = batch::load_unaligned(x + i + 2 * batch::size);
    const batch d = batch::load_unaligned(x + i + 3 * batch::size);
    a.store_unaligned(y + i);
    b.store_unaligned(y + i + batch::size);
    c.store_unaligned(y + i + 2 * batch::size);
    d.store_unaligned(y + i + 3 * batch::size);
  }
}

auto read(const float* x, std::size_t size) -> float {
  batch sums[8];
  for (batch& sum : sums) {
    sum = batch(0.0F);
  }
  for (std::size_t i = 0; i + 8 * batch::size <= size; i += 8 * batch::size) {
    for (std::size_t k = 0; k != 8; ++k) {
      sums[k] += batch::load_unaligned(x + i + k * batch::size);
    }
  }
  for (std::size_t k = 1; k != 8; ++k) {
    sums[0] += sums[k];
  }
  return xsimd::hadd(sums[0]);
}

} // namespace

extern const kernels PTQ_INSTRUCTION_SET;

const kernels PTQ_INSTRUCTION_SET{
    .name = PTQ_TEXT(PTQ_INSTRUCTION_SET),
    .xsimd_name = arch::name(),
    .supported = supported,
    .copy = copy,
    .read = read,
    .exact = fake<formula::exact>,
    .division = fake<formula::division>,
    .approximate = fake<formula::approximate>,
    .exact_channels =
        [](const float* x, float* y, const detail::channel_layout& layout, const grid* grids) {
          detail::fake_quantize_kernel<formula::exact>{}(arch{}, x, y, layout, grids);
        },
    .quantize =
        [](const float* x, std::int8_t* codes, std::size_t size, const grid& on) {
          detail::quantize_kernel<std::int8_t, rounding::half_even> kernel;
          kernel(arch{}, x, codes, size, on);
        },
    .dequantize = [](const std::int8_t* codes, float* y, std::size_t size, const grid& on
                  ) { detail::dequantize_kernel<std::int8_t>{}(arch{}, codes, y, size, on); },
    .extremes =
        [](const float* x, std::size_t size) {
          detail::swept found{};
          detail::extremes_kernel{}(arch{}, x, size, found);
          return found;
        },
    .summarize =
        [](const float* x, std::size_t size) {
          detail::swept found{};
          detail::summary_kernel{}(arch{}, x, size, found);
          return found;
        },
    .error =
        [](const float* x, std::size_t size, const grid& on) {
          detail::swept_error found{};
          detail::quantization_error_kernel{}(arch{}, x, size, on, found);
          return found;
        },
    .summarize_channels = [](const float* x, const detail::channel_layout& layout, summary* channels
                          ) { detail::summary_kernel{}(arch{}, x, layout, channels); },
};

} // namespace ptq::benchmarks
