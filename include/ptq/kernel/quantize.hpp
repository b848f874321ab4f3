// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/channel_grids.hpp>
#include <ptq/kernel/detail/checks.hpp>
#include <ptq/kernel/detail/gather.hpp>
#include <ptq/kernel/detail/quantize_kernel.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <xsimd/xsimd.hpp>

namespace ptq {

/// What stores a code: an integer of 8 or 16 bits.
template <class Code>
concept code = std::same_as<Code, std::int8_t> || std::same_as<Code, std::uint8_t> ||
               std::same_as<Code, std::int16_t> || std::same_as<Code, std::uint16_t>;

namespace detail {

template <code Code>
inline constexpr std::int64_t most_code_levels = std::int64_t{1} << (8 * sizeof(Code));

template <rounding Ties, class Arch, class Code, class... Arguments>
void quantize_rounding(
    const float* from, Code* to, const std::string_view& where, const Arguments&... arguments
) {
  quantize_kernel<Code, Ties> kernel;
  kernel(Arch{}, from, to, arguments...);
  if (kernel.met_nan) {
    throw error("NaN has no code", std::string(where));
  }
}

template <class Arch, class Code, class... Arguments>
void quantize_by(rounding ties, const float* from, Code* to, const Arguments&... arguments) {
  constexpr std::string_view where = "quantize";
  switch (ties) {
  case rounding::half_even:
    return quantize_rounding<rounding::half_even, Arch>(from, to, where, arguments...);
  case rounding::half_up:
    return quantize_rounding<rounding::half_up, Arch>(from, to, where, arguments...);
  case rounding::half_away:
    return quantize_rounding<rounding::half_away, Arch>(from, to, where, arguments...);
  }
}

} // namespace detail

/// The code that stands for level 0 of `on`: 0 for unsigned codes, `-(levels / 2)` for signed ones,
/// so that 255 levels are -127..127 and 256 are -128..127.
template <code Code>
[[nodiscard]] constexpr auto lowest_code(const grid& on) noexcept -> int {
  return std::signed_integral<Code> ? -static_cast<int>(on.levels / 2) : 0;
}

/// Maps `x` onto codes: the level that `reference::level` says, counted from `lowest_code`.
///
/// @par Definition
/// `half_up` gives the codes that OpenVINO's Model Optimizer packs.
/// @throws error if the sizes differ, a limit is NaN, the levels are not 2 to 256 (65,536
/// for codes of 16 bits), or `x` holds a NaN; the codes are then unspecified
template <class Arch = xsimd::default_arch, code Code>
void quantize(
    std::span<const float> x,
    std::span<Code> codes,
    const grid& on,
    rounding ties = rounding::half_even
) {
  detail::check_sizes(x.size(), codes.size(), "quantize");
  detail::check_grid(on, "quantize", 0, detail::most_code_levels<Code>);
  if (!x.empty()) {
    detail::quantize_by<Arch>(ties, x.data(), codes.data(), x.size(), on);
  }
}

/// Each channel on its own grid. `codes` get the memory layout of `x` if that fills its memory, in
/// any order of axes; of other views, with gaps or blocked channels, they are row-major.
///
/// @throws error also if `x` is not float32, or has another number of channels
template <class Arch = xsimd::default_arch, code Code>
void quantize(
    const tensor_view& x,
    std::span<Code> codes,
    const channel_grids& on,
    rounding ties = rounding::half_even
) {
  detail::check_grids(x, element_type::f32, on, "quantize", detail::most_code_levels<Code>);
  detail::check_sizes(x.size(), codes.size(), "quantize");
  if (codes.empty()) {
    return;
  }
  const grid* grids = on.grids.data();
  if (const auto layout = detail::layout_of(x, on.axis)) {
    detail::quantize_by<Arch>(ties, x.template data_as<float>(), codes.data(), *layout, grids);
    return;
  }
  const detail::channel_layout rows = detail::row_major_layout(x, on.axis);
  detail::for_each_gathered<Arch, float>(
      x,
      rows,
      [&](const float* from, std::size_t first, std::size_t items) {
        const detail::channel_layout some{items, rows.channels, rows.inner};
        detail::quantize_by<Arch>(ties, from, codes.data() + first, some, grids);
      }
  );
}

/// All of a view on one grid, the layout of the codes as above.
template <class Arch = xsimd::default_arch, code Code>
void quantize(
    const tensor_view& x, std::span<Code> codes, const grid& on, rounding ties = rounding::half_even
) {
  detail::check_one_grid(x, element_type::f32, on, "quantize", detail::most_code_levels<Code>);
  detail::check_sizes(x.size(), codes.size(), "quantize");
  if (detail::fills_memory(x)) {
    const std::span<const float> values(x.template data_as<float>(), x.size());
    return quantize<Arch>(values, codes, on, ties);
  }
  if (!codes.empty()) {
    detail::for_each_gathered<Arch, float>(
        x,
        detail::whole_layout(x),
        [&](const float* from, std::size_t first, std::size_t items) {
          const std::size_t count = items * x.extent(x.rank() - 1);
          detail::quantize_by<Arch>(ties, from, codes.data() + first, count, on);
        }
    );
  }
}

/// The values that codes stand for: `level / (levels - 1) * (out_high - out_low) + out_low`, with
/// the roundings of `fake_quantize`.
///
/// @par Laws
/// `dequantize(quantize(x))` has the bits of `fake_quantize(x)` for `in_low < x <= in_high`; at the
/// ends `fake_quantize` gives `out_low` and `out_high` themselves.
/// @throws error if the sizes differ, a limit is NaN, or the levels are not 2 to 256 (65,536
/// for codes of 16 bits)
template <class Arch = xsimd::default_arch, code Code>
void dequantize(std::span<const Code> codes, std::span<float> values, const grid& on) {
  detail::check_sizes(codes.size(), values.size(), "dequantize");
  detail::check_grid(on, "dequantize", 0, detail::most_code_levels<Code>);
  if (!codes.empty()) {
    detail::dequantize_kernel<Code>{}(Arch{}, codes.data(), values.data(), codes.size(), on);
  }
}

/// Each channel on its own grid. `values` get the memory layout of `codes` if these fill their
/// memory; of other views they are row-major.
///
/// @param codes  integers of 8 or 16 bits
template <class Arch = xsimd::default_arch>
void dequantize(const tensor_view& codes, std::span<float> values, const channel_grids& on) {
  const auto run = [&]<class Code>(const Code* from) {
    detail::
        check_grids(codes, element_type_of<Code>, on, "dequantize", detail::most_code_levels<Code>);
    detail::check_sizes(codes.size(), values.size(), "dequantize");
    if (values.empty()) {
      return;
    }
    const detail::dequantize_kernel<Code> kernel;
    if (const auto layout = detail::layout_of(codes, on.axis)) {
      kernel(Arch{}, from, values.data(), *layout, on.grids.data());
      return;
    }
    const detail::channel_layout rows = detail::row_major_layout(codes, on.axis);
    detail::for_each_gathered<Arch, Code>(
        codes,
        rows,
        [&](const Code* gathered, std::size_t first, std::size_t items) {
          const detail::channel_layout some{items, rows.channels, rows.inner};
          kernel(Arch{}, gathered, values.data() + first, some, on.grids.data());
        }
    );
  };
  switch (codes.type()) {
  case element_type::u8:
    return run(codes.template data_as<std::uint8_t>());
  case element_type::i16:
    return run(codes.template data_as<std::int16_t>());
  case element_type::u16:
    return run(codes.template data_as<std::uint16_t>());
  default:
    return run(codes.template data_as<std::int8_t>());
  }
}

} // namespace ptq
