// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace ptq::detail {

template <class P>
concept checks_its_options = requires(const P& policy) { policy.check_options(); };

/// Calls a policy's `check_options`, if it has one: it throws an error that names the option.
template <class P>
void check_options_of(const P& policy) {
  if constexpr (checks_its_options<P>) {
    policy.check_options();
  }
}

} // namespace ptq::detail
