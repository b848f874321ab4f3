// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/concept.hpp>

#include <span>
#include <vector>

namespace ptq::scheme {

/// Asymmetric weights of which all channels have one zero point, though the device does not ask for
/// it. Activations are as `scheme` makes them.
/// @see POT, option `unified_zeropoint`
struct unified_zero_point {
  asymmetric scheme{};

  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    scheme_request common = request;
    common.unified_zero_point = request.kind == tensor_kind::weights;
    return scheme.grids(ranges, common);
  }

  void check_options() const { scheme.check_options(); }

  friend constexpr auto operator==(const unified_zero_point&, const unified_zero_point&)
      -> bool = default;
};

} // namespace ptq::scheme
