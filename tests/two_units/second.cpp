// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <everything.hpp>

auto thrown_by_the_other_unit() -> void;

auto thrown_by_the_other_unit() -> void {
  throw ptq::error("thrown here", "the other unit");
}
