// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/error.hpp>
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/clipped.hpp>
#include <ptq/scheme/nudged.hpp>

#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace {

const std::vector<ptq::value_range<float>> ranges{{-2.0F, -1.0F}, {-1.0F, 3.0F}};

TEST_CASE("a nudged grid has a zero point of its own") {
  const ptq::scheme::nudged scheme;
  ptq::scheme_request request{.kind = ptq::tensor_kind::weights, .levels = 256};
  CHECK(scheme.grids(ranges, request).size() == 2);
  request.unified_zero_point = true;
  CHECK_THROWS_AS(static_cast<void>(scheme.grids(ranges, request)), ptq::error);
}

TEST_CASE("clipping that leaves nothing of a grid is refused") {
  const ptq::scheme_request request{.kind = ptq::tensor_kind::activations, .levels = 256};
  using scheme = ptq::scheme::clipped<ptq::scheme::asymmetric>;
  CHECK(scheme{.to = {.low = -0.5F, .high = 1.0F}}.grids(ranges, request).size() == 2);
  // The first range is only negative, and its grid ends at zero.
  const scheme nothing_below{.to = {.low = 0.0F, .high = 1.0F}};
  CHECK_THROWS_AS(static_cast<void>(nothing_below.grids(ranges, request)), ptq::error);
  CHECK(nothing_below.grids(std::span(ranges).last(1), request).front().in_low == 0.0F);
}

} // namespace
