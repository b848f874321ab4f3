// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/json/read.hpp>
#include <ptq/json/text.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/plan/validate.hpp>
#include <ptq/statistics/file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace ptq {

namespace json::detail {

inline auto limits_text(const quantizer& of, float grid::* which) -> std::string {
  return list_text(of.format.grids, [=](const grid& g) { return number_text(g.*which); });
}

inline auto quantizer_text(const quantizer& of) -> std::string {
  const uniform_format& format = of.format;
  const auto consumer = [](const port_name& port) {
    return "{\"node\": " + string_text(port.node) + ", \"input\": " + std::to_string(port.input) +
           "}";
  };
  std::string text = "    {\n      \"tensor\": " + string_text(of.tensor);
  text += ", \"kind\": \"";
  text += of.kind == tensor_kind::weights ? "weights" : "activations";
  text += "\",\n      \"consumers\": " + list_text(of.consumers, consumer);
  text += ",\n      \"axis\": " + (format.axis ? std::to_string(*format.axis) : "null");
  text += ", \"bits\": " + std::to_string(format.bits);
  text += ", \"mode\": \"";
  text += format.mode == symmetric ? "symmetric" : "asymmetric";
  text += "\", \"levels\": " + std::to_string(format.grids.front().levels);
  text += ",\n      \"in_low\": " + limits_text(of, &grid::in_low);
  text += ",\n      \"in_high\": " + limits_text(of, &grid::in_high);
  text += ",\n      \"out_low\": " + limits_text(of, &grid::out_low);
  text += ",\n      \"out_high\": " + limits_text(of, &grid::out_high);
  return text + "\n    }";
}

inline auto constant_text(const replaced_constant& of) -> std::string {
  const auto extent = [](std::size_t n) { return std::to_string(n); };
  return "    {\n      \"tensor\": " + string_text(of.tensor) +
         ", \"node\": " + string_text(of.node) + ", \"cause\": " + string_text(of.cause) +
         ",\n      \"shape\": " + list_text(of.value.shape, extent) +
         ",\n      \"values\": " + list_text(of.value.values, number_text<float>) + "\n    }";
}

/// Which quantizers of the plan a group has, by index.
inline auto indices_of(const group& of, const plan& in) -> std::vector<std::size_t> {
  std::vector<std::size_t> result;
  for (std::size_t q = 0; q != in.quantizers.size(); ++q) {
    const auto& consumers = in.quantizers[q]->consumers;
    const auto has = [&of](const port_name& port) {
      return std::ranges::binary_search(of.quantizers, port);
    };
    if (std::ranges::any_of(consumers, has)) {
      if (!std::ranges::all_of(consumers, has)) {
        throw error(
            "a group has some of its readers and not the others",
            ptq::detail::entry_path("quantizers", q)
        );
      }
      result.push_back(q);
    }
  }
  return result;
}

inline auto groups_text(const plan& of) -> std::string {
  if (of.groups.empty()) {
    return {};
  }
  std::string result;
  const auto index = [](std::size_t n) { return std::to_string(n); };
  for (const auto& entry : of.groups) {
    result += result.empty() ? "\n" : ",\n";
    result += "    {\"quantizers\": " + list_text(indices_of(*entry, of), index) +
              ", \"operations\": " + list_text(entry->operations, string_text) + "}";
  }
  return ",\n  \"groups\": [" + result + "\n  ]";
}

template <class Entries, class Text>
auto entries_text(const Entries& of, Text text) -> std::string {
  std::string result;
  for (const auto& entry : of) {
    result += result.empty() ? "\n" : ",\n";
    result += text(*entry);
  }
  return "[" + result + (result.empty() ? "]" : "\n  ]");
}

template <class Json>
auto read_quantizer(const member<Json>& from) -> quantizer {
  quantizer result;
  result.tensor = from["tensor"].string();
  result.kind = from["kind"].template choice<tensor_kind>(
      {{"weights", tensor_kind::weights}, {"activations", tensor_kind::activations}}
  );
  from["consumers"].for_each([&](const member<Json>& port) {
    result.consumers.push_back({port["node"].string(), port["input"].index()});
  });
  std::ranges::sort(result.consumers);
  uniform_format& format = result.format;
  if (!from["axis"].is_null()) {
    format.axis = from["axis"].index();
  }
  format.bits = static_cast<int>(from["bits"].integer(1, 32));
  format.mode =
      from["mode"].template choice<mode>({{"symmetric", symmetric}, {"asymmetric", asymmetric}});
  const std::int64_t levels = from["levels"].integer(2, std::int64_t{1} << 32U);
  const std::vector<float> in_low = from["in_low"].numbers();
  format.grids.resize(in_low.size());
  for (const auto& [name, which] : std::initializer_list<std::pair<const char*, float grid::*>>{
           {"in_low", &grid::in_low},
           {"in_high", &grid::in_high},
           {"out_low", &grid::out_low},
           {"out_high", &grid::out_high}
       }) {
    const std::vector<float> values = from[name].numbers();
    if (values.size() != in_low.size()) {
      throw error(
          "has " + std::to_string(values.size()) + " numbers, but in_low has " +
              std::to_string(in_low.size()),
          from[name].path()
      );
    }
    for (std::size_t i = 0; i != values.size(); ++i) {
      format.grids[i].*which = values[i];
      format.grids[i].levels = levels;
    }
  }
  return result;
}

/// A group of the quantizers that were read before it.
template <class Json>
auto read_group(const member<Json>& from, const plan& in) -> group {
  group result;
  from["quantizers"].for_each([&](const member<Json>& entry) {
    const std::size_t index = entry.index();
    if (index >= in.quantizers.size()) {
      throw error(
          "is " + std::to_string(index) + ", but there are " +
              std::to_string(in.quantizers.size()) + " quantizers",
          entry.path()
      );
    }
    const auto& consumers = in.quantizers[index]->consumers;
    result.quantizers.insert(result.quantizers.end(), consumers.begin(), consumers.end());
  });
  std::ranges::sort(result.quantizers);
  from["operations"].for_each([&](const member<Json>& name) {
    result.operations.push_back(name.string());
  });
  return result;
}

template <class Json>
auto read_constant(const member<Json>& from) -> replaced_constant {
  replaced_constant result{
      .tensor = from["tensor"].string(),
      .node = from["node"].string(),
      .cause = from["cause"].string()
  };
  from["shape"].for_each([&](const member<Json>& extent) {
    result.value.shape.push_back(extent.index());
  });
  result.value.values = from["values"].numbers();
  return result;
}

} // namespace json::detail

