// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/concept.hpp>
#include <ptq/scheme/symmetric.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "laws/scheme.hpp"
#include "support/policy_archetypes.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;
using ptq::scheme::asymmetric;
using ptq::scheme::symmetric;

static_assert(ptq::explain_quantization_scheme<symmetric>());
static_assert(ptq::explain_quantization_scheme<asymmetric>());
static_assert(ptq::explain_quantization_scheme<scheme_archetype>());
static_assert(!ptq::quantization_scheme<int>);

constexpr auto weights = ptq::tensor_kind::weights;
constexpr auto activations = ptq::tensor_kind::activations;

template <class Scheme>
auto one(const Scheme& scheme, range of, const ptq::scheme_request& request) -> ptq::grid {
  const std::vector<ptq::grid> grids = scheme.grids(std::vector{of}, request);
  REQUIRE(grids.size() == 1);
  CHECK(grids[0].out_low == grids[0].in_low);
  CHECK(grids[0].out_high == grids[0].in_high);
  CHECK(grids[0].levels == request.levels);
  return grids[0];
}

auto near(double value) -> doctest::Approx {
  return doctest::Approx(value).epsilon(2e-7);
}

TEST_CASE("symmetric weights: the worked example") {
  const std::vector<range> ranges{{-0.5F, 0.5F}, {-0.002F, 0.002F}, {-1.0F, 1.0F}};
  const auto grids = symmetric{}.grids(ranges, {.kind = weights, .levels = 255});
  const double highs[] = {0.5, 0.01, 1.0};
  const double scales[] = {0.003937008, 7.874016e-5, 0.007874016};
  for (std::size_t c = 0; c != 3; ++c) {
    CHECK(static_cast<double>(grids[c].in_high) == near(highs[c]));
    CHECK(grids[c].in_low == -grids[c].in_high);
    CHECK(grids[c].levels == 255);
    CHECK(grids[c].scale() == near(scales[c]));
    CHECK(grids[c].zero_point() == 127.0);
  }
}

TEST_CASE("symmetric activations: the worked examples") {
  struct row {
    std::int64_t levels;
    bool has_negative;
    float most;
    double low;
    double high;
    double scale;
    double zero_point;
  };

  const row table[] = {
      {256, false, 6.0F, 0.0, 6.0, 0.0235294, 0.0},
      {256, true, 3.0F, -3.0236220472, 3.0, 0.0236220472, 128.0},
      {256, true, 4.0F, -4.0314960630, 4.0, 0.0314960630, 128.0},
      {256, false, 0.0F, 0.0, 8e-5, 3.137e-7, 0.0},
      {16, true, 4.0F, -4.5714286, 4.0, 0.5714286, 8.0},
      {65536, true, 4.0F, -4.0001220740, 4.0, 1.2207403e-4, 32768.0},
      {255, true, 4.0F, -4.0316205534, 4.0, 0.0316205534, 127.5},
  };
  for (const row& each : table) {
    CAPTURE(each.most);
    CAPTURE(each.levels);
    const ptq::grid g =
        one(symmetric{},
            {-each.most, each.most},
            {.kind = activations,
             .bits = each.levels > 256 ? 16 : 8,
             .levels = each.levels,
             .has_negative = each.has_negative});
    CHECK(static_cast<double>(g.in_low) == near(each.low));
    CHECK(static_cast<double>(g.in_high) == near(each.high));
    CHECK(g.scale() == doctest::Approx(each.scale).epsilon(2e-5));
    CHECK(g.zero_point() == doctest::Approx(each.zero_point).epsilon(1e-6));
  }
}

