// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace ptq::detail {

/// `value`, rounded to its type before anything is added to it.
///
/// g++ fuses `a * b + c` into one rounding by default where the processor can, across statements,
/// so that the same source gives other bits on AVX2 than on SSE2. Wrap the product: `rounded(a * b)
/// + c` has two roundings everywhere.
template <class T>
[[nodiscard]] constexpr auto rounded(T value) noexcept -> T {
  if (!__builtin_is_constant_evaluated()) {
#if defined(__SSE2__)
    asm("" : "+x"(value));
#elif defined(__aarch64__)
    asm("" : "+w"(value));
#else
    volatile T kept = value;
    value = kept;
#endif
  }
  return value;
}

} // namespace ptq::detail
