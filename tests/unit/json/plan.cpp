// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "laws/plan.hpp"

#include <ptq/json/plan.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/plans.hpp"
#include "support/scratch.hpp"

namespace {

using namespace ptq::test;
using json = nlohmann::ordered_json;

/// plan_with_everything, changed; what the reader says of it.
template <class Change>
auto refusal_of(Change change) -> std::string {
  json document = ptq::to_json(plan_with_everything());
  change(document);
  const std::string from_value = message_of([&] { (void)ptq::plan_from_json(document); });
  const std::string from_text =
      message_of([&] { (void)ptq::plan_from_json_text(document.dump()); });
  CHECK(from_value == from_text);
  return from_text;
}

TEST_CASE("plan.json is the documented text") {
  ptq::plan p;
  p.model = {"net", "fnv1a64:0123456789abcdef"};
  p.quantizers.emplace_back(ptq::quantizer{
      .tensor = "w",
      .kind = ptq::tensor_kind::weights,
      .consumers = {{"conv", 1}},
      .format =
          {.axis = 0,
           .grids =
               {{.in_low = -0.1F, .in_high = 0.1F, .levels = 255},
                {.in_low = -3, .in_high = 3, .levels = 255}}}
  });
  p.constants.emplace_back(
      ptq::replaced_constant{"b", "conv", "fast_bias_correction", {{2}, {1e-7F, 2}}}
  );
  p.groups.emplace_back(ptq::group{{{"conv", 1}}, {"conv"}});
  CHECK(ptq::to_json_text(p) == R"({
  "format": "ptq-plan",
  "version": 1,
  "model": {"name": "net", "digest": "fnv1a64:0123456789abcdef"},
  "quantizers": [
    {
      "tensor": "w", "kind": "weights",
      "consumers": [{"node": "conv", "input": 1}],
      "axis": 0, "bits": 8, "mode": "symmetric", "levels": 255,
      "in_low": [-0.1, -3],
      "in_high": [0.1, 3],
      "out_low": [-0.1, -3],
      "out_high": [0.1, 3]
    }
  ],
  "constants": [
    {
      "tensor": "b", "node": "conv", "cause": "fast_bias_correction",
      "shape": [2],
      "values": [1e-07, 2]
    }
  ],
  "groups": [
    {"quantizers": [0], "operations": ["conv"]}
  ]
}
)");
}

TEST_CASE("floats survive the way through text, bit for bit") {
  std::uint32_t bits = 1;
  ptq::plan p;
  std::vector<float> values{-0.0F, 7.038531e-26F, 3.4028235e38F, 1e-45F};
  while (values.size() != 5000) {
    bits = bits * 1664525U + 1013904223U;
    const auto value = std::bit_cast<float>(bits);
    if (std::isfinite(value)) {
      values.push_back(value);
    }
  }
  p.constants.emplace_back(ptq::replaced_constant{"c", "n", "test", {{values.size()}, values}});
  const auto same_bits = [&](const ptq::plan& other) {
    const std::vector<float>& back = other.constants[0]->value.values;
    for (std::size_t i = 0; i != values.size(); ++i) {
      if (std::bit_cast<std::uint32_t>(back.at(i)) != std::bit_cast<std::uint32_t>(values[i])) {
        return false;
      }
    }
    return true;
  };
  CHECK(same_bits(ptq::plan_from_json_text(ptq::to_json_text(p))));
  CHECK(same_bits(ptq::plan_from_json(ptq::to_json(p))));
}

TEST_CASE("the reader takes any order of keys and consumers, and keys that it does not know") {
  const ptq::plan p = plan_with_everything();
  const auto sorted = nlohmann::json::parse(ptq::to_json_text(p)); // keys by the alphabet
  CHECK(ptq::plan_from_json(sorted) == p);
  json document = ptq::to_json(p);
  std::reverse(
      document["quantizers"][0]["consumers"].begin(), document["quantizers"][0]["consumers"].end()
  );
  document["quantizers"][0]["comment"] = "more";
  document["generator"] = {{"name", "something else"}};
  CHECK(ptq::plan_from_json(document) == p);
}