/// A plan as the text of plan.json: the same bytes on every machine, numbers as the shortest
/// decimals that read back, one entry in a few lines.
/// @throws error if the plan is not valid.
/// @see docs/plan-json.md
[[nodiscard]] inline auto to_json_text(const plan& of) -> std::string {
  validate(of);
  using json::string_text;
  return "{\n  \"format\": \"ptq-plan\",\n  \"version\": 1,\n  \"model\": {\"name\": " +
         string_text(of.model.name) + ", \"digest\": " + string_text(of.model.digest) +
         "},\n  \"quantizers\": " +
         json::detail::entries_text(of.quantizers, json::detail::quantizer_text) +
         ",\n  \"constants\": " +
         json::detail::entries_text(of.constants, json::detail::constant_text) +
         json::detail::groups_text(of) + "\n}\n";
}

/// The same as a JSON value, to be put into a larger document.
[[nodiscard]] inline auto to_json(const plan& of) -> nlohmann::ordered_json {
  return nlohmann::ordered_json::parse(to_json_text(of));
}

/// @throws error that names the member, as in `quantizers[3].in_low[0]`, if the value is no plan.
template <class Json>
[[nodiscard]] auto plan_from_json(const Json& value) -> plan {
  const json::member<Json> from(value, "");
  if (from["format"].string() != "ptq-plan") {
    throw error("is not \"ptq-plan\"", "format");
  }
  if (from["version"].integer(0, 1'000'000) != 1) {
    throw error("is a version that this release does not read; it reads version 1", "version");
  }
  plan result;
  result.model = {from["model"]["name"].string(), from["model"]["digest"].string()};
  from["quantizers"].for_each([&](const json::member<Json>& entry) {
    result.quantizers.emplace_back(json::detail::read_quantizer(entry));
  });
  from["constants"].for_each([&](const json::member<Json>& entry) {
    result.constants.emplace_back(json::detail::read_constant(entry));
  });
  if (from.has("groups")) {
    from["groups"].for_each([&](const json::member<Json>& entry) {
      result.groups.emplace_back(json::detail::read_group(entry, result));
    });
  }
  validate(result);
  return result;
}

/// @throws error if the text is not JSON or no plan.
[[nodiscard]] inline auto plan_from_json_text(std::string_view text) -> plan {
  return plan_from_json(json::parse(text));
}

/// Writes plan.json: to a file beside it, then renamed, so that it is whole or not there.
/// @throws error if the plan is not valid or the file cannot be written.
inline void save(const plan& what, const std::string& path) {
  write_file(path, to_json_text(what));
}

/// @throws error that begins with the path if the file cannot be read or holds no plan.
[[nodiscard]] inline auto load_plan(const std::string& path) -> plan {
  const std::string text = read_file(path);
  try {
    return plan_from_json_text(text);
  } catch (const error& problem) {
    throw error(problem.what(), path);
  }
}

} // namespace ptq
