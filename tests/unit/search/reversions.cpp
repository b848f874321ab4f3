// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/json/plan.hpp>
#include <ptq/json/trace.hpp>
#include <ptq/observer/print_steps.hpp>
#include <ptq/plan/fingerprint.hpp>
#include <ptq/plan/validate.hpp>
#include <ptq/ranking/plan_variants.hpp>
#include <ptq/search/revert.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scratch.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

auto start() -> ptq::plan {
  return quantize_chain{3}(0, 0);
}

/// What is wrong with a plan, by `validate` and by `save`.
auto problems_of(const ptq::plan& of) -> std::string {
  const scratch here;
  return message_of([&] { ptq::validate(of); }) + ", " +
         message_of([&] { ptq::save(of, (here.folder / "plan.json").string()); });
}

TEST_CASE("a group is reverted to float, to its weights alone, or to another plan") {
  const ptq::plan from = start();
  const ptq::group& middle = *from.groups[1];
  CHECK(ptq::revert::to_float{}(from, middle) == from.without(middle));

  const ptq::plan weights = ptq::revert::to_weights_only{}(from, middle);
  CHECK(weights.quantizers.size() == 5);
  CHECK(weights.input("op1", 0) == nullptr);
  CHECK(weights.input("op1", 1) == from.input("op1", 1));

  ptq::plan wider = start();
  for (auto& entry : wider.quantizers) {
    ptq::quantizer more = *entry;
    more.format.bits = 16;
    more.format.grids.front().levels = 65'536;
    entry = more;
  }
  wider.constants.emplace_back(ptq::replaced_constant{"w1", "op1", "some_fix", {{1}, {2.0F}}});
  wider.constants.emplace_back(ptq::replaced_constant{"w2", "op2", "some_fix", {{1}, {2.0F}}});
  const ptq::plan mixed = ptq::revert::to_plan{wider}(from, middle);
  CHECK(mixed.quantizers.size() == 6);
  CHECK(mixed.input("op1", 0)->format.bits == 16);
  CHECK(mixed.input("op1", 1)->format.bits == 16);
  CHECK(mixed.input("op0", 1)->format.bits == 8);
  REQUIRE(mixed.constants.size() == 1);
  CHECK(mixed.constants[0]->node == "op1");
  CHECK(mixed.groups == from.groups);
  for (std::size_t q = 0; q != 6; ++q) {
    CHECK(mixed.quantizers[q]->consumers == from.quantizers[q]->consumers);
  }
  CHECK(problems_of(ptq::revert::to_float{}(from, middle)) == "no error, no error");
  CHECK(problems_of(weights) == "no error, no error");
  CHECK(problems_of(mixed) == "no error, no error");
}

TEST_CASE("what leaves a plan with a reversion leaves its groups") {
  const ptq::plan from = start();
  const ptq::group& middle = *from.groups[1];
  const ptq::plan weights = ptq::revert::to_weights_only{}(from, middle);
  REQUIRE(weights.groups.size() == 3);
  CHECK(weights.groups[0] == from.groups[0]);
  CHECK(*weights.groups[1] == ptq::group{{{"op1", 1}}, {"op1"}});

  // The other plan has weights of op1 alone, and nothing of op2.
  ptq::plan other = weights.without(*from.groups[2]);
  const ptq::plan part = ptq::revert::to_plan{other}(from, middle);
  CHECK(part == weights);
  CHECK(problems_of(part) == "no error, no error");
  const ptq::plan none = ptq::revert::to_plan{other}(from, *from.groups[2]);
  CHECK(none == ptq::revert::to_float{}(from, *from.groups[2]));
  CHECK(problems_of(none) == "no error, no error");
}

TEST_CASE("a group is not taken from a plan that does not fit") {
  ptq::plan from = start();
  ptq::plan other = start();
  const auto message = [&] {
    return message_of([&] { static_cast<void>(ptq::revert::to_plan{other}(from, *from.groups[1])); }
    );
  };
  from.model.digest = "fnv1a64:1";
  CHECK(message() == "no error"); // not checked
  other.model.digest = "fnv1a64:2";
  CHECK(message() == "the plan is of another model: fnv1a64:2, not fnv1a64:1 (option `revert`)");
  other.model.digest = from.model.digest;
  other.constants.emplace_back(ptq::replaced_constant{"w1", "", "alignment", {{1}, {2.0F}}});
  CHECK(
      message() ==
      "the plan has other constants that were replaced for the whole model (option `revert`)"
  );
  from.constants = other.constants;
  CHECK(message() == "no error");
}

TEST_CASE("a fingerprint tells apart what consumers and grids run into") {
  ptq::plan one = start();
  CHECK(ptq::fingerprint(one) == ptq::fingerprint(start()));
  ptq::plan other = one;
  other.groups.clear();
  other.model.name = "another";
  CHECK(ptq::fingerprint(one) == ptq::fingerprint(other));
  ptq::quantizer more = *other.quantizers.front();
  more.format.grids.push_back(more.format.grids.front());
  other.quantizers.front() = more;
  CHECK(ptq::fingerprint(one) != ptq::fingerprint(other));
}

