// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/device/devices.hpp>
#include <ptq/placement/rules.hpp>
#include <ptq/preset/presets.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/policy_archetypes.hpp"

namespace {

using namespace ptq::test;
using ptq::op;

static_assert(ptq::explain_target_device<ptq::device::any>());
static_assert(ptq::explain_target_device<ptq::device::cpu>());
static_assert(ptq::explain_target_device<ptq::device::table>());
static_assert(ptq::explain_target_device<device_archetype>());
static_assert(!ptq::target_device<int>);
static_assert(!ptq::target_device<ptq::device_table<1>>, "a table is not a device yet");

static_assert(ptq::explain_quantization_preset<ptq::preset::performance>());
static_assert(ptq::explain_quantization_preset<ptq::preset::mixed>());
static_assert(ptq::explain_quantization_preset<ptq::preset::accuracy>());
static_assert(ptq::explain_quantization_preset<preset_archetype>());
static_assert(!ptq::quantization_preset<int>);

inline constexpr auto npu_table = ptq::device_table{
    ptq::quantizes(
        op::convolution,
        {.activations = {8, ptq::asymmetric, ptq::per_tensor},
         .weights = {8, ptq::symmetric, ptq::per_channel}}
    ),
    ptq::passes(op::max_pool),
    ptq::unifies(op::concat),
};
using npu = ptq::device::of<npu_table>;
static_assert(ptq::explain_target_device<npu>());
static_assert(npu{}.rules().size() == 3);
static_assert(!ptq::saturates(npu{}));
static_assert(ptq::saturates(ptq::device::cpu{}));
static_assert(ptq::saturates(ptq::device::any{}));

TEST_CASE("presets prefer accuracy where they say so") {
  constexpr auto weights = ptq::tensor_kind::weights;
  constexpr auto activations = ptq::tensor_kind::activations;
  CHECK_FALSE(ptq::preset::performance{}.prefers_accuracy(weights));
  CHECK_FALSE(ptq::preset::performance{}.prefers_accuracy(activations));
  CHECK_FALSE(ptq::preset::mixed{}.prefers_accuracy(weights));
  CHECK(ptq::preset::mixed{}.prefers_accuracy(activations));
  CHECK(ptq::preset::accuracy{}.prefers_accuracy(weights));
  CHECK(ptq::preset::accuracy{}.prefers_accuracy(activations));
}

TEST_CASE("the rules of cpu are those of the table") {
  const ptq::detail::rule_book rules(ptq::device::cpu{}.rules());
  using choices = std::vector<ptq::quantization_choice>;
  const auto list = [](const ptq::quantization_choices& of) {
    return choices(of.list().begin(), of.list().end());
  };
  const choices per_tensor{
      {8, ptq::symmetric, ptq::per_tensor}, {8, ptq::asymmetric, ptq::per_tensor}
  };
  const choices per_channel{
      {8, ptq::symmetric, ptq::per_channel}, {8, ptq::asymmetric, ptq::per_channel}
  };
  for (const op kind :
       {op::convolution,
        op::transposed_convolution,
        op::matmul,
        op::add,
        op::subtract,
        op::multiply,
        op::divide}) {
    REQUIRE(rules.quantizes(kind));
    CHECK(list(rules.of(kind)->choices.activations) == per_tensor);
    CHECK(list(rules.of(kind)->choices.weights) == per_channel);
  }
  REQUIRE(rules.quantizes(op::depthwise_convolution));
  CHECK(list(rules.of(op::depthwise_convolution)->choices.activations) == per_channel);
  CHECK(list(rules.of(op::depthwise_convolution)->choices.weights) == per_channel);
  for (const op kind : {op::average_pool, op::reduce_mean}) {
    REQUIRE(rules.quantizes(kind));
    CHECK(list(rules.of(kind)->choices.activations) == per_tensor);
    CHECK(rules.of(kind)->choices.weights.empty());
  }
  for (const op kind :
       {op::max_pool,
        op::reduce_max,
        op::reshape,
        op::flatten,
        op::squeeze,
        op::unsqueeze,
        op::transpose,
        op::split,
        op::pad,
        op::slice}) {
    CHECK(rules.moves(kind));
    CHECK_FALSE(rules.unifies(kind));
  }
  CHECK(rules.moves(op::concat));
  CHECK(rules.unifies(op::concat));
  for (const op kind :
       {op::other, op::softmax, op::sigmoid, op::relu, op::clamp, op::batch_normalization}) {
    CHECK(rules.of(kind) == nullptr);
    CHECK_FALSE(rules.quantizes(kind));
    CHECK_FALSE(rules.moves(kind));
  }
  CHECK(std::ranges::equal(ptq::device::any{}.rules(), ptq::device::cpu{}.rules()));
}

TEST_CASE("a device known at run time is a copy of any other") {
  const ptq::device::table copy = ptq::device::cpu{};
  CHECK(std::ranges::equal(copy.rules(), ptq::device::cpu{}.rules()));
  CHECK(ptq::saturates(copy));
  const ptq::device::table of_npu = npu{};
  CHECK(of_npu.rules().size() == 3);
  CHECK_FALSE(ptq::saturates(of_npu));
  CHECK(copy != of_npu);
  CHECK(ptq::device::table(of_npu) == of_npu);
  CHECK(ptq::device::table().rules().empty());
}

} // namespace
