// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/value_range.hpp>
#include <ptq/version.hpp>

static_assert(PTQ_VERSION_MAJOR == 0);

int main() {
  return ptq::value_range{.low = -1.0F, .high = 2.0F}.low < 0.0F ? 0 : 1;
}
