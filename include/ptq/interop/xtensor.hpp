// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/interop/detail/row_major.hpp>
#include <ptq/interop/xarray.hpp>
#include <ptq/kernel/channel_grids.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/kernel/formula.hpp>
#include <ptq/kernel/quantization_error.hpp>
#include <ptq/kernel/quantize.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <xtensor/xexpression.hpp>
#include <xtensor/xnoalias.hpp>

/// The kernels for xtensor's containers, views and lazy expressions. Row-major float containers and
/// contiguous views are read where they lie; all else is first evaluated into a row-major copy.
namespace ptq {

/// A container, view or lazy expression of xtensor.
template <class Expression>
concept xtensor_expression = xt::is_xexpression<std::remove_cvref_t<Expression>>::value;

/// `x` on a grid and back, in a new array.
template <class Arch = xsimd::default_arch, class Formula = formula::exact, xtensor_expression X>
[[nodiscard]] auto fake_quantize(const X& x, const grid& on) -> xt::xarray<float> {
  const detail::row_major<float> from(x);
  xt::xarray<float> y(detail::shape_of(x));
  fake_quantize<Arch, Formula>(from.values(), std::span<float>(y.data(), y.size()), on);
  return y;
}

/// Each channel on its own grid; the axis counts in the shape of `x`, whatever its layout.
template <class Arch = xsimd::default_arch, class Formula = formula::exact, xtensor_expression X>
[[nodiscard]] auto fake_quantize(const X& x, const channel_grids& on) -> xt::xarray<float> {
  const detail::row_major<float> from(x);
  xt::xarray<float> y(detail::shape_of(x));
  fake_quantize<Arch, Formula>(
      tensor_view(
          from.values().data(), detail::folded(detail::shape_of(x), on.axis, "fake_quantize")
      ),
      std::span<float>(y.data(), y.size()),
      channel_grids{1, on.grids}
  );
  return y;
}

/// Into a container or view of the same shape, which may be `x` itself. `on` is a `grid` or
/// `channel_grids`.
/// @throws error also if the shapes differ
template <
    class Arch = xsimd::default_arch,
    class Formula = formula::exact,
    xtensor_expression X,
    xtensor_expression Y,
    class Grids>
void fake_quantize(const X& x, Y&& y, const Grids& on) {
  const std::vector<std::size_t> shape = detail::shape_of(x);
  if (shape != detail::shape_of(y)) {
    throw error("the shapes of input and output differ", "fake_quantize");
  }
  float* const to = detail::row_major_values<float>(y);
  if (to == nullptr) {
    xt::noalias(y) = fake_quantize<Arch, Formula>(x, on);
    return;
  }
  const detail::row_major<float> from(x);
  const std::span<float> values(to, from.values().size());
  if constexpr (std::is_same_v<Grids, grid>) {
    fake_quantize<Arch, Formula>(from.values(), values, on);
  } else {
    fake_quantize<Arch, Formula>(
        tensor_view(from.values().data(), detail::folded(shape, on.axis, "fake_quantize")),
        values,
        channel_grids{1, on.grids}
    );
  }
}

/// The codes of `x`, in a new array.
template <code Code = std::int8_t, class Arch = xsimd::default_arch, xtensor_expression X>
[[nodiscard]] auto quantize(const X& x, const grid& on, rounding ties = rounding::half_even)
    -> xt::xarray<Code> {
  const detail::row_major<float> from(x);
  xt::xarray<Code> codes(detail::shape_of(x));
  quantize<Arch>(from.values(), std::span<Code>(codes.data(), codes.size()), on, ties);
  return codes;
}

template <code Code = std::int8_t, class Arch = xsimd::default_arch, xtensor_expression X>
[[nodiscard]] auto
quantize(const X& x, const channel_grids& on, rounding ties = rounding::half_even)
    -> xt::xarray<Code> {
  const detail::row_major<float> from(x);
  xt::xarray<Code> codes(detail::shape_of(x));
  quantize<Arch>(
      tensor_view(from.values().data(), detail::folded(detail::shape_of(x), on.axis, "quantize")),
      std::span<Code>(codes.data(), codes.size()),
      channel_grids{1, on.grids},
      ties
  );
  return codes;
}

/// The values that codes stand for, in a new array. The codes are int8 or uint8.
template <class Arch = xsimd::default_arch, xtensor_expression X>
  requires code<typename X::value_type>
[[nodiscard]] auto dequantize(const X& codes, const grid& on) -> xt::xarray<float> {
  using value = typename X::value_type;
  const detail::row_major<value> from(codes);
  xt::xarray<float> y(detail::shape_of(codes));
  dequantize<Arch>(from.values(), std::span<float>(y.data(), y.size()), on);
  return y;
}

template <class Arch = xsimd::default_arch, xtensor_expression X>
  requires code<typename X::value_type>
[[nodiscard]] auto dequantize(const X& codes, const channel_grids& on) -> xt::xarray<float> {
  using value = typename X::value_type;
  const detail::row_major<value> from(codes);
  xt::xarray<float> y(detail::shape_of(codes));
  dequantize<Arch>(
      tensor_view(
          from.values().data(), detail::folded(detail::shape_of(codes), on.axis, "dequantize")
      ),
      std::span<float>(y.data(), y.size()),
      channel_grids{1, on.grids}
  );
  return y;
}

template <class Arch = xsimd::default_arch, xtensor_expression X>
[[nodiscard]] auto extremes_of(const X& x) -> extremes {
  return extremes_of<Arch>(detail::row_major<float>(x).values());
}

template <class Arch = xsimd::default_arch, xtensor_expression X>
[[nodiscard]] auto summarize(const X& x) -> summary {
  return summarize<Arch>(detail::row_major<float>(x).values());
}

/// The summary of each channel of `axis`.
template <class Arch = xsimd::default_arch, xtensor_expression X>
[[nodiscard]] auto summarize(const X& x, std::size_t axis) -> std::vector<summary> {
  const detail::row_major<float> from(x);
  const auto three = detail::folded(detail::shape_of(x), axis, "summarize");
  std::vector<summary> channels(three[1]);
  summarize<Arch>(tensor_view(from.values().data(), three), 1, std::span(channels));
  return channels;
}

template <class Arch = xsimd::default_arch, xtensor_expression X>
[[nodiscard]] auto quantization_error(const X& x, const grid& on) -> noise {
  return quantization_error<Arch>(detail::row_major<float>(x).values(), on);
}

template <class Arch = xsimd::default_arch, xtensor_expression X>
[[nodiscard]] auto quantization_error(const X& x, const channel_grids& on) -> std::vector<noise> {
  const detail::row_major<float> from(x);
  const auto three = detail::folded(detail::shape_of(x), on.axis, "quantization_error");
  return quantization_error<Arch>(
      tensor_view(from.values().data(), three), channel_grids{1, on.grids}
  );
}

} // namespace ptq
