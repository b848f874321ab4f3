// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/error.hpp>
#include <ptq/scheme/nudged.hpp>

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

} // namespace
