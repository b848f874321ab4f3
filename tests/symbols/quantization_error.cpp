// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/quantization_error.hpp>

#include <cstddef>

namespace ptq::detail {

using arch = xsimd::default_arch;

template void
quantization_error_kernel::operator()(arch, const float*, std::size_t, const grid&, swept_error&)
    const noexcept;
template void quantization_error_kernel::
operator()(arch, const float*, const channel_layout&, const grid*, swept_error*) const noexcept;

} // namespace ptq::detail
