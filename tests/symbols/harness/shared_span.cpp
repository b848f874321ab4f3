// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <span>

#include <xsimd/xsimd.hpp>

template <class Arch>
auto kernel(Arch, std::span<const float> values) -> float {
  return values[0];
}

template auto kernel(xsimd::default_arch, std::span<const float>) -> float;
