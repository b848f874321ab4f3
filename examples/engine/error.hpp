// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace engine {

/// What the engine cannot do, and where, in one line: the names in it come from files, and their
/// control characters become question marks.
class error : public std::runtime_error {
public:
  explicit error(std::string problem) : std::runtime_error(in_one_line(std::move(problem))) {}

private:
  static auto in_one_line(std::string text) -> std::string {
    for (char& c : text) {
      const auto code = static_cast<unsigned char>(c);
      c = code < 0x20 || code == 0x7f ? '?' : c;
    }
    return text;
  }
};

} // namespace engine
