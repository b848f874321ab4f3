// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/histogram.hpp>

#include <cstddef>

namespace ptq::detail {

using arch = xsimd::default_arch;

template void histogram_kernel::operator()(arch, const float*, std::size_t, const histogram_tables&)
    const noexcept;

} // namespace ptq::detail
