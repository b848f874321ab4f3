// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/of.hpp>

namespace ptq::device {

namespace detail::npu {

inline constexpr quantization_choice q8_tn{8, asymmetric, per_tensor};
inline constexpr quantization_choice q4_tn{4, symmetric, per_tensor};
inline constexpr quantization_choice q8_ch{8, symmetric, per_channel};
inline constexpr quantization_choice q4_ch{4, symmetric, per_channel};
inline constexpr quantization_choice q2_ch{2, symmetric, per_channel};
inline constexpr quantization_choice q8_a_ch{
    .bits = 8, .mode = asymmetric, .granularity = per_channel, .unified_zero_point = true
};

// The first and the last of a list are what presets choose; between them stands what only a user
// who names the bits gets.
inline constexpr quantization_choices activations{q8_tn, q4_tn, q8_tn};
inline constexpr quantization_choices weights{q8_ch, q4_ch, q2_ch, q8_a_ch};
inline constexpr op_choices weighted{activations, weights, {}};
inline constexpr op_choices depthwise{{q8_ch}, weights, {}};
inline constexpr op_choices arithmetic{activations, {q8_ch, q4_tn, q8_ch}, {}};
inline constexpr op_choices comparison{{q8_tn}, {q8_ch}, {}};
inline constexpr op_choices unweighted{{q8_tn}, {}, {}};
inline constexpr op_choices pooling{{q8_ch}, {}, {}};

} // namespace detail::npu

/// Neural processing units (VPU).
/// @see POT, hardware configuration npu.json
inline constexpr auto npu_table = device_table{
    quantizes(op::convolution, detail::npu::weighted),
    quantizes(op::depthwise_convolution, detail::npu::depthwise),
    quantizes(op::grouped_transposed_convolution, detail::npu::weighted),
    quantizes(op::matmul, detail::npu::weighted),
    unifies(op::add, detail::npu::arithmetic),
    unifies(op::subtract, detail::npu::arithmetic),
    unifies(op::multiply, detail::npu::arithmetic),
    unifies(op::divide, detail::npu::comparison),
    unifies(op::less, detail::npu::comparison),
    unifies(op::less_equal, detail::npu::comparison),
    unifies(op::greater, detail::npu::comparison),
    unifies(op::greater_equal, detail::npu::comparison),
    unifies(op::equal, detail::npu::comparison),
    unifies(op::not_equal, detail::npu::comparison),
    unifies(op::floor_mod, detail::npu::comparison),
    unifies(op::logical_and, detail::npu::comparison),
    unifies(op::logical_or, detail::npu::comparison),
    unifies(op::logical_xor, detail::npu::comparison),
    quantizes(op::logical_not, detail::npu::comparison),
    quantizes(op::power, detail::npu::unweighted),
    quantizes(op::normalize_l2, detail::npu::unweighted),
    quantizes(op::interpolate, detail::npu::unweighted),
    quantizes(op::mean_variance_normalization, detail::npu::unweighted),
    quantizes(op::average_pool, detail::npu::pooling),
    quantizes(op::reduce_mean, detail::npu::pooling),
    unifies(op::concat),
    unifies(op::maximum),
    unifies(op::minimum),
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
    passes(op::depth_to_space),
};

struct npu : detail::known<npu_table, device_family::npu> {
  friend constexpr auto operator==(const npu&, const npu&) -> bool = default;
};

} // namespace ptq::device
