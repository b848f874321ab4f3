// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/correction/fake_quantized.hpp>
#include <ptq/lowering/rebuild.hpp>
#include <ptq/lowering/weights.hpp>
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/half_range.hpp>
#include <ptq/scheme/symmetric.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

namespace {

using ptq::test::message_of;
using floats = std::vector<float>;

auto differing(const floats& a, const floats& b) -> std::size_t {
  REQUIRE(a.size() == b.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i != a.size(); ++i) {
    count += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]) ? 1U : 0U;
  }
  return count;
}

/// Weights and a way to quantize them: any bits, mode, axis.
struct configuration {
  ptq::tensor_data weights{};
  ptq::quantizer by{};
  float largest = 0.0F;
};

auto random_configuration(std::mt19937& random, bool exceeding) -> configuration {
  const auto unit = [&random] { return static_cast<double>(random()) / 4294967296.0; };
  configuration made;
  made.weights.shape = {1 + random() % 5, 1 + random() % 5, 1 + random() % 9};
  for (std::size_t i = 0;
       i != made.weights.shape[0] * made.weights.shape[1] * made.weights.shape[2];
       ++i) {
    made.weights.values.push_back(static_cast<float>((unit() - 0.4) * std::exp(4.0 * unit())));
  }
  const int all_bits[] = {2, 3, 4, 5, 6, 7, 8, 16};
  const int bits = all_bits[random() % 8];
  const bool symmetric = random() % 2 == 0;
  made.by = {.tensor = "w", .kind = ptq::tensor_kind::weights, .format = {.bits = bits}};
  std::size_t channels = 1;
  if (random() % 3 != 0) {
    made.by.format.axis = random() % 3;
    channels = made.weights.shape[*made.by.format.axis];
  }
  std::vector<ptq::value_range<float>> ranges(channels);
  const auto inner =
      ptq::detail::inner_size({.shape = made.weights.shape, .axis = made.by.format.axis});
  for (std::size_t i = 0; i != made.weights.values.size(); ++i) {
    auto& range = ranges[made.by.format.axis ? i / inner % channels : 0];
    const float value = made.weights.values[i] * (exceeding ? 0.7F : 1.0F);
    range.low = std::min({range.low, value, symmetric ? -value : 0.0F});
    range.high = std::max({range.high, value, symmetric ? -value : 0.0F});
    made.largest = std::max(made.largest, std::abs(value));
  }
  const std::int64_t levels = (std::int64_t{1} << bits) - (symmetric ? 1 : 0);
  const ptq::scheme_request request{
      .kind = ptq::tensor_kind::weights, .bits = bits, .levels = levels
  };
  const bool half = symmetric && bits > 2 && random() % 4 == 0;
  made.by.format.grids = half        ? ptq::scheme::half_range{}.grids(ranges, request)
                         : symmetric ? ptq::scheme::symmetric{}.grids(ranges, request)
                                     : ptq::scheme::asymmetric{}.grids(ranges, request);
  if (random() % 3 == 0) { // as the saturation fix leaves them
    for (ptq::grid& each : made.by.format.grids) {
      each.out_low *= 2.0F;
      each.out_high *= 2.0F;
    }
    for (float& value : made.weights.values) {
      value *= 0.5F;
    }
  }
  for (const ptq::grid& each : made.by.format.grids) {
    made.largest = std::max({made.largest, -each.out_low, each.out_high});
  }
  return made;
}

TEST_CASE("the plan's weights come back to the bit, whatever bits, mode, axis and codes") {
  std::mt19937 random(7);
  std::size_t taken_in = 0;
  for (int round = 0; round != 3000; ++round) {
    const configuration made = random_configuration(random, false);
    CAPTURE(made.by.format.bits);
    const floats wanted = ptq::fake_quantized(made.weights, made.by.format).values;
    for (const ptq::element_type as : {ptq::element_type::i8, ptq::element_type::u8}) {
      for (const auto removed :
           {ptq::zero_point_removal::of_all,
            ptq::zero_point_removal::of_8_bits,
            ptq::zero_point_removal::of_nothing}) {
        const auto lowered = ptq::detail::lowered_weights(
            made.weights,
            made.by,
            {.weights_as = as, .ties = ptq::rounding::half_even, .removed = removed}
        );
        taken_in += lowered.zero_points == floats(lowered.zero_points.size(), 0.0F) ? 1U : 0U;
        const ptq::tensor_data back = ptq::rebuild(lowered, made.by.format);
        CHECK(back.shape == made.weights.shape);
        CHECK(differing(back.values, wanted) == 0);
      }
    }
  }
  CHECK(taken_in > 1000);
}

