// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/kernel/detail/channel_layout.hpp>
#include <ptq/kernel/detail/quantization_error_kernel.hpp>
#include <ptq/kernel/extremes.hpp>

#include <cstddef>
#include <cstdint>

namespace ptq::benchmarks {

/// The kernels of one instruction set, behind pointers: the file that makes them is compiled for
/// it.
struct kernels {
  using map = void (*)(const float*, float*, std::size_t, const grid&);
  using map_channels =
      void (*)(const float*, float*, const detail::channel_layout&, const grid* grids);

  const char* name;
  const char* xsimd_name;
  bool (*supported)();
  map copy;
  float (*read)(const float*, std::size_t);
  map exact;
  map division;
  map approximate;
  map_channels exact_channels;
  void (*quantize)(const float*, std::int8_t*, std::size_t, const grid&);
  void (*dequantize)(const std::int8_t*, float*, std::size_t, const grid&);
  detail::swept (*extremes)(const float*, std::size_t);
  detail::swept (*summarize)(const float*, std::size_t);
  detail::swept_error (*error)(const float*, std::size_t, const grid&);
  void (*summarize_channels)(const float*, const detail::channel_layout&, summary*);
};

extern const kernels sse2;
extern const kernels avx2;
extern const kernels avx512;

} // namespace ptq::benchmarks
