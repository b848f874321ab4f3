// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/of.hpp>

namespace ptq::device {

namespace detail {

inline constexpr quantization_choices per_tensor_activations{
    {8, symmetric, per_tensor}, {8, asymmetric, per_tensor}
};
inline constexpr quantization_choices per_channel_activations{
    {8, symmetric, per_channel}, {8, asymmetric, per_channel}
};
inline constexpr quantization_choices per_channel_weights{
    {8, symmetric, per_channel}, {8, asymmetric, per_channel}
};
inline constexpr op_choices weighted{per_tensor_activations, per_channel_weights, {}};
inline constexpr op_choices depthwise{per_channel_activations, per_channel_weights, {}};
inline constexpr op_choices unweighted{per_tensor_activations, {}, {}};
inline constexpr op_choices recurrent{per_tensor_activations, {8, symmetric, per_channel}, {}};

} // namespace detail

/// Graphics processors: the rules of `cpu` without recurrent layers.
/// @see POT, hardware configuration gpu.json
inline constexpr auto gpu_table = device_table{
    quantizes(op::convolution, detail::weighted),
    quantizes(op::depthwise_convolution, detail::depthwise),
    quantizes(op::transposed_convolution, detail::weighted),
    quantizes(op::matmul, detail::weighted),
    quantizes(op::add, detail::weighted),
    quantizes(op::subtract, detail::weighted),
    quantizes(op::multiply, detail::weighted),
    quantizes(op::divide, detail::weighted),
    quantizes(op::less, detail::weighted),
    quantizes(op::less_equal, detail::weighted),
    quantizes(op::greater, detail::weighted),
    quantizes(op::greater_equal, detail::weighted),
    quantizes(op::equal, detail::weighted),
    quantizes(op::not_equal, detail::weighted),
    quantizes(op::floor_mod, detail::weighted),
    quantizes(op::logical_and, detail::weighted),
    quantizes(op::logical_or, detail::weighted),
    quantizes(op::logical_xor, detail::weighted),
    quantizes(op::logical_not, detail::weighted),
    quantizes(op::power, detail::unweighted),
    quantizes(op::average_pool, detail::unweighted),
    quantizes(op::reduce_mean, detail::unweighted),
    quantizes(op::normalize_l2, detail::unweighted),
    quantizes(op::interpolate, detail::unweighted),
    quantizes(op::mean_variance_normalization, detail::unweighted),
    unifies(op::concat),
    passes(op::maximum),
    passes(op::minimum),
    passes(op::max_pool),
    passes(op::reduce_max),
    passes(op::reshape),
    passes(op::flatten),
    passes(op::squeeze),
    passes(op::unsqueeze),
    passes(op::transpose),
    passes(op::split),
    passes(op::pad),
    passes(op::slice),
    passes(op::crop),
    passes(op::tile),
    passes(op::shuffle_channels),
    passes(op::broadcast),
    passes(op::convert_like),
    passes(op::gather),
    passes(op::depth_to_space),
};

/// x86 with AVX2, AVX-512 or VNNI.
/// @see POT, hardware configuration cpu.json
inline constexpr auto cpu_table =
    with(gpu_table, unifies(op::lstm, detail::recurrent), unifies(op::gru, detail::recurrent));

struct cpu : detail::known<cpu_table, device_family::cpu, 8, true> {
  friend constexpr auto operator==(const cpu&, const cpu&) -> bool = default;
};

/// Any device: the rules of `cpu`, which all understand.
struct any : detail::known<cpu_table, device_family::cpu, 8, true> {
  friend constexpr auto operator==(const any&, const any&) -> bool = default;
};

/// x86 with AMX (Sapphire Rapids). An addition reads at most one of its tensors quantized.
/// @see POT, CPU_SPR
struct cpu_spr : detail::known<cpu_table, device_family::cpu_spr> {
  friend constexpr auto operator==(const cpu_spr&, const cpu_spr&) -> bool = default;
};

struct gpu : detail::known<gpu_table, device_family::gpu> {
  friend constexpr auto operator==(const gpu&, const gpu&) -> bool = default;
};

} // namespace ptq::device
