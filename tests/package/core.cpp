// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/version.hpp>

#include <array>

static_assert(PTQ_VERSION_MAJOR == 0);

int main() {
  const std::array<float, 3> values{-2.0F, 0.0F, 1.0F};
  std::array<float, 3> result{};
  const ptq::grid grid{.in_low = -1.0F, .in_high = 1.0F, .levels = 3};
  ptq::fake_quantize(values, result, grid);
  return result == std::array{-1.0F, 0.0F, 1.0F} ? 0 : 1;
}
