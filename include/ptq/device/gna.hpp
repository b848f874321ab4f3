// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/of.hpp>

#include <cstdint>

namespace ptq::device {

namespace detail::gna {

inline constexpr std::int64_t half32 = std::int64_t{1} << 31U;
inline constexpr quantization_choice q16{16, symmetric, per_tensor, -32768, 32767};
inline constexpr quantization_choice q32{32, symmetric, per_tensor, -half32, half32 - 1};
inline constexpr quantization_choice w16{16, symmetric, per_tensor, -32767, 32767};
inline constexpr quantization_choice w8{8, symmetric, per_tensor, -127, 127};
inline constexpr quantization_choice w8_ch{8, symmetric, per_channel, -127, 127};

inline constexpr op_choices function{{q32}, {}, {q16}};
inline constexpr op_choices reader{{q16}, {}, {}};

/// What both generations have in common.
inline constexpr auto common = device_table{
    quantizes(op::add, {{q16}, {w16}, {q32}}),
    quantizes(op::power, function),
    quantizes(op::sigmoid, function),
    quantizes(op::tanh, function),
    quantizes(op::relu, function),
    quantizes(op::prelu, function),
    quantizes(op::clamp, function),
    quantizes(op::log, function),
    quantizes(op::abs, function),
    quantizes(op::exp, function),
    quantizes(op::sign, function),
    quantizes(op::softsign, function),
    quantizes(op::average_pool, reader),
    quantizes(op::reduce_mean, reader),
    quantizes(op::assign, reader),
    quantizes(op::output, reader),
    quantizes(op::input, {{}, {}, {q16}}),
    passes(op::concat),
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

} // namespace detail::gna

/// Gaussian and neural accelerators up to 2.0: 16-bit activations, 32-bit sums.
/// @see POT, hardware configuration gna.json
inline constexpr auto gna_table = with(
    detail::gna::common,
    quantizes(op::convolution, {{detail::gna::q16}, {detail::gna::w16}, {detail::gna::q32}}),
    quantizes(
        op::depthwise_convolution, {{detail::gna::q16}, {detail::gna::w16}, {detail::gna::q32}}
    ),
    quantizes(
        op::matmul, {{detail::gna::q16}, {detail::gna::w8_ch, detail::gna::w16}, {detail::gna::q32}}
    ),
    quantizes(op::subtract, {{detail::gna::q16}, {detail::gna::w16}, {}}),
    quantizes(op::multiply, {{detail::gna::q16}, {detail::gna::w16}, {detail::gna::q32}})
);

/// Gaussian and neural accelerators 3.0 and 3.5: 8-bit weights of convolutions, too.
/// @see POT, hardware configuration gna3.json
inline constexpr auto gna3_table = with(
    detail::gna::common,
    quantizes(
        op::convolution,
        {{detail::gna::q16}, {detail::gna::w8, detail::gna::w16}, {detail::gna::q32}}
    ),
    quantizes(
        op::depthwise_convolution,
        {{detail::gna::q16}, {detail::gna::w8, detail::gna::w16}, {detail::gna::q32}}
    ),
    quantizes(
        op::matmul, {{detail::gna::q16}, {detail::gna::w8_ch, detail::gna::w16}, {detail::gna::q32}}
    ),
    quantizes(op::subtract, {{detail::gna::q16}, {detail::gna::w16}, {detail::gna::q32}}),
    quantizes(
        op::multiply,
        {{detail::gna::q16}, {detail::gna::w8_ch, detail::gna::w16}, {detail::gna::q32}}
    )
);

struct gna : detail::known<gna_table, device_family::gna, 16> {
  friend constexpr auto operator==(const gna&, const gna&) -> bool = default;
};

struct gna3 : detail::known<gna3_table, device_family::gna, 8, false, op::convolution> {
  friend constexpr auto operator==(const gna3&, const gna3&) -> bool = default;
};

} // namespace ptq::device
