// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/observer/step.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

namespace detail {

/// The shortest decimal that reads back; `null` for what JSON has no word for.
inline auto json_number(double value) -> std::string {
  if (!std::isfinite(value)) {
    return "null";
  }
  char text[32];
  const auto written = std::to_chars(text, text + sizeof text, value);
  return {text, written.ptr};
}

inline auto json_number(std::size_t value) -> std::string {
  return std::to_string(value);
}

inline auto json_string(std::string_view value) -> std::string {
  std::string result = "\"";
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (code < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      result += "\\u00";
      result += digits[code >> 4U];
      result += digits[code & 15U];
    } else {
      result += c;
    }
  }
  return result + '"';
}

template <class Range, class Text>
auto json_list(const Range& of, Text text) -> std::string {
  std::string result = "[";
  for (const auto& each : of) {
    result += (result.size() == 1 ? "" : ",") + text(each);
  }
  return result + "]";
}

inline auto json_strings(const std::vector<std::string>& of) -> std::string {
  return json_list(of, [](const std::string& each) { return json_string(each); });
}

inline auto json_numbers(const std::vector<std::size_t>& of) -> std::string {
  return json_list(of, [](std::size_t each) { return json_number(each); });
}

inline auto percent(double value) -> std::string {
  char text[320]; // the largest double has 309 digits before the point
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 4).ptr;
  return {text, end};
}

inline auto shortened(const std::vector<std::string>& names) -> std::string {
  std::string result;
  for (std::size_t i = 0; i != names.size() && i != 3; ++i) {
    result += (i == 0 ? "" : ", ") + names[i];
  }
  return result + (names.size() > 3 ? ", ... " + std::to_string(names.size() - 3) + " more" : "");
}

} // namespace detail

/// A step as one line of JSON, without the end of the line.
///
/// @par Determinism The same text for the same step, on every machine.
[[nodiscard]] inline auto json_line(const step& of) -> std::string {
  using namespace detail;
  std::string line = "{\"step\":" + json_number(of.number);
  line += ",\"kind\":" + json_string(name_of(of.kind));
  line += ",\"decision\":" + json_string(of.decision);
  line += ",\"reason\":" + json_string(of.reason);
  line += ",\"reverted\":" + json_numbers(of.reverted);
  line += ",\"operations\":" + json_strings(of.operations);
  line += ",\"metrics\":" + json_list(of.metrics, [](const metric_drop& each) {
            return "{\"name\":" + json_string(each.name) + ",\"value\":" + json_number(each.value) +
                   ",\"drop\":" + json_number(each.drop) + ",\"limit\":" + json_number(each.limit) +
                   "}";
          });
  line += ",\"samples\":" + json_number(of.samples) + ",\"seen\":" + json_number(of.seen) +
          ",\"of\":" + json_number(of.of);
  line += ",\"order\":" + json_list(of.order, [](const step::ranked& each) {
            return "{\"group\":" + json_number(each.group) +
                   ",\"score\":" + json_number(each.score) +
                   ",\"operations\":" + json_strings(each.operations) + "}";
          });
  line += ",\"subset\":" + json_numbers(of.subset);
  line += ",\"evaluations\":" + json_number(of.evaluations);
  line += ",\"inferred\":{\"baseline\":" + json_number(of.inferred.baseline) +
          ",\"ranking\":" + json_number(of.inferred.ranking) +
          ",\"candidates\":" + json_number(of.inferred.candidates) + "}";
  line += ",\"configuration\":" + json_string(of.configuration);
  return line + ",\"seconds\":" + json_number(of.seconds) + "}";
}

/// A step as a line to read.
[[nodiscard]] inline auto line_of(const step& of) -> std::string {
  std::string line = std::to_string(of.number) + " ";
  if (of.kind == step_kind::ranking) {
    line += "ranking of " + std::to_string(of.order.size()) + " groups " + of.reason;
    if (!of.order.empty()) {
      line += "; first " + detail::shortened(of.order.front().operations);
    }
  } else {
    line += of.kind == step_kind::baseline ? "float model " + of.decision
            : of.kind == step_kind::result ? "result: " + of.decision + " (" + of.reason + ")"
            : of.kind == step_kind::tuning
                ? "configuration (" + of.configuration + "): " + of.decision
            : of.operations.empty() ? "everything quantized: " + of.decision
                                    : std::to_string(of.operations.size()) + " in float (" +
                                          detail::shortened(of.operations) + "): " + of.decision;
    for (const metric_drop& each : of.metrics) {
      line += "; " + each.name + " " + detail::percent(each.value);
      if (of.kind != step_kind::baseline) {
        line += ", drop " + detail::percent(each.drop);
        line += std::isfinite(each.limit) ? " of " + detail::percent(each.limit) : "";
      }
    }
    if (of.kind == step_kind::candidate || of.kind == step_kind::tuning) {
      line += "; " + of.reason;
    }
  }
  return line + "; " + std::to_string(of.samples) + " samples, " +
         std::to_string(of.inferred.total()) + " in all";
}

} // namespace ptq
