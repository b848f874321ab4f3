// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/scheme/concept.hpp>

#include <cmath>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace ptq::test {

/// What `ptq::quantization_scheme` promises and the compiler cannot see.
template <quantization_scheme S>
void check_scheme_laws(
    const S& policy, std::span<const value_range<float>> ranges, const scheme_request& request
) {
  const std::vector<grid> grids = policy.grids(ranges, request);
  REQUIRE(grids.size() == ranges.size());
  for (std::size_t c = 0; c != grids.size(); ++c) {
    CAPTURE(ranges[c].low);
    CAPTURE(ranges[c].high);
    CHECK(grids[c].levels == request.levels);
    CHECK(std::isfinite(grids[c].in_low));
    CHECK(std::isfinite(grids[c].in_high));
    CHECK(std::isfinite(grids[c].out_low));
    CHECK(std::isfinite(grids[c].out_high));
    CHECK(grids[c].in_low <= grids[c].in_high);
    CHECK(grids[c].out_low <= grids[c].out_high);
  }
  const S copy = policy;
  CHECK(copy == policy);
  CHECK(copy.grids(ranges, request) == grids);
}

/// How far zero is from the nearest code, in codes.
inline auto distance_of_zero(const grid& of) -> double {
  return std::abs(of.zero_point() - std::nearbyint(of.zero_point()));
}

} // namespace ptq::test
