// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <string_view>

#include <everything.hpp>

// Defined in the other unit: the two must agree on what the library's types are.
auto thrown_by_the_other_unit() -> void;

int main() {
  try {
    thrown_by_the_other_unit();
  } catch (const ptq::error& error) {
    return std::string_view{error.what()}.find("the other unit") == std::string_view::npos ? 1 : 0;
  }
  return 1;
}
