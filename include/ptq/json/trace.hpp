// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/json/read.hpp>
#include <ptq/json/text.hpp>
#include <ptq/observer/step.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace ptq {

namespace detail {

using trace_member = json::member<nlohmann::json>;

inline auto size_in(const trace_member& of) -> std::size_t {
  return static_cast<std::size_t>(of.integer(0, std::numeric_limits<std::int64_t>::max()));
}

inline auto sizes_in(const trace_member& of) -> std::vector<std::size_t> {
  std::vector<std::size_t> result;
  of.for_each([&](const trace_member& each) { result.push_back(size_in(each)); });
  return result;
}

inline auto strings_in(const trace_member& of) -> std::vector<std::string> {
  std::vector<std::string> result;
  of.for_each([&](const trace_member& each) { result.push_back(each.string()); });
  return result;
}

inline auto step_from(const nlohmann::json& line, const std::string& where) -> step {
  const trace_member in(line, where);
  step result{
      .number = size_in(in["step"]),
      .reverted = sizes_in(in["reverted"]),
      .operations = strings_in(in["operations"]),
      .samples = size_in(in["samples"]),
      .seen = size_in(in["seen"]),
      .of = size_in(in["of"]),
      .decision = in["decision"].string(),
      .reason = in["reason"].string(),
      .subset = sizes_in(in["subset"]),
      .evaluations = size_in(in["evaluations"]),
      .inferred =
          {size_in(in["inferred"]["baseline"]),
           size_in(in["inferred"]["ranking"]),
           size_in(in["inferred"]["candidates"])},
      .seconds = in["seconds"].real(),
      .configuration = in["configuration"].string()
  };
  result.kind = in["kind"].choice<step_kind>(
      {{"baseline", step_kind::baseline},
       {"ranking", step_kind::ranking},
       {"candidate", step_kind::candidate},
       {"result", step_kind::result},
       {"tuning", step_kind::tuning}}
  );
  in["metrics"].for_each([&](const trace_member& each) {
    result.metrics.push_back(
        {each["name"].string(), each["value"].real(), each["drop"].real(), each["limit"].real()}
    );
  });
  in["order"].for_each([&](const trace_member& each) {
    result.order.push_back(
        {size_in(each["group"]), each["score"].real(), strings_in(each["operations"])}
    );
  });
  return result;
}

} // namespace detail

/// Reads the lines that `trace_lines` wrote. What was not finite, as a limit that is infinite, was
/// written as null and is NaN now.
/// @throws error that names the line and the member which is missing or wrong.
[[nodiscard]] inline auto trace_from_lines(std::string_view text) -> std::vector<step> {
  std::vector<step> result;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string where = "line " + std::to_string(result.size() + 1);
    if (end == std::string_view::npos) {
      throw error("ends in the middle: the trace was cut short", where);
    }
    nlohmann::json line;
    try {
      line = json::parse<nlohmann::json>(text.substr(0, end));
    } catch (const error& problem) {
      throw error(problem.what(), where);
    }
    result.push_back(detail::step_from(line, where));
    text.remove_prefix(end + 1);
  }
  return result;
}

} // namespace ptq