TEST_CASE("asymmetric: the worked examples") {
  struct row {
    double low;
    double high;
    double zero;
    double result_low;
    double result_high;
    double scale;
  };

  const row table[] = {
      {-1, 2, 85, -1, 2, 0.01176471},
      {-1, 2.5, 73, -1.0027472527, 2.5, 0.01373626},
      {-0.3, 2, 33, -0.3, 2.0181818182, 0.00909091},
      {-0.278, 6, 11, -0.278, 6.1665454545, 0.02527273},
      {-0.4, 1.2, 64, -0.4020942408, 1.2, 0.00628272},
      {0.2, 5, 0, 0, 5, 0.01960784},
      {-4, -1, 255, -4, 0, 0.01568627},
      {0, 0, 128, -8.0629921e-4, 8e-4, 6.2992e-6},
      {-1e-4, 2e-4, 121, -9.0298507e-4, 1e-3, 7.4627e-6},
  };
  for (const row& each : table) {
    CAPTURE(each.low);
    CAPTURE(each.high);
    const ptq::grid g =
        one(asymmetric{}, {static_cast<float>(each.low), static_cast<float>(each.high)}, {});
    CHECK(static_cast<double>(g.in_low) == near(each.result_low));
    CHECK(static_cast<double>(g.in_high) == near(each.result_high));
    CHECK(g.scale() == doctest::Approx(each.scale).epsilon(2e-5));
    CHECK(g.zero_point() == doctest::Approx(each.zero).epsilon(1e-6));
  }
}

TEST_CASE("asymmetric of four bits: the worked example") {
  const ptq::grid g = one(asymmetric{}, {-1.0F, 2.5F}, {.bits = 4, .levels = 16});
  CHECK(g.in_low == -1.0F);
  CHECK(g.in_high == 2.75F);
  CHECK(g.zero_point() == 4.0);
}

TEST_CASE("asymmetric: less than half a step beyond zero is left as it is, as in POT") {
  const ptq::grid below = one(asymmetric{}, {-0.001F, 1.0F}, {});
  CHECK(below.in_low == -0.001F);
  CHECK(below.in_high == 1.0F);
  CHECK(below.zero_point() == doctest::Approx(0.2547).epsilon(1e-3));
  const ptq::grid above = one(asymmetric{}, {-2.8F, 0.002F}, {});
  CHECK(above.in_low == -2.8F);
  CHECK(above.in_high == 0.002F);
  CHECK(above.zero_point() == doctest::Approx(254.818).epsilon(1e-5));
}

TEST_CASE("asymmetric: the whole width at the threshold is widened before it is aligned") {
  const range wide{-1e-3F, -2e-4F}; // a hair more or less than 8e-4, in binary32
  const ptq::grid g = one(asymmetric{.floor = 8.1e-4}, wide, {});
  CHECK(static_cast<double>(g.in_low) == doctest::Approx(-1.81e-3));
  CHECK(g.in_high > 6e-4F);
  CHECK(distance_of_zero(g) < 1e-4);
}

TEST_CASE("degenerate ranges become what the specification says") {
  struct row {
    range weights_of;
    range activations_of;
    bool has_negative;
    double weights_high;
    double low;
    double high;
    double asymmetric_low;
    double asymmetric_high;
  };

  const row table[] = {
      // all zeros
      {{0, 0}, {0, 0}, false, 8e-5, 0, 8e-5, -8.0629921e-4, 8e-4},
      // constant and positive
      {{-3, 3}, {3, 3}, false, 3, 0, 3, 0, 3.0008},
      // all negative
      {{-4, 4}, {-4, -1}, true, 4, -4.0 * 128 / 127, 4, -4, 0},
      // all positive
      {{-5, 5}, {0.2F, 5}, false, 5, 0, 5, 0, 5},
      // tiny: a hair above zero, so that the other end moves
      {{-1e-9F, 1e-9F}, {0, 1e-9F}, false, 8e-5, 0, 8e-5, -8e-4, 8.0629921e-4},
  };
  for (const row& each : table) {
    CAPTURE(each.activations_of.low);
    CAPTURE(each.activations_of.high);
    const ptq::grid w = one(symmetric{}, each.weights_of, {.kind = weights, .levels = 255});
    CHECK(static_cast<double>(w.in_high) == near(each.weights_high));
    CHECK(w.in_low == -w.in_high);
    const float most = std::max(-each.activations_of.low, each.activations_of.high);
    const ptq::grid a = one(symmetric{}, {-most, most}, {.has_negative = each.has_negative});
    CHECK(static_cast<double>(a.in_low) == near(each.low));
    CHECK(static_cast<double>(a.in_high) == near(each.high));
    const ptq::grid g = one(asymmetric{}, each.activations_of, {});
    CHECK(static_cast<double>(g.in_low) == near(each.asymmetric_low).epsilon(2e-6));
    CHECK(static_cast<double>(g.in_high) == near(each.asymmetric_high).epsilon(2e-6));
  }
}

