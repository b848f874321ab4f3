// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <xsimd/xsimd.hpp>

inline auto twice(float value) -> float {
  return value + value;
}

template <class Arch>
auto kernel(Arch, float value) -> float {
  return twice(value);
}

template auto kernel(xsimd::default_arch, float) -> float;
