// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/scheme/concept.hpp>
#include <ptq/scheme/symmetric.hpp>

#include <cmath>
#include <span>
#include <vector>

namespace ptq::scheme {

/// The grids of another scheme, with each scale rounded up to a power of two and zero on the code
/// nearest to where it was, so that a processor scales by shifts.
///
/// A scale that is a power of two up to the noise of binary32 stays.
template <class Scheme = symmetric>
struct power_of_two {
  static_assert(explain_quantization_scheme<Scheme>());

  Scheme scheme{};

  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    std::vector<grid> result = scheme.grids(ranges, request);
    for (grid& each : result) {
      const double zero = std::nearbyint(each.zero_point());
      const double scale = rounded_up(each.scale());
      const auto last = static_cast<double>(each.levels - 1);
      each.in_low = detail::limit_of(-zero * scale);
      each.in_high = detail::limit_of((last - zero) * scale);
      each.out_low = each.in_low;
      each.out_high = each.in_high;
    }
    return result;
  }

  /// The least power of two that is not below `scale`.
  [[nodiscard]] static auto rounded_up(double scale) -> double {
    int exponent = 0;
    const double noise = std::ldexp(1.0, -21);
    return std::frexp(scale * (1.0 - noise), &exponent) == 0.5 ? std::ldexp(0.5, exponent)
                                                               : std::ldexp(1.0, exponent);
  }

  void check_options() const { detail::check_options_of(scheme); }

  friend auto operator==(const power_of_two&, const power_of_two&) -> bool = default;
};

} // namespace ptq::scheme
