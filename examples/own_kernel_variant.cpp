// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A fake-quantize kernel of one's own, in one table with memcpy and the library's.
#include <ptq/core/grid.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

#include <table.hpp>

namespace {

/// Rounds by adding and subtracting 1.5 * 2^23. Approximate, and short enough for the compiler to
/// turn into SIMD by itself.
void by_magic_number(std::span<const float> x, std::span<float> y, const ptq::grid& on) {
  const auto last = static_cast<float>(on.levels - 1);
  const float steps = last / (on.in_high - on.in_low);
  const float step = (on.out_high - on.out_low) / last;
  for (std::size_t i = 0; i != x.size(); ++i) {
    const float inside = std::min(std::max(x[i], on.in_low), on.in_high) - on.in_low;
    y[i] = ((inside * steps + 12582912.0F) - 12582912.0F) * step + on.out_low;
  }
}

} // namespace

int main(int argc, char** argv) {
  ptq::benchmarks::add_kernels();
  ptq::benchmarks::register_fake_quantize("mine", by_magic_number);
  return ptq::benchmarks::run_table(argc, argv);
}
