// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/range/one_of.hpp>
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/half_range.hpp>
#include <ptq/scheme/nudged.hpp>
#include <ptq/scheme/power_of_two.hpp>
#include <ptq/scheme/symmetric.hpp>
#include <ptq/scheme/unified_range.hpp>
#include <ptq/scheme/unified_zero_point.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "laws/scheme.hpp"
#include "support/message.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;
using ranges = std::vector<range>;
using ptq::scheme::asymmetric;
using ptq::scheme::half_range;
using ptq::scheme::nudged;
using ptq::scheme::power_of_two;
using ptq::scheme::symmetric;
using ptq::scheme::unified_zero_point;

static_assert(ptq::explain_quantization_scheme<unified_zero_point>());
static_assert(ptq::explain_quantization_scheme<half_range>());
static_assert(ptq::explain_quantization_scheme<nudged>());
static_assert(ptq::explain_quantization_scheme<power_of_two<>>());
static_assert(ptq::explain_quantization_scheme<power_of_two<asymmetric>>());
static_assert(ptq::explain_quantization_scheme<ptq::one_of<symmetric, half_range>>());

constexpr auto weights = ptq::tensor_kind::weights;
constexpr auto activations = ptq::tensor_kind::activations;

template <class Scheme>
auto one(const Scheme& scheme, range of, const ptq::scheme_request& request = {}) -> ptq::grid {
  return scheme.grids(std::vector{of}, request).at(0);
}

auto near(double value) -> doctest::Approx {
  return doctest::Approx(value).epsilon(2e-7);
}

TEST_CASE("zero is on a code where POT leaves it beside one") {
  const asymmetric exact{.align_always = true};
  SUBCASE("an end that exceeds zero by less than half a step is moved to zero") {
    CHECK(one(exact, {-0.001F, 1.0F}).in_low == 0.0F);
    CHECK(one(exact, {-0.001F, 1.0F}).in_high == 1.0F);
    CHECK(one(exact, {-2.8F, 0.002F}).in_low == -2.8F);
    CHECK(one(exact, {-2.8F, 0.002F}).in_high == 0.0F);
    CHECK(one(exact, {-0.0001F, 1.0F}).zero_point() == 0.0);
  }
  SUBCASE("steps are counted by explicit codes, not by bits") {
    const ptq::scheme_request narrow{.levels = 255};
    CHECK(distance_of_zero(one(asymmetric{}, {-1.0F, 2.5F}, narrow)) > 0.2);
    CHECK(distance_of_zero(one(exact, {-1.0F, 2.5F}, narrow)) < 1e-5);
  }
  SUBCASE("any other range is as in POT") {
    for (const float low : {-1.0F, -0.3F, -0.278F, -0.4F, 0.2F}) {
      CHECK(one(exact, {low, 2.5F}) == one(asymmetric{}, {low, 2.5F}));
    }
  }
  SUBCASE("signed activations of an odd number of levels") {
    const ptq::scheme_request narrow{.levels = 255};
    CHECK(one(symmetric{}, {-4, 4}, narrow).zero_point() == doctest::Approx(127.5));
    const ptq::grid g = one(symmetric{.align_always = true}, {-4, 4}, narrow);
    CHECK(g.in_low == -4.0F);
    CHECK(g.zero_point() == 127.0);
  }
  SUBCASE("weights of an even number of levels") {
    const ptq::scheme_request full{.kind = weights, .levels = 256};
    CHECK(one(symmetric{}, {-4, 4}, full).zero_point() == 127.5);
    const ptq::grid g = one(symmetric{.align_always = true}, {-4, 4}, full);
    CHECK(static_cast<double>(g.in_low) == near(-4.0 * 128 / 127));
    CHECK(distance_of_zero(g) < 1e-4);
  }
}