TEST_CASE("what is no plan is refused with the path of what is wrong") {
  CHECK(refusal_of([](json&) {}) == "no error");
  CHECK(refusal_of([](json& d) { d = 3; }) == "the document: is not an object");
  CHECK(refusal_of([](json& d) { d["format"] = "plan"; }) == "format: is not \"ptq-plan\"");
  CHECK(refusal_of([](json& d) {
          d["version"] = 2;
        }) == "version: is a version that this release does not read; it reads version 1");
  CHECK(refusal_of([](json& d) { d.erase("model"); }) == "model: is missing");
  CHECK(refusal_of([](json& d) { d["model"].erase("digest"); }) == "model.digest: is missing");
  CHECK(refusal_of([](json& d) { d["quantizers"] = 1; }) == "quantizers: is not an array");
  CHECK(refusal_of([](json& d) { d["quantizers"][1] = "q"; }) == "quantizers[1]: is not an object");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][0].erase("axis");
        }) == "quantizers[0].axis: is missing");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][0]["kind"] = "bias";
        }) == "quantizers[0].kind: is \"bias\", not one of \"weights\", \"activations\"");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][0]["mode"] = nullptr;
        }) == "quantizers[0].mode: is not a string");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][0]["axis"] = -1;
        }) == "quantizers[0].axis: is -1, not in 0 .. 2147483647");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][0]["axis"] = 1.5;
        }) == "quantizers[0].axis: is not an integer");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][0]["levels"] = 18446744073709551615U;
        }) == "quantizers[0].levels: is 18446744073709551615, not in 2 .. 4294967296");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][1]["in_low"][1] = "low";
        }) == "quantizers[1].in_low[1]: is not a number");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][1]["in_low"][1] = nullptr;
        }) == "quantizers[1].in_low[1]: is not a number");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][1]["out_high"].push_back(1);
        }) == "quantizers[1].out_high: has 3 numbers, but in_low has 2");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][1]["in_low"][0] = 9;
        }) == "quantizers[1].in_low[0]: is above in_high[0]");
  CHECK(refusal_of([](json& d) {
          d["quantizers"][1]["consumers"] = d["quantizers"][0]["consumers"];
        }) == "quantizers[1].consumers[0]: input 0 of `conv` is quantized twice");
  CHECK(refusal_of([](json& d) {
          d["constants"][0]["shape"][0] = "1";
        }) == "constants[0].shape[0]: is not an integer");
  CHECK(refusal_of([](json& d) {
          d["constants"][0]["values"].push_back(0);
        }) == "constants[0].values: has 3 numbers, but `shape` says 2");
  CHECK(refusal_of([](json& d) {
          d["groups"][0]["quantizers"][1] = 2;
        }) == "groups[0].quantizers[1]: is 2, but there are 2 quantizers");
  CHECK(refusal_of([](json& d) {
          d["groups"][0]["quantizers"][1] = 0;
        }) == "groups[0].quantizers: input 0 of `conv` is out of order, or there twice");
  CHECK(refusal_of([](json& d) {
          d["groups"][0].erase("operations");
        }) == "groups[0].operations: is missing");
  CHECK(refusal_of([](json& d) { d.erase("groups"); }) == "no error");
}

TEST_CASE("a number that no float holds is refused") {
  std::string text = ptq::to_json_text(plan_with_everything());
  text.replace(text.find("16777216"), 8, "1e300");
  CHECK(message_of([&] { (void)ptq::plan_from_json_text(text); }
  ).starts_with("is not JSON: number overflow"));
  CHECK(message_of([&] {
          (void)ptq::plan_from_json(json::parse(text));
        }) == "quantizers[0].in_high[0]: is no finite float32");
}

TEST_CASE("a name that is not UTF-8 is refused, not written") {
  ptq::plan p = plan_with_everything();
  p.model.name = "\xff";
  CHECK(message_of([&] {
          (void)ptq::to_json_text(p);
        }) == "a name that is not UTF-8 cannot be written as JSON");
}

TEST_CASE("whatever is read, there is a plan or one line of error") {
  const std::string text = ptq::to_json_text(plan_with_everything());
  std::size_t refused = 0;
  const auto read = [&](const std::string& changed) {
    try {
      const ptq::plan p = ptq::plan_from_json_text(changed);
      CHECK(ptq::plan_from_json_text(ptq::to_json_text(p)) == p);
    } catch (const ptq::error& problem) {
      ++refused;
      const std::string line = problem.what();
      CHECK_FALSE(line.empty());
      CHECK(line.find('\n') == std::string::npos);
      CHECK(line.size() < 400);
    }
  };
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    read(text.substr(0, length));
  }
  CHECK(refused == text.size() - 2);
  std::uint32_t state = 7;
  const auto next = [&] { return (state = state * 1664525U + 1013904223U) >> 8U; };
  for (int round = 0; round != 4000; ++round) {
    std::string changed = text;
    for (std::uint32_t count = 1 + next() % 3; count != 0; --count) {
      const std::size_t at = next() % changed.size();
      constexpr std::string_view likely = "0123456789-.eE\"[]{},: null\\\n\x01\xff";
      switch (next() % 3) {
      case 0:
        changed[at] = likely[next() % likely.size()];
        break;
      case 1:
        changed.erase(at, 1 + next() % 4);
        break;
      default:
        changed.insert(at, 1, likely[next() % likely.size()]);
      }
    }
    read(changed);
  }
  read(std::string(100'000, '['));
  read(R"({"format":"ptq-plan","version":1,"model":)" + std::string(100'000, '[') + "}");
}

TEST_CASE("files are written whole or not at all") {
  namespace fs = std::filesystem;
  const ptq::test::scratch here;
  const fs::path& folder = here.folder;
  const std::string path = (folder / "plan.json").string();
  const ptq::plan p = plan_with_everything();

  ptq::save(p, path);
  CHECK(ptq::load_plan(path) == p);

  ptq::plan invalid = p;
  invalid.quantizers.push_back(p.quantizers[0]);
  CHECK(message_of([&] { ptq::save(invalid, path); }) != "no error");
  CHECK(ptq::load_plan(path) == p);

  const std::string nowhere = (folder / "no" / "plan.json").string();
  CHECK(message_of([&] { ptq::save(p, nowhere); }) == nowhere + ": cannot be written");
  CHECK(message_of([&] {
          (void)ptq::load_plan(nowhere);
        }) == nowhere + ": cannot be opened for reading");
  CHECK(message_of([&] {
          (void)ptq::load_plan(folder.string());
        }) == folder.string() + ": cannot be read");
  fs::create_directory(folder / "taken");
  const std::string taken = (folder / "taken").string();
  CHECK(message_of([&] { ptq::save(p, taken); }) == taken + ": cannot be written");

  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    files += entry.is_regular_file() ? 1U : 0U;
  }
  CHECK(files == 1);
}

} // namespace
