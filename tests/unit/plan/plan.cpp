// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "laws/plan.hpp"

#include <ptq/plan/plan.hpp>
#include <ptq/plan/validate.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/plans.hpp"

namespace {

using namespace ptq::test;

TEST_CASE("plans obey their laws") {
  SUBCASE("an empty plan") {
    check_plan_laws({});
  }
  SUBCASE("a plan with all that there is") {
    check_plan_laws(plan_with_everything());
  }
}

TEST_CASE("a plan answers by name") {
  const ptq::plan p = plan_with_everything();
  CHECK_FALSE(p.empty());
  CHECK(p.input("conv", 1) == &*p.quantizers[1]);
  CHECK(p.input("pool", 0) == &*p.quantizers[0]);
  CHECK(p.input("conv", 2) == nullptr);
  CHECK(p.constant("conv.bias") == &p.constants[1]->value);
  CHECK(p.constant("nobody") == nullptr);
  CHECK(ptq::plan{.model = {"net", "d"}}.empty());
}

TEST_CASE("plans that differ in one number are not equal") {
  const ptq::plan p = plan_with_everything();
  ptq::plan other = p;
  ptq::quantizer changed = *p.quantizers[0];
  changed.format.grids[0].out_high = 1.0F;
  other.quantizers[0] = changed;
  CHECK(other != p);
}

auto refusal_of(const std::function<void(ptq::quantizer&, ptq::replaced_constant&)>& change)
    -> std::string {
  ptq::plan p = plan_with_everything();
  ptq::quantizer q = *p.quantizers[1];
  ptq::replaced_constant c = *p.constants[1];
  change(q, c);
  p.quantizers[1] = q;
  p.constants[1] = c;
  return message_of([&] { ptq::validate(p); });
}

TEST_CASE("an invalid plan is refused with the path of the entry") {
  using ptq::quantizer;
  using ptq::replaced_constant;
  constexpr float infinite = std::numeric_limits<float>::infinity();
  CHECK(refusal_of([](quantizer&, replaced_constant&) {}) == "no error");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.tensor = "";
        }) == "quantizers[1].tensor: is empty");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.consumers.clear();
        }) == "quantizers[1].consumers: is empty");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.consumers = {{"", 0}};
        }) == "quantizers[1].consumers[0].node: is empty");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.consumers = {{"pool", 0}};
        }) == "quantizers[1].consumers[0]: input 0 of `pool` is quantized twice");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.consumers = {{"m", 1}, {"m", 0}};
        }) == "quantizers[1].consumers[1]: is out of order: by node, then by input");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.bits = 33;
        }) == "quantizers[1].bits: is 33, not in 1 .. 32");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids.clear();
        }) == "quantizers[1].in_low: is empty");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.axis.reset();
        }) == "quantizers[1].in_low: has 2 numbers, but `axis` is null");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids[0].levels = 1;
        }) == "quantizers[1].levels: is 1, not in 2 .. 2^8");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids[0].levels = 257;
        }) == "quantizers[1].levels: is 257, not in 2 .. 2^8");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids[1].levels = 16;
        }) == "quantizers[1].levels: differs between the channels");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids[1].in_low = std::nanf("");
        }) == "quantizers[1].in_low[1]: is not finite");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids[1].out_high = infinite;
        }) == "quantizers[1].out_high[1]: is not finite");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids[0].in_low = 5;
        }) == "quantizers[1].in_low[0]: is above in_high[0]");
  CHECK(refusal_of([](quantizer& q, replaced_constant&) {
          q.format.grids[0].out_low = 5;
        }) == "quantizers[1].out_low[0]: is above out_high[0]");
  CHECK(refusal_of([](quantizer&, replaced_constant& c) {
          c.tensor = "";
        }) == "constants[1].tensor: is empty");
  CHECK(refusal_of([](quantizer&, replaced_constant& c) {
          c.cause = "";
        }) == "constants[1].cause: is empty");
  CHECK(refusal_of([](quantizer&, replaced_constant& c) {
          c.value.shape = {3};
        }) == "constants[1].values: has 2 numbers, but `shape` says 3");
  CHECK(refusal_of([](quantizer&, replaced_constant& c) {
          c.value.shape = {std::size_t{1} << 33U, std::size_t{1} << 33U};
        }) == "constants[1].shape: is too large");
  CHECK(refusal_of([](quantizer&, replaced_constant& c) {
          c.value.values[1] = infinite;
        }) == "constants[1].values[1]: is not finite");
}

TEST_CASE("levels may be as many as 32 bits have codes") {
  ptq::plan p = plan_with_everything();
  ptq::quantizer q = *p.quantizers[0];
  q.format.bits = 32;
  q.format.grids[0].levels = std::int64_t{1} << 32U;
  p.quantizers[0] = q;
  check_plan_laws(p);
}

TEST_CASE("without a group, its quantizers and what was replaced for its operations are gone") {
  const ptq::plan p = plan_with_everything();
  SUBCASE("all") {
    const ptq::plan rest = p.without(*p.groups[0]);
    CHECK(rest.empty());
    CHECK(rest.groups.empty());
    CHECK(rest.model == p.model);
  }
  SUBCASE("some readers of a tensor") {
    const ptq::plan rest = p.without({.quantizers = {{"pool", 0}}, .operations = {"pool"}});
    CHECK(rest.input("pool", 0) == nullptr);
    CHECK(rest.input("conv", 0) != nullptr);
    CHECK(rest.input("conv", 1) == p.input("conv", 1)); // entries that stay are shared
    CHECK(rest.constants == p.constants);
  }
  SUBCASE("a correction for the sake of another operation stays") {
    ptq::plan more = p;
    ptq::replaced_constant aligned = *p.constants[0];
    aligned.node = "before";
    more.constants.insert(more.constants.begin(), aligned);
    const ptq::plan rest = more.without(*p.groups[0]);
    REQUIRE(rest.constants.size() == 1);
    CHECK(*rest.constants[0] == aligned);
  }
  SUBCASE("a group of which nothing is there") {
    CHECK(p.without({.quantizers = {{"other", 0}}, .operations = {"other"}}) == p);
    CHECK(p.without({}) == p);
  }
}

TEST_CASE("groups that do not fit the quantizers are refused") {
  const auto refusal = [](const std::vector<ptq::group>& groups) {
    ptq::plan p = plan_with_everything();
    p.groups.assign(groups.begin(), groups.end());
    return message_of([&] { ptq::validate(p); });
  };
  CHECK(refusal({}) == "no error");
  CHECK(refusal({{{{"conv", 0}}, {}}, {{{"conv", 1}}, {}}}) == "no error");
  CHECK(refusal({{}}) == "groups[0].quantizers: is empty");
  CHECK(
      refusal({{{{"conv", 2}}, {}}}) == "groups[0].quantizers: input 2 of `conv` is not quantized"
  );
  CHECK(
      refusal({{{{"conv", 1}, {"conv", 0}}, {}}}) ==
      "groups[0].quantizers: input 0 of `conv` is out of order, or there twice"
  );
  CHECK(
      refusal({{{{"conv", 0}}, {}}, {{{"conv", 0}}, {}}}) ==
      "groups[1].quantizers: input 0 of `conv` is in another group, too"
  );
  CHECK(refusal({{{{"conv", 0}}, {""}}}) == "groups[0].operations[0]: is empty");
}

} // namespace
