// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>

#include <xsimd/xsimd.hpp>

template <class Arch>
auto kernel(Arch, float value) -> float {
  return std::nearbyint(value);
}

template auto kernel(xsimd::default_arch, float) -> float;
