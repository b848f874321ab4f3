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

} // namespace