TEST_CASE("with align_always zero is on a code for any range, bits and levels") {
  std::mt19937 random(3);
  const auto unit = [&random] { return static_cast<double>(random()) / 4294967296.0; };
  for (int round = 0; round != 4000; ++round) {
    const auto low = static_cast<float>(-std::exp(16.0 * unit() - 8.0));
    const auto high = static_cast<float>(std::exp(16.0 * unit() - 8.0));
    const int bits = 2 + round % 7;
    const std::int64_t levels = (std::int64_t{1} << bits) - round % 2;
    CAPTURE(low);
    CAPTURE(high);
    CAPTURE(levels);
    for (const ptq::tensor_kind kind : {weights, activations}) {
      const ptq::scheme_request request{.kind = kind, .bits = bits, .levels = levels};
      const ptq::grid a = one(asymmetric{.align_always = true}, {low, high}, request);
      CHECK(distance_of_zero(a) < 1e-3);
      const double step = static_cast<double>(high - low) / static_cast<double>(levels - 1);
      CHECK(static_cast<double>(a.in_low - low) <= 0.5001 * step);
      CHECK(static_cast<double>(high - a.in_high) <= 0.5001 * step);
      CHECK(distance_of_zero(one(symmetric{.align_always = true}, {-high, high}, request)) < 1e-3);
    }
  }
}

TEST_CASE("one zero point for all channels: POT's worked example") {
  const ranges two{{-1.0F, 2.0F}, {-0.5F, 2.5F}};
  const ptq::scheme_request wanted{.kind = weights, .unified_zero_point = true};
  const auto grids = asymmetric{}.grids(two, wanted);
  CHECK(static_cast<double>(grids[0].in_low) == near(-1.0));
  CHECK(static_cast<double>(grids[0].in_high) == near(2.984375));
  CHECK(static_cast<double>(grids[1].in_low) == near(-0.8376963351));
  CHECK(static_cast<double>(grids[1].in_high) == near(2.5));
  for (const ptq::grid& each : grids) {
    CHECK(each.zero_point() == doctest::Approx(64.0).epsilon(1e-6));
  }
  SUBCASE("as a scheme of its own, for a device that does not ask for it") {
    CHECK(unified_zero_point{}.grids(two, {.kind = weights}) == grids);
    CHECK(unified_zero_point{}.grids(two, {}) == asymmetric{}.grids(two, {}));
  }
  SUBCASE("activations have none") {
    CHECK(message_of([&] {
            (void)asymmetric{}.grids(two, {.unified_zero_point = true});
          }) == "only weights have one zero point for all channels (option `unified_zero_point`)");
  }
  SUBCASE("all channels reach zero's code, whichever side they are on") {
    const ranges mixed{{0.0F, 1.0F}, {0.0F, 3.0F}, {-0.25F, 1.0F}, {0.0F, 2.0F}};
    CHECK(distance_of_zero(asymmetric{}.grids(mixed, wanted)[2]) < 1e-4);
    const ranges few{{0.0F, 1.0F}, {0.0F, 3.0F}, {-0.006F, 1.0F}, {0.0F, 2.0F}};
    CHECK(distance_of_zero(asymmetric{}.grids(few, wanted)[2]) > 0.1); // as in POT
    for (const ptq::grid& each : asymmetric{.align_always = true}.grids(few, wanted)) {
      CHECK(each.zero_point() == doctest::Approx(1.0).epsilon(1e-5));
      CHECK(each.in_low <= -0.0039F);
      CHECK(each.in_high >= 1.0F);
    }
  }
}

