// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/quantize.hpp>

#include <cstddef>
#include <cstdint>

namespace ptq::detail {

using arch = xsimd::default_arch;

template void quantize_kernel<std::int8_t, rounding::half_even>::
operator()(arch, const float*, std::int8_t*, std::size_t, const grid&) noexcept;
template void quantize_kernel<std::int8_t, rounding::half_even>::
operator()(arch, const float*, std::int8_t*, const channel_layout&, const grid*) noexcept;
template void quantize_kernel<std::int8_t, rounding::half_up>::
operator()(arch, const float*, std::int8_t*, std::size_t, const grid&) noexcept;
template void quantize_kernel<std::int8_t, rounding::half_up>::
operator()(arch, const float*, std::int8_t*, const channel_layout&, const grid*) noexcept;
template void quantize_kernel<std::int8_t, rounding::half_away>::
operator()(arch, const float*, std::int8_t*, std::size_t, const grid&) noexcept;
template void quantize_kernel<std::int8_t, rounding::half_away>::
operator()(arch, const float*, std::int8_t*, const channel_layout&, const grid*) noexcept;
template void dequantize_kernel<std::int8_t>::
operator()(arch, const std::int8_t*, float*, std::size_t, const grid&) const noexcept;
template void dequantize_kernel<std::int8_t>::
operator()(arch, const std::int8_t*, float*, const channel_layout&, const grid*) const noexcept;
template void quantize_kernel<std::uint8_t, rounding::half_even>::
operator()(arch, const float*, std::uint8_t*, std::size_t, const grid&) noexcept;
template void quantize_kernel<std::uint8_t, rounding::half_even>::
operator()(arch, const float*, std::uint8_t*, const channel_layout&, const grid*) noexcept;
template void quantize_kernel<std::uint8_t, rounding::half_up>::
operator()(arch, const float*, std::uint8_t*, std::size_t, const grid&) noexcept;
template void quantize_kernel<std::uint8_t, rounding::half_up>::
operator()(arch, const float*, std::uint8_t*, const channel_layout&, const grid*) noexcept;
template void quantize_kernel<std::uint8_t, rounding::half_away>::
operator()(arch, const float*, std::uint8_t*, std::size_t, const grid&) noexcept;
template void quantize_kernel<std::uint8_t, rounding::half_away>::
operator()(arch, const float*, std::uint8_t*, const channel_layout&, const grid*) noexcept;
template void dequantize_kernel<std::uint8_t>::
operator()(arch, const std::uint8_t*, float*, std::size_t, const grid&) const noexcept;
template void dequantize_kernel<std::uint8_t>::
operator()(arch, const std::uint8_t*, float*, const channel_layout&, const grid*) const noexcept;

} // namespace ptq::detail
