// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/device/devices.hpp>
#include <ptq/placement/choices.hpp>

#include <doctest/doctest.h>

namespace {

using ptq::asymmetric;
using ptq::choice_list;
using ptq::common_choices;
using ptq::per_channel;
using ptq::per_tensor;
using ptq::symmetric;

TEST_CASE("what two readers have in common") {
  struct row {
    const char* what;
    choice_list left;
    choice_list right;
    choice_list common;
  };

  const row table[] = {
      {"the same lists",
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}},
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}},
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}}},
      {"depthwise and ordinary: extended, per tensor",
       {{8, symmetric, per_channel}, {8, asymmetric, per_channel}},
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}},
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}}},
      {"a shorter list",
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}},
       {{8, asymmetric, per_tensor}},
       {{8, asymmetric, per_tensor}}},
      {"the right list is not looked at again before the last match",
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}},
       {{8, asymmetric, per_tensor}, {8, symmetric, per_tensor}},
       {{8, symmetric, per_tensor}}},
      {"eight bits win, from either side",
       {{4, symmetric, per_tensor}},
       {{8, symmetric, per_tensor}},
       {{8, symmetric, per_tensor}}},
      {"eight bits win, from the left",
       {{8, symmetric, per_tensor}},
       {{4, symmetric, per_tensor}},
       {{8, symmetric, per_tensor}}},
      {"without eight bits the fewer win",
       {{16, symmetric, per_tensor}},
       {{4, symmetric, per_tensor}},
       {{4, symmetric, per_tensor}}},
      {"asymmetric per channel implies symmetric per tensor",
       {{8, asymmetric, per_channel}},
       {{8, symmetric, per_tensor}},
       {{8, symmetric, per_tensor}}},
      {"asymmetric per channel implies asymmetric per tensor",
       {{8, asymmetric, per_channel}},
       {{8, asymmetric, per_tensor}},
       {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}}},
      {"nothing is common with no choice", {{8, asymmetric, per_channel}}, {}, {}},
  };
  for (const row& each : table) {
    CAPTURE(each.what);
    CHECK(common_choices(each.left, each.right) == each.common);
  }
}

TEST_CASE("the order of two readers changes the order of their choices at most") {
  const choice_list lists[] = {
      {{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}},
      {{8, symmetric, per_channel}, {8, asymmetric, per_channel}},
      {{8, asymmetric, per_tensor}},
      {{4, symmetric, per_channel}},
  };
  for (const choice_list& a : lists) {
    CHECK(common_choices(a, a) == a);
    for (const choice_list& b : lists) {
      CHECK(std::ranges::is_permutation(common_choices(a, b), common_choices(b, a)));
      CHECK_FALSE(common_choices(a, b).empty());
    }
  }
}

TEST_CASE("options pick among the device's choices, or are put into them") {
  const choice_list offered{{8, symmetric, per_channel}, {8, asymmetric, per_channel}};
  const auto with = [&offered](const ptq::tensor_options& wanted) {
    return ptq::with_options(offered, wanted);
  };
  CHECK(with({}) == offered);
  CHECK(with({.mode = asymmetric}) == choice_list{{8, asymmetric, per_channel}});
  CHECK(with({.bits = 8, .granularity = per_channel}) == offered);
  CHECK(
      with({.granularity = per_tensor}) ==
      choice_list{{8, symmetric, per_tensor}, {8, asymmetric, per_tensor}}
  );
  CHECK(with({.bits = 4, .mode = symmetric}) == choice_list{{4, symmetric, per_channel}});
}

TEST_CASE("a list of choices keeps four") {
  ptq::quantization_choices list;
  CHECK(list.empty());
  for (int bits = 2; bits != 6; ++bits) {
    list.push_back({bits, symmetric, per_tensor});
  }
  CHECK(list.list().size() == 4);
  CHECK(list.list()[3].bits == 5);
  CHECK_THROWS_AS(list.push_back({}), const ptq::error&);
}

TEST_CASE("levels follow from the bits or from explicit codes") {
  using ptq::levels_of;
  constexpr auto weights = ptq::tensor_kind::weights;
  constexpr auto activations = ptq::tensor_kind::activations;
  // POT's levels: 255 for symmetric weights of 8 bits, 256 for all else, and so on.
  static_assert(levels_of(activations, {8, ptq::symmetric, ptq::per_tensor}) == 256);
  static_assert(levels_of(weights, {8, ptq::symmetric, ptq::per_channel}) == 255);
  static_assert(levels_of(weights, {8, ptq::asymmetric, ptq::per_channel}) == 256);
  static_assert(levels_of(weights, {4, ptq::symmetric, ptq::per_channel}) == 15);
  static_assert(levels_of(activations, {4, ptq::symmetric, ptq::per_tensor}) == 16);
  static_assert(levels_of(weights, {2, ptq::symmetric, ptq::per_channel}) == 3);
  static_assert(levels_of(weights, {16, ptq::symmetric, ptq::per_tensor, -32767, 32767}) == 65535);
  static_assert(
      levels_of(activations, {16, ptq::symmetric, ptq::per_tensor, -32768, 32767}) == 65536
  );
  static_assert(levels_of(activations, {32, ptq::symmetric, ptq::per_tensor}) == 4294967296);
  static_assert(levels_of(activations, {8, ptq::symmetric, ptq::per_tensor, -127, 127}) == 255);
  static_assert(levels_of(activations, {8, ptq::symmetric, ptq::per_tensor, 0, 255}) == 256);
  static_assert(!ptq::is_signed({8, ptq::symmetric, ptq::per_tensor}));
  static_assert(!ptq::is_signed({8, ptq::symmetric, ptq::per_tensor, 0, 255}));
  static_assert(ptq::is_signed({8, ptq::symmetric, ptq::per_tensor, -128, 127}));
}

TEST_CASE("explicit codes of the user's own") {
  const choice_list offered{
      {8, ptq::symmetric, ptq::per_tensor}, {8, ptq::asymmetric, ptq::per_tensor}
  };
  SUBCASE("that the device has anyway make activations signed") {
    const choice_list found = ptq::with_options(offered, {.level_low = -128, .level_high = 127});
    REQUIRE(found.size() == 2);
    CHECK(ptq::is_signed(found[0]));
  }
  SUBCASE("one end: the other follows from the bits") {
    const choice_list found = ptq::with_options(offered, {.level_low = -127});
    REQUIRE(found.size() == 2);
    CHECK(found[0].level_high == 127);
    CHECK(ptq::levels_of(ptq::tensor_kind::activations, found[0]) == 255);
  }
  SUBCASE("other bits take the device's codes away") {
    const choice_list wide{{16, ptq::symmetric, ptq::per_tensor, -32768, 32767}};
    const choice_list found = ptq::with_options(wide, {.bits = 8});
    REQUIRE(found.size() == 1);
    CHECK(ptq::levels_of(ptq::tensor_kind::activations, found[0]) == 256);
  }
}

TEST_CASE("readers that differ in bits get the device's primary ones, or fewer") {
  const choice_list wide{{16, ptq::symmetric, ptq::per_tensor}};
  const choice_list wider{{32, ptq::symmetric, ptq::per_tensor}};
  const choice_list narrow{{8, ptq::symmetric, ptq::per_tensor}};
  CHECK(ptq::common_choices(wider, wide, 16) == wide);
  CHECK(ptq::common_choices(wider, wide) == wide);
  CHECK(ptq::common_choices(narrow, wide, 16) == wide);
  CHECK(ptq::common_choices(narrow, wide) == narrow);
}

} // namespace