TEST_CASE("half of the codes: NNCF's reference parameters of weights in 255 and 256 levels") {
  const range all{-0.997209906578064F, 0.997209906578064F};
  const ptq::scheme_request narrow{.kind = weights, .levels = 255};
  const ptq::scheme_request full{.kind = weights, .levels = 256};
  const symmetric aligned{.align_always = true};
  const auto check = [](const ptq::grid& g, double low, double high) {
    CHECK(static_cast<double>(g.in_low) == near(low));
    CHECK(static_cast<double>(g.in_high) == near(high));
    CHECK(g.out_low == g.in_low);
    CHECK(g.out_high == g.in_high);
  };
  check(one(aligned, all, narrow), -0.997209906578064, 0.997209906578064);
  check(one(aligned, all, full), -1.0050619840621948, 0.997209906578064);
  check(one(half_range{aligned}, all, narrow), -1.994419813156128, 1.994419813156128);
  check(one(half_range{aligned}, all, full), -2.0340540409088135, 2.0022718596646167);
  check(one(half_range{}, all, narrow), -1.994419813156128, 1.994419813156128);
  CHECK(one(half_range{aligned}, all, full).levels == 256);

  const ptq::scheme_request of_activations{};
  CHECK(one(half_range{aligned}, all, of_activations) == one(aligned, all, of_activations));
  const ranges unsigned_activations{{0.0F, 0.997209906578064F}, {0.0F, 0.9950965046882629F}};
  const auto grids = asymmetric{}.grids(unsigned_activations, {});
  check(grids[0], 0.0, 0.997209906578064);
  check(grids[1], 0.0, 0.9950965046882629);
  CHECK(message_of([&] {
          (void)one(half_range{}, all, {.kind = weights, .bits = 2, .levels = 3});
        }) == "half the range needs at least 4 levels (option `half_range`)");
}

TEST_CASE("ends of asymmetric ranges move as NNCF's tune_range moves them") {
  struct row {
    float low;
    float high;
    double result_low;
    double result_high;
  };

  const row table[] = {
      {-0.3F, 1.0F, -0.3010204081632653, 1.0},
      {-1.0F, 2.0F, -1.0, 2.0},
      {-1.0F, 0.3F, -1.0, 0.3010204081632653},
      {-0.02F, 6.0F, -0.023622047244094488, 6.0},
      {-0.0001F, 1.0F, -0.0001, 1.0}, // kept: zero is beside a code
  };
  for (const row& each : table) {
    const ptq::grid g = one(asymmetric{}, {each.low, each.high});
    CHECK(static_cast<double>(g.in_low) == near(each.result_low));
    CHECK(static_cast<double>(g.in_high) == near(each.result_high));
  }
}

TEST_CASE("nudged grids are those of ONNX Runtime's compute_scale_zp") {
  struct row {
    float low;
    float high;
    std::int64_t levels;
    int lowest;
    double zero_point;
    double scale;
  };

  // Symmetric rows have both ends at the larger one.
  const row table[] = {
      {-2.0F, 2.0F, 255, -127, 0, 2.0 / 127},
      {-1.0F, 2.0F, 255, -127, -42, 3.0 / 254},
      {-2.0F, 2.0F, 256, 0, 128, 4.0 / 255},
      {-1.0F, 2.0F, 256, 0, 85, 3.0 / 255},
      {0.0F, 0.0F, 256, 0, 0, 0.0001 / 255},
  };
  for (const row& each : table) {
    const ptq::grid g = one(nudged{}, {each.low, each.high}, {.levels = each.levels});
    CHECK(each.lowest + g.zero_point() == doctest::Approx(each.zero_point).epsilon(1e-5));
    CHECK(g.scale() == near(each.scale));
  }
  // Symmetric with the least range: both ends at it.
  const ptq::grid least = one(nudged{}, {-0.0001F, 0.0001F});
  CHECK(least.scale() == near(0.0002 / 255));
  CHECK(-128 + least.zero_point() == doctest::Approx(0.0).epsilon(1e-5));
  // Denormal ranges have the least width here, and a scale of 1 there.
  CHECK(one(nudged{}, {0.0F, 1e-40F}).scale() == near(0.0001 / 255));
}

