// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/extremes.hpp>

#include <cstddef>

namespace ptq::detail {

using arch = xsimd::default_arch;

template void extremes_kernel::operator()(arch, const float*, std::size_t, swept&) const noexcept;
template void summary_kernel::operator()(arch, const float*, std::size_t, swept&) const noexcept;
template void
summary_kernel::operator()(arch, const float*, const channel_layout&, summary*) const noexcept;

} // namespace ptq::detail
