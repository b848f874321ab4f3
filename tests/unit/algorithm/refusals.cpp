// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/config/names.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using ptq::op;

struct rules_by_value {
  auto rules() const -> std::vector<ptq::device_rule> { return {}; }
};

static_assert(!ptq::target_device<rules_by_value>, "a span of it would dangle");

struct rules_by_reference {
  std::vector<ptq::device_rule> mine{};

  auto rules() const -> const std::vector<ptq::device_rule>& { return mine; }
};

static_assert(ptq::target_device<rules_by_reference>);

/// What quantizing a matrix product on a device says.
auto refusal_on(std::vector<ptq::device_rule> rules) -> std::string {
  toy_graph g;
  g.matmul("fc", g.input("x"), g.constant("w", {2, 2}, {1.0F, 2.0F, 3.0F, 4.0F}));
  using quantization = ptq::default_quantization<ptq::preset::performance, ptq::device::table>;
  const quantization quantize{.device = ptq::device::table(std::move(rules))};
  return message_of([&] { (void)quantize(g, ptq::statistics{}); });
}

TEST_CASE("bits that no code has are refused, with the rule that asks for them") {
  for (const int bits : {-1, 0, 1, 33, 64}) {
    const auto choices = ptq::op_choices{
        .activations = {8, ptq::symmetric, ptq::per_tensor},
        .weights = {bits, ptq::symmetric, ptq::per_channel}
    };
    CHECK(
        refusal_on({ptq::quantizes(op::matmul, choices)}) ==
        "the device's rule for matmul: bits are 2 to 32, not " + std::to_string(bits) +
            " (option `device`)"
    );
  }
}

TEST_CASE("two rules for one operation are refused") {
  CHECK(
      refusal_on({ptq::passes(op::reshape), ptq::unifies(op::reshape)}) ==
      "reshape: the device has two rules for one operation (option `device`)"
  );
}

TEST_CASE("NaN and infinity in weights are refused, wherever they stand") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (std::size_t at = 0; at != 6; ++at) {
    for (const auto& [bad, said] : {std::pair(nan, "NaN"), std::pair(-infinity, "infinity")}) {
      std::vector<float> weights{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
      weights[at] = bad;
      toy_graph g;
      g.matmul("fc", g.input("x"), g.constant("w", {3, 2}, weights));
      ptq::statistics collected;
      collected.see(0);
      collected.record({"x", "extremes"}, 0, {0.0F, 1.0F});
      const ptq::default_quantization<> quantize;
      CHECK(message_of([&] {
              (void)quantize(g, collected);
            }) == "w: the constant holds " + std::string(said));
    }
  }
}

TEST_CASE("floors and thresholds that make no sense are refused by name") {
  toy_graph g;
  g.relu("r", g.input("x"));
  const ptq::statistics none;
  const auto refusal = [&](const auto& quantize) {
    return message_of([&] { (void)quantize(g, none); });
  };
  using scheme_pair = ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>;
  using quantization = ptq::default_quantization<>;
  CHECK(refusal(quantization{}) == "no error");
  CHECK(
      refusal(quantization{.schemes = scheme_pair{.symmetric = {.floor = -1.0F}}}) ==
      "the floor of a range is above 0 and finite (option `symmetric.floor`)"
  );
  CHECK(
      refusal(quantization{.schemes = scheme_pair{.symmetric = {.relative_floor = 2.0}}}) ==
      "the relative floor is 0 to 1 (option `symmetric.relative_floor`)"
  );
  CHECK(
      refusal(quantization{.schemes = scheme_pair{.asymmetric = {.floor = 0.0}}}) ==
      "the floor of a range is above 0 and finite (option `asymmetric.floor`)"
  );
  const ptq::corrections<ptq::correction::saturation_fix, ptq::correction::fast_bias> never{
      {}, {.threshold = std::numeric_limits<double>::quiet_NaN()}
  };
  CHECK(
      refusal(quantization{.corrections = never}) ==
      "the threshold is above 0 (option `fast_bias.threshold`)"
  );
}

/// An aggregator of another result type than the library's.
struct first_in_double {
  auto operator()(std::span<const float> values) const -> double {
    return static_cast<double>(values.front());
  }

  friend auto operator==(const first_in_double&, const first_in_double&) -> bool = default;
};

TEST_CASE("a choice among aggregators of different result types is an aggregator") {
  CHECK(first_in_double{} == first_in_double{});
  using chosen = ptq::one_of<ptq::aggregate::max, first_in_double>;
  static_assert(ptq::aggregator<chosen>);
  const std::vector<float> values{1.0F, 4.0F};
  CHECK(chosen(ptq::aggregate::max{})(values) == 4.0);
  CHECK(chosen(first_in_double{})(values) == 1.0);
}

TEST_CASE("a choice among devices is a device") {
  using chosen = ptq::config::chosen<ptq::config::devices>;
  static_assert(ptq::target_device<chosen>);
  const chosen cpu = ptq::device::cpu{};
  CHECK(cpu.rules().data() == ptq::device::cpu{}.rules().data());
  CHECK(ptq::saturates(cpu));
  using tables = ptq::one_of<ptq::device::table, ptq::device::cpu>;
  CHECK_FALSE(ptq::saturates(tables(ptq::device::table{})));
}

TEST_CASE("a shared value that was moved from is still a value") {
  ptq::shared_value<std::string> from(std::string("kept"));
  const ptq::shared_value<std::string> to = std::move(from);
  CHECK(*from == "kept");
  CHECK(from == to);
}

TEST_CASE("a tensor has no negative extent, and no more elements than memory") {
  const float value = 0.0F;
  CHECK(
      message_of([&] { (void)ptq::tensor_view(&value, {1, -1, 28}); }) ==
      "extent -1 on axis 1 of a tensor: a dynamic axis has its actual extent when it is shown"
  );
  const auto huge = std::size_t{1} << 33U;
  CHECK(message_of([&] {
          (void)ptq::tensor_view(&value, {huge, huge});
        }) == "the extents of a tensor multiply to more elements than memory has");
  CHECK(message_of([&] { (void)ptq::tensor_view(&value, {huge, std::size_t{0}}); }) == "no error");
}

} // namespace