TEST_CASE("grids of ai-edge-quantizer's tests of uniform quantization") {
  const ptq::grid wide = one(symmetric{}, {-16.0F, 16.0F}, {.kind = weights, .levels = 255});
  CHECK(wide.scale() == near(0.12598425));
  const ptq::grid narrow = one(nudged{}, {-3.0F, 16.0F}, {.bits = 4, .levels = 16});
  CHECK(narrow.scale() == near(1.2666667));
  CHECK(-8 + narrow.zero_point() == doctest::Approx(-6.0));
  CHECK(static_cast<double>(narrow.in_low) == near(-2.5333335));
  CHECK(static_cast<double>(narrow.in_high) == near(16.466667));
}

TEST_CASE("scales are powers of two, not below those of the scheme within") {
  const ptq::grid g = one(power_of_two<>{}, {-3.0F, 3.0F});
  CHECK(g.scale() == 0.03125);
  CHECK(g.in_low == -4.0F);
  CHECK(g.in_high == 3.96875F);
  CHECK(g.zero_point() == 128.0);
  SUBCASE("a power of two stays, in spite of the noise of its limits") {
    const ptq::grid w = one(power_of_two<>{}, {-31.75F, 31.75F}, {.kind = weights, .levels = 255});
    CHECK(w.scale() == 0.25);
    CHECK(w.in_high == 31.75F);
    CHECK(power_of_two<>::rounded_up(0.25 * (1.0 + 1e-9)) == 0.25);
    CHECK(power_of_two<>::rounded_up(0.25 * (1.0 - 1e-9)) == 0.25);
    CHECK(power_of_two<>::rounded_up(0.2501) == 0.5);
  }
  SUBCASE("of any range, over any scheme") {
    std::mt19937 random(5);
    const auto unit = [&random] { return static_cast<double>(random()) / 4294967296.0; };
    const auto check = [&](const auto& scheme, const auto& within, const range& of) {
      const ptq::grid found = one(scheme, of);
      const ptq::grid inner = one(within, of);
      int exponent = 0;
      CHECK(std::frexp(found.scale(), &exponent) == 0.5);
      CHECK(found.scale() >= inner.scale() * (1.0 - 1e-6));
      CHECK(found.scale() < 2.0001 * inner.scale());
      CHECK(found.zero_point() == std::nearbyint(inner.zero_point()));
    };
    for (int round = 0; round != 1000; ++round) {
      const range of{
          static_cast<float>(-std::exp(20.0 * unit() - 10.0)),
          static_cast<float>(std::exp(20.0 * unit() - 10.0))
      };
      CAPTURE(of.low);
      CAPTURE(of.high);
      check(power_of_two<>{}, symmetric{}, of);
      check(power_of_two<asymmetric>{}, asymmetric{}, of);
    }
  }
}

TEST_CASE("one grid for several tensors: of their grids as in POT, or of their ranges") {
  const ptq::grid with_sign = one(symmetric{}, {-1.0F, 1.0F});
  const ptq::grid without = one(symmetric{}, {0.0F, 6.0F}, {.has_negative = false});
  const ptq::grid pot = ptq::unified_grid(std::vector{with_sign, without});
  CHECK(static_cast<double>(pot.in_low) == near(-1.0078740));
  CHECK(pot.in_high == 6.0F);
  CHECK(pot.scale() == near(0.0274819).epsilon(2e-6));
  CHECK(pot.zero_point() == doctest::Approx(36.67).epsilon(2e-4));
  const range all = ptq::unified_range(ranges{{-1.0F, 1.0F}, {0.0F, 6.0F}});
  CHECK(all == range{-1.0F, 6.0F});
  CHECK(distance_of_zero(one(symmetric{}, all)) < 1e-4);
  CHECK(distance_of_zero(one(asymmetric{}, all)) < 1e-4);
  CHECK_THROWS_AS((void)ptq::unified_range({}), ptq::error);
  CHECK_THROWS_AS((void)ptq::unified_grid({}), ptq::error);
}

