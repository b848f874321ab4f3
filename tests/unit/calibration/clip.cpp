// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/calibration/clip.hpp>
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/symmetric.hpp>

#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

namespace {

using namespace ptq::test;
using ranges = std::vector<ptq::value_range<float>>;
using clipped = ptq::clipped<ptq::default_ranges>;

constexpr auto activations = ptq::tensor_kind::activations;

static_assert(ptq::explain_range_policy<clipped>());

TEST_CASE("clipped ranges estimate as the ranges that they clip") {
  const clipped policy{.activations = {.high = 1.5F}};
  for (const ptq::mode how : {ptq::symmetric, ptq::asymmetric}) {
    CHECK(policy.of_weights(how) == ptq::default_ranges{}.of_weights(how));
    for (const ptq::granularity of : {ptq::per_tensor, ptq::per_channel}) {
      CHECK(policy.of_activations(how, of) == ptq::default_ranges{}.of_activations(how, of));
    }
  }
  CHECK(policy != clipped{});
}

TEST_CASE("ranges are cut at the clipping values, and shrink to one that they lie beyond") {
  const clipped policy{.weights = {.high = 9.0F}, .activations = {.low = -0.5F, .high = 1.5F}};
  ranges found{{-3, 3}, {-0.25F, 1}, {2, 4}, {-4, -1}};
  ptq::clip_ranges(policy, activations, found);
  CHECK(found == ranges{{-0.5F, 1.5F}, {-0.25F, 1}, {1.5F, 1.5F}, {-0.5F, -0.5F}});
  ranges of_weights{{-30, 30}};
  ptq::clip_ranges(policy, ptq::tensor_kind::weights, of_weights);
  CHECK(of_weights == ranges{{-30, 9}});

  ranges untouched{{-3, 3}};
  ptq::clip_ranges(ptq::default_ranges{}, activations, untouched);
  CHECK(untouched == ranges{{-3, 3}});
}

// POT clips what the scheme has made: of (-3.02, 3) and 1.5 comes (-3.02, 1.5).
TEST_CASE("a grid is clipped as POT does, or its range before it is made, which keeps it symmetric"
) {
  const ptq::scheme_request wanted{.kind = activations, .has_negative = true};
  const auto grid_of = [&wanted](const clipped& policy) {
    ranges found{{-1.5F, 3.0F}};
    ptq::clip_ranges(policy, activations, found);
    std::vector<ptq::grid> grids = ptq::scheme::symmetric{}.grids(found, wanted);
    ptq::clip_grids(policy, activations, grids, "x");
    return grids.front();
  };
  const ptq::grid as_pot = grid_of({.activations = {.high = 1.5F}, .where = ptq::clip_at::grids});
  CHECK(as_pot.in_low == doctest::Approx(-3.0236220472).epsilon(1e-7));
  CHECK(as_pot.in_high == 1.5F);
  CHECK(as_pot.out_low == as_pot.in_low);
  CHECK(as_pot.out_high == as_pot.in_high);
  const ptq::grid ours = grid_of({.activations = {.high = 1.5F}});
  CHECK(ours.in_high == 1.5F);
  CHECK(ours.in_low == doctest::Approx(-1.5 * 128 / 127).epsilon(1e-7));
  CHECK(ours.zero_point() == doctest::Approx(128).epsilon(1e-6));
}

TEST_CASE("clipping values that leave nothing, or are none, are refused with their names") {
  const auto refusal = [](const clipped& policy) {
    return message_of([&] { policy.check_options(); });
  };
  CHECK(refusal({.activations = {.low = -1.0F, .high = 1.0F}}) == "no error");
  CHECK(
      refusal({.activations = {.low = 1.0F, .high = 1.0F}}) ==
      "the clipping value of the low side is not below that of the high side (option "
      "`activations.low`)"
  );
  CHECK(
      refusal({.weights = {.high = std::numeric_limits<float>::infinity()}}) ==
      "a clipping value is finite (option `weights.high`)"
  );
  std::vector<ptq::grid> grids{{.in_low = 0.0F, .in_high = 6.0F}};
  const clipped beyond{.activations = {.low = 7.0F}, .where = ptq::clip_at::grids};
  CHECK(message_of([&] {
          ptq::clip_grids(beyond, activations, grids, "x");
        }) == "x: the clipping values leave nothing of its grid (option `clipping_value`)");
}

} // namespace
