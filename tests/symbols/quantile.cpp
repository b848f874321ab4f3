// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/quantile.hpp>
#include <ptq/kernel/running_tail.hpp>

#include <cstddef>
#include <cstdint>

namespace ptq::detail {

using arch = xsimd::default_arch;

template void
sift_kernel<false>::operator()(arch, const float*, std::size_t, sifted&) const noexcept;
template void
sift_kernel<true>::operator()(arch, const float*, std::size_t, sifted&) const noexcept;
template void rank_kernel::operator()(arch, std::uint32_t*, std::size_t, std::size_t, ranked_keys&)
    const noexcept;
template void
key_histogram_kernel::operator()(arch, const float*, std::size_t, std::uint32_t*, bool&)
    const noexcept;
template void gather_kernel::
operator()(arch, const float*, std::size_t, float, float, std::uint32_t*, std::size_t&)
    const noexcept;

} // namespace ptq::detail