TEST_CASE("weights beyond their range come back but for the last bit of the upper end") {
  std::mt19937 random(8);
  for (int round = 0; round != 2000; ++round) {
    const configuration made = random_configuration(random, true);
    const floats wanted = ptq::fake_quantized(made.weights, made.by.format).values;
    const auto lowered =
        ptq::detail::lowered_weights(made.weights, made.by, {.ties = ptq::rounding::half_even});
    const floats back = ptq::rebuild(lowered, made.by.format).values;
    for (std::size_t i = 0; i != back.size(); ++i) {
      if (back[i] != wanted[i]) {
        CHECK(wanted[i] > 0.0F);
        CHECK(std::abs(back[i] - wanted[i]) <= 1.2e-7F * std::abs(made.largest));
      }
    }
  }
}

TEST_CASE("what a runtime computes is as near as binary32 allows") {
  std::mt19937 random(9);
  double worst = 0.0;
  double worst_of_16_bits = 0.0;
  for (int round = 0; round != 3000; ++round) {
    const configuration made = random_configuration(random, false);
    const floats wanted = ptq::fake_quantized(made.weights, made.by.format).values;
    const auto lowered =
        ptq::detail::lowered_weights(made.weights, made.by, {.ties = ptq::rounding::half_even});
    const floats back = ptq::rebuild(lowered).values;
    double& most = lowered.bits == 16 ? worst_of_16_bits : worst;
    for (std::size_t i = 0; i != back.size(); ++i) {
      most = std::max(
          most,
          std::abs(static_cast<double>(back[i]) - static_cast<double>(wanted[i])) /
              static_cast<double>(made.largest)
      );
    }
  }
  MESSAGE("worst, of the largest magnitude: " << worst << ", 16 bits " << worst_of_16_bits);
  CHECK(worst < 3e-7);
  CHECK(worst_of_16_bits < 3e-7);
}

TEST_CASE("weights halfway between two codes are packed up, and run to even") {
  const ptq::tensor_data weights{{3}, {-0.25F, 0.25F, 0.1F}};
  const ptq::quantizer by{
      .tensor = "w",
      .kind = ptq::tensor_kind::weights,
      .format = {.grids = {{-0.5F, 0.5F, -1.0F, 1.0F, 255}}}
  };
  const floats run = ptq::fake_quantized(weights, by.format).values;
  const auto packed_up = ptq::detail::lowered_weights(weights, by, {});
  const auto even = ptq::detail::lowered_weights(weights, by, {.ties = ptq::rounding::half_even});
  CHECK(ptq::rebuild(packed_up, by.format).values[0] == run[0]);
  CHECK(ptq::rebuild(packed_up, by.format).values[1] == doctest::Approx(64 * 2.0 / 254));
  CHECK(run[1] == doctest::Approx(62 * 2.0 / 254 + 2.0 / 254));
  CHECK(differing(ptq::rebuild(even, by.format).values, run) == 0);
}

TEST_CASE("codes of another format are refused") {
  const ptq::tensor_data weights{{2}, {-1.0F, 1.0F}};
  const ptq::quantizer by{
      .tensor = "w", .kind = ptq::tensor_kind::weights, .format = {.grids = {{-1.0F, 1.0F}}}
  };
  const auto lowered = ptq::detail::lowered_weights(weights, by, {});
  ptq::uniform_format other = by.format;
  other.axis = 0;
  CHECK(message_of([&] {
          (void)ptq::rebuild(lowered, other);
        }) == "w: the plan has 1 grids for the 2 channels of a constant of shape 2");
  other.grids.push_back(other.grids[0]);
  CHECK(message_of([&] {
          (void)ptq::rebuild(lowered, other);
        }) == "w: it was lowered with another format");
  other = by.format;
  other.grids[0].in_low = other.grids[0].out_low = -0.7F;
  CHECK(message_of([&] {
          (void)ptq::rebuild(lowered, other);
        }) == "w: it was lowered with another format");
  const ptq::lowered_tensor bias{.name = "b", .shape = {1}, .codes = std::vector<std::int32_t>{3}};
  CHECK(message_of([&] {
          (void)ptq::rebuild(bias, by.format);
        }) == "b: biases have no format of their own");
}

} // namespace