TEST_CASE("a dead channel is lifted to one hundredth of the widest") {
  const std::vector<range> ranges{{0, 0}, {-374.67582F, 374.67582F}, {-10, 10}};
  for (const ptq::tensor_kind kind : {weights, activations}) {
    const auto grids = symmetric{}.grids(ranges, {.kind = kind, .levels = 255});
    CHECK(grids[0].in_high == doctest::Approx(3.7467582));
    CHECK(grids[1].in_high == 374.67582F);
    CHECK(grids[2].in_high == 10.0F);
  }
  SUBCASE("but not where the scheme is asymmetric") {
    const auto grids = asymmetric{}.grids(ranges, {});
    CHECK(grids[0].in_low == doctest::Approx(-0.0008062992));
    CHECK(grids[0].in_high == doctest::Approx(0.0008));
  }
  SUBCASE("nor where the floor is the user's") {
    const auto grids =
        symmetric{.floor = 0.5F, .relative_floor = 0.0}.grids(ranges, {.kind = weights});
    CHECK(grids[0].in_high == 0.5F);
  }
}

TEST_CASE("schemes obey their laws for any finite range") {
  constexpr float most = std::numeric_limits<float>::max();
  constexpr float least = std::numeric_limits<float>::denorm_min();
  const float ends[] = {
      -most, -1e30F, -1.0F, -1e-3F, -least, 0.0F, least, 1e-3F, 2.5F, 1e30F, most
  };
  std::vector<range> ranges;
  for (const float low : ends) {
    for (const float high : ends) {
      if (low <= high) {
        ranges.push_back({low, high});
      }
    }
  }
  for (const ptq::tensor_kind kind : {weights, activations}) {
    for (const int bits : {2, 4, 8, 16}) {
      for (const bool has_negative : {true, false}) {
        const std::int64_t all = std::int64_t{1} << bits;
        const ptq::scheme_request request{
            .kind = kind,
            .bits = bits,
            .levels = kind == weights ? all - 1 : all,
            .has_negative = has_negative
        };
        check_scheme_laws(symmetric{}, ranges, request);
        check_scheme_laws(asymmetric{}, ranges, request);
        for (const range& each : ranges) {
          check_scheme_laws(symmetric{}, std::vector{each}, request);
        }
      }
    }
  }
  check_scheme_laws(scheme_archetype(), ranges, {});
  check_scheme_laws(symmetric{}, {}, {});
  check_scheme_laws(asymmetric{}, {}, {});
}

TEST_CASE("asymmetric grids have zero on a code and cover the range, but for the hole") {
  std::mt19937 random(1);
  const auto unit = [&random] { return static_cast<double>(random()) / 4294967296.0; };
  for (int round = 0; round != 5000; ++round) {
    const auto low = static_cast<float>(-std::exp(10.0 * unit() - 5.0));
    const auto high = static_cast<float>(std::exp(10.0 * unit() - 5.0));
    const int bits = round % 2 == 0 ? 8 : 4;
    const std::int64_t levels = std::int64_t{1} << bits;
    const double top = static_cast<double>(levels) - 1.0;
    const ptq::grid g = one(asymmetric{}, {low, high}, {.bits = bits, .levels = levels});
    CAPTURE(low);
    CAPTURE(high);
    CHECK(g.in_low <= low);
    CHECK(g.in_high >= high);
    const double zero =
        -static_cast<double>(low) * top / (static_cast<double>(high) - static_cast<double>(low));
    if (zero > 0.5 && zero < top - 0.5) {
      CHECK(distance_of_zero(g) < 1e-3);
    } else {
      CHECK(g.in_low == low);
      CHECK(g.in_high == high);
    }
  }
}

TEST_CASE("the pair of schemes gives each mode its own") {
  const ptq::schemes<symmetric, asymmetric> both;
  const std::vector<range> ranges{{-1.0F, 2.0F}};
  CHECK(both.grids(ptq::symmetric, ranges, {}) == symmetric{}.grids(ranges, {}));
  CHECK(both.grids(ptq::asymmetric, ranges, {}) == asymmetric{}.grids(ranges, {}));
  CHECK(both == ptq::schemes<symmetric, asymmetric>{});
}

} // namespace
