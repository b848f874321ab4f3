// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/fake_quantize.hpp>

#include <cstddef>

namespace ptq::detail {

using arch = xsimd::default_arch;

template void fake_quantize_kernel<formula::exact>::
operator()(arch, const float*, float*, std::size_t, const grid&) const noexcept;
template void fake_quantize_kernel<formula::exact>::
operator()(arch, const float*, float*, const channel_layout&, const grid*) const noexcept;
template void fake_quantize_kernel<formula::division>::
operator()(arch, const float*, float*, std::size_t, const grid&) const noexcept;
template void fake_quantize_kernel<formula::approximate>::
operator()(arch, const float*, float*, std::size_t, const grid&) const noexcept;

} // namespace ptq::detail
