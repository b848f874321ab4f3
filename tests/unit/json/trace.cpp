// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/json/trace.hpp>
#include <ptq/observer/step_text.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/message.hpp"

namespace {

using namespace ptq::test;

auto some_step() -> ptq::step {
  return {
      .number = 1,
      .kind = ptq::step_kind::ranking,
      .reverted = {1},
      .operations = {"conv"},
      .metrics = {{"top1", 0.89, 0.01, 0.02}},
      .samples = 64,
      .seen = 64,
      .of = 100,
      .decision = "ranked",
      .reason = "by top1",
      .order = {{2, 0.5, {"dense"}}},
      .subset = {5, 3},
      .evaluations = 3,
      .inferred = {100, 7, 64},
      .seconds = 1.25
  };
}

auto message(const std::string& trace) -> std::string {
  return message_of([&] { static_cast<void>(ptq::trace_from_lines(trace)); });
}

const std::string good = ptq::json_line(some_step()) + "\n";

TEST_CASE("a line of a trace with any member missing, or of another type, is refused by its name") {
  REQUIRE(ptq::trace_from_lines(good + good).size() == 2);
  const auto of_line = nlohmann::json::parse(good);
  REQUIRE(of_line.size() == 16);
  for (const auto& item : of_line.items()) {
    CAPTURE(item.key());
    nlohmann::json other = of_line;
    other.erase(item.key());
    CHECK(message(good + other.dump() + "\n") == "line 2." + item.key() + ": is missing");
    for (const std::string wrong : {"true", "{}", "[[]]", "[{}]", "[null]", "-1", "0.5", "\"x\""}) {
      CAPTURE(wrong);
      other[item.key()] = nlohmann::json::parse(wrong);
      const bool text =
          item.key() == "decision" || item.key() == "reason" || item.key() == "configuration";
      const bool time = item.key() == "seconds";
      const bool fits =
          (text && other[item.key()].is_string()) || (time && other[item.key()].is_number());
      const std::string found = message(good + other.dump() + "\n");
      CHECK((found.find("line 2." + item.key()) == 0) == !fits);
    }
  }
}

TEST_CASE("numbers of a trace that are no counts are refused") {
  for (const std::string wrong : {"-1", "1e3", "1.5", "9223372036854775808", "null"}) {
    CAPTURE(wrong);
    nlohmann::json other = nlohmann::json::parse(good);
    other["inferred"]["ranking"] = nlohmann::json::parse(wrong);
    CHECK(message(other.dump() + "\n").find("line 1.inferred.ranking: is ") == 0);
    other = nlohmann::json::parse(good);
    other["order"][0]["group"] = nlohmann::json::parse(wrong);
    CHECK(message(other.dump() + "\n").find("line 1.order[0].group: is ") == 0);
  }
}

TEST_CASE("what is no line of a trace is refused with its number") {
  const std::vector<std::string> wrong{
      "\n",
      "no JSON at all\n",
      good.substr(0, good.size() - 1) + good,
      good.substr(1),
      std::string("\0\n", 2),
      "\xff\xfe\n",
      "[" + good.substr(0, good.size() - 1) + "]\n",
      "null\n",
      "ptq-search-state 1\n",
      std::string(100'000, '[') + "\n"
  };
  for (const std::string& each : wrong) {
    CAPTURE(each.substr(0, 60));
    CHECK(message(good + each).find("line 2: is not ") == 0);
  }
  CHECK(message(good + "x") == "line 2: ends in the middle: the trace was cut short");
}

} // namespace