TEST_CASE("grids of 16 and of 32 bits") {
  const ptq::grid g16 = one(symmetric{}, {-4, 4}, {.bits = 16, .levels = 65536, .is_signed = true});
  CHECK(static_cast<double>(g16.in_low) == near(-4.0001220740));
  CHECK(g16.zero_point() == doctest::Approx(32768.0));
  // The outputs of GNA: the two limits are opposite in binary32.
  const ptq::grid g32 =
      one(symmetric{},
          {0, 4},
          {.bits = 32, .levels = std::int64_t{1} << 32, .has_negative = false, .is_signed = true});
  CHECK(g32.in_low == -4.0F);
  CHECK(g32.in_high == 4.0F);
  CHECK(g32.levels == 4294967296);
}

TEST_CASE("what no grid can be made of is refused") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const auto refuse = [](const auto& scheme) {
    const auto says = [&](range of, const ptq::scheme_request& request) {
      return message_of([&] { (void)scheme.grids(ranges{{-1, 1}, of}, request); });
    };
    CHECK(says({-1, nan}, {}) == "the range of channel 1 is NaN or infinite");
    CHECK(says({nan, 1}, {}) == "the range of channel 1 is NaN or infinite");
    CHECK(
        says({-1, std::numeric_limits<float>::infinity()}, {}) ==
        "the range of channel 1 is NaN or infinite"
    );
    CHECK(says({-1, 1}, {.bits = 1}) == "bits are 2 to 32, not 1 (option `bits`)");
    CHECK(says({-1, 1}, {.bits = 33}) == "bits are 2 to 32, not 33 (option `bits`)");
    CHECK(says({-1, 1}, {.levels = 1}) == "levels are 2 to 2^8, not 1 (option `levels`)");
    CHECK(
        says({-1, 1}, {.bits = 4, .levels = 17}) == "levels are 2 to 2^4, not 17 (option `levels`)"
    );
  };
  refuse(symmetric{});
  refuse(asymmetric{});
  refuse(nudged{});
  CHECK(message_of([] {
          (void)one(symmetric{}, {-1, 1}, {.levels = 2});
        }) == "two levels do not hold zero and both signs (option `levels`)");
  CHECK_NOTHROW((void)one(symmetric{}, {0, 1}, {.levels = 2, .has_negative = false}));
  CHECK(message_of([] {
          nudged{.floor = 0.0}.check_options();
        }) == "the floor of a range is above 0 and finite (option `nudged.floor`)");
  CHECK(message_of([] {
          power_of_two<asymmetric>{.scheme = {.floor = -1}}.check_options();
        }) == "the floor of a range is above 0 and finite (option `asymmetric.floor`)");
}

TEST_CASE("variants obey the laws of schemes for any finite range") {
  constexpr float most = std::numeric_limits<float>::max();
  constexpr float least = std::numeric_limits<float>::denorm_min();
  const float ends[] = {-most, -1e30F, -1.0F, -1e-3F, -least, 0.0F, least, 1e-3F, 1e30F, most};
  ranges all;
  for (const float low : ends) {
    for (const float high : ends) {
      if (low <= high) {
        all.push_back({low, high});
      }
    }
  }
  for (const ptq::tensor_kind kind : {weights, activations}) {
    for (const int bits : {3, 4, 8, 16, 32}) {
      for (const std::int64_t fewer : {0, 1}) {
        const ptq::scheme_request request{
            .kind = kind, .bits = bits, .levels = (std::int64_t{1} << bits) - fewer
        };
        const auto check = [&](const auto& scheme) {
          check_scheme_laws(scheme, all, request);
          for (const range& each : all) {
            check_scheme_laws(scheme, std::vector{each}, request);
          }
        };
        check(symmetric{.align_always = true});
        check(asymmetric{.align_always = true});
        check(unified_zero_point{});
        check(unified_zero_point{{.align_always = true}});
        check(half_range{});
        check(half_range{{.align_always = true}});
        check(nudged{});
        check(power_of_two<>{});
        check(power_of_two<asymmetric>{});
      }
    }
  }
  check_scheme_laws(unified_zero_point{}, {}, {.kind = weights});
  check_scheme_laws(half_range{}, {}, {.kind = weights});
}

} // namespace