TEST_CASE("the plan of a set of groups does not depend on the order in which they were asked for") {
  const auto revert = [](const ptq::plan& now, const ptq::group& what) {
    return ptq::revert::to_float{}(now, what);
  };
  const ptq::plan from = start();
  const auto groups = std::vector{*from.groups[0], *from.groups[1], *from.groups[2]};
  ptq::plan_variants first(from, groups, revert);
  ptq::plan_variants second(from, groups, revert);
  static_cast<void>(first.of({2}));
  CHECK(first.of({0, 2}) == second.of({0, 2}));
  CHECK(first.of({0, 1, 2}).empty());
  CHECK(first.quantized({1}) == ptq::group_set{0, 2});
  CHECK(first.operations_of({0, 2}) == std::vector<std::string>{"op0", "op2"});
  CHECK(ptq::with_group({0, 2}, 1) == ptq::group_set{0, 1, 2});
  CHECK(ptq::with_group({0, 2}, 2) == ptq::group_set{0, 2});
  CHECK(ptq::without_group({0, 2}, 2) == ptq::group_set{0});
}

auto some_steps() -> std::vector<ptq::step> {
  return {
      {.kind = ptq::step_kind::baseline,
       .metrics = {{"top1", 0.9, 0.0, 0.01}},
       .seen = 100,
       .of = 100,
       .decision = "measured"},
      {.number = 1,
       .kind = ptq::step_kind::ranking,
       .decision = "ranked",
       .reason = "by \"top1\"\n",
       .order = {{2, 0.1 + 0.2, {"a\\b", "\u00e9"}}, {0, -1e-300, {}}},
       .subset = {5, 3}},
      {.number = 2,
       .reverted = {2},
       .operations = {"a", "b", "c", "d"},
       .metrics = {{"top1", 0.89, 0.010000000000000009, 0.01}},
       .samples = 64,
       .seen = 64,
       .of = 100,
       .decision = "fits",
       .reason = "whatever",
       .evaluations = 3,
       .inferred = {100, 7, 64},
       .seconds = 1.25},
      {.number = 3, .kind = ptq::step_kind::result, .decision = "reached", .reason = "met"}
  };
}

TEST_CASE("a trace is written as lines of JSON and read back to the same") {
  std::ostringstream text;
  ptq::trace_lines lines(text);
  for (const ptq::step& each : some_steps()) {
    lines.on_step(each);
  }
  CHECK(ptq::trace_from_lines(text.str()) == some_steps());
  CHECK(ptq::trace_from_lines("").empty());
}

TEST_CASE("what is not finite in a trace is read as NaN") {
  ptq::step made = some_steps()[0];
  made.metrics[0].limit = std::numeric_limits<double>::infinity();
  const auto back = ptq::trace_from_lines(ptq::json_line(made) + "\n");
  REQUIRE(back.size() == 1);
  CHECK(std::isnan(back[0].metrics.at(0).limit));
  CHECK(back[0].metrics[0].value == 0.9);
}

TEST_CASE("a trace that was cut short or changed is refused with the line and the member") {
  std::string text =
      ptq::json_line(some_steps()[0]) + "\n" + ptq::json_line(some_steps()[2]) + "\n";
  const auto message = [](const std::string& from) {
    return message_of([&] { static_cast<void>(ptq::trace_from_lines(from)); });
  };
  CHECK(
      message(text.substr(0, text.size() - 5)) ==
      "line 2: ends in the middle: the trace was cut short"
  );
  CHECK(message("{}\n") == "line 1.step: is missing");
  CHECK(message("{\"step\":\n").find("line 1: is not JSON") == 0);
  CHECK(message("[]\n") == "line 1: is not an object");
  std::string other = text;
  other.replace(other.find("baseline"), 8, "basement");
  CHECK(message(other).find("line 1.kind: is \"basement\", not one of") == 0);
  for (std::size_t length = 1; length < text.size(); length += 7) {
    if (text[length - 1] != '\n') {
      CHECK(message(text.substr(0, length)) != "no error");
    }
  }
}

TEST_CASE("a step with the largest numbers is a line to read") {
  ptq::step made = some_steps()[0];
  made.metrics[0].value = -std::numeric_limits<double>::max();
  const std::string line = ptq::line_of(made);
  CHECK(
      line.find("top1 -179769313486231570814527423731704356798070567525844996598917") != line.npos
  );
  CHECK(line.find("4124858368.0000; 0 samples") != line.npos);
}

TEST_CASE("a step is a line to read") {
  std::ostringstream text;
  ptq::print_steps lines(text);
  for (const ptq::step& each : some_steps()) {
    lines.on_step(each);
  }
  CHECK(
      text.str() ==
      "0 float model measured; top1 0.9000; 0 samples, 0 in all\n"
      "1 ranking of 2 groups by \"top1\"\n; first a\\b, \u00e9; 0 samples, 0 in all\n"
      "2 4 in float (a, b, c, ... 1 more): fits; top1 0.8900, drop 0.0100 of 0.0100; whatever; 64 "
      "samples, 171 in all\n"
      "3 result: reached (met); 0 samples, 0 in all\n"
  );
}

} // namespace
