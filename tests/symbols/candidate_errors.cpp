// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/candidate_errors.hpp>

#include <cstddef>

namespace ptq::detail {

using arch = xsimd::default_arch;

template void candidate_errors_kernel::
operator()(arch, const float*, const float*, std::size_t, const prepared_grid*, std::size_t, double*)
    const noexcept;
template void
candidate_errors_kernel::prepare(arch, const grid*, std::size_t, prepared_grid*) const noexcept;

} // namespace ptq::detail
