// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace ptq::json {

/// JSON whose numbers are read straight to float: going through double would round some of them
/// twice, to a neighbour.
using float_json = nlohmann::
    basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t, float>;

/// The shortest decimal that reads back as the same number, with a sign on negative zero.
/// @throws error if the number is not finite: JSON has no words for those.
template <class T>
[[nodiscard]] auto number_text(T value) -> std::string {
  if (!std::isfinite(value)) {
    throw error("a number that is not finite cannot be written as JSON");
  }
  if (value == T{0} && std::signbit(value)) {
    return "-0.0"; // a reader takes `-0` for an integer
  }
  char text[32];
  const auto written = std::to_chars(text, text + sizeof text, value);
  return {text, written.ptr};
}

/// In quotation marks, with what needs it escaped.
/// @throws error if the text is not UTF-8.
[[nodiscard]] inline auto string_text(const std::string& value) -> std::string {
  try {
    return nlohmann::json(value).dump();
  } catch (const nlohmann::json::exception&) {
    throw error("a name that is not UTF-8 cannot be written as JSON");
  }
}

/// `[1, 2, 3]`, on one line.
template <class Range, class Text>
[[nodiscard]] auto list_text(const Range& of, Text text) -> std::string {
  std::string result = "[";
  for (const auto& each : of) {
    result += result.size() == 1 ? "" : ", ";
    result += text(each);
  }
  return result + "]";
}

/// @throws error with the line and column if the text is not JSON.
template <class Json = float_json>
[[nodiscard]] auto parse(std::string_view text) -> Json {
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const typename Json::exception& problem) {
    std::string why = problem.what();
    why = why.substr(why.find("] ") == std::string::npos ? 0 : why.find("] ") + 2);
    why.resize(why.size() < 200 ? why.size() : 200);
    for (char& c : why) {
      c = static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e ? '?' : c;
    }
    throw error("is not JSON: " + why);
  }
}

} // namespace ptq::json
