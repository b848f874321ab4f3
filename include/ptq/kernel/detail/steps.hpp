// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/kernel/detail/prepared_grid.hpp>
#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>

// The formulas, one batch at a time. `Parameters` answers `get<slot>()` with a batch.
namespace ptq::detail {

/// The levels of a batch, counted from 0.
template <class Arch, path By, rounding Ties, class Parameters>
[[nodiscard, gnu::always_inline]] inline auto
level_of(const Parameters& p, const simd::floats<Arch>& x) noexcept -> simd::floats<Arch> {
  using batch = simd::floats<Arch>;
  const batch distance = x - p.template get<slot::in_low>();
  if constexpr (By == path::division) {
    const batch position = simd::rounded<Arch>(
        simd::divide<Arch>(distance, p.template get<slot::width>()) * p.template get<slot::last>()
    );
    if constexpr (Ties == rounding::half_even) {
      return simd::round_half_even<Arch>(position);
    } else {
      // To the nearest and one down if that is above: the floor, also where there is no such
      // instruction.
      const auto floor = [](const batch& t) __attribute__((always_inline)) {
        const batch nearest = simd::round_half_even<Arch>(t);
        return xsimd::select(nearest > t, nearest - batch(1.0F), nearest);
      };
      if constexpr (Ties == rounding::half_up) {
        return floor(position + batch(0.5F));
      } else {
        const batch whole = floor(position);
        return xsimd::select(position - whole >= batch(0.5F), whole + batch(1.0F), whole);
      }
    }
  } else {
    static_assert(Ties == rounding::half_even);
    batch inside = simd::most<Arch>(batch(0.0F), distance);
    // What lies above is replaced afterwards where the high end is set; whatever it is here.
    if constexpr (By != path::reciprocal_high && By != path::reciprocal_both) {
      inside = simd::least<Arch>(p.template get<slot::width>(), inside);
    }
    if constexpr (By == path::approximate) {
      return simd::round_half_even<Arch>(
          simd::rounded<Arch>(inside * p.template get<slot::width_reciprocal>())
      );
    } else {
      const batch quotient = simd::multiply_add<Arch>(
          inside,
          p.template get<slot::width_reciprocal>(),
          inside * p.template get<slot::width_reciprocal_rest>()
      );
      return simd::round_half_even<Arch>(quotient * p.template get<slot::last>());
    }
  }
}

/// `level / last * out_width + out_low`, as the scalar formula rounds it.
template <class Arch, path By, class Parameters>
[[nodiscard, gnu::always_inline]] inline auto
value_of(const Parameters& p, const simd::floats<Arch>& level) noexcept -> simd::floats<Arch> {
  using batch = simd::floats<Arch>;
  if constexpr (By == path::approximate) {
    if constexpr (simd::fuses_multiply_add<Arch>) {
      return simd::multiply_add<Arch>(
          level, p.template get<slot::width_reciprocal_rest>(), p.template get<slot::out_low>()
      );
    } else {
      return simd::rounded<Arch>(level * p.template get<slot::width_reciprocal_rest>()) +
             p.template get<slot::out_low>();
    }
  } else {
    batch part;
    if constexpr (By == path::division) {
      part = simd::divide<Arch>(level, p.template get<slot::last>());
    } else {
      part = simd::multiply_add<Arch>(
          level,
          p.template get<slot::last_reciprocal>(),
          level * p.template get<slot::last_reciprocal_rest>()
      );
    }
    return simd::rounded<Arch>(part * p.template get<slot::out_width>()) +
           p.template get<slot::out_low>();
  }
}

/// Which ends the formula does not meet by itself.
[[nodiscard]] consteval auto sets_high(path by) -> bool {
  return by == path::reciprocal_high || by == path::reciprocal_both || by == path::division;
}

[[nodiscard]] consteval auto sets_low(path by) -> bool {
  return by == path::reciprocal_both || by == path::division;
}

template <class Arch, path By>
struct fake_quantize_step {
  using from = float;
  using to = float;

  template <class Parameters>
  [[gnu::always_inline]] auto operator()(const Parameters& p, const simd::floats<Arch>& x) noexcept
      -> simd::floats<Arch> {
    auto y = value_of<Arch, By>(p, level_of<Arch, By, rounding::half_even>(p, x));
    if constexpr (sets_high(By)) {
      y = xsimd::select(
          x > p.template get<slot::highest_in>(), p.template get<slot::out_high>(), y
      );
    }
    if constexpr (sets_low(By)) {
      y = xsimd::select(x <= p.template get<slot::lowest_in>(), p.template get<slot::out_low>(), y);
    }
    return y;
  }
};

template <class Arch, path By, rounding Ties, class Code>
struct quantize_step {
  using from = float;
  using to = Code;

  simd::mask<Arch> not_a_number = simd::none<Arch>();

  template <class Parameters>
  [[gnu::always_inline]] auto operator()(const Parameters& p, const simd::floats<Arch>& x) noexcept
      -> simd::floats<Arch> {
    using batch = simd::floats<Arch>;
    not_a_number = not_a_number | simd::unordered<Arch>(x, x);
    batch n = level_of<Arch, By, Ties>(p, x);
    if constexpr (By == path::division) {
      n = xsimd::select(x > p.template get<slot::highest_in>(), p.template get<slot::last>(), n);
      n = xsimd::select(x <= p.template get<slot::lowest_in>(), batch(0.0F), n);
    }
    return n + p.template get<slot::lowest_code>();
  }
};

template <class Arch, path By, class Code>
struct dequantize_step {
  using from = Code;
  using to = float;

  template <class Parameters>
  [[gnu::always_inline]] auto
  operator()(const Parameters& p, const simd::floats<Arch>& code) noexcept -> simd::floats<Arch> {
    return value_of<Arch, By>(p, code - p.template get<slot::lowest_code>());
  }
};

} // namespace ptq::detail
